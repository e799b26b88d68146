"""How the tests of a run ended, and what changed between two runs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from kintsugi.repair.sandbox import Outcome

_WHOLE = "the whole test command"
_RAISED = re.compile(r"^(?:E\s+)?(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception)): ?(?P<message>.*)$", re.MULTILINE)


class Ending(StrEnum):
    """How one test ended. A later one of this list outweighs an earlier."""

    PASSED = "passed"
    XFAILED = "xfailed"
    SKIPPED = "skipped"
    DESELECTED = "deselected"
    FAILED = "failed"
    ERROR = "error"  # in its set-up or tear-down
    UNCOLLECTED = "uncollected"  # its file could not be read


_WEIGHT = {ending: weight for weight, ending in enumerate(Ending)}
_BAD = {Ending.FAILED, Ending.ERROR, Ending.UNCOLLECTED}


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a traceback, in the project's own files."""

    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failing test raised. `frames`: the innermost last."""

    kind: str
    message: str
    assertion: bool
    frames: tuple[Frame, ...]
    causes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test; for one that could not be collected, its file."""

    __test__ = False  # not a test, whatever pytest thinks of the name

    id: str
    file: str
    ending: Ending
    failure: Failure | None = None

    @property
    def is_bad(self) -> bool:
        return self.ending in _BAD


@dataclass(frozen=True, slots=True)
class Results:
    """All tests of a run. `complete`: the runner came to its end by itself."""

    tests: Mapping[str, TestResult]
    complete: bool
    each: bool  # whether tests are told apart

    @property
    def passed(self) -> set[str]:
        return {test.id for test in self.tests.values() if test.ending is Ending.PASSED}

    @property
    def bad(self) -> dict[str, TestResult]:
        return {test.id: test for test in self.tests.values() if test.is_bad}


def read_results(outcome: Outcome) -> Results:
    """From the record where there is one, else the exit status stands for all tests together."""
    lines = list(_lines(outcome.recorded))
    tests: dict[str, TestResult] = {}
    for line in lines:
        if "id" in line:
            _add(tests, _test(line))
    if tests:
        return Results(tests, any("finished" in line for line in lines), each=True)
    if any("finished" in line for line in lines):
        return Results({}, complete=True, each=True)
    return _by_status(outcome)


def _lines(recorded: str) -> list[dict[str, object]]:
    found = []
    for text in recorded.splitlines():
        try:
            line = json.loads(text)
        except ValueError:  # cut off in the middle
            continue
        if isinstance(line, dict):
            found.append(line)
    return found


def _test(line: Mapping[str, object]) -> TestResult:
    ending = Ending(str(line["outcome"]))
    failure = _failure(line) if "kind" in line else None
    return TestResult(str(line["id"]), str(line.get("file", "")), ending, failure)


def _failure(line: Mapping[str, object]) -> Failure:
    frames, causes = line["frames"], line["causes"]
    assert isinstance(frames, list)
    assert isinstance(causes, list)
    return Failure(
        kind=str(line["kind"]),
        message=str(line["message"]),
        assertion=bool(line["assertion"]),
        frames=tuple(Frame(str(path), int(number), str(function)) for path, number, function in frames),
        causes=tuple(str(cause) for cause in causes),
    )


def _add(tests: dict[str, TestResult], test: TestResult) -> None:
    known = tests.get(test.id)
    if known is None or _WEIGHT[test.ending] > _WEIGHT[known.ending]:
        tests[test.id] = test


def _by_status(outcome: Outcome) -> Results:
    if outcome.run.exit_status is None:
        return Results({}, complete=False, each=False)
    ending = Ending.PASSED if outcome.run.exit_status == 0 else Ending.FAILED
    test = TestResult(_WHOLE, "", ending, _last_raised(outcome.run.output) if ending is Ending.FAILED else None)
    return Results({_WHOLE: test}, complete=True, each=False)


def _last_raised(output: str) -> Failure | None:
    raised = list(_RAISED.finditer(output))
    if not raised:
        return None
    kind = raised[-1]["kind"].rpartition(".")[2]
    return Failure(kind, raised[-1]["message"], assertion=kind == "AssertionError", frames=())


def lost(before: Results, after: Results) -> dict[str, str]:
    """The tests that passed before and do not now, each with what became of it."""
    found = {}
    for name in sorted(before.passed - after.passed):
        now = after.tests.get(name)
        found[name] = "vanished" if now is None else now.ending.value
    return found
