"""Which frames are the project's own, and the source around them: one way for every door."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

from kintsugi.capture.own_packages import is_of_another_package, own_file
from kintsugi.capture.spellings import compiled_from, plain, spellings, unhashed
from kintsugi.capture.tree import Tree, commit_at, tree_at
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised, SourceLine

Locator = Callable[[Failure], Failure]

_LIBRARY_PARTS = frozenset(("site-packages", "dist-packages", "node_modules", "jre", "jdk"))
_LIBRARY_MARKS = ("<frozen", "node:", "/lib/python3", "/lib64/python3", "/usr/local/go/", "/pkg/mod/", "/gems/")
_DEPENDENCY = re.compile(
    r"/\.?cargo/(?:registry|git)/|/rustc/[0-9a-f]{40}/|/rustlib/src/rust/|/lib/ruby/\d|/lib/pypy3"
    r"|/(?i:python|(?:ana|mini)conda|miniforge)\d*(?:-\d+)?(?:/[\d.]+(?:/x\d\d)?|/envs/[\w.-]+)?/Lib/"
    r"|/(?:lib/go(?:lang)?(?:-[\d.]+)?|go/[\d.]+/(?:x64|libexec)|Program Files/Go)/src/"
)
# Into a folder `vendor` package managers put what others wrote, and this of their own.
_OF_VENDORS = {"php": "autoload.php", "go": "modules.txt"}
_MOST_CANDIDATES = 5
_HEAD = 60  # lines of a file, in which it says what package it is of


def locate(failure: Failure, root: Path, *, sha: str | None = None, around: int = 5) -> Failure:
    """The failure with the project's own frames marked, their paths relative to `root`, and source lines attached.

    A path counts as the project's when it lies under `root` or, where the program ran elsewhere, when its end, or that
    of the path its module stands for, fits exactly one of the project's files; what was reported stays in `reported`.
    Where it fits several, they are its `candidates`. `root` is a work tree, a bare repository or a plain folder; the
    source is that of commit `sha` where the repository has it. `around` lines are taken before and after.
    CaptureError where there is no such folder.
    """
    return locator(root, sha=sha, around=around)(failure)


def locator(root: Path | None, *, sha: str | None = None, around: int = 5) -> Locator:
    """`locate` for many failures of one project, whose files are listed once. Where there is none, nothing is found."""
    if root is None:
        return lambda failure: failure
    places = _places_at(root, sha)

    def located(failure: Failure) -> Failure:
        chosen = _chosen(failure, places)
        chain = tuple(_raised(raised, chosen, places, around) for raised in failure.chain)
        return failure.model_copy(update={"chain": chain})

    return located


def lines_of(root: Path | None, sha: str | None) -> Callable[[str], Sequence[str]]:
    """The lines of the project's files at `sha`, by their paths; none of what it does not have. CaptureError."""

    def lines(path: str) -> Sequence[str]:
        places = _places_at(root, sha) if root else None
        return places.lines(path) if places and path in places.tree.paths else ()

    return lines


@dataclass(frozen=True, slots=True)
class _Places:
    """The project's files, found by the ends of their paths."""

    tree: Tree
    by_name: dict[str, tuple[str, ...]]
    files: dict[str, list[str]] = field(default_factory=dict)  # lines already read

    @classmethod
    def of(cls, tree: Tree) -> _Places:
        by_name: dict[str, list[str]] = {}
        for path in sorted(tree.paths):
            by_name.setdefault(path.rpartition("/")[2], []).append(path)
        return cls(tree, {name: tuple(paths) for name, paths in by_name.items()})

    def lines(self, path: str) -> list[str]:
        if path not in self.files:
            self.files[path] = self.tree.lines(path)
        return self.files[path]


def _places_at(root: Path, sha: str | None) -> _Places:
    """Those of a commit stay as they are, so that many reports of one build list them once."""
    commit = commit_at(root, sha)
    return _places_of(root.resolve(), commit) if commit else _Places.of(tree_at(root, sha))


@lru_cache(maxsize=4)
def _places_of(root: Path, commit: str) -> _Places:
    return _Places.of(tree_at(root, commit))


_Chosen = dict[tuple[str, str, str], tuple[str, ...]]


def _key(frame: Frame) -> tuple[str, str, str]:
    return (frame.path, frame.reported, frame.module)


