"""The crash capsule: what recording costs, what the worst objects make of it, and how many real crashes it reproduces.

`python -m bench.capsule` measures the cost of recording and tries it on random graphs of objects that do their worst.
With `--repo` (several times), crashes are replayed from the histories of git repositories: a commit whose test crashes
in the code at its parent and passes at the commit. The failing test plays production, and is left out of what is
recorded; the call is then made again in the box, without the patch and with it. Nothing of a repository is kept.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import truediv
from pathlib import Path
from typing import Any

from sentry_sdk.consts import DEFAULT_OPTIONS
from sentry_sdk.serializer import serialize
from sentry_sdk.utils import event_from_exception

from bench.proof_replay import Replayed, replayed
from kintsugi.repair import capsule as capsules
from kintsugi.repair.capsule import FailingCall
from kintsugi.repair.languages.python.layout import set_up_of
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox import Box, BoxFailed, Ground, Job, ground, run
from kintsugi.repair.sandbox.probe import probe
from kintsugi.telemetry.capsule import LARGEST, Capsule, record
from kintsugi.telemetry.redact import remember
from kintsugi.workflow.patch import Rerun
from tests.world.object_graphs import TOUCHED, a_graph

_MARK = "<<capsule>> "
_HERE = Path(__file__).parents[1]
_SECONDS = 60.0
_PEER = {**DEFAULT_OPTIONS, "include_local_variables": True}
_PRODUCTION = """
import json, os, sys, tempfile
tree = os.getcwd()
sys.path[:] = [entry for entry in sys.path if entry]
sys.path[:0] = [tree, *(os.path.join(tree, one) for one in {folders!r})]
sys.path.append({kintsugi!r})
os.environ.update({variables!r})
look_built(tree, {built!r})
sys.path += look_installed(*{installed!r}) if {installed!r} else []
import pytest
traceback.clear_frames = lambda _: None  # `assertRaises` clears them, which no program in production does
from kintsugi.telemetry.capsule import record

def is_project(file):
    path = os.path.relpath(os.path.join(tree, file), tree)
    parts = path.split(os.sep)
    name = parts[-1]
    tests = name.startswith("test") or name.endswith(("_test.py", "_tests.py")) or name == "conftest.py"
    return not (path.startswith("..") or "site-packages" in parts or file.startswith("<") or tests
                or {{"test", "tests", "testing"}} & set(parts[:-1]))

class Production:
    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        yield
        if call.excinfo is not None and call.when == "call":
            found = record(call.excinfo.value, is_project=is_project)
            told = found and [found.module, found.function, found.source, found.why_not, found.in_part]
            print({mark!r} + json.dumps(told), file=sys.__stdout__, flush=True)

