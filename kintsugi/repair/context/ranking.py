"""Which units of the source are likely to hold the fault, given the stack. Pure: all is in the sources handed in.

Where real fixes lie (measured on crashes from projects' histories): at the innermost line 29 %, in its function
26 %, in another frame's function 8 %, in a frame's file 17 %, elsewhere 20 %. The weights follow that order.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from kintsugi.repair.context.index import Module, Unit, parse, words
from kintsugi.repair.context.sources import Sources, is_test
from kintsugi.workflow.payload import Failure, Frame

_ENDINGS = (
    "",
    ".js",
    ".ts",
    ".mjs",
    ".cjs",
    ".jsx",
    ".tsx",
    ".mts",
    "/index.js",
    "/index.ts",
    "/index.mjs",
    "/index.tsx",
)
_MOST_FILES = 24  # looked at for each function on the stack
_MOST_PARSED = 1_500_000  # characters of source parsed in all: about a second
_MOST_FRAMES = 12  # of the stack, from the innermost
_BUILT_IN = frozenset(name for kind in (list, dict, set, str, bytes) for name in dir(kind))


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit, its weight (larger is shown first), and why it is shown."""

    unit: Unit
    weight: float
    why: str


@dataclass(frozen=True, slots=True)
class _Step:
    """One of the project's frames: `distance` from where the exception was raised, and the unit it ran in."""

    frame: Frame
    distance: int
    unit: Unit
    test: bool


@dataclass(frozen=True, slots=True)
class Weights:
    """What being related to the failure in each way is worth. Only their order and distances matter."""

    on_stack: float = 100
    step: float = 5  # less, a frame further out
    constant: float = 70  # that a function on the stack reads
    called: float = 62
    called_step: float = 6
    elsewhere: float = 8  # less, in another file
    ambiguous: float = 4  # less, each time twice as many have the name
    built_in: float = 12  # less, where lists and the like have the name too
    class_head: float = 60
    imports: float = 66
    sibling: float = 48  # another method of the class
    override: float = 44  # in a base or subclass
    test_on_stack: float = 40
    neighbour: float = 38  # in a file of the stack
    file_step: float = 2.5
    alike: float = 25
    near: float = 6
    relative: float = 30
    caller: float = 36
    test: float = 24
    imported: float = 12
    size: float = 1  # less, each time a unit is twice as long


def ranked_units(failure: Failure, sources: Sources, weights: Weights) -> list[Ranked]:
    """The units worth showing, best first."""
    code = _Code(sources, {})
    steps = _steps(failure, code)
    if not steps:
        return []
    likeness = _Likeness.of(failure, steps, code)
    best: dict[Unit, Ranked] = {}
    for ranked in _candidates(steps, code, likeness, weights):
        if ranked.unit not in best or ranked.weight > best[ranked.unit].weight:
            best[ranked.unit] = ranked
    return sorted(
        best.values(),
        key=lambda one: (-one.weight + weights.size * math.log2(one.unit.lines), one.unit.path, one.unit.start),
    )


@dataclass(frozen=True, slots=True)
class _Code:
    """The modules parsed so far."""

    sources: Sources
    parsed: dict[str, Module]

    def module(self, path: str) -> Module:
        if path not in self.parsed:
            self.parsed[path] = parse(path, self.sources.texts[path])
        return self.parsed[path]

    def units(self, paths: Iterable[str]) -> Iterator[Unit]:
        """The units of these files, of as many as may still be parsed."""
        for path in paths:
            parsed = sum(len(self.sources.texts[known]) for known in self.parsed)
            if path in self.parsed or parsed < _MOST_PARSED:
                yield from self.module(path).units

    def path_of(self, dotted: str, importing: str = "") -> str | None:
        """The project's file for an imported module, from the root, `src` or `lib`, or a folder above `importing`."""
        stem = dotted.replace(".", "/")
        parts = importing.split("/")[:-1]
        above = ["/".join(parts[: count + 1]) + "/" for count in range(len(parts))]  # of a program in a subfolder
        names = (f"{folder}{stem}{end}" for folder in ("", "src/", "lib/", *above) for end in (".py", "/__init__.py"))
        return next((name for name in names if name in self.sources.texts), None)

    def imported_files(self, path: str) -> list[str]:
        """The project's files this one imports from, in order; a name that a package passes on is followed."""
        if path.endswith(".go") or self.module(path).reaches:
            return self._reached(path)
        found = [
            target
            for module, name in self.module(path).imports.values()
            for target in self._sources_of(module, name, path)
        ]
        return [target for target in dict.fromkeys(found) if target != path]

    def _reached(self, path: str) -> list[str]:
        """Files of JavaScript by their path; of Go all of a package, its own first."""
        texts = self.sources.texts
        found: list[str] = []
        if path.endswith(".go"):
            folders = [path.rpartition("/")[0], *(_folder_of(one, texts) for one in self.module(path).reaches)]
            in_go = [one for one in texts if one.endswith(".go") and not is_test(one)]
            found = [
                one for folder in folders if folder is not None for one in in_go if one.rpartition("/")[0] == folder
            ]
        else:
            names = (f"{one}{ending}" for one in self.module(path).reaches for ending in _ENDINGS)
            found = [name for name in names if name in texts]
        return [target for target in dict.fromkeys(found) if target != path]

    def _sources_of(self, module: str, name: str, importing: str) -> Iterator[str]:
        target = self.path_of(f"{module}.{name}", importing) if name else None
        target = target or self.path_of(module, importing)
        if target is None:
            return
        yield target
        passed_on = self.module(target).imports.get(name) if target.endswith("__init__.py") else None
        if passed_on and (origin := self.path_of(passed_on[0], target)):
            yield origin

    def names_of(self, unit: Unit) -> Iterator[str]:
        """What a class's bases are called where they are defined."""
        imports = self.module(unit.path).imports
        yield from (imports.get(base, ("", base))[1] or base for base in unit.bases)


