"""How values become source: what can be imported by its name, and else what it is made of, by its exact type.

Nothing of an object's own code is run. What no builder knows is left out with the reason, and told to whoever uses it.
"""

from __future__ import annotations

import datetime
import functools
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from enum import EnumMeta
from types import FrameType, FunctionType
from typing import Any

from kintsugi.telemetry.build import is_installed
from kintsugi.telemetry.capsule import forms, of_discord, of_web, raw
from kintsugi.telemetry.capsule.bases import CONTENT
from kintsugi.telemetry.capsule.graph import (
    A_MARK,
    LONGEST_TEXT,
    MOST_ITEMS,
    Entry,
    Graph,
    Part,
    called,
    keyword_for,
    leave_out,
)
from kintsugi.telemetry.capsule.inside import Place, closed_over, parts_of, taken_by
from kintsugi.telemetry.capsule.names import Names
from kintsugi.telemetry.capsule.standard import BUILD, SMALL, member
from kintsugi.telemetry.capsule.zones import zone_of_pytz
from kintsugi.telemetry.redact.keys import Grade, grade

_LARGEST_NUMBER = 4_096  # bits
_MARKS = {id(one): repr(one) for one in (None, True, False, NotImplemented)} | {id(...): "..."}


@dataclass(frozen=True, slots=True)
class _Class:
    """What is known of a class once one of its objects was seen: its builtin base, and its name in the file."""

    kind: type  # kept, so that its id stays its own
    base: type
    name: str
    is_of_discord: bool
    is_of_typing: bool
    is_a_loop: bool
    builds_on_discord: bool
    is_a_cog: bool
    is_of_the_web: bool  # the wiring of a framework
    of_client: frozenset[str]  # what it has of its library, where it is a client's
    layout: raw.Layout


