"""What is to be proven, and running its tests: without the patch, with its tests alone, with all of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kintsugi.repair import sandbox
from kintsugi.repair.capsule import FailingCall
from kintsugi.repair.languages import Language, Suite
from kintsugi.repair.languages.files import that_exist
from kintsugi.repair.languages.known import is_test_path, language_of
from kintsugi.repair.languages.results import Crash, Results, TestResult
from kintsugi.repair.proof.judge import Reading
from kintsugi.repair.sandbox import Ground, Job, Outcome
from kintsugi.repair.syntax import read_source
from kintsugi.workflow.patch import Run

LEAST_SECONDS = 1.0
_SHARE_OF_TIME = 0.25  # a test that hangs without the patch may not use up all there is
_NAMED = 5  # how many tests a sentence names


@dataclass(frozen=True, slots=True)
class Proposal:
    """A patch to prove. Paths are relative to the tree, with forward slashes; None removes a file.

    `base` is an exported tree and is only read. `files` is the whole patch, `tests` the part of it that is the
    regression test. `failing` names existing tests that show the failure: their files, their runner's ids, or the
    beginning of these. `crash` is the failure to mend, where it is known, and `call` the call by which it came,
    where that fails in the same way without the patch.
    """

    base: Path
    files: Mapping[str, bytes | None]
    tests: Mapping[str, bytes | None] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    crash: Crash | None = None
    call: FailingCall | None = None

    @property
    def all_files(self) -> dict[str, bytes | None]:
        """The patch with its tests, wherever they were given."""
        return {**self.files, **self.tests}

    @property
    def changed_source(self) -> tuple[str, ...]:
        return tuple(path for path in self.files if language_of(path) and not is_test_path(path))

    def test_sources(self) -> dict[str, str]:
        """The text of the regression tests, by path."""
        return {path: read_source(content) for path, content in self.tests.items() if content is not None}


class Unproven(Exception):
    """The patch is refused. `red` and `green` are the runs before and with it, as far as it came."""

    def __init__(self, reason: str, red: Run | None = None, green: Run | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.red = red
        self.green = green


class CannotRunHere(Exception):
    """The project's tests do not run on this machine, with or without the patch."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One run of tests and how they ended."""

    outcome: Outcome
    results: Results

    @property
    def run(self) -> Run:
        return self.outcome.run

    @property
    def stopped(self) -> str | None:
        return self.outcome.stopped


@dataclass(frozen=True, slots=True)
class Proving:
    """One proof under way: everything its steps need. `ends` is on the monotonic clock."""

    proposal: Proposal
    reading: Reading
    ground: Ground
    language: Language
    suite: Suite
    ends: float
    progress: Callable[[str], None]
    left_out: Mapping[str, bytes] = field(default_factory=dict)  # test files without what only compiles with the patch

    @property
    def tests_alone(self) -> dict[str, bytes | None]:
        """The patch's tests on the base without the patch."""
        return {**self.proposal.tests, **self.left_out}

    @property
    def seconds_left(self) -> float:
        return max(self.ends - time.monotonic(), 0.0)

    @property
    def share_of_time(self) -> float:
        """Seconds for a run that may never end."""
        return self.seconds_left * _SHARE_OF_TIME

    def sources(self, files: Sequence[str], changes: Mapping[str, bytes | None]) -> dict[str, str]:
        """The text of those of the files that are there with these changes."""
        base = self.proposal.base
        found = {}
        for path in files:
            there = (base / path).read_bytes() if path not in changes and is_plain_file(base, path) else None
            content = changes.get(path, there)
            if content is not None:
                found[path] = read_source(content)
        return found

    async def tests(
        self,
        changes: Mapping[str, bytes | None],
        files: Sequence[str] = (),
        *,
        seconds: float | None = None,
        watched: Sequence[int] | None = None,
    ) -> Seen:
        """Run the tests of `files`, or all, on the base with `changes`.

        With `watched`, looking out for the crash, and whether these lines of its file are run.
        """
        chosen = self.suite.chosen(files, self.proposal.base, changes)
        crash: Mapping[str, object] = self.proposal.crash.watched if self.proposal.crash else {}
        crash = {**crash, "lines": list(watched)} if crash and watched is not None else {}
        job = self.suite.job(self.proposal.base, changes, chosen, crash)
        outcome = await self.in_box(job, seconds=seconds)
        outcome = replace(outcome, run=replace(outcome.run, command=self.suite.shown(chosen)))
        return Seen(outcome, await asyncio.to_thread(self.suite.read, outcome))

    def that_exist(self, files: Sequence[str], changes: Mapping[str, bytes | None]) -> tuple[str, ...]:
        return that_exist(files, self.proposal.base, changes)

    async def in_box(self, job: Job, *, seconds: float | None = None) -> Outcome:
        left = max(self.seconds_left, LEAST_SECONDS)
        return await sandbox.run(self.ground, job, seconds=min(left, seconds or left))


def is_plain_file(tree: Path, path: str) -> bool:
    """Whether it is a file of the tree itself: a link may lead out of it."""
    parts = Path(path).parts
    return (tree / path).is_file() and not any(tree.joinpath(*parts[: at + 1]).is_symlink() for at in range(len(parts)))


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def ids(tests: Sequence[TestResult]) -> str:
    return some([test.id for test in tests])


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "nothing was printed"
