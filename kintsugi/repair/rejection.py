"""Whether a call that fails otherwise than before is rejected on purpose: somebody wrote that it is to be.

A patch may mend a crash by saying no: a bad argument raises an exception that is meant for whoever calls. That is told
apart from another crash by what ran, not by what the patch says of itself. Or it catches the crash and answers with an
exception that somebody is known to expect. Neither is evidence that a call ends well: a human is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.languages.results import Crash, Failure, Frame, TestResult
from kintsugi.telemetry import lazy_re as re

_SAYS_NOTHING = frozenset(
    ("Exception", "AssertionError", "NotImplementedError", "SystemError", "StopIteration", "StopAsyncIteration")
)
"""Of these nobody can tell what is rejected, or they say that the program itself is not right, or that a loop ends."""


_ANSWERS = re.compile(
    r"(?:discord|nextcord|disnake)\.(?:ext\.commands|app_commands|ext\.application_checks)\.errors\."
    r"(?:UserInputError|CheckFailure|CommandOnCooldown|TransformerError|ApplicationCheckFailure)"
    r"|(?:click|typer)\.exceptions\.(?:UsageError|ClickException)|argparse\.Argument(?:Type)?Error"
    r"|(?:werkzeug|starlette|fastapi|tornado|sanic|aiohttp|quart|falcon|bottle)\.(?:\w+\.)?HTTP(?:Exception|Error)"
    r"|aiohttp\.web_exceptions\.HTTPException"
    r"|django\.(?:core\.exceptions\.(?:ValidationError|PermissionDenied|SuspiciousOperation)|http\.\w+\.Http404)"
    r"|rest_framework\.exceptions\.APIException|marshmallow\.exceptions\.ValidationError|wtforms\.\w+\.ValidationError"
)
"""What frameworks document as the way to tell a user that the request was not good: they answer it themselves."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """The exception by which a call is rejected, and the `raise` of the project's that says so."""

    kind: str
    message: str
    at: Frame

    @property
    def says(self) -> str:
        """As the end of a sentence: "BadArgument (at shop/cart.py, line 12): no such code"."""
        return f"{self.kind} (at {self.at.path}, line {self.at.line}): {self.message}".removesuffix(": ")[:300]


def rejection_in(result: TestResult | None, crash: Crash) -> Rejection | None:
    """None where the call was not rejected, or nobody can say that it was meant to be.

    It is meant where a `raise` in the project's own code made the exception, of a class that says something, and the
    crash did not come first: neither among its causes, nor seen on its way in any file of the project. So whoever
    catches the crash and raises something else in its place rejects nothing.
    """
    failure = result.failure if result else None
    if result is None or failure is None or not failure.by_raise or not failure.frames:
        return None
    at = failure.frames[-1]
    if failure.kind in _SAYS_NOTHING or is_test_path(at.path) or _is_the_crash(failure, crash):
        return None
    if "builtins.Exception" not in failure.classes:  # it ends the program, or the task
        return None
    if any(cause.kind == crash.short_kind for cause in failure.causes) or _came_first(result, failure, crash):
        return None
    return Rejection(failure.kind, failure.message, at)


def answer_in(result: TestResult | None, crash: Crash, base: Path) -> Rejection | None:
    """By what the crash, which is still there, is answered: None where nobody is known to expect that.

    It is a class that a framework documents for telling a user, or one that the project had before the patch.
    """
    failure = result.failure if result else None
    if failure is None or not failure.by_raise or not failure.frames or failure.kind == crash.short_kind:
        return None
    if is_test_path(failure.frames[-1].path) or not crash.is_in(failure.causes):
        return None
    is_expected = any(map(_ANSWERS.fullmatch, failure.classes)) or _was_there(failure.classes[:1], base)
    return Rejection(failure.kind, failure.message, failure.frames[-1]) if is_expected else None


def _was_there(names: tuple[str, ...], base: Path) -> bool:
    """Whether a class of this full name is written in the project, as it was before."""
    module, _, name = names[0].rpartition(".") if names else ("", "", "")
    path = module.replace(".", "/")
    files = [*base.rglob(f"{path}.py"), *base.rglob(f"{path}/__init__.py")] if path and path[0] != "/" else []
    written = re.compile(rf"^class {re.escape(name)}\b", re.MULTILINE)
    own = (file for file in files if not is_test_path(file.relative_to(base).as_posix()))
    return any(written.search(file.read_text("utf-8", "replace")) for file in own if file.is_file())


def _is_the_crash(failure: Failure, crash: Crash) -> bool:
    """The same once more, from wherever."""
    return failure.kind == crash.short_kind and failure.message == crash.message


def _came_first(result: TestResult, failure: Failure, crash: Crash) -> bool:
    """Whether an exception of the crash's class was seen in the project, other than the one that rejects."""
    if not crash.path or result.raised is None:
        return True  # nobody looked
    own = failure.frames if failure.kind == crash.short_kind else ()
    lines, places = {frame.line for frame in own}, {f"{frame.function}:{frame.line}" for frame in own}
    return not (set(result.failed) <= lines and set(result.others) <= places)
