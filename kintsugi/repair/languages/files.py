"""The files of a tree with changes made to it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

_SKIPPED_FOLDERS = {"node_modules", "venv", "env", "build", "dist", "__pycache__", "site-packages", "vendor"}


def that_exist(files: Sequence[str], tree: Path, changes: Mapping[str, bytes | None]) -> tuple[str, ...]:
    """Those of the files that are there with these changes."""
    return tuple(path for path in files if (changes[path] is not None if path in changes else (tree / path).is_file()))


def content_of(path: str, tree: Path, changes: Mapping[str, bytes | None]) -> bytes:
    """What a file holds with these changes; nothing where there is none, or it is a link."""
    if path in changes:
        return changes[path] or b""
    try:
        return b"" if (tree / path).is_symlink() else (tree / path).read_bytes()
    except OSError:
        return b""


def files_of(tree: Path, endings: tuple[str, ...]) -> Iterator[str]:
    """The project's own files with such a name, as paths with forward slashes."""
    for parent, folders, names in os.walk(tree):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED_FOLDERS and not name.startswith("."))
        for name in sorted(names):
            if name.endswith(endings):
                yield Path(parent, name).relative_to(tree).as_posix()


def mentioning(
    tree: Path, changes: Mapping[str, bytes | None], files: Iterable[str], changed: Iterable[str]
) -> tuple[str, ...]:
    """Those of the files that name a changed module."""
    names = {_module_name(path) for path in changed}
    if not names:
        return ()
    mentions = re.compile(rb"\b(" + b"|".join(re.escape(name.encode()) for name in sorted(names)) + rb")\b")
    return tuple(path for path in files if mentions.search(content_of(path, tree, changes)))


def _module_name(path: str) -> str:
    pure = PurePosixPath(path)
    is_package = pure.stem in ("__init__", "__main__", "index") and pure.parent.name
    return pure.parent.name if is_package else pure.stem
