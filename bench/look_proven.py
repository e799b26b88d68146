"""What a proven patch costs in calls and tokens, where whoever is asked would write the true fix once it has seen it.

`python -m bench.look_proven REPOSITORY… --python PYTHON` takes commits of cloned repositories whose tests crash in
the code at their parent and pass at the commit (`bench/proof_replay.py`). A scripted model is asked about the crash
by the real analyst, with the real tools in a bare copy of the repository: it says that it needs to see more unless
the context shows all lines that the fix changes, reads where the crash was, searches as `bench/look_across.py` does,
runs the test's file as it is, and proposes the true fix with the true test. That goes through policy and proof in the
box. What it has not seen it does not change, and has no patch then.

Calls and tokens are those of a provider: each call is paid with the whole conversation so far. `--look` has it look
even where the context shows everything.
"""

from __future__ import annotations

import argparse
import asyncio
import difflib
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.capsule import commits_in
from bench.context import git
from bench.context_across import Changed
from bench.context_across import Fix as Commit
from bench.look_across import Searcher, case_of
from bench.proof_replay import Mended, mended_crashes
from kintsugi.integrations.git import Git
from kintsugi.integrations.look_tools import LookTools
from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.looking import Found, LookPolicy
from kintsugi.integrations.model.port import Answer, Ending, Message, Room, Tool
from kintsugi.integrations.model.reply import Fix
from kintsugi.integrations.workbench import Workbench
from kintsugi.repair.context import build_context, tokens_in
from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox import BoxFailed
from kintsugi.repair.sandbox.probe import probe
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cost, Diagnosis
from kintsugi.workflow.payload import Failure, Frame, Raised
from kintsugi.workflow.ports import Case, PatchUnproven, Progress

