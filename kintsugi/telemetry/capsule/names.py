"""What a file can import: classes, functions, modules and whatever else a module holds by a name."""

from __future__ import annotations

import builtins
import collections
import itertools
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.behind import stood_for

_REBUILT = frozenset(
    map(id, (list, dict, set, tuple, frozenset, str, bytes, int, float, bool, type(None), bytearray, complex))
)
_STANDARD: dict[int, tuple[str, str]] = {
    id(os.environ): ("os", "environ"),
    id(sys.stdin): ("sys", "stdin"),
    id(sys.stdout): ("sys", "stdout"),
    id(sys.stderr): ("sys", "stderr"),
    id(collections.deque): ("collections", "deque"),
}
_MOST_NAMES = 2_000
OF_THE_FILE = (
    *("ast", "asyncio", "bottle", "contextvars", "flask", "functools", "importlib", "inspect", "quart", "re"),
    *("sqlite3", "sys"),
)
"""Modules that the file's own functions use."""


class Names:
    """The imports of one file. `homes`: the modules whose names are looked through for values."""

    def __init__(self, homes: Iterable[Mapping[str, Any]], taken: Iterable[str] = ()) -> None:
        self.imported: dict[str, tuple[str, str]] = {}  # the name here: module, and name there; "" for the module
        self._taken = set(taken)
        self._homes = list(homes)
        self._index: list[tuple[str, dict[str, Any], set[int]]] | None = None
        self._stand_ins: dict[int, list[str]] | None = None
        self._held: dict[str, tuple[dict[str, Any], set[int]]] = {}

    def of(self, value: object) -> str:
        """An expression for what a module holds by a name; "" for what has none."""
        kind = type(value)
        if id(kind) in _REBUILT:
            return ""
        if issubclass(kind, type):
            module, path = raw.home_of(value)  # type: ignore[arg-type]
            known = self._reached(module, path, value)
            return self.held_by("types", value) if not known and module == "builtins" else known
        if kind is FunctionType:
            return self._reached(_text(value.__module__), _text(value.__qualname__), value)  # type: ignore[attr-defined]
        if kind is BuiltinFunctionType:
            home = value.__self__  # type: ignore[attr-defined]
            module = _text(raw.globals_of(home).get("__name__")) if type(home) is ModuleType else ""
            return self._reached(module, value.__name__, value)  # type: ignore[attr-defined]
        if issubclass(kind, ModuleType):
            return self.module(_text(raw.globals_of(value).get("__name__")))
        place = _STANDARD.get(id(value))
        return self.named(*place) if place else self._from_index(value)

    def home(self, function: FunctionType) -> str:
        """The module that a function was written in, where that can be imported; "" where it cannot."""
        module = _text(dict.get(function.__globals__, "__name__"))
        is_there = raw.globals_of(sys.modules.get(module)) is function.__globals__
        return raw.importable(module) if is_there else ""

    def module(self, name: str) -> str:
        """The module itself, imported: by its own name, where that is not another's here."""
        if sys.modules.get(name) is None or not (own := raw.importable(name)):
            return ""
        top = own.partition(".")[0]
        name = own
        if top in self._taken or self.imported.get(top, (top, "")) != (top, ""):
            name = f"{own.replace('.', '_')}_module"
            while name in self._taken or self.imported.get(name, (own, "")) != (own, ""):
                name += "_"
        else:
            self.imported[top] = top, ""  # which a dotted name takes as well
        self.imported[name] = own, ""
        return name

    def named(self, module: str, path: str) -> str:
        """`path` in a module, imported by its first name, or through its module where that name is taken here."""
        own, top = raw.importable(module), path.partition(".")[0]
        if module == "builtins" and top not in self._taken:
            return path
        if not own:
            return ""
        place = own, top
        is_free = top not in self._taken and self.imported.get(top, place) == place
        if is_free and top not in OF_THE_FILE and not hasattr(builtins, top):
            self.imported[top] = place
            return path
        whole = self.module(module)
        return f"{whole}.{path}" if whole else ""

    def held_by(self, module: str, value: object) -> str:
        """By the name under which this module holds it, whatever the frames' modules call it; "" where it does not."""
        if module not in self._held:
            self._held[module] = _by_identity(raw.globals_of(sys.modules.get(module)))
        names, held = self._held[module]
        return self._by_name(module, names, value) if id(value) in held else ""

    def of_stand_in(self, value: object) -> str:
        """By the name of what stands for it in one of the modules, and hands on all that is asked of it."""
        if self._stand_ins is None:
            self._stand_ins = {id(held): place for held, *place in _stand_ins(self._homes)}
        place = self._stand_ins.get(id(value))
        return self.named(*place) if place else ""

    def _by_name(self, module: str, names: Mapping[str, Any], value: object) -> str:
        place = next((name for name, one in names.items() if one is value and _is_a_name(name)), "")
        return self.named(module, place) if place else ""

    def _reached(self, module: str, path: str, value: object) -> str:
        if not module or not path or "<" in path:
            return ""
        return self.named(module, path) if raw.at(module, path) is value else self._from_index(value)

    def _from_index(self, value: object) -> str:
        """By the first name under which one of the modules holds it."""
        if self._index is None:
            self._index = [(module, *_by_identity(names)) for names in self._homes if (module := _name_of(names))]
        for module, names, held in self._index:
            if id(value) in held and (known := self._by_name(module, names, value)):
                return known
        return ""


def _stand_ins(homes: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Any, str, str]]:
    """What they stand for, and where they are: the module, and the name there."""
    for names in homes:
        module = _name_of(names)
        for name, one in itertools.islice(dict(names).items(), _MOST_NAMES if module else 0):
            if (held := stood_for(one)) is not None and _is_a_name(name):
                yield held, module, name


def _name_of(names: Mapping[str, Any]) -> str:
    """Of a module that can be imported; "" of any other."""
    module = _text(dict.get(names, "__name__")) if type(names) is dict else ""
    return module if sys.modules.get(module) is not None else ""


def _by_identity(names: Mapping[str, Any]) -> tuple[dict[str, Any], set[int]]:
    """The module's names, and what they hold: a set of ids is made in a fraction of the time of a table."""
    held = dict(names)
    return held, set(map(id, itertools.islice(held.values(), _MOST_NAMES)))


def _is_a_name(name: object) -> bool:
    return type(name) is str and name.isidentifier() and not name.startswith("__")


def _text(value: object) -> str:
    return value if type(value) is str else ""
