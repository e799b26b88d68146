"""How likely a fix is to change a unit, as it is related to the functions that failed. Pure.

In real fixes the other functions that change speak of the same things as the failing lines, lie near them, call or
are called, or were written together with them. Who is called is told by the name alone, as it may be reached by an
attribute of a bot, a cog's name or a container. That a function has the failing one's name tells nothing: frameworks
call the same names in many classes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kintsugi.repair.context.code import BUILT_IN, Code, Ranked, Step, folders_apart
from kintsugi.repair.context.index import Unit, words
from kintsugi.repair.context.sources import Together
from kintsugi.workflow.payload import Failure

_AROUND = 3  # lines on each side of the failing one
_MOST_STEPS = 3  # of the stack, from the innermost
_COMMON = 1 / 3  # a name in a larger share of the units tells nothing
_SATURATION, _BY_LENGTH = 1.2, 0.75  # of BM25, as usual
_SHORTEST = 12  # characters: a shorter line is in many functions
_NEIGHBOURHOOD = 60  # lines


@dataclass(frozen=True, slots=True)
class Weights:
    """What each relation to a failing function is worth: logarithms of odds, for a line of code.

    Fitted to the fixes of twenty projects and tried on nine others (`bench.context_across`).
    """

    line: float  # for each point of BM25, by the names on the failing line
    around: float  # by those around it
    together: float  # written by a commit that wrote failing lines too; less by its size
    calls: float  # less, where others call the function too
    called: float  # less, where others have the name too
    owner: float  # of a class that the function names; in the stack's files, of its own class
    near: float  # less, further away in the file
    folder: float  # less, for each folder around the function that is not shared
    override: float = 1.5  # stands in for the function, in a base or a subclass
    importing: float = 0.85
    imported: float = 0.55


@dataclass(frozen=True, slots=True)
class Asked:
    """What is looked for: the names on the failing lines and around them, and what the functions call, by weight."""

    steps: Sequence[Step]
    line: Mapping[str, float]
    around: Mapping[str, float]
    called: Mapping[str, float]

    @classmethod
    def of(cls, failure: Failure, steps: Sequence[Step], code: Code) -> Asked:
        """`steps` are the program's own, from the innermost."""
        line: dict[str, float] = {}
        around = {name: 1.0 for raised in failure.chain for name in words(raised.message[:2_000])}
        called: dict[str, float] = {}
        for step in reversed(steps[:_MOST_STEPS]):
            lines, at = code.sources.lines(step.unit.path), step.frame.line
            first, last = max(step.unit.start, at - _AROUND), min(step.unit.end, at + _AROUND)
            line |= dict.fromkeys(words(lines[at - 1]) if at <= len(lines) else [], _share(step))
            around |= dict.fromkeys(words("\n".join(lines[first - 1 : last])), _share(step))
            called |= dict.fromkeys(step.unit.calls, _share(step))
        return cls(steps[:_MOST_STEPS], line, around, called)

    @property
    def failing(self) -> Unit:
        return self.steps[0].unit


def _share(step: Step) -> float:
    return 1 / (1 + step.distance)