_TOKENS = 8_000  # of the context that is shown first
_OTHER_CALLS = 2  # of the twelve: a run, and the proposal
_Lines = set[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Tried:
    """How one fix ended. `proven`: in which tier, in words; empty where it was not, and then `why`."""

    name: str
    looked: str
    cost: Cost
    proven: str
    why: str = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repositories", nargs="+", type=Path)
    parser.add_argument("--python", type=Path, default=Path(sys.executable), help="runs the tests of the repositories")
    parser.add_argument("--most", type=int, default=3, help="crashes taken of each repository")
    parser.add_argument("--tries", type=int, default=15, help="commits of each whose tests are run to find them")
    parser.add_argument(
        "--commits", type=Path, help="a file of repositories and commits, where crashes were found before"
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of one run of tests, and of one proof")
    parser.add_argument("--look", action="store_true", help="also where the context shows everything")
    tried = asyncio.run(_tried(parser.parse_args()))
    _sum_up(tried)


async def _tried(arguments: argparse.Namespace) -> list[Tried]:
    settings = ProofSettings(python=arguments.python, seconds=arguments.seconds, output_kb=1024)
    box = settings.in_box(await probe(settings.python, settings.limits))
    tried: list[Tried] = []
    known = commits_in(arguments.commits) if arguments.commits else {}
    for repository in arguments.repositories:
        only = known.get(repository.parent.name, ())
        if known and not only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            bare = Path(folder, repository.parent.name, "repo")
            subprocess.run(["git", "clone", "-q", "--bare", "--shared", repository, bare], check=True)
            async for mended in mended_crashes(
                repository,
                box,
                Path(folder, "trees"),
                arguments.most,
                only=only,
                tries=arguments.tries,
                seconds=arguments.seconds,
            ):
                for one in await _tried_one(mended, bare, replace(settings, box=box), always=arguments.look):
                    tried.append(one)
                    ended = f"proven: {one.proven}" if one.proven else f"NOT proven: {one.why[:120]}"
                    tokens = f"{one.cost.tokens_in:,} + {one.cost.tokens_out:,} tokens"
                    print(
                        f"{one.name} | {one.looked or 'did not look'} | {one.cost.calls} calls, {tokens} | {ended}",
                        flush=True,
                    )
    return tried


async def _tried_one(mended: Mended, bare: Path, settings: ProofSettings, *, always: bool) -> list[Tried]:
    """None where the commit is no patch of ours: it adds or removes modules, or its test is no file of Python."""
    true = _true_fix(mended)
    if true is None:
        return []
    commit, failure = _as_commit(mended, bare), _failure(mended)
    repository = Git(bare)
    bench = Workbench(repository, "HEAD", settings, redact).at(commit.parent)
    case = case_of(commit, failure)
    tools = LookTools(repository, "HEAD", bench, case, redact)
    model = Scripted(commit, failure, true, _changed_lines(mended), always=always)
    analyst = ModelAnalyst(model, lambda case, tokens: _context(failure, commit).text, redact, lambda case: tools)
    name = f"{bare.parent.name} {mended.commit[:10]} {mended.subject[:50]}"
    try:
        found = await analyst.diagnose(case, lambda words: None)
        proven, why = await _proof(found, case, bench)
    except (StepFailed, BoxFailed) as failed:
        return [Tried(name, "", model.paid, "", str(failed))]
    return [Tried(name, found.looked, model.paid, proven, why)]


async def _proof(found: Diagnosis, case: Case, bench: Workbench) -> tuple[str, str]:
    """The tier of the evidence: of the loop's own proof, or of the check that follows a diagnosis."""
    if not found.edits:
        return "", "it has not seen all that the fix changes"
    rows = await case.looks.known()
    if rows and rows[-1].tool == "proven":
        return rows[-1].answer.removeprefix("It holds: ").partition(". ")[0], ""
    try:
        _, evidence = await bench.check(replace(case, incident=case.incident.but(diagnosis=found)), lambda words: None)
    except PatchUnproven as unproven:
        return "", str(unproven)
    return evidence.tier.spoken, ""


def _sum_up(tried: Sequence[Tried]) -> None:
    proven = [one for one in tried if one.proven]
    print(f"{len(tried)} true fixes, {len(proven)} of them proven:")
    for name, some in (
        ("without looking", [o for o in tried if not o.looked]),
        ("by looking", [o for o in tried if o.looked]),
    ):
        if count := sum(bool(one.proven) for one in some):
            cost = sum((one.cost for one in some), Cost())
            print(
                f"  {name}: {count} of {len(some)}; a proven patch took {cost.calls / count:.1f} calls, "
                f"{cost.tokens_in / count:,.0f} tokens read and {cost.tokens_out / count:,.0f} written"
            )


# --- the commit, as the model would have to write it ---


def _true_fix(mended: Mended) -> dict[str, Any] | None:
    edits = []
    for path, content in mended.proposal.files.items():
        if is_test_path(path) or not path.endswith(".py"):
            continue
        before = mended.proposal.base / path
        if content is None or not before.is_file():
            return None
        edits.append({"path": path, **_edit(before.read_bytes().decode(), content.decode()), "occurrence": None})
    test = mended.proposal.tests.get(mended.crash.file)
    if not edits or test is None:
        return None
    test_file = Path(mended.crash.file)
    own = test_file.with_name(f"{test_file.stem}_{mended.commit[:7]}.py").as_posix()
    return {
        "edits": edits,
        "regression_test": {"path": own, "content": test.decode()},
        "branch": "fix",
        "title": mended.subject[:80],
        "body": "",
        "probability": 0.9,
        "need": "",
    }


def _edit(before: str, after: str) -> dict[str, str]:
    """One edit from the first line that differs to the last, with as many lines around as make its place known."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    blocks = [
        block for block in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes() if block[0] != "equal"
    ]
    first, last, end = blocks[0][1], blocks[-1][2], blocks[-1][4]
    rest = len(old) - last
    assert len(new) - end == rest
    around = 3
    while True:
        start, stop = max(first - around, 0), min(last + around, len(old))
        search = "".join(old[start:stop])
        if before.count(search) == 1 or stop - start == len(old):
            return {"search": search, "replace": "".join(new[start : len(new) - (len(old) - stop)])}
        around += 3


def _changed_lines(mended: Mended) -> _Lines:
    """The lines at the parent that the fix takes away, or puts something behind."""
    lines: _Lines = set()
    for path, content in mended.proposal.files.items():
        before = mended.proposal.base / path
        if not is_test_path(path) and path.endswith(".py") and content and before.is_file():
            old, new = before.read_bytes().decode().splitlines(), content.decode().splitlines()
            for how, first, last, _, _ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
                if how != "equal":
                    lines |= {(path, line) for line in range(max(first, 1), max(last, first, 1) + 1)}
    return lines


def _failure(mended: Mended) -> Failure:
    assert mended.crash.failure
    told = mended.crash.failure
    frames = tuple(
        Frame(path=each.path, line=each.line, function=each.function, in_project=True)
        for each in told.frames
        if not is_test_path(each.path)
    )
    return Failure(chain=(Raised(type=told.kind, message=told.message, frames=frames),))


def _as_commit(mended: Mended, bare: Path) -> Commit:
    """For the searcher, which knows what was raised and where, and nothing of the commit."""
    assert mended.crash.failure
    failure, place = mended.crash.failure, _failure(mended).chain[0].frames[-1]
    parent = git(bare, "rev-parse", f"{mended.commit}~1").strip()
    failed = Changed(place.path, place.function or "", (place.line or 1,))
    return Commit(bare, parent, mended.commit, f"{failure.kind} {failure.message}"[:120], failed, ())


def _context(failure: Failure, commit: Commit) -> Any:
    return build_context(failure, commit.repository, tokens=_TOKENS, rev=commit.parent)


# --- who is asked ---


class Scripted:
    """A Model that is asked as any other. What it looks at is what the searcher asks for."""

    name = "the searcher"
    room = Room(None, 16_000)

    def __init__(self, commit: Commit, failure: Failure, true: dict[str, Any], wanted: _Lines, *, always: bool) -> None:
        self._failure, self._true, self._wanted = failure, true, wanted
        regions = _context(failure, commit).regions
        self._shown = {(region.path, line) for region in regions for line in range(region.start, region.end + 1)}
        self._always, self._proposed = always, False
        self._asks = _Asks()
        self._searcher = _Prover(commit, self._asks, wanted, failure)
        self._search: asyncio.Task[None] | None = None
        self.paid = Cost()

    async def ask(
        self,
        messages: Sequence[Message],
        schema: tuple[str, dict[str, Any]],
        progress: Progress,
        tools: Sequence[Tool] = (),
    ) -> Answer:
        match schema[0]:
            case "finding":
                need = "the code that this comes from" if self._looks else ""
                said = json.dumps({"cause": "It crashes.", "category": "code", "probability": 0.9, "need": need})
            case "fix":
                said = json.dumps(self._true if self._has_seen(self._shown) else self._true | {"edits": []})
            case _:
                said = json.dumps(await self._step(messages[-1].content)) if not self._proposed else ""
        text = "".join(message.content for message in messages)
        cost = Cost(1, tokens_in(text), tokens_in(said))
        self.paid += cost
        if not said:  # the true fix was refused: there is nothing better to look for
            return Answer(Ending.REFUSED, "I know no other.", self.name, cost)
        return Answer(Ending.ANSWERED, said, self.name, cost, calls=(said,) if tools else ())

    def learn_window(self, tokens: int) -> None: ...

    async def check(self) -> str:
        return "answers"

    @property
    def _looks(self) -> bool:
        return self._always or not self._wanted <= self._shown

    def _has_seen(self, shown: _Lines) -> bool:
        return self._wanted <= shown | self._searcher.read

    async def _step(self, answer: str) -> dict[str, Any]:
        """The next thing that the searcher asks for; in the end the fix, where it has seen enough."""
        if self._search is None:
            self._search = asyncio.create_task(self._searcher.search())
        else:
            self._asks.answer(answer)
        if step := await self._asks.next(self._search):
            return step
        if self._has_seen(set() if self._always else self._shown):
            self._proposed = True
            return {"tool": "propose", "fix": self._true}
        return {"tool": "list", "path": ""}  # it has nothing to propose, and uses up its calls


class _Asks:
    """The tools as the searcher sees them: what it asks for becomes a step, and what is said to that its answer."""

    def __init__(self) -> None:
        self._asked: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self._answered: asyncio.Queue[str] = asyncio.Queue()

    def answer(self, text: str) -> None:
        self._answered.put_nowait(text)

    async def next(self, search: asyncio.Task[None]) -> dict[str, Any] | None:
        search.add_done_callback(lambda _: self._asked.put_nowait(None))
        step = await self._asked.get()
        if step is None:
            search.result()
        return step

    async def find(self, text: str) -> Found:
        return await self._ask(tool="find", text=text)

    async def read(self, path: str, first: int | None, last: int | None) -> Found:
        return await self._ask(tool="read", path=path, first=first, last=last)

    async def list(self, folder: str) -> Found:
        return await self._ask(tool="list", path=folder)

    async def run(self, path: str, fix: Fix | None, progress: Progress) -> Found:
        return await self._ask(tool="run", path=path)

    async def propose(self, fix: Fix, progress: Progress) -> Found:
        raise AssertionError("the searcher proposes nothing: the fix is the last word of the loop")

    async def _ask(self, **step: Any) -> Found:
        self._asked.put_nowait(step)
        return Found(await self._answered.get())


class _Prover(Searcher):
    """Reads where the crash was, then as the searcher does, until it has seen what the fix changes; then runs tests."""

    def __init__(self, commit: Commit, asks: _Asks, wanted: _Lines, failure: Failure) -> None:
        bounds = LookPolicy()
        super().__init__(commit, asks, replace(bounds, calls=bounds.calls - _OTHER_CALLS))
        self._asks, self._wanted, self._frames = asks, wanted, failure.chain[0].frames

    async def search(self) -> None:
        for frame in reversed(self._frames[-3:]):
            if frame.line and (frame.path, frame.line) not in self.read and self._may_go_on():
                await self._read(frame.path, frame.line)
        if self._may_go_on():
            await super().search()
        await self._asks.run(self._test(), None, lambda words: None)

    def _point(self, path: str, line: int, weight: float) -> None:
        if not is_test_path(path):  # unlike there, it may lie in the file that failed
            self._points[(path, line)] += weight

    def _may_go_on(self) -> bool:
        return super()._may_go_on() and not self._wanted <= self.read

    def _test(self) -> str:
        """The tests of the file that crashed, as they are found by its name."""
        named = Path(self._fix.failed.path).stem.strip("_")
        listed = git(self._fix.repository, "ls-tree", "-r", "--name-only", self._fix.parent).splitlines()
        tests = [path for path in listed if is_test_path(path) and re.search(r"test\w*\.py$", path)]
        return next((path for path in tests if named in Path(path).stem), tests[0] if tests else "tests")


if __name__ == "__main__":
    main()
