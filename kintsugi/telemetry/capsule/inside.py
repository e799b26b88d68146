"""What has no name in its module: functions and classes that a function makes, and what they take from around them."""

from __future__ import annotations

import linecache
import types
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.capsule import raw

_LONGEST_HEAD = 20  # lines
_WORD, _ENDS_A_HEAD = re.compile(r"[^\W\d]\w*"), re.compile(r":\s*(?:#.*)?$")
_OF_ANY_CLASS = frozenset(("__dict__", "__weakref__"))  # which each has for itself


@dataclass(frozen=True, slots=True)
class Place:
    """Where it is written: `path` is its qualified name."""

    module: str
    path: str
    line: int


def parts_of(kind: type) -> tuple[str, tuple[type, ...], dict[str, object]]:
    """Name, bases and names of a class, as `type` takes them."""
    names = {name: one for name, one in raw.names_of(kind).items() if type(name) is str and name not in _OF_ANY_CLASS}
    return raw.home_of(kind)[1].rpartition(".")[2], raw.bases_of(kind), names


def taken_by(kind: type, frame: FrameType | None, name: str) -> tuple[dict[str, object], int]:
    """What a class takes from the function that made it, by that frame or as far as it shows that; and its line.

    Its bases too, under whatever name the function has them.
    """
    if frame is None:
        return _seen_in(kind)
    codes = (one for one in frame.f_code.co_consts if type(one) is types.CodeType and one.co_name == name)
    code, values = next(codes, None), frame.f_locals
    free = {*code.co_freevars, *_head_of(code)} - {name} if code else set[str]()
    bases = {name: one for name, one in values.items() if any(one is base for base in raw.bases_of(kind))}
    return {**bases, **{one: values[one] for one in free if one in values}}, code.co_firstlineno if code else 0


def _head_of(code: types.CodeType) -> Iterator[str]:
    """The words that stand before a class's own code: its decorators, its bases, its metaclass."""
    for number in range(code.co_firstlineno, code.co_firstlineno + _LONGEST_HEAD):
        line = linecache.getline(code.co_filename, number)
        yield from _WORD.findall(line)
        if _ENDS_A_HEAD.search(line):
            return


def _seen_in(kind: type) -> tuple[dict[str, object], int]:
    """What a class takes from around it as far as itself shows that, and about where it is written."""
    names = raw.names_of(kind)
    notes = names.get("__annotations__")
    shown = [*names.values(), *(notes.values() if type(notes) is dict else ())]
    classes = {raw.home_of(one)[1].rpartition(".")[2]: one for one in shown if issubclass(type(one), type)}
    methods = [one for one in shown if type(one) is types.FunctionType]
    taken = {name: one for method in methods for name, one in closed_over(method)}
    inside = {name: one for name, one in classes.items() if "<locals>" in raw.home_of(one)[1]}
    return {**inside, **taken}, min((one.__code__.co_firstlineno for one in methods), default=0)


def closed_over(function: types.FunctionType) -> Iterator[tuple[str, object]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:  # nothing has been put into it yet
            continue
        if value is not function:
            yield name, value
