"""An alert's line for people: what was said, what was raised, and where."""

import json
import traceback

from kintsugi.telemetry.build import is_installed
from kintsugi.telemetry.handler import Seen
from kintsugi.telemetry.redact import redact

_MOST_FRAMES = 4
_LONGEST = 400  # characters


def exception_of(seen: Seen) -> BaseException | None:
    """What the line is about."""
    given = seen.record.exc_info
    return seen.error or (given[1] if isinstance(given, tuple) else given if isinstance(given, BaseException) else None)


def words_of(line: str) -> str:
    """The message of a finished line; the line itself where it is none of ours."""
    try:
        return str(json.loads(line)["msg"])
    except (ValueError, KeyError, TypeError):
        return line


def frames_of(error: BaseException | None) -> tuple[str, tuple[str, ...]]:
    """The exception in a line, and its innermost frames, the program's own before a library's."""
    if error is None:
        return "", ()
    said = "".join(traceback.format_exception_only(error)).strip().splitlines() or [type(error).__name__]
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not is_installed(frame.filename)] or list(frames)
    shown = tuple(redact(f"{frame.filename}:{frame.lineno} in {frame.name}") for frame in own[-_MOST_FRAMES:])
    return redact(said[-1])[:_LONGEST], shown
