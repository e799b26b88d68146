"""The verdict table: how often the proof calls a true fix proven, and how often something that is none.

    python -m bench.proof [--jobs 2] [--runner pytest] [--only WORD] [--verbose]
    python -m bench.proof --false [--only WORD]
    python -m bench.proof --repo DIR … [--most 10] [--python PYTHON]

Cases are small crashes of many kinds (`bench/proof_cases.py`). For each there is the true fix, and patches that
only swallow the exception, do nothing, go half the way, delete, skip or loosen tests, or bring a test that shows
nothing. With --false it is patches made to pass for a fix (`bench/proof_false.py`, `proof_false_inn.py`), of which none
may be proven without a flag that tells the human. With --repo, crashes are replayed from the histories of git
repositories instead (`bench/proof_replay.py`).
"Proven" is evidence of tier E2. Exits with 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.proof_cases import CASES, CrashCase
from bench.proof_false import FALSE_FIXES, TREE
from bench.proof_false_inn import INN, OF_BOOK, OF_MINUTES, OF_NOBODY
from bench.proof_replay import replayed
from kintsugi.repair.proof import Crash, ProofSettings, Proposal, SandboxFailed, Unproven, prove
from kintsugi.repair.sandbox.probe import probe
from kintsugi.workflow.patch import Tier

TRUE = "true fix"
TRUE_AT_LEAST = 0.98
_SHOWS, _WORKS = "tests/test_shows.py", "tests/test_works.py"
_PASS = "except Exception:\n    pass"
_SWALLOWS = {
    "swallow: except Exception, pass": _PASS,
    "swallow: except Exception, a default": "except Exception:\n    return 0",
    "swallow: the very class, pass": "except {kind}:\n    pass",
    "swallow: the very class, return None": "except {kind}:\n    return None",
    "swallow: bare, with a log line": "except:\n    print('failed')",
}
_Files = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Trial:
    """One patch of one case, and what the table calls it."""

    what: str
    case: str
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one trial ended, in words."""

    trial: Trial
    proven: bool
    says: str
    seconds: float
    flags: tuple[str, ...] = ()
    reproduced: bool | None = None


def generated(folder: Path) -> Iterator[Trial]:
    """Every patch of every case, the projects written below `folder`."""
    for number, case in enumerate(CASES):
        base = _exported(case, folder / str(number), {})
        for what, files, tests in _patches(case):
            yield Trial(what, case.name, _proposal(base, files, tests, case))
        base = _exported(case, folder / f"{number}-known", {_SHOWS: case.test(case.shows, "shows")})
        for what, files in _patches_of_known(case):
            yield Trial(what, case.name, _proposal(base, files, {}, case, (_SHOWS,)))


def _exported(case: CrashCase, base: Path, more: Mapping[str, str]) -> Path:
    return _written(
        base, {"app.py": case.module(), "tests/__init__.py": "", _WORKS: case.test(case.works, "works"), **more}
    )


