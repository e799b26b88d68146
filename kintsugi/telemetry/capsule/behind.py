"""How a function is reached behind what a module holds: a task of a queue, a command, a cached or bound function.

It is known by its code. Whatever attribute leads to that will do, the nearest first, so no library has to be known.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator
from types import CodeType, FunctionType, MethodType
from typing import Any, cast

from kintsugi.telemetry.capsule import raw
from kintsugi.telemetry.capsule.inside import closed_over

_DEEPEST, _MOST = 6, 60  # attributes in a row, and objects that are looked into
_WRAPPERS = frozenset(map(id, (FunctionType, MethodType, staticmethod, classmethod, property)))  # a metaclass compares
_OF_PROPERTY = ("fget", "fset", "fdel")


def way_to(found: Any, code: CodeType) -> tuple[str, FunctionType] | None:
    """The attributes that lead from what was found to the function with this code, and that; "" for itself."""
    waiting: deque[tuple[str, Any]] = deque([("", found)])
    seen: set[int] = set()
    while waiting and len(seen) < _MOST:
        way, value = waiting.popleft()
        if raw.code_of(value) is code:
            return way, value
        seen.add(id(value))
        if way.count(".") < _DEEPEST:
            inner = stood_for(value) or value
            held = [*_held(inner), *_made_for(inner, code)]
            waiting += [(way + step, one) for step, one in held if _may_lead_on(one) and id(one) not in seen]
    return None


def stood_for(value: object) -> Any:
    """What an object stands for that says it is of another class, and hands on all that is asked of it; else None."""
    if not _is_a_stand_in(type(value)):
        return None
    held = gc.get_referents(value)  # its dictionary may hide behind a property as well
    held += [inner for one in held if type(one) is dict for inner in one.values()]
    found = [one for one in held if raw.is_of_python(type(one)) and not issubclass(type(one), type)]
    return found[0] if len(found) == 1 else None


def _is_a_stand_in(kind: type) -> bool:
    return raw.is_of_python(kind) and type(raw.found_in(kind, "__class__")) is property


def hidden_in(found: Any, code: CodeType) -> FunctionType | None:
    """The function with this code, where only what a decorator took from around it leads there; or what makes a task
    only when that is asked for, as Celery's `shared_task`. It is looked for as the call is made again.
    """
    waiting, seen = [found], 0
    while waiting and (seen := seen + 1) <= _MOST:
        value = waiting.pop(0)
        if raw.code_of(value) is code:
            return cast("FunctionType", value)
        if type(value) is FunctionType:
            waiting += [one for _, one in closed_over(value)]
        held = _held(value) if id(type(value)) in _WRAPPERS else ()
        waiting += [one for _, one in held if id(type(one)) in _WRAPPERS]
        if _is_a_stand_in(type(value)):
            waiting += [one for one in gc.get_referents(value) if type(one) is FunctionType]
    return None


def _may_lead_on(value: object) -> bool:
    kind = type(value)
    return id(kind) in _WRAPPERS or (raw.is_of_python(kind) and not issubclass(kind, type))


def _held(found: object) -> Iterator[tuple[str, Any]]:
    """Each attribute as it is written, and what it is."""
    kind = type(found)
    if kind is MethodType or kind is staticmethod or kind is classmethod:
        yield ".__func__", found.__func__  # type: ignore[attr-defined]
    if kind is property:
        yield from ((f".{name}", getattr(found, name)) for name in _OF_PROPERTY)
    elif kind is FunctionType or kind is staticmethod or kind is classmethod:
        yield from _named(dict.copy(found.__dict__).items())
    elif kind is not MethodType:
        yield from _named(raw.state_of(found))


def _named(state: Any) -> Iterator[tuple[str, Any]]:
    own = ((name, one) for name, one in state if type(name) is str and name.isidentifier())
    yield from sorted(((f".{name}", one) for name, one in own), key=lambda one: one[0] != ".__wrapped__")


def _made_for(found: object, code: CodeType) -> Iterator[tuple[str, Any]]:
    """What the class has of it, where that was made for this one object: asked of the object, it would be bound."""
    kind = type(found)
    for name, one in raw.names_of(kind).items() if raw.is_of_python(kind) else ():
        if type(one) is staticmethod and raw.code_of(one.__func__) is code:
            yield f".{name}", one.__func__
        elif raw.code_of(one) is code:
            yield f".__class__.{name}", one