class ByType:
    """Knows what to write for a value. `names` finds what can be imported, and keeps what the file has to import."""

    def __init__(self, names: Names, around: Callable[[str], FrameType | None] = lambda _: None) -> None:
        """`around`: the frame of the function with this qualified name, where the exception came through it."""
        self.names, self._around = names, around
        self._classes: dict[int, _Class] = {}
        self._foreign: dict[int, tuple[type, bool]] = {}

    def value(
        self, graph: Graph, value: object, name: str, depth: int, hint: str = "", *, at_last: bool = False
    ) -> str | Entry:
        """A literal, or the entry of an object. `name`: what it stands under."""
        kind = type(value)
        if kind is str and len(value) <= LONGEST_TEXT:  # type: ignore[arg-type]
            return graph.literal(graph.text, name, value, depth)  # type: ignore[arg-type]
        if kind is bytes and len(value) <= LONGEST_TEXT:  # type: ignore[arg-type]
            return graph.literal(graph.octets, name, value, depth)  # type: ignore[arg-type]
        if kind is int and int.bit_length(value) <= _LARGEST_NUMBER:  # type: ignore[arg-type]
            return graph.literal(graph.number, name, value, depth)  # type: ignore[arg-type]
        if kind is float:
            return repr(value) if math.isfinite(value) else f'float("{value!r}")'  # type: ignore[arg-type]
        if id(value) in _MARKS:
            return _MARKS[id(value)]
        return graph.entry(value, hint or name, depth, at_once=id(kind) in SMALL, at_last=at_last)

    def fill(self, graph: Graph, value: object, entry: Entry) -> None:
        """Say what an object is made of."""
        kind = type(value)
        by_name = self.names.of(value)
        if by_name:
            entry.opens = by_name
            return
        build = BUILD.get(id(kind))
        if graph.leaves_out and of_web.is_a_way_in(kind, value):
            leave_out(entry, "a part of the framework")
        elif build is not None:
            build(self, graph, of_web.from_the_wire(value) if graph.leaves_out else value, entry)
        elif issubclass(kind, type):
            self._class_inside(graph, value, entry)  # type: ignore[arg-type]
        elif issubclass(type(kind), EnumMeta):
            member(self, graph, value, entry)
        else:
            self._instance(graph, value, entry)

    def _instance(self, graph: Graph, value: object, entry: Entry) -> None:
        """An object of a class made in Python: its class, what its builtin base holds, and its state."""
        kind = type(value)
        known = self._classes.get(id(kind))
        seen = known or self._seen(kind)
        graph.one_of_python(is_first=known is None, is_of_a_bot=seen.builds_on_discord)
        base, own = seen.base, seen.name
        if seen.is_of_typing and forms.held(self, value, entry):
            return None
        if seen.is_a_loop:
            return _loop(value, entry, seen.layout)
        if id(base) not in CONTENT:
            if not forms.hidden(self, graph, value, entry, base):
                leave_out(entry, f"a {raw.shown_kind(value)}, which holds more than can be seen")
            return None
        if base in (object, datetime.tzinfo) and self._is_one_of_a_kind(value, entry, seen.layout):
            return None
        by_base = {datetime.tzinfo: zone_of_pytz, tuple: of_discord.member}.get(base)
        by_base = of_discord.of_its_cog if seen.builds_on_discord and base is object else by_base
        if by_base is not None and by_base(self, graph, value, entry):
            return None
        if not own:
            entry.opens = self.names.of_stand_in(value)
            return None if entry.opens else self._of_class_inside(graph, value, entry, seen)
        if seen.is_of_discord and base is object:
            return self._stand_in(graph, value, entry, seen)
        if base is tuple and "_fields" in raw.names_of(kind):
            return self._named_tuple(graph, value, entry, own)
        if CONTENT[id(base)] is None:
            entry.opens, entry.closes = f"rebuilt({own}", ")"
        elif not self._holds_its_content(graph, value, entry, seen):
            return None
        state = raw.state_of(value, seen.layout)
        if seen.is_a_cog:
            state = ((name, one) for name, one in state if not of_discord.is_from_its_class(kind, name, one))
        is_wiring = graph.leaves_out and seen.is_of_the_web
        self.add(graph, state, entry, raw.shown_kind(value), last=seen.of_client, is_wiring=is_wiring)
        return None

    def _holds_its_content(self, graph: Graph, value: object, entry: Entry, seen: _Class) -> bool:
        """What its builtin base holds; whether that can be made."""
        content = CONTENT[id(seen.base)]
        assert content
        entry.opens, entry.closes = f"filled({seen.name}, {self.names.of(seen.base)}", ")"
        entry.parts = content(self, graph, value, entry)
        held = entry.parts[-1].value if entry.parts else ""
        if type(held) is Entry and held.opens.startswith("missing("):
            entry.opens, entry.closes, entry.parts = held.opens, "", []
            return False
        if seen.layout.dictionary is not None and seen.layout.dictionary.__get__(value) is value:
            entry.opens, entry.closes = f"of_its_own_items({entry.opens}", "))"
        return True

    def _is_one_of_a_kind(self, value: object, entry: Entry, layout: raw.Layout) -> bool:
        """Whether it is nothing but itself, and its class's module holds it: another one like it is not the same."""
        if next(raw.state_of(value, layout), None) is None:
            entry.opens = self.names.held_by(raw.home_of(type(value))[0], value)
        return bool(entry.opens)

    def _seen(self, kind: type) -> _Class:
        base = next(one for one in raw.mro(kind) if id(one) in CONTENT or not raw.is_made_in_python(one))
        own = (self.names.of(kind) or self._of_generic(kind)) if id(base) in CONTENT else ""
        builds_on_discord = any(map(of_discord.is_of_library, raw.mro(kind)))
        seen = self._classes[id(kind)] = _Class(
            kind,
            base,
            own,
            of_discord.is_of_library(kind),
            raw.home_of(kind)[0].partition(".")[0] == "typing",
            _is_a_loop(kind),
            builds_on_discord,
            builds_on_discord and of_discord.makes_its_commands(kind),
            of_web.is_wiring(kind),
            of_discord.names_of_a_client(kind) if builds_on_discord else frozenset(),
            raw.layout_of(kind),
        )
        return seen

    def _of_generic(self, kind: type) -> str:
        """A model of pydantic that was made of another one by its types: `Page[int]`."""
        told = raw.names_of(kind).get("__pydantic_generic_metadata__")
        origin, args = (dict.get(told, name) for name in ("origin", "args")) if type(told) is dict else (None, ())
        names = [self.names.of(one) for one in (origin, *args)] if origin and type(args) is tuple else [""]
        return f"{names[0]}[{', '.join(names[1:])}]" if all(names) else ""

    def _of_class_inside(self, graph: Graph, value: object, entry: Entry, seen: _Class) -> None:
        """The same of a class that has no name, but was made inside of a function."""
        kind = type(value)
        if "<locals>" not in raw.home_of(kind)[1] and type(kind) is not type:
            return leave_out(entry, f"of the class {raw.shown_kind(value)}, which no module holds by its name")
        content, made = CONTENT[id(seen.base)], Part(self.value(graph, kind, "", entry.depth + 1, raw.home_of(kind)[1]))
        entry.opens, entry.closes, entry.parts = "rebuilt(", ")", [made]
        if content is not None:
            entry.opens = "filled("
            entry.parts += [Part(self.names.of(seen.base)), *content(self, graph, value, entry)]
        self.add_state(graph, value, entry, seen.layout)
        return None

    def _class_inside(self, graph: Graph, value: type, entry: Entry) -> None:
        module, path = raw.home_of(value)
        outer, _, name = path.rpartition(".<locals>.")
        own = raw.importable(module)
        is_of_parts = type(value) is type and "__slots__" not in raw.names_of(value) and raw.is_made_in_python(value)
        if not outer and is_of_parts:
            return self._class_of_parts(graph, value, entry)
        if not outer or not own or sys.modules.get(module) is None:
            return leave_out(entry, f"the class {path}, which no module holds by its name")
        free, line = taken_by(value, self._around(outer), name.partition(".")[0])
        bases = {raw.home_of(base)[1].rpartition(".")[2]: base for base in raw.bases_of(value)}
        free = {**{name: base for name, base in bases.items() if not self.names.of(base)}, **free}
        free = {name: one for name, one in free.items() if one is not value}
        return self.inside(graph, entry, Place(own, path, line), free)

    def _class_of_parts(self, graph: Graph, value: type, entry: Entry) -> None:
        """One that a call of `type` has made."""
        name, *rest = parts_of(value)
        entry.opens, entry.closes, entry.parts = "type(", ")", [Part(repr(name))]
        for one in rest:  # looked at now: `type` takes no stand-in for what nobody had the time for
            part = Entry(entry.hint, entry.depth + 1, uses=1)
            BUILD[id(type(one))](self, graph, one, part)
            entry.parts.append(Part(part))

    def inside(self, graph: Graph, entry: Entry, place: Place, around: Mapping[str, object]) -> None:
        """What a function makes inside of it, with what that takes from around it."""
        entry.opens, entry.closes = f"inside({place.module!r}, {place.path!r}, {place.line}", ")"
        entry.parts = [
            Part(self.value(graph, one, name, entry.depth + 1, name), graph.keyword(name))
            for name, one in around.items()
        ]

    def function_inside(self, graph: Graph, entry: Entry, place: Place, value: FunctionType) -> None:
        """A function that another one makes, with what it takes from there, and by itself."""
        last, named, code = value.__defaults__, value.__kwdefaults__, value.__code__
        last, named = last if type(last) is tuple else (), named if type(named) is dict else {}
        if not last and not named:
            return self.inside(graph, entry, place, dict(closed_over(value)))
        made, given = Entry(entry.hint, entry.depth + 1, uses=1), Entry("", entry.depth + 1, "(", closes=",)", uses=1)
        self.inside(graph, made, place, dict(closed_over(value)))
        names = code.co_varnames[code.co_argcount - len(last) : code.co_argcount]
        given.parts = [
            Part(self.value(graph, one, name, entry.depth + 2)) for name, one in zip(names, last, strict=True)
        ]
        entry.opens, entry.closes = "with_defaults(", ")"
        entry.parts = [Part(made), Part(given if last else "None")]
        entry.parts += [
            Part(self.value(graph, one, name, entry.depth + 1), graph.keyword(name)) for name, one in named.items()
        ]
        return None

    def add_state(self, graph: Graph, value: object, entry: Entry, layout: raw.Layout | None = None) -> None:
        self.add(graph, raw.state_of(value, layout), entry, raw.shown_kind(value))

    def add(
        self,
        graph: Graph,
        state: Iterable[tuple[str, Any]],
        entry: Entry,
        kind: str = "function",
        *,
        of_library: bool = False,
        last: Set[str] = frozenset(),
        is_wiring: bool = False,
    ) -> None:
        """`last`: the names of what few calls need. `is_wiring`: of a web framework, which leads to all of that."""
        is_told, depth, parts = grade(entry.hint) > Grade.WEAK, entry.depth + 1, entry.parts
        for name, one in state:
            if type(name) is not str or len(parts) > MOST_ITEMS:
                return leave_out(entry, f"a {kind} with more attributes than are written down")
            graph.step(A_MARK if id(one) in _MARKS else 1)
            shown, lead, later = _attribute(name)
            graph.look_at(lead, name)
            shown = called(shown, entry) if is_told else shown
            if of_library and grade(shown) > Grade.WEAK and type(one) is str:  # each interaction has a token of its own
                made: str | Entry = f"missing({f'{shown}: a secret of the library'!r})"
            elif is_wiring and not of_web.is_kept(self, name, one):
                made = f"missing({f'{name}: a part of the framework'!r})"
            else:
                at_last = (name in last and not of_discord.is_asked_for(shown, one)) or (
                    of_library and (of_discord.is_large(one) or self._is_foreign(one))
                )
                made = self.value(graph, one, shown, depth, shown, at_last=at_last)
            parts.append(Part(made, lead, later))
        return None

    def _is_foreign(self, value: object) -> bool:
        """In one of Discord's objects: of a class of yet another library, such as a session of HTTP."""
        kind = type(value)
        known = self._foreign.get(id(kind))
        if known is None:
            file = raw.globals_of(sys.modules.get(raw.home_of(kind)[0].partition(".")[0])).get("__file__")
            is_other = type(file) is str and is_installed(file) and not of_discord.is_of_library(kind)
            known = self._foreign[id(kind)] = kind, is_other and raw.is_made_in_python(kind)
        return known[1]

    def _named_tuple(self, graph: Graph, value: Any, entry: Entry, own: str) -> None:
        fields = raw.names_of(type(value)).get("_fields")
        values = tuple.__iter__(value)
        if type(fields) is not tuple or len(fields) != tuple.__len__(value):
            return leave_out(entry, f"a {raw.shown_kind(value)}")
        entry.opens, entry.closes = f"{own}(", ")"
        for name, one in zip(fields, values, strict=True):
            graph.step()
            entry.parts.append(Part(self.value(graph, one, called(name, entry), entry.depth + 1), f"{name}="))
        return None

    def _stand_in(self, graph: Graph, value: object, entry: Entry, seen: _Class) -> None:
        """Of Discord's own: the same class and its state, but its coroutines say nothing to Discord."""
        entry.opens, entry.closes = f"stand_in({seen.name}", ")"
        state, kind = raw.state_of(value, seen.layout), raw.shown_kind(value)
        self.add(graph, state, entry, kind, of_library=True, last=seen.of_client)


def _loop(value: object, entry: Entry, layout: raw.Layout) -> None:
    entry.opens = "running_loop()"
    if any(type(name) is str and name == "_closed" and one is True for name, one in raw.state_of(value, layout)):
        leave_out(entry, "a loop that was closed")


def _is_a_loop(kind: type) -> bool:
    loops = raw.at("asyncio.events", "AbstractEventLoop")
    return loops is not None and any(one is loops for one in raw.mro(kind))


@functools.lru_cache(maxsize=1024)
def _attribute(name: str) -> tuple[str, str, str]:
    """What an attribute is called, what stands before its value, and how it is set later."""
    lead = keyword_for(name)
    if lead.endswith("="):
        return name.lstrip("_"), lead, f"with_state({{one}}, {lead}{{value}})"
    later = f"with_state({{one}}, **{{{{{name.replace('{', '{{').replace('}', '}}')!r}: {{value}}}}}})"
    return name.lstrip("_"), lead, later
