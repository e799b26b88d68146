"""`re`, with patterns that are compiled when they are first used: `from kintsugi.telemetry import lazy_re as re`.

A process that captures and redacts has 560 patterns. Most texts need fewer than a hundred of them, and to compile all
takes a third of its start.
"""

from __future__ import annotations

import re as _re
from re import (
    ASCII,
    DOTALL,
    IGNORECASE,
    MULTILINE,
    VERBOSE,
    I,
    M,
    Match,
    Pattern,
    error,
    escape,
    findall,
    finditer,
    fullmatch,
    match,
    search,
    split,
    sub,
)
from typing import Any, AnyStr, cast
from weakref import WeakSet

__all__ = [
    "ASCII", "DOTALL", "IGNORECASE", "MULTILINE", "VERBOSE", "I", "M", "Match", "Pattern", "compile", "compile_all",
    "error", "escape", "findall", "finditer", "fullmatch", "match", "search", "split", "sub",
]  # fmt: skip


class _Later:
    """Stands for a pattern. What is asked of it once is kept as an attribute of its own, so that it costs nothing more.

    What it found knows the compiled pattern as its `re`: compare `found.re.pattern`.
    """

    def __init__(self, pattern: Any, flags: int) -> None:
        self.pattern, self._flags = pattern, flags
        _ALL.add(self)

    def __getattr__(self, name: str) -> Any:
        if name == "_compiled":
            value: Any = _re.compile(self.pattern, self._flags)
        elif name.startswith("__"):
            raise AttributeError(name)
        else:
            value = getattr(self._compiled, name)
        setattr(self, name, value)
        return value

    def __reduce__(self) -> tuple[Any, ...]:
        return compile, (self.pattern, self._flags)


_ALL: WeakSet[_Later] = WeakSet()


def compile(pattern: AnyStr, flags: int = 0) -> Pattern[AnyStr]:
    """What `re.compile` answers; an error in the pattern is raised when it is first used."""
    return cast("Pattern[AnyStr]", _Later(pattern, flags))


def compile_all() -> None:
    """All that were made, now: for a process that forks others, each of which would do it again. Raises re.error."""
    for each in tuple(_ALL):
        _ = each._compiled
