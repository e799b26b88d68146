"""Attributes of other people's objects, replaced for a while."""

from contextlib import ExitStack
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