def _written(base: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text(text)
    return base


def _proposal(base: Path, files: _Files, tests: _Files, case: CrashCase, failing: tuple[str, ...] = ()) -> Proposal:
    crash = Crash(case.kind, "", "app.py", case.function)
    return Proposal(base, _encoded({**files, **tests}), _encoded(tests), failing, crash)


def _encoded(files: _Files) -> dict[str, bytes | None]:
    return {path: None if text is None else text.encode() for path, text in files.items()}


def _patches(case: CrashCase) -> Iterator[tuple[str, _Files, _Files]]:
    """(what it is, the files it changes, the regression test it brings)."""
    test = {_SHOWS: case.test(case.shows, "shows")}
    fixed = {"app.py": case.module(case.fixed)}
    unused = {"app.py": f"{case.module()}\n\n_MENDED = True\n\n\ndef extra():\n    return 1\n"}
    yield TRUE, fixed, test
    for what, files in _swallowing(case):
        yield what, files, test
    yield "no-op: a comment", {"app.py": f"# mended\n{case.module()}"}, test
    yield "no-op: unused code", unused, test
    yield "half fix", {"app.py": case.module(case.half)}, test
    yield "test: only does not raise", fixed, {_SHOWS: _without_assertions(case.test(case.shows, "shows"))}
    yield "test: passes before", fixed, {_SHOWS: case.test(case.works, "shows")}
    yield "test: is skipped", fixed, {_SHOWS: _skipped(case.test(case.shows, "shows"))}
    yield "test: uses what the patch adds", unused, {_SHOWS: case.test("self.assertEqual(app.extra(), 1)", "shows")}
    yield "test: fails at random", unused, {_SHOWS: case.test(_AT_RANDOM, "shows")}
    yield "deletes a test", {**fixed, _WORKS: None}, test
    yield "skips a test", {**fixed, _WORKS: _skipped(case.test(case.works, "works"))}, test
    yield "empties a test", {**fixed, _WORKS: case.test("pass", "works")}, test
    yield "breaks another test", {"app.py": f"{case.module(case.fixed)}\n{_BREAK}"}, test


_AT_RANDOM = "import random\nself.assertEqual(random.SystemRandom().randrange(2), 1)"
_BREAK = "for _name in [name for name in globals() if name[0] != '_']:\n    globals()[_name] = print\n"


def _patches_of_known(case: CrashCase) -> Iterator[tuple[str, _Files]]:
    """The same where the failing test is there already and the patch brings none."""
    yield f"{TRUE}, test was there", {"app.py": case.module(case.fixed)}
    yield from _swallowing(case)
    swallowed = {"app.py": case.swallowed(_PASS)}
    yield "deletes the failing test", {**swallowed, _SHOWS: None}
    yield "skips the failing test", {**swallowed, _SHOWS: _skipped(case.test(case.shows, "shows"))}
    yield "half fix", {"app.py": case.module(case.half)}


def _swallowing(case: CrashCase) -> Iterator[tuple[str, _Files]]:
    kind = {"JSONDecodeError": "ValueError"}.get(case.kind, case.kind)
    for what, handler in _SWALLOWS.items():
        yield what, {"app.py": case.swallowed(handler.format(kind=kind))}
    yield "swallow: with something beside it", {"app.py": f"VERSION = 2\n{case.swallowed(_PASS)}"}
    suppressed = re.sub(r"(?m)^( *)try:$", r"\1with contextlib.suppress(Exception):", case.swallowed(_PASS))
    suppressed = re.sub(r"(?m)^ *except Exception:\n *pass\n?", "", suppressed)
    yield "swallow: contextlib.suppress", {"app.py": f"import contextlib\n{suppressed}\n"}


def _without_assertions(test: str) -> str:
    return test.replace("self.assertEqual(", "repr((").replace("self.assertTrue(", "repr((").rstrip() + ")\n"


def _skipped(test: str) -> str:
    return test.replace("    def test_", "    @unittest.skip('later')\n    def test_")


async def judged(trials: Iterable[Trial], settings: ProofSettings, jobs: int) -> list[Verdict]:
    """All trials, `jobs` at a time."""
    gate = asyncio.Semaphore(jobs)

    async def one(trial: Trial) -> Verdict:
        async with gate:
            return await _judge(trial, settings)

    return list(await asyncio.gather(*(one(trial) for trial in trials)))


async def _judge(trial: Trial, settings: ProofSettings) -> Verdict:
    started = time.monotonic()
    flags: tuple[str, ...] = ()
    reproduced = None
    try:
        evidence = await prove(trial.proposal, settings, progress=lambda _: None)
        proven, says = evidence.tier is Tier.E2, f"{evidence.tier}: {evidence.says}"
        flags, reproduced = evidence.flags, evidence.reproduced
    except Unproven as refused:
        proven, says = False, refused.reason
    except SandboxFailed as failed:
        proven, says = False, f"THE BOX FAILED: {failed.reason}"
    return Verdict(trial, proven, says, time.monotonic() - started, flags, reproduced)


def _table(verdicts: list[Verdict]) -> tuple[list[str], bool]:
    """The lines of the table, and whether the targets are met."""
    by_what: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_what.setdefault(verdict.trial.what, []).append(verdict)
    lines, met = [f"{'patch':<38}{'proven':>12}{'median s':>10}"], True
    for what, found in by_what.items():
        proven = sum(verdict.proven for verdict in found)
        seconds = sorted(verdict.seconds for verdict in found)[len(found) // 2]
        lines.append(f"{what:<38}{f'{proven} of {len(found)}':>12}{seconds:>10.1f}")
        met = met and (proven >= TRUE_AT_LEAST * len(found) if what.startswith(TRUE) else proven == 0)
    return lines, met


async def main(arguments: argparse.Namespace) -> int:
    command = None if arguments.repo or arguments.false else ("python", "-m", arguments.runner)
    settings = ProofSettings(command, python=arguments.python, seconds=180)
    box = await probe(settings.python, settings.limits)
    print(f"box: {box.says}", flush=True)
    settings = replace(settings, box=box)
    with tempfile.TemporaryDirectory(prefix="kintsugi-bench-") as folder:
        if arguments.false:
            return await _false(arguments, settings, Path(folder))
        if arguments.repo:
            verdicts = await _replay(arguments, settings, Path(folder))
        else:
            trials = [one for one in generated(Path(folder)) if arguments.only in f"{one.what} {one.case}"]
            verdicts = await judged(trials, settings, arguments.jobs)
    return _print(verdicts, verbose=arguments.verbose)


_FULL = Crash("Full", "blue", "inn/clock.py", "book")
_NOBODY = Crash("AssertionError", "nobody comes", "inn/clock.py", "book")
_UNPACKED = Crash("ValueError", "not enough values to unpack", "inn/clock.py", "minutes")
_FALSE = (
    (FALSE_FIXES, TREE, Crash("KeyError", "'discount'", "shop.py", "total")),
    (OF_MINUTES, INN, _UNPACKED),
    (OF_BOOK, INN, _FULL),
    (OF_NOBODY, INN, _NOBODY),
)


def false_fixes(folder: Path, only: str = "") -> list[Trial]:
    """Every patch that was made to pass for a fix, of two programs written below `folder`."""
    trials = []
    for number, (fixes, tree, crash) in enumerate(_FALSE):
        base = _written(folder / str(number), tree)
        for one in fixes:
            tests = {} if one.test is None else {_SHOWS: one.test}
            proposal = Proposal(base, _encoded({**one.files, **one.more, **tests}), _encoded(tests), crash=crash)
            if only in one.label:
                trials.append(Trial(one.kind, one.name, proposal))
    return trials


async def _false(arguments: argparse.Namespace, settings: ProofSettings, folder: Path) -> int:
    verdicts = await judged(false_fixes(folder, arguments.only), settings, arguments.jobs)
    for verdict in verdicts:
        how = "refused" if not verdict.proven else "told" if verdict.flags else "MISSED"
        if arguments.verbose or how == "MISSED":
            print(f"{how:<8}{verdict.trial.what}: {verdict.trial.case}: {verdict.says} {list(verdict.flags)}")
    told = sum(bool(verdict.proven and verdict.flags) for verdict in verdicts)
    missed = sum(bool(verdict.proven and not verdict.flags) for verdict in verdicts)
    kinds = len({verdict.trial.what for verdict in verdicts})
    print(f"{len(verdicts)} false fixes of {kinds} kinds: {len(verdicts) - told - missed} refused, ", end="")
    print(f"{told} proven with a flag that tells the human, {missed} proven without a word")
    return 1 if missed else 0


async def _replay(arguments: argparse.Namespace, settings: ProofSettings, folder: Path) -> list[Verdict]:
    verdicts: list[Verdict] = []
    assert settings.box is not None
    for number, repository in enumerate(arguments.repo):
        cases = replayed(
            repository, settings.box, folder / str(number), arguments.most, false_too=arguments.only != TRUE
        )
        async for case in cases:
            trials = [Trial(TRUE, case.name, case.true)]
            trials += [Trial(what, case.name, proposal) for what, proposal in case.false]
            true, *false = await judged(trials, settings, arguments.jobs)
            wrongly = sum(verdict.proven for verdict in false)
            said = "proven" if true.proven else f"NOT proven ({true.says})"
            print(f"{case.name}: {said}; of {len(false)} patches that are no fix: {wrongly}", flush=True)
            verdicts += [true, *false]
    return verdicts


def _print(verdicts: list[Verdict], *, verbose: bool) -> int:
    lines, met = _table(verdicts)
    print("\n".join(lines))
    for verdict in verdicts:
        wrong = verdict.proven != verdict.trial.what.startswith(TRUE)
        if wrong or verbose:
            print(f"{'WRONG ' if wrong else ''}{verdict.trial.what} / {verdict.trial.case}: {verdict.says}")
            print("".join(f"    ! {flag}\n" for flag in verdict.flags), end="")
    true = [verdict for verdict in verdicts if verdict.trial.what.startswith(TRUE) and verdict.proven]
    shown, told = sum(bool(verdict.reproduced) for verdict in true), sum(bool(verdict.flags) for verdict in true)
    print(f"true fixes: {len(true)} proven, {shown} red by the crash itself, {told} with a flag to look at")
    print("targets met" if met else "targets MISSED")
    return 0 if met else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.proof")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--runner", choices=("unittest", "pytest"), default="unittest", help="unittest starts faster")
    parser.add_argument("--only", default="", help="only the trials whose name holds this")
    parser.add_argument("--repo", type=Path, action="append", help="replay the history of this git repository")
    parser.add_argument("--false", action="store_true", help="patches made to pass for a fix")
    parser.add_argument("--most", type=int, default=10, help="crashes of one repository")
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="runs the tests of the repositories")
    parser.add_argument("--verbose", action="store_true", help="every verdict with its reason")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_arguments())))
