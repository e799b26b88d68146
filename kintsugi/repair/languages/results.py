"""How the tests of a run ended, and what changed between two runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kintsugi.repair.sandbox import Outcome
from kintsugi.repair.sandbox.record import Record, RecordBroken
from kintsugi.telemetry import lazy_re as re

_WHOLE = "the whole test command"
_RAISED = re.compile(r"^(?:E\s+)?(?P<kind>[A-Za-z_][\w.]*(?:Error|Exception)): ?(?P<message>.*)$", re.MULTILINE)
_LONGEST_NAME = 4000
_ENDED_WELL = (0, 1, 5)  # pytest: all passed, some failed, none found
ENDED_EARLY = "the runner ended early"


class Ending(StrEnum):
    """How one test ended. A later one of this list outweighs an earlier."""

    PASSED = "passed"
    XFAILED = "xfailed"
    SKIPPED = "skipped"
    DESELECTED = "deselected"
    FAILED = "failed"
    ERROR = "error"  # in its set-up or tear-down
    UNCOLLECTED = "uncollected"  # its file could not be read


def short_name(function: str) -> str:
    """Of `async Cart.add [as put]`, as V8 says it, or `(*Cart).Add`, as Go does, the name in the source."""
    return function.partition(" [")[0].rpartition(" ")[2].rpartition(".")[2]


_WEIGHT = {ending: weight for weight, ending in enumerate(Ending)}
_BAD = {Ending.FAILED, Ending.ERROR, Ending.UNCOLLECTED}


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a traceback, in the project's own files."""

    path: str
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception of a chain. `frames`: the innermost last."""

    kind: str
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Crash:
    """The failure that the patch is to mend: the exception's class and, as far as they are known, its message and the
    innermost function of the project that it came through, with its file.
    """

    kind: str
    message: str = ""
    path: str = ""
    function: str = ""

    @property
    def watched(self) -> dict[str, str]:
        """What to look out for while tests run; nothing where the place is not known."""
        if not self.path:
            return {}
        return {"kind": self.short_kind, "path": self.path, "function": self.short_function}

    @property
    def short_kind(self) -> str:
        return self.kind.rpartition(".")[2]

    @property
    def short_function(self) -> str:
        """As it is written in the source; empty for one without a name, such as a comprehension, which may come by any.

        Empty for a recursion without an end, too: it is a matter of chance in which function the limit is reached.
        Languages put more before it and behind: its class, `async`, `new`, ` [as other]`.
        """
        name = short_name(self.function)
        return "" if self.is_of_recursion or (name.startswith("<") and name != "<module>") else name

    @property
    def is_of_recursion(self) -> bool:
        return self.short_kind == "RecursionError" and (not self.message or ends_a_recursion(self.message))

    @property
    def place(self) -> str:
        return f"{self.path}, {self.function}" if self.function else self.path

    def is_in(self, chain: tuple[Raised, ...]) -> bool:
        """Whether one exception of a chain is it: of its type, and through its function where that is known."""
        return any(
            raised.kind.rpartition(".")[2] == self.short_kind
            and (not self.path or any(self._is_at(frame.path, frame.function) for frame in raised.frames))
            for raised in chain
        )

    def _is_at(self, path: str, function: str) -> bool:
        return path == self.path and self.short_function in ("", function)


def ends_a_recursion(message: str) -> bool:
    """Whether the interpreter says so, and not a program that has a limit of its own."""
    return message.startswith(("maximum recursion depth exceeded", "Stack overflow"))


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failing test raised. `frames`: the innermost last; `causes`: what it came of.

    Of a failing call that was made again, `classes` are the full names of its class and that one's bases, and
    `by_raise` says whether a `raise` of the project's own code made it, at the innermost frame.
    """

    kind: str
    message: str
    assertion: bool
    frames: tuple[Frame, ...]
    causes: tuple[Raised, ...] = ()
    classes: tuple[str, ...] = ()
    by_raise: bool = False

    @property
    def chain(self) -> tuple[Raised, ...]:
        return (Raised(self.kind, self.frames), *self.causes)

    @property
    def said(self) -> str:
        return f"{self.kind}: {self.message}".strip()[:300]

    def is_the_very(self, crash: Crash | None) -> bool:
        """By its message too: by the class alone every missing name would pass for a crash of that class."""
        if crash is None or not any(raised.kind == crash.short_kind for raised in self.chain):
            return False
        return bool(crash.message) and crash.message in self.message


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test; for one that could not be collected, its file.

    `entered`, `raised` and `caught` are of the function that crashed: whether the test came into it, whether the
    crash's exception was seen there, and whether it came up to a test's own code. `came`: whether the lines that were
    asked about were run. None where nothing was watched. `failed`: the lines of that function that the exception came
    by; `others`: further functions of its file, or of a failing call all further places, such as `load:40`. `answered`:
    what was raised and not handed on, where a runner without such a look prints it.
    """

    __test__ = False  # not a test, whatever pytest thinks of the name

    id: str
    file: str
    ending: Ending
    failure: Failure | None = None
    entered: bool | None = None
    raised: bool | None = None
    caught: bool | None = None
    came: bool | None = None
    failed: tuple[int, ...] = ()
    others: tuple[str, ...] = ()
    answered: tuple[Raised, ...] = ()

    @property
    def is_bad(self) -> bool:
        return self.ending in _BAD


@dataclass(frozen=True, slots=True)
class Results:
    """All tests of a run. `broken` says why it is not whole: the runner did not come to its end by itself, or the
    record is not what the referee's own part wrote. `changed`: what of the test runner was replaced while it ran.
    """

    tests: Mapping[str, TestResult]
    each: bool  # whether tests are told apart
    broken: str | None = None
    forged: bool = False
    changed: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.broken is None

    @property
    def passed(self) -> set[str]:
        return {test.id for test in self.tests.values() if test.ending is Ending.PASSED}

    @property
    def bad(self) -> dict[str, TestResult]:
        return {test.id: test for test in self.tests.values() if test.is_bad}


def read_results(outcome: Outcome) -> Results:
    """From the record where there is one, else the exit status stands for all tests together."""
    if outcome.record is None:
        return by_status(outcome)
    tests: dict[str, TestResult] = {}
    try:
        ending = _read(outcome.record, tests)
    except RecordBroken as reason:
        return Results({}, each=True, broken=f"what its tests recorded is no record: {reason}", forged=True)
    if ending is None or ending[0] not in _ENDED_WELL or outcome.run.exit_status is None:
        return Results(tests, each=True, broken=ENDED_EARLY)
    return Results(tests, each=True, changed=ending[1])


def _read(record: Record, tests: dict[str, TestResult]) -> tuple[int, tuple[str, ...]] | None:
    """Fills `tests`; the runner's own status and what was changed of it, where it came to its end."""
    ending = None
    for line in record.lines():
        if ending is not None:
            raise RecordBroken("it goes on after its end")
        if "finished" in line:
            ending = _ending(line)
        else:
            _add(tests, _test(line))
    if ending is not None and record.is_cut:
        raise RecordBroken("it goes on after its end")
    return ending


