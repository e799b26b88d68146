"""What an object is made of, read past its own code: no property, `__getattr__` or metaclass of anybody's is run."""

from __future__ import annotations

import functools
import keyword
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any, cast

_HEAP_TYPE, _CANNOT_BE_MADE = 1 << 9, 1 << 7  # Py_TPFLAGS_HEAPTYPE, Py_TPFLAGS_DISALLOW_INSTANTIATION
_POINTER = 8
_of_type: Any = type.__dict__
_MRO, _DICT, _BASE = _of_type["__mro__"], _of_type["__dict__"], _of_type["__base__"]
_BASES = _of_type["__bases__"]
_SIZE, _FLAGS = _of_type["__basicsize__"], _of_type["__flags__"]
_MODULE, _QUALNAME = _of_type["__module__"], _of_type["__qualname__"]
_DICTIONARIES = {id(GetSetDescriptorType), id(MemberDescriptorType)}
_OF_C: dict[int, tuple[tuple[str, Any], ...]] = {}  # by the id of a class that never ends
_OF_MODULE: Any = vars(ModuleType)["__dict__"]


def mro(kind: type) -> tuple[type, ...]:
    return cast("tuple[type, ...]", _MRO.__get__(kind))


def bases_of(kind: type) -> tuple[type, ...]:
    return cast("tuple[type, ...]", _BASES.__get__(kind))


def names_of(kind: type) -> dict[str, Any]:
    """What the class itself defines. Not to be changed."""
    return cast("dict[str, Any]", _DICT.__get__(kind))


def found_in(kind: type, name: str) -> Any:
    """What the class or a base defines under this name; None where nothing does."""
    for one in mro(kind):
        names = names_of(one)
        if name in names:
            return names[name]
    return None


def globals_of(module: object) -> dict[str, Any]:
    """A module's names; empty for what only looks like a module."""
    return _OF_MODULE.__get__(module) if issubclass(type(module), ModuleType) else {}


def home_of(kind: type) -> tuple[str, str]:
    """Module and qualified name of a class, as far as these are texts."""
    module, name = _MODULE.__get__(kind), _QUALNAME.__get__(kind)
    return (module if type(module) is str else "", name if type(name) is str else "")


def shown_kind(value: object) -> str:
    """The class of a value, to be read: `decimal.Decimal`."""
    module, name = home_of(type(value))
    return name if module in ("builtins", "") else f"{module}.{name}"


def is_of_python(kind: type) -> bool:
    """Whether a `class` statement, or a call of `type`, has made it."""
    return bool(_FLAGS.__get__(kind) & _HEAP_TYPE)


def is_made_in_python(kind: type) -> bool:
    """Whether all that the class adds to its base can be seen from Python: slots and a dictionary."""
    flags, names = _FLAGS.__get__(kind), names_of(kind)
    if not flags & _HEAP_TYPE or flags & _CANNOT_BE_MADE or type(names.get("__new__")) is BuiltinFunctionType:
        return False
    slots = list(map(id, map(type, names.values()))).count(id(MemberDescriptorType))
    added = _SIZE.__get__(kind) - _SIZE.__get__(_BASE.__get__(kind)) - slots * _POINTER
    return bool(0 <= added <= 2 * _POINTER)  # the dictionary and the list of weak references


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the objects of a class have their attributes: in slots, and in a dictionary."""

    slots: dict[str, MemberDescriptorType]
    dictionary: Any = None


def layout_of(kind: type) -> Layout:
    slots: dict[str, MemberDescriptorType] = {}  # by its name one slot is reached, that of the nearest class
    dictionary: Any = None
    for one in mro(kind):
        for name, member in _names_of_members(one):
            sort = type(member)  # hardly any is one of these: that is asked first
            if (sort is not MemberDescriptorType and sort is not GetSetDescriptorType) or type(name) is not str:
                continue
            if name == "__dict__":
                dictionary = member if dictionary is None else dictionary
            elif sort is MemberDescriptorType and name != "__weakref__":
                slots.setdefault(name, member)
    return Layout(slots, dictionary)


def _names_of_members(kind: type) -> Iterable[tuple[str, Any]]:
    """Among which its members are. A class that is made in C stays as it is, so only these are kept of it."""
    if _FLAGS.__get__(kind) & _HEAP_TYPE:
        return names_of(kind).items()
    known = _OF_C.get(id(kind))
    if known is None:
        members = (pair for pair in names_of(kind).items() if id(type(pair[1])) in _DICTIONARIES)
        known = _OF_C[id(kind)] = tuple(members)
    return known


def state_of(value: object, layout: Layout | None = None) -> Iterator[tuple[str, Any]]:
    """Its attributes: the set slots, then its dictionary. `layout`: of its class, where that is known already."""
    layout = layout or layout_of(type(value))
    for name, member in layout.slots.items():
        try:
            yield name, member.__get__(value)
        except AttributeError:
            continue
    own = layout.dictionary.__get__(value) if layout.dictionary is not None else None
    if type(own) is dict:
        yield from (pair for pair in dict.copy(own).items() if type(pair[0]) is not str or pair[0] not in layout.slots)


def globals_of_function(function: object) -> dict[str, Any]:
    """The names of the module that it was written in; empty for what is no function."""
    return function.__globals__ if type(function) is FunctionType else {}


def importable(module: str) -> str:
    """The name by which a module is imported in another process: that of the main one is another there.

    "" where there is none, such as for `my-bot.py`.
    """
    name: object = module
    if module == "__main__":
        main = globals_of(sys.modules.get("__main__"))
        spec, file = main.get("__spec__"), main.get("__file__")
        name = getattr(spec, "name", None)
        if type(name) is str:
            name = name.removesuffix(".__main__")
        elif type(file) is str:
            name = file.replace("\\", "/").rpartition("/")[2].removesuffix(".py")
    return name if type(name) is str and all(map(_is_a_name, name.split("."))) else ""


@functools.lru_cache(maxsize=1024)
def _is_a_name(part: str) -> bool:
    return part.isidentifier() and not keyword.iskeyword(part)


def at(module: str, path: str) -> Any:
    """What lies at `Class.name` in a module; None where nothing does, or where code would have to be run to know."""
    found: Any = None
    names = globals_of(sys.modules.get(module))
    for part in path.split("."):
        if part not in names:
            return None
        found = names[part]
        names = names_of(found) if issubclass(type(found), type) else {}
    return found


def code_of(value: object) -> Any:
    return value.__code__ if type(value) is FunctionType else None
