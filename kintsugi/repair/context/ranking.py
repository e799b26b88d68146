"""Which units are worth showing: of the stack's files, of the program's other files, and of its tests. Pure.

Where real fixes lie (measured on crashes from projects' histories): at the innermost line 29 %, in its function
26 %, in another frame's function 8 %, in a frame's file 17 %, elsewhere 20 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kintsugi.repair.context.code import Code, Ranked, Step, folders_apart, nearest
from kintsugi.repair.context.index import Unit
from kintsugi.repair.context.odds import Asked, Judge, Weights, is_called_by_name
from kintsugi.repair.context.sources import Together, is_test

_MOST_NAMES = 24  # by which files are chosen, where not all can be parsed
_KINDS = ("function", "class", "constant", "text")

_IN_STACK_FILES = Weights(line=0.5, around=0.13, together=3.9, calls=0.7, called=1.0, owner=0.65, near=0.8, folder=0.3)
_ELSEWHERE = Weights(line=0.26, around=0.11, together=6.5, calls=3.5, called=3.6, owner=0.9, near=0, folder=0.9)


def ranked_on_stack(
    steps: Sequence[Step], asked: Asked, code: Code, together: Sequence[Together]
) -> tuple[list[Ranked], list[Ranked]]:
    """What the stack's functions cannot be read without, these functions among it; and the rest of their files."""
    needed: dict[Unit, Ranked] = {}
    for ranked in sorted(_needed(steps, code), key=lambda one: -one.weight):
        needed.setdefault(ranked.unit, ranked)
    units = list(code.units(dict.fromkeys(step.unit.path for step in steps)))
    rest = [unit for unit in units if unit not in needed]
    return list(needed.values()), Judge.of(asked, code, units, together, _IN_STACK_FILES).ranked(rest)


def _needed(steps: Sequence[Step], code: Code) -> Iterator[Ranked]:
    """The functions on the stack, and the constants, imports and class heads that they stand on."""
    for at, step in enumerate(steps):
        unit, depth = step.unit, min(step.distance, 10)
        where = "raised" if not at else "on the stack"
        weight = 40 - at if step.test else 100 - 5 * depth
        yield Ranked(unit, weight, f"{unit.name or unit.kind}: line {step.frame.line} {where}")
        for other in () if step.test else code.module(unit.path).units:
            size = math.log2(other.lines)
            if other.kind == "constant" and unit.names.intersection(other.name.split()):
                yield Ranked(other, 70 - 2.5 * depth - size, f"constant {other.name}, read by {unit.name}")
            elif other.kind == "imports":
                yield Ranked(other, 66 - 2.5 * depth - size, "imports in a file of the stack")
            elif unit.owner and other.owner == unit.owner and (other.kind == "class" or other.name == "__init__"):
                yield Ranked(
                    other, 60 - 2.5 * depth - size, f"{other.kind} {other.name} of the failing class {unit.owner}"
                )


def ranked_elsewhere(asked: Asked, code: Code, together: Sequence[Together]) -> list[Ranked]:
    """Of the program's files that are not on the stack."""
    paths = _worth_parsing(asked, code, together)
    units = [unit for unit in code.units(paths) if unit.kind in _KINDS]
    return Judge.of(asked, code, units, together, _ELSEWHERE).ranked(units)


def ranked_tests(asked: Asked, code: Code) -> list[Ranked]:
    """Of tests that call the failing function by its name."""
    failing = asked.failing
    if not is_called_by_name(failing):
        return []
    paths = nearest((path for path in code.sources.mentioning(failing.name) if is_test(path)), failing.path)
    units = [unit for unit in code.units(paths) if failing.name in unit.calls and unit != failing]
    return Judge.of(asked, code, units, (), _ELSEWHERE).ranked(units)


def _worth_parsing(asked: Asked, code: Code, together: Sequence[Together]) -> list[str]:
    """The program's other files in the same language, those first that speak of what is asked."""
    stack = {step.unit.path for step in asked.steps}
    here = asked.failing.path
    paths = [path for path in code.sources.texts if path not in stack and not is_test(path) and _alike(path, here)]
    if code.has_room_for(paths):
        return paths
    worth = {path: -0.5 * folders_apart(path, here) for path in paths}
    names = sorted({**asked.line, **asked.around}, key=lambda name: (-asked.line.get(name, 0.0), -len(name), name))
    for name in (asked.failing.name, *names[:_MOST_NAMES]):
        found = [path for path in code.sources.mentioning(name) if path in worth]
        for path in found:
            worth[path] += math.log(len(paths) / len(found))
    for path in (*code.imported_files(here), *(path for one in together for path in one.lines)):
        if path in worth:
            worth[path] += 3
    return sorted(paths, key=lambda path: (-worth[path], path))


def _alike(path: str, here: str) -> bool:
    """Whether two files are of one language; what is neither Python nor Go counts as one."""
    return _family(path) == _family(here)


def _family(path: str) -> str:
    suffix = path.rpartition(".")[2]
    return suffix if suffix in ("py", "go") else "py" if suffix in ("pyi", "pyx") else ""
