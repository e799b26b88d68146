"""Which frames are the project's own, and the source around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kintsugi.capture.tree import Tree, tree_at
from kintsugi.workflow.payload import Failure, Frame, SourceLine

_LIBRARY_PARTS = frozenset(("site-packages", "dist-packages", "node_modules", "jre", "jdk"))
_LIBRARY_MARKS = ("<frozen", "node:", "/lib/python3", "/lib64/python3", "/usr/local/go/", "/pkg/mod/")


def locate(failure: Failure, root: Path, *, sha: str | None = None, around: int = 5) -> Failure:
    """The failure with the project's own frames marked, their paths relative to `root`, and source lines attached.

    A path counts as the project's when it lies under `root` or, where the program ran elsewhere, when its end
    fits exactly one of the project's files. `root` is a work tree, a bare repository or a plain folder; the
    source is that of commit `sha` where the repository has it. `around` lines are taken before and after.
    CaptureError where there is no such folder.
    """
    return locator(root, sha=sha, around=around)(failure)


def locator(root: Path | None, *, sha: str | None = None, around: int = 5) -> Callable[[Failure], Failure]:
    """`locate` for many failures of one project, whose files are listed once. Where there is none, nothing is found."""
    if root is None:
        return lambda failure: failure
    places = _Places.of(tree_at(root, sha))

    def located(failure: Failure) -> Failure:
        chain = tuple(
            raised.model_copy(update={"frames": tuple(_located(frame, places, around) for frame in raised.frames)})
            for raised in failure.chain
        )
        return failure.model_copy(update={"chain": chain})

    return located


@dataclass(frozen=True, slots=True)
class _Places:
    """The project's files, found by the ends of their paths."""

    tree: Tree
    by_name: dict[str, tuple[str, ...]]
    files: dict[str, list[str]]  # lines already read

    @classmethod
    def of(cls, tree: Tree) -> _Places:
        by_name: dict[str, tuple[str, ...]] = {}
        for path in sorted(tree.paths):
            name = path.rpartition("/")[2]
            by_name[name] = (*by_name.get(name, ()), path)
        return cls(tree, by_name, {})

    def lines(self, path: str) -> list[str]:
        if path not in self.files:
            self.files[path] = self.tree.lines(path)
        return self.files[path]


def _located(frame: Frame, places: _Places, around: int) -> Frame:
    path = _own_path(frame, places)
    if path is None:
        return frame.model_copy(update={"in_project": False, "source": (), "variables": {}})
    lines = places.lines(path)
    code = frame.code or (lines[frame.line - 1].strip() if 0 < frame.line <= len(lines) else "")
    source = _around(lines, frame.line, around)
    return frame.model_copy(update={"path": path, "in_project": True, "source": source, "code": code})


def _around(lines: list[str], line: int, around: int) -> tuple[SourceLine, ...]:
    if not 0 < line <= len(lines):
        return ()
    first, last = max(line - around, 1), min(line + around, len(lines))
    return tuple(SourceLine(number=number, text=lines[number - 1]) for number in range(first, last + 1))


def _own_path(frame: Frame, places: _Places) -> str | None:
    """The project's file that this frame ran in, or None."""
    reported = frame.path.replace("\\", "/") if "\\" in frame.path else frame.path
    if not reported or reported.startswith("<") or "\0" in reported:
        return None
    under = _relative(reported, places.tree)
    if under is not None:
        return under if under in places.tree.paths else None
    if _is_library(reported):
        return None
    return _by_its_end(reported, frame, places)


def _relative(reported: str, tree: Tree) -> str | None:
    """The path from the root, for a path that lies under it or was reported relative to it."""
    path = PurePosixPath(reported)
    if not path.is_absolute():
        plain = path.as_posix()
        return plain if plain in tree.paths else None
    if path.is_relative_to(tree.root.as_posix()):
        return path.relative_to(tree.root.as_posix()).as_posix()
    resolved = Path(reported).resolve()
    return resolved.relative_to(tree.root).as_posix() if resolved.is_relative_to(tree.root) else None


def _is_library(reported: str) -> bool:
    parts = PurePosixPath(reported).parts
    return bool(_LIBRARY_PARTS.intersection(parts)) or any(mark in reported for mark in _LIBRARY_MARKS)


def _by_its_end(reported: str, frame: Frame, places: _Places) -> str | None:
    """The one file whose path and the reported one have the longest end in common."""
    parts = PurePosixPath(reported).parts
    ends = [(_common_end(parts, PurePosixPath(path).parts), path) for path in places.by_name.get(parts[-1], ())]
    longest = max((length for length, _ in ends), default=0)
    fitting = [path for length, path in ends if length == longest]
    if len(fitting) != 1:
        return None
    # A name alone, such as utils.py, is weak: the line must read as it was reported too.
    whole = longest == len(PurePosixPath(fitting[0]).parts)
    strong = longest > 1 or (whole and not frame.code) or _reads_alike(frame, places.lines(fitting[0]))
    return fitting[0] if strong else None


def _common_end(one: Iterable[str], other: Iterable[str]) -> int:
    count = 0
    for left, right in zip(reversed(tuple(one)), reversed(tuple(other)), strict=False):
        if left != right:
            break
        count += 1
    return count


def _reads_alike(frame: Frame, lines: list[str]) -> bool:
    return bool(frame.code) and 0 < frame.line <= len(lines) and lines[frame.line - 1].strip() == frame.code