plain = ["-q", "-s", "-o", "cache_dir=" + tempfile.gettempdir(), "-p", "no:randomly", "--tb=no"]
pytest.main([{test!r}, *plain], plugins=[Production()])
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One crash: how its call ended when it was made again, and whether it ends well at the true fix."""

    repository: str
    name: str
    rerun: str
    why: str
    green: bool | None = None
    rejected: bool = False  # the fix rejects the call, by an exception that is raised on purpose
    answered: bool = False  # the crash is still there at the fix, and answered by an exception that somebody expects
    otherwise: bool = False  # it raises another exception at the fix, of which nobody can say that
    asked_for: bool = False  # the fix's own test asks for the exception that the call raises at the fix
    on_new: bool = False  # it ends well on objects that their own `__init__` makes
    in_part: str = ""  # where it is a call inside of the one that failed
    with_more: bool = False  # it ends well on its objects, where these have what their `__init__` gives them at the fix

    @property
    def line(self) -> str:
        ended = f"{self.rerun}, green={self.green}"
        ended += ", rejected on purpose" * self.rejected + ", answered" * self.answered
        ended += ", another" * self.otherwise + ", asked for" * self.asked_for
        ended += ", on new objects" * self.on_new + ", with more" * self.with_more
        ended += f", in part: {self.in_part}" if self.in_part else ""
        return f"{self.name} | {ended} | {self.why[:200]}"


async def verdict_of(case: Replayed, box: Box, seconds: float) -> Verdict:
    repository = case.name.partition(" ")[0]
    found = await _in_production(case, box, seconds)
    if found is None or not found.source:
        return Verdict(repository, case.name, "not recorded", found.why_not if found else "no frame of the project")
    crash = case.true.crash
    assert crash
    name, folder = f"{found.module}.{found.function}", _folder_of_tests(case)
    call = FailingCall(found.source, name, found.module, folder, crash, found.in_part)
    verdict, green = await verdict_of_call(call, case.true.base, case.true.files, box, seconds)
    asked = green is not None and not verdict.green and _is_asked_for(green, case)
    return replace(verdict, repository=repository, name=case.name, asked_for=asked)


async def verdict_of_call(
    call: FailingCall, base: Path, files: Mapping[str, bytes | None], box: Box, seconds: float
) -> tuple[Verdict, capsules.Made | None]:
    """Of a call that failed in the code in `base`, which `files` mend; and how it ended with them."""
    crash = call.crash
    async with ground(box, base) as on:
        made = await capsules.make(call, on, {}, seconds=seconds)
        rerun, why = capsules.judged(call, made, base)
        if rerun is not Rerun.REPRODUCED:
            return Verdict("", call.name, rerun.value, why), None
        green = await capsules.make(call, on, files, seconds=seconds)
        fails = green.fails_by(crash)
        answer = green.answer(crash, base)
        others = capsules.on_new_objects(call).values() if fails and not answer else ()
        renewed = any([await _ends_well_as(other, on, files, seconds) for other in others])
        more = capsules.with_more_attributes(call) if green.lacks_an_attribute else None
        with_more = await _ends_well_as(more, on, files, seconds)
    rejection = green.rejection(crash)
    well = green.passed or with_more
    otherwise = not well and not fails and not green.not_rebuilt and rejection is None
    no = rejection or answer
    why = "" if green.passed else no.says if no else green.said
    rejected, answered = rejection is not None, answer is not None
    verdict = Verdict("", call.name, rerun.value, why, well, rejected, answered, otherwise)
    return replace(verdict, on_new=renewed, with_more=with_more, in_part=call.in_part), green


def _is_asked_for(made: capsules.Made, case: Replayed) -> bool:
    """Whether the test that comes with the fix expects an exception of this class, or of one that it builds on.

    The test is the truth that the verdicts are held against. The product has no such test.
    """
    failure = made.result.failure if made.result else None
    test = _in_tree(case.true.failing[0], case.true.base)
    path, *inside = test.partition("[")[0].split("::")
    source = (case.true.base / path).read_text("utf-8", "replace")
    own = (node for node in ast.walk(ast.parse(source)) if getattr(node, "name", "") == inside[-1])
    text = "\n".join(filter(None, (ast.get_source_segment(source, node) for node in own)))
    classes = {name.rpartition(".")[2] for name in failure.classes} if failure else set()
    asked = re.findall(r"(?:[rR]aises\w*|except)[\s(]*([\w.]+)", text)
    return bool({name.rpartition(".")[2] for name in asked} & (classes - {"Exception", "BaseException", "object"}))


async def _ends_well_as(
    call: FailingCall | None, on: Ground, files: Mapping[str, bytes | None], seconds: float
) -> bool:
    """Whether the call, made on other objects, fails in the same way and ends well at the fix."""
    if call is None or not (await capsules.make(call, on, {}, seconds=seconds)).fails_by(call.crash):
        return False
    return (await capsules.make(call, on, files, seconds=seconds)).passed


async def _in_production(case: Replayed, box: Box, seconds: float) -> Capsule | None:
    """What is recorded while the failing test runs."""
    set_up = set_up_of(case.true.base)
    recorder = (_HERE / "kintsugi/repair/languages/python/recorder.py").read_text()
    script = recorder + _PRODUCTION.format(
        folders=list(set_up.folders),
        variables=dict(set_up.variables),
        installed=set_up.installed,
        built=list(set_up.built),
        kintsugi=str(_HERE),
        mark=_MARK,
        test=_in_tree(case.true.failing[0], case.true.base),
    )
    job = Job((str(box.interpreter.python), "-"), {}, script=script)
    async with ground(box.with_folders((_HERE / "kintsugi",), ()), case.true.base) as on:
        outcome = await run(on, job, seconds=seconds)
    lines = [line for line in outcome.run.output.splitlines() if _MARK in line]
    told = json.loads(lines[-1].partition(_MARK)[2]) if lines else None
    return Capsule(*told) if told else Capsule("", "", why_not=f"the test told nothing: {outcome.run.output[-200:]}")


def _folder_of_tests(case: Replayed) -> str:
    """From which pytest imports the test's module, unless it is the tree: its classes may be among the arguments."""
    base = case.true.base
    folder = (base / _in_tree(case.true.failing[0], base).partition("::")[0]).parent
    while (folder / "__init__.py").is_file() and folder != base:
        folder = folder.parent
    return "" if folder == base else folder.relative_to(base).as_posix()


