"""Finding the file a reply means, and refusing paths that nothing may be written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import TypeVar

from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.trees import Kind, Tree
from kintsugi.telemetry import lazy_re as re

Made = TypeVar("Made")

_SHOWN = 5
_MOST_SEARCHED = 5_000  # files
_GIT_FOLDER = re.compile(r"^\.git[. ]*$|^git~\d+$", re.IGNORECASE)
_WHAT = {
    Kind.SYMLINK: "is or lies behind a symbolic link",
    Kind.SUBMODULE: "lies in a submodule",
    Kind.FOLDER: "is a folder",
    Kind.OTHER: "is no regular file",
}


def plain(path: str) -> str:
    """A path with forward slashes and nothing idle in it. Raises Refused where it could lead out of the tree."""
    path = path.strip()
    if "\\" in path and "/" not in path:
        path = path.replace("\\", "/")
    if any(ord(character) < 32 or ord(character) == 127 for character in path) or "\\" in path:
        raise Refused(f"{path!r} is no path: it has control characters or backslashes.")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or path.startswith("~"):
        raise Refused(f"{path} leads out of the repository. Give paths within it, from its top.")
    if any(_GIT_FOLDER.match(part) for part in parts):
        raise Refused(f"{path} is git's own. It is never written to.")
    return ("/" if path.startswith("/") else "") + "/".join(parts)


def writable(path: str, tree: Tree) -> str:
    """The path, if a regular file is or may come to be there. Raises Refused."""
    if not path or path.startswith("/") or re.match(r"^[A-Za-z]:", path):
        raise Refused(f"{path or 'A change without a path'} is not within the repository. Give paths from its top.")
    kind = tree.kind(path)
    if kind in _WHAT:
        raise Refused(f"{path} {_WHAT[kind]}. Only regular files within the repository are written.")
    return path


def named(path: str, tree: Tree) -> str | None:
    """The file that a path names, as it is or but for a prefix such as a/; None where there is none."""
    relative = path.lstrip("/")
    without = relative.partition("/")[2] if relative.partition("/")[0] in ("a", "b", "i", "w") else ""
    for candidate in (path, without):
        if candidate and not candidate.startswith("/") and tree.kind(candidate) is not None:
            return writable(candidate, tree)
    return None


def found_elsewhere(path: str, tree: Tree, telling: str, attempt: Callable[[str, bytes, bool], Made]) -> Made | None:
    """What comes of the one other file that a change fits. Raises Refused where it fits several.

    `attempt` makes it of a path, its bytes, and whether the fit must be strict; `telling` is a line that has to be
    in the file. Where one file alone has the path's name, it is that one.
    """
    same_name = same_ending(path, [one for one in tree.paths() if one != path and _name(one) == _name(path)])
    if len(same_name) == 1 and tree.kind(path) is None:
        return next(_fits(same_name, tree, "", attempt, strict=False), None)
    suffix = PurePosixPath(path).suffix
    same_kind = [one for one in tree.paths() if one != path and (not path or PurePosixPath(one).suffix == suffix)]
    for candidates in (same_name, same_kind if telling else []):
        made = list(_fits(sorted(candidates)[:_MOST_SEARCHED], tree, telling, attempt, strict=True))
        if len(made) > 1:
            said = f"There is no {path}" if path else "The change names no file"
            raise Refused(f"{said}, and the change fits {len(made)} other files. Give the right path.")
        if made:
            return made[0]
    return None


def same_ending(path: str, like: Sequence[str]) -> list[str]:
    """Of the files with a path's name those whose path ends as it does, or that its end is the whole of; else all."""
    ends = [one for one in like if "/" in path.strip("/") and one.endswith(f"/{path.strip('/')}")]
    whole = [one for one in like if "/" in one and f"/{path}".endswith(f"/{one}")]
    return ends or whole or list(like)


def no_such_file(path: str, tree: Tree) -> Refused:
    """The refusal for a path that is not there, with those that are like it."""
    like = sorted(one for one in tree.paths() if _name(one) == _name(path))
    rest = f" There is {', '.join(like[:_SHOWN])}." if like else " Give a path from the repository's top."
    return Refused(f"There is no {path or 'file that this change fits'}.{rest}")


def _fits(
    paths: Sequence[str], tree: Tree, telling: str, attempt: Callable[[str, bytes, bool], Made], *, strict: bool
) -> Iterator[Made]:
    needle = telling.encode("utf-8", errors="replace")
    for path, content in tree.contents(paths):
        if needle in content:
            try:
                yield attempt(path, content, strict)
            except Refused:
                if not strict:
                    raise


def _name(path: str) -> str:
    return path.rpartition("/")[2]