def _ending(line: Mapping[str, object]) -> tuple[int, tuple[str, ...]]:
    status, changed = line["finished"], line.get("changed")
    if not isinstance(status, int) or not isinstance(changed, list):
        raise RecordBroken("its end is of another shape")
    return status, tuple(str(name) for name in changed)


def _test(line: Mapping[str, object]) -> TestResult:
    name = line.get("id")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise RecordBroken("a test has no name, or one too long to read")
    try:
        ending = Ending(str(line["outcome"]))
        failure = _failure(line) if "kind" in line else None
        entered, raised, caught, came = (_flag(line.get(word)) for word in ("entered", "raised", "caught", "came"))
        failed = tuple(int(number) for number in _list(line.get("failed", [])))
        others = tuple(str(function) for function in _list(line.get("others", [])))
        file = str(line.get("file", ""))
        return TestResult(name, file, ending, failure, entered, raised, caught, came, failed, others)
    except (KeyError, ValueError, TypeError):
        raise RecordBroken(f"the result of {name[:80]} is of another shape") from None


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _failure(line: Mapping[str, object]) -> Failure:
    causes = _list(line["causes"])
    return Failure(
        kind=str(line["kind"]),
        message=str(line["message"]),
        assertion=bool(line["assertion"]),
        frames=_frames(line["frames"]),
        causes=tuple(Raised(str(kind), _frames(frames)) for kind, frames in causes),
        classes=tuple(map(str, _list(line.get("classes", [])))),
        by_raise=line.get("by_raise") is True,
    )


def _frames(given: object) -> tuple[Frame, ...]:
    return tuple(Frame(str(path), int(number), str(function)) for path, number, function in _list(given))


def _add(tests: dict[str, TestResult], test: TestResult) -> None:
    known = tests.get(test.id)
    if known is None or _WEIGHT[test.ending] > _WEIGHT[known.ending]:
        tests[test.id] = test


def together(tests: Iterable[TestResult]) -> dict[str, TestResult]:
    """By id; of one that ended several times, the worst."""
    found: dict[str, TestResult] = {}
    for test in tests:
        _add(found, test)
    return found


def by_status(outcome: Outcome) -> Results:
    if outcome.run.exit_status is None:
        return Results({}, each=False, broken=ENDED_EARLY)
    ending = Ending.PASSED if outcome.run.exit_status == 0 else Ending.FAILED
    test = TestResult(_WHOLE, "", ending, last_raised(outcome.run.output) if ending is Ending.FAILED else None)
    return Results({_WHOLE: test}, each=False)


def last_raised(output: str) -> Failure | None:
    """The last exception that a run printed."""
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