def _in_tree(test: str, tree: Path) -> str:
    """The test by its file's path in the tree: pytest names it from the folder that its settings lie in."""
    file = test.partition("::")[0]
    found = file if (tree / file).is_file() else next(iter(tree.rglob(file)), tree / file).relative_to(tree).as_posix()
    return found + test.removeprefix(file)


async def _replay(arguments: argparse.Namespace) -> list[Verdict]:
    variables = dict(one.split("=", 1) for one in arguments.variable)
    seconds = arguments.seconds
    settings = ProofSettings(python=arguments.python, seconds=seconds, output_kb=1024, variables=variables)
    box = settings.in_box(await probe(settings.python, settings.limits))
    known = commits_in(arguments.commits) if arguments.commits else {}
    found = []
    for repository in arguments.repo:
        only = known.get(repository.parent.name, ())
        if arguments.commits and not only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            cases = replayed(repository, box, Path(folder), arguments.most, false_too=False, only=only, seconds=seconds)
            async for case in cases:
                try:
                    verdict = await verdict_of(case, box, seconds)
                except BoxFailed as failed:
                    verdict = Verdict(case.name.partition(" ")[0], case.name, "box failed", str(failed))
                found.append(verdict)
                if arguments.verbose:
                    print(verdict.line, flush=True)
    return found


def commits_in(file: Path) -> dict[str, list[str]]:
    """By the name of a repository. Each line begins with that and a commit, as `--verbose` prints them."""
    known: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if line.startswith("#"):
            continue
        repository, commit, *_ = line.split()
        known.setdefault(repository, []).append(commit)
    return known


def table(verdicts: Sequence[Verdict]) -> str:
    lines = [f"{'':34} {'':8} {'':11} {'at the true fix, of these':>54}"]
    head = f"{'repository':34} {'crashes':>8} {'reproduced':>11} {'ends well':>10} {'is rejected':>12} {'answered':>9}"
    lines.append(f"{head} {'raises another':>15} {'new':>8}")
    names = [*dict.fromkeys(verdict.repository for verdict in verdicts), "all"]
    for name in names:
        own = [verdict for verdict in verdicts if name in ("all", verdict.repository)]
        again = [verdict for verdict in own if verdict.rerun == Rerun.REPRODUCED]
        green = sum(verdict.green is True for verdict in again)
        rejected = sum(verdict.rejected for verdict in again)
        answered = sum(verdict.answered for verdict in again)
        other = sum(verdict.otherwise for verdict in again)
        new = sum(verdict.on_new for verdict in again)
        row = f"{name:34} {len(own):8} {_of(len(again), len(own)):>11} {_of(green, len(again)):>10}"
        row = f"{row} {_of(rejected, len(again)):>12} {_of(answered, len(again)):>9} {_of(other, len(again)):>15}"
        lines.append(f"{row} {_of(new, len(again)):>8}")
    again = [verdict for verdict in verdicts if verdict.rerun == Rerun.REPRODUCED]
    asked = [verdict for verdict in again if verdict.asked_for]
    told = sum(verdict.rejected or verdict.answered for verdict in asked)
    well = _of(sum(verdict.green is True for verdict in again), len(again) - len(asked))
    lines += ["", f"of {len(asked)} the fix's own test asks for the exception that is raised then: {told} are told so"]
    lines += [f"of the other {len(again) - len(asked)}, {well} end well"]
    lines += ["", "why the rest was not reproduced:"]
    reasons = Counter(f"{one.rerun}: {one.why[:70]}" for one in verdicts if one.rerun != Rerun.REPRODUCED)
    return "\n".join([*lines, *(f"{count:4}  {reason}" for reason, count in reasons.most_common())])


def _of(part: int, whole: int) -> str:
    return f"{part} ({100 * part // whole} %)" if whole else "-"


