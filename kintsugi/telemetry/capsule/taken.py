"""What a function's code says: what it took out of its `**rest`, as by `size = rest.pop("size", None)`, and what it
asks of what is global.
"""

from __future__ import annotations

import dis
import itertools
import sys
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

_LONGEST = 8_000  # bytes of code: more takes too long to read
_NO_STEPS = frozenset(dis.opmap[name] for name in ("CACHE", "PRECALL", "PUSH_NULL", "NOP") if name in dis.opmap)
_ASKS = frozenset(dis.opmap[name] for name in ("LOAD_METHOD", "LOAD_ATTR") if name in dis.opmap)
_GLOBAL = dis.opmap["LOAD_GLOBAL"]
_OF_A_CALL = 6  # steps: the mapping, its method, the key, the default, the call, and where it is put
_UNKNOWN = object()


def taken_out(code: CodeType, rest: str, values: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """By the name that it was handed over under: the local that it was put into, and what that holds.

    `rest`: what the function calls its `**rest`. What was not there, so that the default was taken, is left out; so is
    what a local holds that has more than one origin, as it may not have been there either.
    """
    if "pop" not in code.co_names or len(code.co_code) > _LONGEST:
        return {}
    handed_over = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    pops = [(key, name, default) for key, name, default in _pops(code, rest, values) if name not in handed_over]
    keys, names = [key for key, _, _ in pops], [name for _, name, _ in pops]
    return {
        key: (name, values[name])
        for key, name, default in pops
        if name in values and values[name] is not default and keys.count(key) == names.count(name) == 1
    }


def _pops(code: CodeType, rest: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
    """The key, the local that it is put into, and the default; of what is put elsewhere nothing is known."""
    steps = list(_steps(code.co_code))
    for at, (asks, number) in enumerate(itertools.islice(steps, 1, None)):
        if asks not in _ASKS or "pop" not in _names(code, asks, number) or _names(code, *steps[at])[-1:] != [rest]:
            continue
        key, *given = steps[at + 2 : at + _OF_A_CALL]
        default: object = _UNKNOWN
        if given and dis.opname[given[0][0]].startswith("LOAD_"):
            default = _loaded(code, values, *given.pop(0))
        named = _loaded(code, values, *key)
        is_kept = len(given) > 1 and dis.opname[given[0][0]].startswith("CALL")
        if is_kept and dis.opname[given[1][0]].startswith("STORE_FAST") and type(named) is str:
            yield from ((named, name, default) for name in _names(code, *given[1])[:1])


def asked_of_globals(code: CodeType) -> Iterator[tuple[str, str]]:
    """The name of a global, and the attribute that is asked of it, if any: `flask` and `request`."""
    for (step, number), (then, other) in itertools.pairwise([*_steps(code.co_code), (0, 0)]):
        if step == _GLOBAL:
            yield code.co_names[number >> 1], _names(code, then, other)[0] if then in _ASKS else ""


def _steps(octets: bytes) -> Iterator[tuple[int, int]]:
    """Each operation with its number. What `dis` tells besides, such as lines, takes ten times as long."""
    number = 0
    for step, low in zip(octets[::2], octets[1::2], strict=True):
        if step in _NO_STEPS:
            continue
        number = number << 8 | low
        if step != dis.EXTENDED_ARG:
            yield step, number
            number = 0


def _names(code: CodeType, step: int, number: int) -> list[str]:
    """Of the locals, or of the attribute, that an operation is about. From Python 3.13 on one may be of two locals."""
    called = dis.opname[step]
    if step in _ASKS:
        return [code.co_names[number >> 1 if sys.version_info >= (3, 12) else number]]
    if "_FAST" not in called:
        return []
    places = (number >> 4, number & 15) if called.count("_FAST") > 1 else (number,)
    return [code.co_varnames[place] for place in places if place < len(code.co_varnames)]


def _loaded(code: CodeType, values: Mapping[str, Any], step: int, number: int) -> object:
    """What an operation puts there, as far as that is known: a constant, or what a local holds."""
    if dis.opname[step] == "LOAD_CONST":
        return code.co_consts[number]
    return next((values.get(name, _UNKNOWN) for name in _names(code, step, number)[-1:]), _UNKNOWN)
