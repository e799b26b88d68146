"""What a function took out of its `**rest`, as by `size = rest.pop("size", None)`: its code and its locals say it."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import Any

_LONGEST = 8_000  # bytes of code: more takes too long to read
_NO_STEPS = frozenset(("CACHE", "PRECALL", "PUSH_NULL", "EXTENDED_ARG", "NOP"))


def taken_out(code: CodeType, rest: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """By the names that it was handed over under. `rest`: what the function calls its `**rest`.

    What was not there, so that the default was taken, is left out.
    """
    if "pop" not in code.co_names or len(code.co_code) > _LONGEST:
        return {}
    steps = [step for step in dis.get_instructions(code) if step.opname not in _NO_STEPS]
    return {
        key: values[name] for key, name, default in _pops(steps, rest) if name in values and values[name] is not default
    }


def _pops(steps: list[dis.Instruction], rest: str) -> Iterator[tuple[str, str, object]]:
    """The key, the local that it is put into, and the default; of what is put elsewhere nothing is known."""
    for at, step in enumerate(steps[:-4]):
        if not (step.opname.startswith("LOAD_FAST") and _last(step.argval) == rest and _is_pop(steps[at + 1])):
            continue
        key, *given = steps[at + 2 : at + 5]
        default = given.pop(0).argval if given[0].opname.startswith("LOAD_") else key
        call, *more = (*given, *steps[at + 5 : at + 6])
        is_kept = call.opname.startswith("CALL") and more and more[0].opname.startswith("STORE_FAST")
        if is_kept and type(key.argval) is str:
            yield key.argval, _first(more[0].argval), default


def _is_pop(step: dis.Instruction) -> bool:
    return step.opname in ("LOAD_METHOD", "LOAD_ATTR") and step.argval == "pop"


def _first(names: Any) -> str:
    """From Python 3.13 on one step may be of two locals."""
    return f"{names[0] if type(names) is tuple else names}"


def _last(names: Any) -> str:
    return f"{names[-1] if type(names) is tuple else names}"