def _chosen(failure: Failure, places: _Places) -> _Chosen:
    """The files that each frame may lie in. Where that are several, those of the program that the others lie in."""
    frames = [frame for raised in failure.chain for frame in raised.frames]
    found = {_key(frame): tuple(_own_paths(frame, failure.language, places)) for frame in frames}
    certain = [paths[0] for paths in found.values() if len(paths) == 1]
    deployed = dict.fromkeys(_deployed(key, paths[0]) for key, paths in found.items() if len(paths) == 1)
    for key, paths in found.items():
        if len(paths) != 1 and (beside := _beside(key, [each for each in deployed if each], failure.language, places)):
            found[key] = (beside,)
    return {key: _nearest(paths, certain) if len(paths) > 1 else paths for key, paths in found.items()}


def _deployed(key: tuple[str, str, str], path: str) -> tuple[str, str] | None:
    """The folder that the program ran in, and which of the project's it is, as a file of which both are known tells."""
    for told in (plain(one) for one in (key[1], key[0]) if one):
        ran, lies = PurePosixPath(told).parts, PurePosixPath(path).parts
        alike = _common(ran[::-1], lies[::-1])
        if told.startswith("/") and alike and alike < len(ran) - 1:
            return PurePosixPath(*ran[:-alike]).as_posix(), "/".join(lies[:-alike])
    return None


def _beside(
    key: tuple[str, str, str], deployed: Sequence[tuple[str, str]], language: str, places: _Places
) -> str | None:
    """The project's file that lies beside a known one as this path beside the other's, if all that is known agrees."""
    told = next((path for one in (key[1], key[0]) if (path := plain(one)).startswith("/")), "")
    if not told or is_library(told) or _is_dependency(told, language, places):
        return None
    under = {f"{lies}/{told[len(ran) + 1 :]}".removeprefix("/") for ran, lies in deployed if told.startswith(f"{ran}/")}
    found = [path for path in under if path in places.tree.paths]
    return found[0] if len(found) == 1 else None


def _nearest(paths: tuple[str, ...], certain: Sequence[str]) -> tuple[str, ...]:
    """Several programs in one repository have files of one name: those that share most folders with what is certain."""
    shared = {path: max((_common_start(path, known) for known in certain), default=0) for path in paths}
    most = max(shared.values())
    return tuple(path for path in paths if shared[path] == most)


def _common_start(one: str, other: str) -> int:
    return _common(PurePosixPath(one).parts[:-1], PurePosixPath(other).parts[:-1])


def _raised(raised: Raised, chosen: _Chosen, places: _Places, around: int) -> Raised:
    frames = tuple(_located(frame, chosen[_key(frame)], places, around) for frame in raised.frames)
    return raised.model_copy(update={"frames": frames})


def _located(frame: Frame, paths: tuple[str, ...], places: _Places, around: int) -> Frame:
    if len(paths) != 1:
        candidates = (paths or _compiled(frame, places))[:_MOST_CANDIDATES]
        return frame.model_copy(
            update={"in_project": False, "source": (), "variables": {}, "candidates": candidates},
        )
    path = paths[0]
    lines = places.lines(path)
    code = frame.code or (lines[frame.line - 1].strip() if 0 < frame.line <= len(lines) else "")
    reported = frame.reported or (frame.path if frame.path != path else "")
    changed = {"path": path, "in_project": True, "source": _around(lines, frame.line, around) or frame.source}
    return frame.model_copy(update={**changed, "code": code, "reported": reported})


def _compiled(frame: Frame, places: _Places) -> tuple[str, ...]:
    """What a compiled file may have been made from: its lines are others, so that it is no more than a candidate."""
    told = plain(frame.reported or frame.path)
    if is_library(told):
        return ()
    made = [PurePosixPath(path).parts for path in compiled_from(told)]
    names = {parts[-1] for parts in made}
    fitting = [path for name in sorted(names) for path in places.by_name.get(name, ())]
    ends = {path: max(_common(parts[::-1], PurePosixPath(path).parts[::-1]) for parts in made) for path in fitting}
    longest = max(ends.values(), default=0)
    return tuple(path for path, length in ends.items() if length == longest > 1)


def _around(lines: list[str], line: int, around: int) -> tuple[SourceLine, ...]:
    if not 0 < line <= len(lines):
        return ()
    first, last = max(line - around, 1), min(line + around, len(lines))
    return tuple(SourceLine(number=number, text=lines[number - 1]) for number in range(first, last + 1))


