"""The project's code as one failure needs it: modules that are parsed once, imports, and where the stack ran."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import takewhile

from kintsugi.repair.context.index import Module, Unit, parse
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
_MOST_FILES = 24  # looked at for one name
_MOST_PARSED = 700_000  # characters of source parsed in all: a third of a second; twice as many found no more
_MOST_FRAMES = 12  # of the stack, from the innermost
BUILT_IN = frozenset(name for kind in (list, dict, set, str, bytes) for name in dir(kind))


@dataclass(frozen=True, slots=True)
class Ranked:
    """A unit, its weight (larger is shown first), and why it is shown."""

    unit: Unit
    weight: float
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """One of the project's frames: `distance` from where the exception was raised, and the unit it ran in."""

    frame: Frame
    distance: int
    unit: Unit
    test: bool


@dataclass(frozen=True, slots=True)
class Code:
    """The modules parsed so far."""

    sources: Sources
    parsed: dict[str, Module]

    def module(self, path: str) -> Module:
        if path not in self.parsed:
            self.parsed[path] = parse(path, self.sources.texts[path])
        return self.parsed[path]

    def units(self, paths: Iterable[str]) -> Iterator[Unit]:
        """The units of these files, of as many as may still be parsed."""
        parsed = sum(len(self.sources.texts[known]) for known in self.parsed)
        for path in paths:
            if path not in self.parsed:
                if parsed >= _MOST_PARSED:
                    continue
                parsed += len(self.sources.texts[path])
            yield from self.module(path).units

    def has_room_for(self, paths: Iterable[str]) -> bool:
        """Whether all these files may still be parsed."""
        return sum(len(self.sources.texts[path]) for path in (*self.parsed, *paths)) <= _MOST_PARSED

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

    def kin_of(self, owner: str, units: Iterable[Unit]) -> frozenset[str]:
        """The bases of a class and its subclasses, by name, as far as their heads are among the units."""
        heads = [unit for unit in units if unit.kind == "class"]
        below = (head.name for head in heads if owner in self.names_of(head))
        above = (base for head in heads if head.name == owner for base in self.names_of(head))
        return frozenset((*below, *above)) - {owner, ""}


def _folder_of(package: str, texts: Mapping[str, str]) -> str | None:
    """The project's folder of a Go package: the longest end of its path that is one."""
    parts = package.split("/")
    ends = ("/".join(parts[at:]) for at in range(len(parts)))
    return next((end for end in ends if any(path.startswith(f"{end}/") for path in texts)), None)


def steps_of(failure: Failure, code: Code) -> list[Step]:
    """The project's frames, nearest to the raise first; those of the program before those of its tests."""
    steps = []
    for raised in reversed(failure.chain):
        own = [frame for frame in reversed(raised.frames) if frame.in_project and frame.path in code.sources.texts]
        for distance, frame in enumerate(_each_function_once(own)[:_MOST_FRAMES]):
            unit = code.module(frame.path).at(frame.line)
            if unit is not None:
                steps.append(Step(frame, distance, unit, is_test(frame.path)))
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


def nearest(paths: Iterable[str], to: str) -> list[str]:
    """The files closest to the one at `to` in the tree of folders; no more than are worth parsing."""
    return sorted(paths, key=lambda path: (folders_apart(path, to), path))[:_MOST_FILES]


def folders_apart(path: str, to: str) -> int:
    """How many folders around the file at `to` are none of the other's."""
    folders = to.split("/")[:-1]
    together = zip(folders, path.split("/")[:-1], strict=False)
    return len(folders) - sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], together))
