"""Lines of the log for people: a few in the message itself, in colours, and all of them in a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kintsugi.bot.text import cut, length
from kintsugi.telemetry.plain import plain

_SHOWN = 8  # lines in the message
_WIDTH = 160  # characters of one of them
_MOST = 1_500  # characters of them all
_COLOURS = {"DEBUG": 30, "INFO": 34, "WARNING": 33, "ERROR": 31, "CRITICAL": 31}  # of Discord's `ansi` blocks
_GREY = 30


class Line(NamedTuple):
    """One line of the log, read."""

    day: str
    time: str
    level: str
    logger: str
    message: str
    fields: str
    exception: str

    @property
    def text(self) -> str:
        """`20:00:04 ERROR shop  the text`, fields behind it and the traceback below."""
        head = f"{self.time} {self.level} {self.logger}  {self.message}" if self.time else self.message
        below = "".join(f"\n    {each}" for each in self.exception.splitlines())
        return f"{head}{f'  ({self.fields})' if self.fields else ''}{below}"

    @property
    def coloured(self) -> str:
        """Its head, and of a traceback the end, for a few lines on a small screen."""
        first = _one(self.message)
        if not self.time:
            return cut(first, _WIDTH)
        head = f"\x1b[{_GREY}m{self.time}\x1b[0m \x1b[{_COLOURS.get(self.level, 0)}m{self.level}\x1b[0m"
        said = f"{head} {_one(self.logger)}  {cut(first, _WIDTH)}"
        last = _one(self.exception.strip().rpartition("\n")[2])
        return f"{said}\n  \x1b[31m{cut(last, _WIDTH)}\x1b[0m" if last else said


def readable(lines: Iterable[str]) -> list[str]:
    """Each line as text; a new day is a line of its own before the first of it."""
    shown, day = list[str](), ""
    for line in map(read, lines):
        mark = f"--- {line.day}, UTC\n" if line.day and line.day != day else ""
        day = line.day or day
        shown.append(mark + line.text)
    return shown


def newest(lines: Sequence[str]) -> str:
    """The last few of them as a block in colours, which nothing in them ends."""
    block = ""
    for line in reversed(lines[-_SHOWN:]):
        more = read(line).coloured.replace("`", "'") + (f"\n{block}" if block else "")
        if length(more) > _MOST:
            break
        block = more
    return f"```ansi\n{block}\n```" if block else ""


def read(line: str) -> Line:
    """A line as the telemetry writes it; any other is its own message."""
    try:
        told = json.loads(line)
        stamp = str(told["ts"])
        head = (stamp[:10], stamp[11:19], plain(str(told["level"])), plain(str(told["logger"])))
        return Line(*head, plain(str(told["msg"])), _fields(told), plain(told["exception"] or ""))
    except (ValueError, KeyError, TypeError):
        return Line("", "", "", "", plain(line), "", "")


def _fields(told: Mapping[str, Any]) -> str:
    """Whose line it is, and what else it was told."""
    about = {name: told.get(name) for name in ("intent", "user", "incident_id")}
    given = {**{name: value for name, value in about.items() if value is not None}, **(told.get("extra") or {})}
    return plain(
        " ".join(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given.items())
    )


def _one(text: str) -> str:
    return " ".join(text.split())
