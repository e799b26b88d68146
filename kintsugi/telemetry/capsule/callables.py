"""What can be called: methods, functions that no module holds by their names, caches, partials."""

from __future__ import annotations

import functools
import gc
import itertools
import types
from typing import Any

from kintsugi.telemetry.capsule import forms, raw
from kintsugi.telemetry.capsule.builder import Builders
from kintsugi.telemetry.capsule.containers import too_many
from kintsugi.telemetry.capsule.graph import Entry, Graph, Part, called, leave_out
from kintsugi.telemetry.capsule.inside import Place


def of_method(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """`one.name`, where that leads to the same function."""
    function, one = value.__func__, value.__self__
    name = function.__name__ if type(function) is types.FunctionType else ""
    name = name if type(name) is str else ""
    owner = one if issubclass(type(one), type) else type(one)
    found = raw.found_in(owner, name) if name.isidentifier() else None
    if type(found) is classmethod or type(found) is staticmethod:
        found = found.__func__
    if found is not function:
        return leave_out(entry, f"the method {name}, which its class no longer has under this name")
    made = builders.value(graph, one, "", entry.depth + 1, entry.hint)
    entry.parts, entry.closes = [graph.made_of(entry, made)], f".{name}"
    return None


def of_builtin(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    one, name = value.__self__, value.__name__
    if type(one) is types.ModuleType or one is None or not name.isidentifier():
        return leave_out(entry, f"the function {name}")
    entry.parts, entry.closes = [graph.made_of(entry, builders.value(graph, one, "", entry.depth + 1))], f".{name}"
    return None


def of_function(builders: Builders, graph: Graph, value: types.FunctionType, entry: Entry) -> None:
    """One that no module holds by its name: a lambda, one inside of another, or what a decorator has put away."""
    code, home = value.__code__, builders.names.home(value)
    if not home or code.co_filename.startswith("<"):
        return leave_out(entry, f"the function {code.co_qualname}, which no module holds by its name")
    if forms.dispatcher(builders, graph, value, entry):
        return None
    place = Place(home, code.co_qualname, code.co_firstlineno)
    own = [(name, one) for name, one in dict.copy(value.__dict__).items() if type(name) is str]
    if not own or too_many(value, entry, len(own)):
        return None if own else builders.function_inside(graph, entry, place, value)
    made = Entry(entry.hint, entry.depth + 1, uses=1)
    builders.function_inside(graph, made, place, value)
    entry.opens, entry.closes, entry.parts = "with_state(", ")", [Part(made)]
    return builders.add(graph, own, entry)


def of_cached(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    """What keeps a function's results, with none of them."""
    function = value.__wrapped__  # which a decorator may have set to another one
    if not any(one is function for one in gc.get_referents(value)):
        return leave_out(entry, "a cached function that is called another one's wrapper")
    entry.opens, entry.closes = f"{builders.names.of(functools.cache)}(", ")"
    entry.parts = [graph.made_of(entry, builders.value(graph, function, "", entry.depth + 1, entry.hint))]
    return None


def of_partial(builders: Builders, graph: Graph, value: Any, entry: Entry) -> None:
    entry.opens, entry.closes = f"{builders.names.of(functools.partial)}(", ")"
    entry.parts = [Part(builders.value(graph, value.func, "", entry.depth + 1))]
    entry.parts += [
        Part(builders.value(graph, one, called(name, entry), entry.depth + 1))
        for one, name in itertools.zip_longest(value.args, _parameters(value.func)[: len(value.args)], fillvalue="")
    ]
    entry.parts += [
        Part(builders.value(graph, one, called(name, entry), entry.depth + 1), graph.keyword(name))
        for name, one in value.keywords.items()
    ]


def _parameters(function: object) -> tuple[str, ...]:
    """The names of what it takes by position, as far as it is written in Python."""
    kind, skipped = type(function), 0
    if kind is types.MethodType:
        function, skipped = function.__func__, 1  # type: ignore[attr-defined]
    code = raw.code_of(function)
    return code.co_varnames[skipped : code.co_argcount] if code else ()