def _own_paths(frame: Frame, language: str, places: _Places) -> Iterable[str]:
    """The project's files that this frame may have run in; of several, none tells more than another."""
    told = [path for path in (frame.reported, frame.path) if path]
    if any(path.startswith("<") or "\0" in path for path in told) or not told:
        return ()
    for path in told:
        under = _under(plain(path), places.tree)
        if under is not None:
            return (under,) if under in places.tree.paths else ()

    def reads_alike(path: str) -> bool:
        return _reads_alike(frame, places.lines(path))

    own = (own_file(plain(path), places.tree, places.by_name, places.lines, reads_alike) for path in told)
    if (installed := next(filter(None, own), None)) is not None:
        return (installed,)
    if any(is_of_another_package(path, places.by_name, places.lines) for path in told) or any(
        is_library(plain(path)) or is_library(path) or _is_dependency(plain(path), language, places) for path in told
    ):
        return ()
    return _by_their_ends(spellings(frame, language), frame, places)


def _under(path: str, tree: Tree) -> str | None:
    """The path from the root, for an absolute path that lies under it."""
    if not path.startswith("/"):
        return None
    root = tree.root.as_posix()
    if PurePosixPath(path).is_relative_to(root):
        return PurePosixPath(path).relative_to(root).as_posix()
    resolved = Path(path).resolve()
    return resolved.relative_to(tree.root).as_posix() if resolved.is_relative_to(tree.root) else None


def is_library(reported: str) -> bool:
    """Whether a path is of an installed package, or of the language itself."""
    parts = PurePosixPath(reported).parts
    return bool(_LIBRARY_PARTS.intersection(parts)) or any(mark in reported for mark in _LIBRARY_MARKS)


def _is_dependency(path: str, language: str, places: _Places) -> bool:
    """Whether a package manager put the file there: its end may be that of one of the project's, as `src/lib.rs` is."""
    if _DEPENDENCY.search(path):
        return True
    if language not in _OF_VENDORS or "/vendor/" not in f"/{path}":
        return False
    named = places.by_name.get(path.rpartition("/")[2], ())
    folders = (one[: one.rindex("/vendor/")] for one in named if "/vendor/" in one and f"/{path}".endswith(f"/{one}"))
    return all(f"{folder}/vendor/{_OF_VENDORS[language]}" in places.tree.paths for folder in folders)


def _by_their_ends(told: Sequence[str], frame: Frame, places: _Places) -> list[str]:
    """The files that have the longest end in common with one of the spellings."""
    ends: dict[str, int] = {}
    for spelling in told:
        for path, length in _ends(spelling, places):
            ends[path] = max(ends.get(path, 0), length)
    longest = max(ends.values(), default=0)
    fitting = [path for path, length in ends.items() if length == longest]
    exact = [path for path in fitting if path in told]
    fitting = exact if len(exact) == 1 else _reading_alike(fitting, frame, places)
    if len(fitting) == 1 and not _is_strong(fitting[0], longest, told, frame, places):
        return []
    # several files of a name alone, such as utils.py, tell nothing
    return fitting if len(fitting) == 1 or longest > 1 else []


def _ends(spelling: str, places: _Places) -> Iterator[tuple[str, int]]:
    parts = PurePosixPath(spelling).parts
    for name in dict.fromkeys((parts[-1], unhashed(parts[-1]))):
        for path in places.by_name.get(name, ()):
            yield path, _common((*parts[:-1], name)[::-1], PurePosixPath(path).parts[::-1])


def _reading_alike(paths: list[str], frame: Frame, places: _Places) -> list[str]:
    """Those whose line is the reported one, else those that have the function; all of them where that is none."""
    if len(paths) < 2:
        return paths
    alike = [path for path in paths if _reads_alike(frame, places.lines(path))]
    name = frame.function.rpartition(".")[2].strip("<>?")
    return alike or [path for path in paths if name and _holds(name, frame.line, places.lines(path))] or paths


def _is_strong(path: str, length: int, told: Sequence[str], frame: Frame, places: _Places) -> bool:
    """A name alone, such as utils.py, is weak: the line must read as it was reported too."""
    if length > 1:
        return True
    whole = "/" not in path and any("/" not in spelling or spelling.startswith("/") for spelling in told)
    lines = places.lines(path)
    return (whole and not frame.code) or path in told or _reads_alike(frame, lines) or _is_of_package(frame, lines)


def _is_of_package(frame: Frame, lines: Sequence[str]) -> bool:
    """Kotlin's files need not lie in folders of their package's name, but say it."""
    package = frame.module.rpartition(".")[0]
    return bool(package) and any(line.strip().rstrip(";") == f"package {package}" for line in lines[:_HEAD])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """How many they have in common, from the first on."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _reads_alike(frame: Frame, lines: list[str]) -> bool:
    return bool(frame.code) and 0 < frame.line <= len(lines) and lines[frame.line - 1].strip() == frame.code


def _holds(name: str, line: int, lines: list[str]) -> bool:
    return line <= len(lines) and any(name in text for text in lines[: line or None])
