"""Whether a call that fails otherwise than before is refused on purpose: somebody wrote that it is to be.

A patch may mend a crash by saying no: a bad argument raises an exception that is meant for whoever calls. That is told
apart from another crash by what ran, not by what the patch says of itself. It is never evidence that a call ends well.
"""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.languages.results import Crash, Failure, Frame, TestResult

_SAYS_NOTHING = frozenset(("Exception", "BaseException", "AssertionError", "NotImplementedError", "SystemError"))
"""Of these nobody can tell what is refused, or they say that the program itself is not right."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The exception by which a call is refused, and the `raise` of the project's that says so."""

    kind: str
    message: str
    at: Frame

    @property
    def says(self) -> str:
        """As the end of a sentence: "BadArgument (at shop/cart.py, line 12): no such code"."""
        return f"{self.kind} (at {self.at.path}, line {self.at.line}): {self.message}".removesuffix(": ")[:300]


def refusal_in(result: TestResult | None, crash: Crash) -> Refusal | None:
    """None where the call was not refused, or nobody can say that it was meant to be.

    It is meant where a `raise` in the project's own code made the exception, of a class that says something, and the
    crash did not come first: neither among its causes, nor seen on its way in any file of the project. So whoever
    catches the crash and raises something else in its place refuses nothing.
    """
    failure = result.failure if result else None
    if result is None or failure is None or not failure.by_raise or not failure.frames:
        return None
    at = failure.frames[-1]
    if failure.kind in _SAYS_NOTHING or is_test_path(at.path) or _is_the_crash(failure, crash):
        return None
    if any(cause.kind == crash.short_kind for cause in failure.causes) or _came_first(result, failure, crash):
        return None
    return Refusal(failure.kind, failure.message, at)


def _is_the_crash(failure: Failure, crash: Crash) -> bool:
    """The same once more, from wherever."""
    return failure.kind == crash.short_kind and failure.message == crash.message


def _came_first(result: TestResult, failure: Failure, crash: Crash) -> bool:
    """Whether an exception of the crash's class was seen in the project, other than the one that refuses."""
    if not crash.path or result.raised is None:
        return True  # nobody looked
    own = failure.frames if failure.kind == crash.short_kind else ()
    lines, functions = {frame.line for frame in own}, {frame.function for frame in own}
    return not (set(result.failed) <= lines and set(result.others) <= functions)
