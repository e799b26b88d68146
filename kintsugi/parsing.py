"""Python source as its syntax tree, from any thread and without a warning."""

from __future__ import annotations

import ast
import os
import threading
import time
import warnings
from contextlib import suppress
from typing import Literal, overload

_TRIES = 20


class _Turns:
    """One thread after another: what parsing counts, and which warnings are shown, is one state of the process."""

    def __init__(self) -> None:
        self._renew()
        os.register_at_fork(after_in_child=self._renew)  # who held the lock does not live in the child

    def _renew(self) -> None:
        self.lock = threading.RLock()


_TURNS = _Turns()


@overload
def parse(source: str | bytes) -> ast.Module: ...


@overload
def parse(source: str | bytes, mode: Literal["eval"]) -> ast.Expression: ...


def parse(source: str | bytes, mode: Literal["exec", "eval"] = "exec") -> ast.AST:
    """What `ast.parse` gives. Raises what it raises: SyntaxError, ValueError, RecursionError, MemoryError."""
    with _TURNS.lock, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(_TRIES):
            # Python 3.11 mixes up its counter of depth where something else parses in between: another thread, or an
            # object that is collected meanwhile and shows a traceback, as a task of asyncio does.
            with suppress(SystemError):
                return ast.parse(source, mode=mode)
            time.sleep(0.01)
        return ast.parse(source, mode=mode)


def parsed(source: str | bytes) -> ast.Module | None:
    """The syntax tree, or None where this Python cannot read it."""
    try:
        return parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def parsed_expression(text: str) -> ast.expr | None:
    """The syntax tree of an expression, or None where it is none."""
    try:
        return parse(text, "eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