def costs(crashes: int) -> tuple[list[float], list[float]]:
    """Milliseconds of the processor for each of some ordinary crashes: our own, and what Sentry's SDK takes right
    after us for its event of the same crash, with the values of the frames."""
    own, peers = [], []
    for number in range(crashes):
        error = _crash_of(lambda number=number: _Shop(number % 40).checkout({"code": None, "lines": number}))  # type: ignore[misc]
        own.append(_milliseconds(error))
        begun = time.thread_time()
        event, _ = event_from_exception(error, client_options=_PEER)
        serialize({**event})
        peers.append((time.thread_time() - begun) * 1000)
    return own, peers


def hostile(graphs: int) -> tuple[list[float], Counter[str]]:
    """The same for the worst objects, and what was wrong with any of the files."""
    times, wrong = [], Counter[str]()
    before = TOUCHED.total()
    for seed in range(graphs):
        graph = a_graph(seed)
        error = _crash_of(lambda graph=graph: _handed_over(*graph))  # type: ignore[misc]
        times.append(_milliseconds(error))
        capsule = record(error, is_project=_is_here)
        assert capsule
        wrong["raised inside"] += "could not be written down" in capsule.why_not
        wrong["too large"] += len(capsule.source) > LARGEST
        wrong["no Python"] += not _compiles(capsule.source)
    wrong["an object's own code was run"] = TOUCHED.total() - before
    return times, +wrong


class _Line:
    def __init__(self, name: str, price: float) -> None:
        self.name, self.price, self.tags = name, price, ["new", "blue"]


class _Shop:
    """A crash as it comes: an object with some state, and a plain mapping."""

    def __init__(self, lines: int) -> None:
        self.lines = [_Line(f"line {number}", number / 3) for number in range(lines)]
        self.open, self.settings = True, {"currency": "EUR", "limits": {"lines": 40}}

    def checkout(self, order: dict[str, Any]) -> float:
        return sum(line.price for line in self.lines) + float(order["code"])


def _handed_over(*values: object) -> None:
    raise LookupError(len(values))


def _crash_of(call: Callable[[], object]) -> BaseException:
    """What it raises, without this frame and that of `call`: what `call` calls is the failing call."""
    try:
        call()
    except Exception as error:
        assert error.__traceback__
        assert error.__traceback__.tb_next
        return error.with_traceback(error.__traceback__.tb_next.tb_next)
    raise AssertionError("nothing was raised")


def _milliseconds(error: BaseException) -> float:
    begun = time.thread_time()
    record(error, is_project=_is_here)
    return (time.thread_time() - begun) * 1000


def _is_here(file: str) -> bool:
    return file == __file__


def _compiles(source: str) -> bool:
    try:
        compile(source, "capsule", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _row(name: str, times: Sequence[float]) -> str:
    ordered = sorted(times)
    p99 = ordered[int(0.99 * (len(ordered) - 1))]
    return f"{name:34} {len(times):7} {statistics.median(ordered):10.2f} {p99:9.2f} {ordered[-1]:9.2f}"


def main(arguments: argparse.Namespace) -> int:
    if arguments.repo:
        verdicts = asyncio.run(_replay(arguments))
        print(table(verdicts))
        return 0 if verdicts else 1
    remember(())  # as at a program's start: it builds the table of what secrets begin with, once a process
    print(f"{'milliseconds of the processor':34} {'crashes':>7} {'median':>10} {'99 of 100':>9} {'worst':>9}")
    own, peers = costs(2_000)
    print(_row("ordinary crashes", own))
    print(_row("Sentry's SDK, of the same crashes", peers))
    print(f"the median of the ratios of the two: {statistics.median(map(truediv, own, peers)):.2f}")
    times, wrong = hostile(arguments.graphs)
    print(_row("the worst objects", times))
    print(f"what was wrong with {len(times):,} of them: {dict(wrong) or 'nothing'}")
    return int(bool(wrong))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.capsule", description=__doc__)
    parser.add_argument("--graphs", type=int, default=10_000, help="random graphs of the worst objects")
    parser.add_argument("--repo", type=Path, action="append", help="replay crashes of this git repository")
    parser.add_argument("--commits", type=Path, help="replay only these: lines that --verbose printed")
    parser.add_argument("--most", type=int, default=10, help="crashes of one repository")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="runs the code of the repositories")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="for one run of tests or of a call")
    parser.add_argument("--variable", action="append", default=[], help="NAME=VALUE in the environment of the tests")
    parser.add_argument("--verbose", action="store_true", help="every crash with its verdict")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main(_arguments()))