def _folder_of(package: str, texts: Mapping[str, str]) -> str | None:
    """The project's folder of a Go package: the longest end of its path that is one."""
    parts = package.split("/")
    ends = ("/".join(parts[at:]) for at in range(len(parts)))
    return next((end for end in ends if any(path.startswith(f"{end}/") for path in texts)), None)


def _steps(failure: Failure, code: _Code) -> list[_Step]:
    """The project's frames, nearest to the raise first; those of the program before those of its tests."""
    steps = []
    for raised in reversed(failure.chain):
        own = [frame for frame in reversed(raised.frames) if frame.in_project and frame.path in code.sources.texts]
        for distance, frame in enumerate(_each_function_once(own)[:_MOST_FRAMES]):
            unit = code.module(frame.path).at(frame.line)
            if unit is not None:
                steps.append(_Step(frame, distance, unit, is_test(frame.path)))
    nearest = min((step.distance for step in steps if not step.test), default=None)
    if nearest is None:  # where all ran in tests, they are the program
        return [replace(step, test=False) for step in steps]
    steps = [step if step.test else replace(step, distance=max(step.distance - nearest, 0)) for step in steps]
    return sorted(steps, key=lambda step: (step.test, step.distance))


def _each_function_once(frames: Iterable[Frame]) -> list[Frame]:
    """Of a recursion, each function counts once: its first frame."""
    once: dict[tuple[str, str], Frame] = {}
    for frame in frames:
        once.setdefault((frame.path, frame.function), frame)
    return list(once.values())


@dataclass(frozen=True, slots=True)
class _Likeness:
    """How much a unit speaks of what the failure speaks of: shared identifiers, rare ones counting more."""

    wanted: dict[str, float]
    rarity: dict[str, float]

    @classmethod
    def of(cls, failure: Failure, steps: Sequence[_Step], code: _Code) -> _Likeness:
        wanted: dict[str, float] = {name: 2.0 for raised in failure.chain for name in words(raised.message[:2_000])}
        for step in steps:
            near = 1 / (1 + step.distance)
            for name in (*(words(step.frame.code) * 3), *step.unit.names):
                wanted[name] = wanted.get(name, 0.0) + near
        units = [unit for module in code.parsed.values() for unit in module.units]
        seen = Counter(name for unit in units for name in unit.names)
        rarity = {name: math.log((len(units) + 1) / count) for name, count in seen.items()}
        return cls(wanted, rarity)

    def __call__(self, unit: Unit) -> float:
        """From 0 to about 1."""
        shared = sum(
            min(self.wanted[name], 4) * self.rarity.get(name, 2.0) for name in unit.names if name in self.wanted
        )
        return 1 - math.exp(-shared / (12 * math.sqrt(len(unit.names) + 1)))


def _candidates(steps: Sequence[_Step], code: _Code, likeness: _Likeness, w: Weights) -> Iterator[Ranked]:
    own = [step for step in steps if not step.test]
    yield from _stack(steps, w)
    yield from _around(own, code, likeness, w)
    yield from _called(own, code, likeness, w)
    yield from _relatives(own, code, likeness, w)
    yield from _callers(steps[0].unit, code, likeness, w)


def _stack(steps: Sequence[_Step], w: Weights) -> Iterator[Ranked]:
    for at, step in enumerate(steps):
        weight = w.test_on_stack - at if step.test else w.on_stack - w.step * min(step.distance, 10)
        where = "raised" if not at else "on the stack"
        yield Ranked(step.unit, weight, f"{step.unit.name or step.unit.kind}: line {step.frame.line} {where}")


