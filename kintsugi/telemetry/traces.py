"""Tracebacks as Python prints them. How a place in the code looks is worked out once: that is most of the cost."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from types import CodeType, TracebackType

_MOST_PLACES, _MOST_FRAMES, _MOST_ERRORS = 2_000, 60, 10
_ALIKE = 3  # of more frames at one place than this Python counts the rest
_CAUSED = "\nThe above exception was the direct cause of the following exception:\n\n"
_MEANWHILE = "\nDuring handling of the above exception, another exception occurred:\n\n"
# Of these Python says more than their message: members, places, what else may be meant.
_TOLD_OTHERWISE = (BaseExceptionGroup, SyntaxError, NameError, AttributeError, ImportError)
_places: dict[tuple[CodeType, int], str] = {}


def written(kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> str:
    """What `traceback.format_exception` makes of it, as one text."""
    chain = _chain(error) if error is not None and error.__traceback__ is trace else []
    if not chain or hasattr(sys, "tracebacklimit") or not all(map(_is_usual, chain)):
        return "".join(traceback.format_exception(kind, error, trace))
    pairs = zip(reversed(chain), (*chain[-2::-1], None), strict=True)
    try:
        return "".join(piece for one, later in pairs for piece in _pieces(one, later))
    except Exception:  # it cannot say what it is, and Python has words for that
        return "".join(traceback.format_exception(kind, error, trace))


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what led to it, newest first; nothing where that goes in a circle."""
    seen: list[BaseException] = []
    while error is not None:
        if seen and (len(seen) > _MOST_ERRORS or any(error is one for one in seen)):
            return []
        seen.append(error)
        context = None if error.__suppress_context__ else error.__context__
        error = error.__cause__ if error.__cause__ is not None else context
    return seen


def _is_usual(error: BaseException) -> bool:
    if isinstance(error, _TOLD_OTHERWISE) or getattr(error, "__notes__", None):
        return False
    frames = list(_frames(error.__traceback__))
    if len(frames) <= _ALIKE:
        return True
    places = {(at.tb_frame.f_code, at.tb_lineno) for at in frames}
    return len(frames) <= _MOST_FRAMES and len(frames) - len(places) < _ALIKE


def _frames(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _pieces(error: BaseException, later: BaseException | None) -> Iterator[str]:
    """The text of one error, and how the `later` one came of it."""
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
    yield from map(_place, _frames(error.__traceback__))
    module, message = type(error).__module__, str(error)
    name = type(error).__qualname__ if module in ("__main__", "builtins") else f"{module}.{type(error).__qualname__}"
    yield f"{name}: {message}\n" if message else f"{name}\n"
    if later is not None:
        yield _CAUSED if later.__cause__ is error else _MEANWHILE


def _place(trace: TracebackType) -> str:
    key = (trace.tb_frame.f_code, trace.tb_lasti)
    if key not in _places:
        if len(_places) >= _MOST_PLACES:
            _places.clear()
        _places[key] = "".join(traceback.format_tb(trace, limit=1))
    return _places[key]
