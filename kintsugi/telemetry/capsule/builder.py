"""What each builder is: it says what one kind of value is made of, and asks the others for its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, Protocol

from kintsugi.telemetry.capsule.graph import Entry, Graph, Part
from kintsugi.telemetry.capsule.inside import Place
from kintsugi.telemetry.capsule.names import Names


class Builders(Protocol):
    """What a builder asks: the source of a part of its value, and the name that something has in the file."""

    @property
    def names(self) -> Names: ...

    def value(
        self, graph: Graph, value: object, name: str, depth: int, hint: str = "", *, at_last: bool = False
    ) -> str | Entry:
        """A literal, or the entry of an object. `name`: what it stands under."""
        ...

    def add(self, graph: Graph, state: Iterable[tuple[str, Any]], entry: Entry) -> None:
        """Attributes by their names."""
        ...

    def add_state(self, graph: Graph, value: object, entry: Entry) -> None:
        """All attributes of an object."""
        ...

    def function_inside(self, graph: Graph, entry: Entry, place: Place, value: FunctionType) -> None:
        """A function that another one makes, with what it takes from there, and by itself."""
        ...


Builder = Callable[[Builders, Graph, Any, Entry], None]
Content = Callable[[Builders, Graph, Any, Entry], list[Part]]  # what the builtin base of an object holds
