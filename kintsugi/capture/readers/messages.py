"""Where the message of an exception ends: nothing marks it, so a line goes on with it only for a reason."""

from __future__ import annotations

from collections.abc import Callable

from kintsugi.telemetry import lazy_re as re

_MOST_LINES = 40
_BLANKS = 4  # in a row, within a message

RECORD = re.compile(
    r"""\{ | \[?\d{1,4}[-/.]\w{2,3}[-/.]\d{1,4}\b | [\[<(]?\d\d:\d\d:\d\d | [A-Z][a-z]{2}\ [ \d]\d\ \d\d:
    | \[?(?:DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL|TRACE|NOTICE|debug|info|warning|error|critical)\b
    | \d+\.\d+\.\d+\.\d+\  | [=_]{5} | `{3} | ['"]{3} | -{5}""",
    re.VERBOSE,
)
_DRIVERS_WORDS = re.compile(  # of messages that are known to have more lines
    r"DETAIL: |HINT: |CONTEXT: |LINE \d+: |In [\w.]+: |\[SQL: |\[parameters: |\(Background on |For further information "
)
_LISTED = re.compile(r"(?:[-*+|•] |\^|~)")
_WORDS = re.compile(r"[a-z][\w.]*(?:[ ,].*)?$")
_PROGRAMS = re.compile(r"(?:npm|yarn|make|exit|exited|error|warning|info|still|bash|sh|sys)\b")
_OPEN = (":", "(", "[", "{", ",", "\\")
# Their messages are the interpreter's own or a repr: one line.
_OF_ONE_LINE = frozenset(
    (
        *("KeyError", "IndexError", "AttributeError", "NameError", "UnboundLocalError", "ZeroDivisionError"),
        *("RecursionError", "StopIteration", "StopAsyncIteration", "ModuleNotFoundError", "UnicodeDecodeError"),
        *("UnicodeEncodeError", "KeyboardInterrupt"),
    )
)


def message_at(line_at: Callable[[int], str | None], at: int, kind: str, first: str, whole: bool) -> tuple[str, int]:
    """The message whose first line stands on line `at`, with its notes, and the line after it.

    `line_at(n)` is line n, or None where another part of the report begins. `whole`: the text holds nothing else, so
    that what follows belongs to it.
    """
    message, end = [first], at + 1
    if not (first or whole or ":" in (line_at(at) or "")):
        return "", end  # it has no message, not one that begins on the next line
    goes_on = _goes_on_in_a_field if whole else _goes_on
    while len(message) < _MOST_LINES and goes_on(line_at, end, kind, message):
        message.append(line_at(end) or "")
        end += 1
    while end > at + 1 and not message[-1].strip():
        message.pop()
        end -= 1
    return _without_fence("\n".join(message).rstrip()), end


def _without_fence(message: str) -> str:
    """People put a sign of code before and behind what they paste: one that nothing in the message opens is theirs."""
    return message[:-1] if message.endswith("`") and message.count("`") % 2 else message


def _goes_on_in_a_field(line_at: Callable[[int], str | None], at: int, kind: str, message: list[str]) -> bool:
    line = line_at(at)
    if line is None or RECORD.match(line):
        return False
    return bool(line.strip()) or _goes_on_below(line_at, at)


def _goes_on(line_at: Callable[[int], str | None], at: int, kind: str, message: list[str]) -> bool:
    line = line_at(at)
    if line is None or kind in _OF_ONE_LINE or RECORD.match(line):
        return False
    if not line.strip():
        return _goes_on_below(line_at, at) or (len(message) == 1 and not message[0].strip())
    return (
        line[:1].isspace()
        or message[-1].rstrip().endswith(_OPEN)
        or not "".join(message).strip()
        or bool(_DRIVERS_WORDS.match(line))
        or bool(_LISTED.match(line) and any(one.startswith(line[:2]) for one in message))
        or bool(_WORDS.match(line) and not _PROGRAMS.match(line) and _is_of_it(line_at, at + 1))
    )


def _is_of_it(line_at: Callable[[int], str | None], below: int) -> bool:
    """Of a line in words: a field's name has what is said of it indented below; a note ends the text, as a program's
    prints seldom do."""
    after = (line_at(at) for at in range(below, below + _BLANKS))
    line = next((line for line in after if line is None or line.strip()), None)
    return line is None or (line[:1].isspace() and line == line_at(below))


def _goes_on_below(line_at: Callable[[int], str | None], at: int) -> bool:
    """An empty line is within a message where what follows it is indented, or a driver's."""
    line = next(
        (line for below in range(at + 1, at + 1 + _BLANKS) if (line := line_at(below)) is None or line.strip()), None
    )
    if line is None:
        return False
    return bool(_DRIVERS_WORDS.match(line)) or (line[:1].isspace() and not RECORD.match(line.lstrip()))
