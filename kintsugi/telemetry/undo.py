"""Attributes of other people's objects, replaced for a while."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import update_wrapper
from typing import Any


def replace_attribute(undo: ExitStack, place: Any, name: str, value: Any) -> None:
    """Sets it on the object itself until `undo` is closed. What somebody else put in its place meanwhile stays."""
    own = vars(place)
    had, before = name in own, own.get(name)
    setattr(place, name, value)

    def back() -> None:
        if vars(place).get(name) is not value:
            return
        if had:
            setattr(place, name, before)
        else:
            delattr(place, name)

    undo.callback(back)


_WRAP = "kintsugi_wrap"


def innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """What was there before anything of ours."""
    while (wrap := getattr(function, _WRAP, None)) is not None:
        function = wrap.before
    return function


class Wrap:
    """A function of somebody's, wrapped by one that `make` returns; several may, and take theirs out in any order.

    Ours calls `before`, and does no more than that once it is `resting`: somebody else, who wrapped ours since, may
    keep calling it.
    """

    def __init__(self, place: Any, name: str, make: Callable[["Wrap"], Callable[..., Any]]) -> None:
        self._place, self._name = place, name
        self.before: Callable[..., Any] = getattr(place, name)
        self.resting = False
        self._ours = update_wrapper(make(self), self.before, updated=())  # `print` is pickled by its name
        setattr(self._ours, _WRAP, self)
        setattr(place, name, self._ours)

    def undo(self) -> None:
        """Out of the chain, wherever it stands by now."""
        self.resting = True
        current = getattr(self._place, self._name)
        if current is self._ours:
            setattr(self._place, self._name, self.before)
        while (wrap := getattr(current, _WRAP, None)) is not None:
            if wrap.before is self._ours:
                wrap.before = self.before
            current = wrap.before