@dataclass(frozen=True, slots=True)
class Judge:
    """Gives units of one group, such as the stack's files, their odds."""

    asked: Asked
    code: Code
    together: Sequence[Together]
    w: Weights
    rarity: Mapping[str, float]
    usual: float  # names in a unit
    named: Counter[str]  # how many units have a name
    callers: int
    kin: frozenset[str]
    imported: frozenset[str]
    importing: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Asked, code: Code, units: Sequence[Unit], together: Sequence[Together], w: Weights) -> Judge:
        """`together` is what was written with the failing function, by the newest commit first."""
        failing, count = asked.failing, max(len(units), 1)
        seen = Counter(name for unit in units for name in unit.names)
        return cls(
            asked,
            code,
            together,
            w,
            rarity={name: math.log((count + 1) / often) for name, often in seen.items() if often <= _COMMON * count},
            usual=sum(len(unit.names) for unit in units) / count,
            named=Counter(unit.name for unit in units),
            callers=sum(failing.name in unit.calls for unit in units),
            kin=code.kin_of(failing.owner, (*code.module(failing.path).units, *units))
            if failing.owner
            else frozenset(),
            imported=frozenset(code.imported_files(failing.path)),
        )

    def ranked(self, units: Sequence[Unit]) -> list[Ranked]:
        """The units that something speaks for, the likeliest first."""
        judged = [one for unit in units if (one := self._judged(unit)) is not None]
        return sorted(judged, key=lambda one: (-one.weight, one.unit.path, one.unit.start))

    def _judged(self, unit: Unit) -> Ranked | None:
        reasons = [(odds, why) for odds, why in self._reasons(unit) if odds > 0]
        alike = self.w.line * self._bm25(unit, self.asked.line) + self.w.around * self._bm25(unit, self.asked.around)
        if not reasons and not alike:
            return None
        why = max(reasons, default=(0.0, f"speaks of the same as {self.asked.failing.name}"))[1]
        weight = alike + sum(odds for odds, _ in reasons) + self._by_place(unit)
        return Ranked(unit, weight, " ".join(f"{unit.kind} {unit.name}, {why}".split()))

    def _reasons(self, unit: Unit) -> Iterator[tuple[float, str]]:
        """What speaks for a unit beside its words: odds, and the same for who reads it."""
        failing, w = self.asked.failing, self.w
        if share := self.asked.called.get(unit.name):
            others = self.named[unit.name] * (8 if unit.name in BUILT_IN else 1)
            yield w.called * share / (1 + math.log2(others)), f"used by {self._caller_of(unit.name)}"
        if failing.name in unit.calls and is_called_by_name(failing):
            yield w.calls / (1 + math.log2(self.callers)), f"calls {failing.name}"
        if unit.owner in self.kin and unit.name == failing.name:
            yield w.override, f"of {unit.owner}, a relative of {failing.owner}"
        if unit.owner and (unit.owner == failing.owner or unit.owner in failing.names):
            yield w.owner, f"of {unit.owner}"
        if unit.kind == "constant" and failing.names.intersection(unit.name.split()):
            yield w.called, f"read by {failing.name}"
        yield self._written_together(unit), f"changed together with {failing.name}"
        yield self._nearness(unit), "in a file of the stack"

    def _caller_of(self, name: str) -> str:
        return next(step.unit.name for step in self.asked.steps if name in step.unit.calls)

    def _written_together(self, unit: Unit) -> float:
        lines = {line.strip() for line in self.code.sources.lines(unit.path)[unit.start - 1 : unit.end]}
        telling = {line for line in lines if len(line) > _SHORTEST}
        by_commit = (
            self.w.together / ((1 + newer) * math.log2(2 + one.files))
            for newer, one in enumerate(self.together)
            if not telling.isdisjoint(one.lines.get(unit.path, ()))
        )
        return max(by_commit, default=0.0)

    def _nearness(self, unit: Unit) -> float:
        by_step = (
            self.w.near * _share(step) * math.exp(-_lines_apart(unit, step.unit) / _NEIGHBOURHOOD)
            for step in self.asked.steps
            if step.unit.path == unit.path
        )
        return max(by_step, default=0.0)

    def _by_place(self, unit: Unit) -> float:
        odds = -self.w.folder * folders_apart(unit.path, self.asked.failing.path)
        odds += self.w.imported if unit.path in self.imported else 0
        return odds + (self.w.importing if self._is_importing(unit.path) else 0)

    def _is_importing(self, path: str) -> bool:
        if path not in self.importing:
            self.importing[path] = self.asked.failing.path in self.code.imported_files(path)
        return self.importing[path]

    def _bm25(self, unit: Unit, wanted: Mapping[str, float]) -> float:
        length = 1 - _BY_LENGTH + _BY_LENGTH * len(unit.names) / self.usual
        shared = sum(share * self.rarity.get(name, 0.0) for name, share in wanted.items() if name in unit.names)
        return shared * (1 + _SATURATION) / (1 + _SATURATION * length)


def is_called_by_name(unit: Unit) -> bool:
    return unit.kind == "function" and not unit.name.startswith("__")


def _lines_apart(one: Unit, other: Unit) -> int:
    return max(one.start - other.end, other.start - one.end, 0)