def _around(steps: Sequence[_Step], code: _Code, likeness: _Likeness, w: Weights) -> Iterator[Ranked]:
    """The rest of the stack's files: class heads, constants, imports, neighbours."""
    for step in steps:
        far = w.file_step * min(step.distance, 10)
        for unit in code.module(step.frame.path).units:
            weight = _weight_around(unit, step.unit, likeness(unit), w) - far
            yield Ranked(unit, weight, _why_around(unit, step.unit))


def _weight_around(unit: Unit, failing: Unit, likeness: float, w: Weights) -> float:
    if unit.kind == "constant" and failing.names.intersection(unit.name.split()):
        return w.constant
    if unit.kind == "imports":
        return w.imports
    if unit.owner and unit.owner == failing.owner:
        return (w.class_head if unit.kind == "class" or unit.name == "__init__" else w.sibling) + 20 * likeness
    distance = min(abs(unit.start - failing.end), abs(failing.start - unit.end))
    return w.neighbour + w.alike * likeness + w.near * math.exp(-distance / 60)


def _why_around(unit: Unit, failing: Unit) -> str:
    if unit.owner and unit.owner == failing.owner:
        return f"{unit.kind} {unit.name} of the failing class {unit.owner}"
    return " ".join(f"{unit.kind} {unit.name} in a file of the stack".split())


def _called(steps: Sequence[_Step], code: _Code, likeness: _Likeness, w: Weights) -> Iterator[Ranked]:
    """What the stack's functions call, one step away, and what else is alike in the files they import."""
    for step in steps:
        reach = [step.frame.path, *code.imported_files(step.frame.path)[:_MOST_FILES]]
        units = list(code.units(reach))
        alike = Counter(unit.name for unit in units)
        for unit in units:
            elsewhere = w.elsewhere if unit.path != step.frame.path else 0
            if unit.kind in ("function", "class") and unit.name in step.unit.calls:
                weight = w.called + 22 * likeness(unit) - w.called_step * min(step.distance, 8) - elsewhere
                doubt = _doubt(unit, step.unit, alike[unit.name], w)
                yield Ranked(unit, weight - doubt, f"{unit.kind} {unit.name}, used by {step.unit.name}")
            elif elsewhere:
                weight = w.imported + w.alike * likeness(unit) - step.distance
                yield Ranked(unit, weight, f"{unit.kind} {unit.name} in an imported file")


def _doubt(unit: Unit, caller: Unit, same_name: int, w: Weights) -> float:
    """Less for a call that is told by its name alone: others have that name too, perhaps a list or a dict."""
    if unit.owner == caller.owner:
        return 0
    return w.ambiguous * math.log2(same_name) + (w.built_in if unit.name in _BUILT_IN else 0)


def _relatives(steps: Sequence[_Step], code: _Code, likeness: _Likeness, w: Weights) -> Iterator[Ranked]:
    """Methods of the failing classes' bases and subclasses, above all those that stand in for one on the stack."""
    on_stack = {step.unit.name for step in steps}
    for owner in dict.fromkeys(step.unit.owner for step in steps[:3] if step.unit.owner):
        files = [path for path in code.sources.mentioning(owner) if not is_test(path)]
        units = list(code.units(_nearest(files, steps[0].frame.path)))
        heads = [unit for unit in units if unit.kind == "class"]
        below = {head.name for head in heads if owner in code.names_of(head)}
        kin = below | {base for head in heads if head.name == owner for base in code.names_of(head)}
        for unit in units:
            if unit.owner in kin:
                weight = (w.override if unit.name in on_stack else w.relative) + 20 * likeness(unit)
                yield Ranked(unit, weight, f"{unit.kind} {unit.name} of {unit.owner}, a relative of {owner}")


def _callers(failing: Unit, code: _Code, likeness: _Likeness, w: Weights) -> Iterator[Ranked]:
    """Who else calls the failing function, and the tests that touch it."""
    if failing.kind != "function" or failing.name.startswith("__"):
        return
    for unit in code.units(_nearest(code.sources.mentioning(failing.name), failing.path)):
        if failing.name in unit.calls and unit != failing:
            weight = (w.test if is_test(unit.path) else w.caller) + 20 * likeness(unit)
            yield Ranked(unit, weight, f"{unit.kind} {unit.name}, calls {failing.name}")


def _nearest(paths: Iterable[str], to: str) -> list[str]:
    """The files closest to the one at `to` in the tree of folders, tests last; no more than are worth parsing."""
    folders = to.split("/")[:-1]

    def apart(path: str) -> tuple[bool, int, str]:
        together = zip(folders, path.split("/")[:-1], strict=False)
        shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], together))
        return is_test(path), -shared, path

    return sorted(paths, key=apart)[:_MOST_FILES]
