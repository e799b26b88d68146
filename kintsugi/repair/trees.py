"""Read-only views of a tree of files: a folder as it lies, or a commit."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Protocol

from kintsugi.children import environment

_SKIPPED_FOLDERS = frozenset((".git", ".hg", ".svn", "__pycache__", "node_modules", ".venv", "venv", ".tox"))
_SKIPPED_FOLDERS |= {".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"}
_GIT_SECONDS = 60.0
_EXPORTED_AT_ONCE = 500
# What is asked about a repository stays in it: an object that is missing is not fetched (which runs what the
# repository's settings name), and none stands in for another.
ALONE = {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_NO_REPLACE_OBJECTS": "1"}


class Kind(StrEnum):
    """What stands at a path."""

    FILE = "file"
    EXECUTABLE = "executable"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"
    FOLDER = "folder"
    OTHER = "other"  # a device, a socket, a pipe


_KINDS = {"100644": Kind.FILE, "100664": Kind.FILE, "100755": Kind.EXECUTABLE}
_KINDS |= {"120000": Kind.SYMLINK, "160000": Kind.SUBMODULE}


class TreeError(Exception):
    """There is no such folder or commit. The message says which."""


class Tree(Protocol):
    """Files by path, relative to the top with forward slashes."""

    def read(self, path: str) -> bytes | None:
        """What a regular file holds; None where there is none."""
        ...

    def paths(self) -> Collection[str]:
        """The paths of all regular files."""
        ...

    def kind(self, path: str) -> Kind | None:
        """What stands at `path`; a link or submodule above it counts as that. None: nothing."""
        ...

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Path and bytes of each of these that is a regular file."""
        ...


class FolderTree:
    """A git work tree as it lies (what git ignores left out of `paths`), or a plain folder."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise TreeError(f"There is no folder {root}.")
        self._root = root.resolve()

    def read(self, path: str) -> bytes | None:
        if self.kind(path) not in (Kind.FILE, Kind.EXECUTABLE):
            return None
        handle = os.open(self._root / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            return file.read()

    def export(self, into: Path) -> None:
        """Write its files into an empty folder, links as they are. Raises OSError."""
        for path in self._listed:
            kind = self.kind(path)
            if kind is Kind.SYMLINK and not any(self.kind(above) is Kind.SYMLINK for above in _above(path)):
                _write(into, path, kind, os.fsencode((self._root / path).readlink()))
            elif kind in (Kind.FILE, Kind.EXECUTABLE):
                _write(into, path, kind, self.read(path) or b"")

    def paths(self) -> Collection[str]:
        return self._paths

    @cached_property
    def _listed(self) -> tuple[str, ...]:
        listed = git(self._root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = _walked(self._root) if listed is None else filter(None, os.fsdecode(listed).split("\0"))
        return tuple(sorted(set(names)))

    @cached_property
    def _paths(self) -> frozenset[str]:
        return frozenset(name for name in self._listed if self.kind(name) in (Kind.FILE, Kind.EXECUTABLE))

    def kind(self, path: str) -> Kind | None:
        at = self._root
        parts = path.split("/")
        for number, part in enumerate(parts):
            at /= part
            try:
                mode = at.lstat().st_mode
            except (OSError, ValueError):
                return None
            if stat.S_ISLNK(mode):
                return Kind.SYMLINK
            if stat.S_ISDIR(mode) and (at / ".git").exists():
                return Kind.SUBMODULE
            if number < len(parts) - 1 and not stat.S_ISDIR(mode):
                return Kind.OTHER
        return _kind(mode)

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        return ((path, content) for path in paths if (content := self.read(path)) is not None)


class RevisionTree:
    """A commit, read from the repository at `folder` (a work tree or a bare one)."""

    def __init__(self, folder: Path, rev: str) -> None:
        self._folder = folder.resolve()
        self.commit = commit_of(folder, rev)
        listed = git(self._folder, "ls-tree", "-r", "-z", "--full-tree", self.commit) or b""
        self._entries = {path: (kind, sha) for path, kind, sha in _entries(listed)}
        self._read: dict[str, bytes] = {}

    def read(self, path: str) -> bytes | None:
        return next((content for _, content in self.contents([path])), None)

    def paths(self) -> Collection[str]:
        return self._files.keys()

    @cached_property
    def _files(self) -> Mapping[str, str]:
        """Object names by path."""
        return {path: sha for path, (kind, sha) in self._entries.items() if kind in (Kind.FILE, Kind.EXECUTABLE)}

    @cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(above for path in self._entries for above in _above(path))

    def kind(self, path: str) -> Kind | None:
        if path in self._entries:
            return self._entries[path][0]
        if path in self._folders:
            return Kind.FOLDER
        held = [self._entries[above][0] for above in _above(path) if above in self._entries]
        return None if not held else held[0] if held[0] in (Kind.SYMLINK, Kind.SUBMODULE) else Kind.OTHER

    def contents(self, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        wanted = [path for path in paths if path in self._files]
        self._fetch({self._files[path] for path in wanted} - self._read.keys())
        return ((path, self._read[self._files[path]]) for path in wanted)

    def _fetch(self, shas: set[str]) -> None:
        if shas:
            self._read.update(self._objects(sorted(shas)))

    def _objects(self, shas: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        output = git(self._folder, "cat-file", "--batch", given="".join(f"{sha}\n" for sha in shas).encode())
        try:
            yield from zip(shas, blobs(output or b""), strict=True)
        except ValueError:
            raise TreeError(f"{self._folder} does not hold all of {self.commit}: fetch it whole.") from None

    def export(self, into: Path) -> None:
        """Write the files of the commit into an empty folder, byte for byte as they are in it.

        Nothing of the repository's settings or attributes has a say, and nothing is run. A link is written as it is,
        wherever it points; what it points to is not. A submodule is an empty folder. Raises TreeError, OSError.
        """
        wanted = [(path, kind, sha) for path, (kind, sha) in self._entries.items() if kind is not Kind.OTHER]
        for at in range(0, len(wanted), _EXPORTED_AT_ONCE):
            part = wanted[at : at + _EXPORTED_AT_ONCE]
            shas = sorted({sha for _, kind, sha in part if kind is not Kind.SUBMODULE})
            contents = dict(self._objects(shas))
            for path, kind, sha in part:
                _write(into, path, kind, contents.get(sha, b""))


def _write(into: Path, path: str, kind: Kind, content: bytes) -> None:
    """Never through a link and never over anything: a commit made by hand may name both."""
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\0" in path:
        raise TreeError(f"The commit has the path {path!r}, which git itself does not write.")
    target = into.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    if any(above.is_symlink() for above in target.parents if above != into and into in above.parents):
        raise TreeError(f"The commit has the path {path!r} below a link.")
    if kind is Kind.SUBMODULE:
        target.mkdir()
    elif kind is Kind.SYMLINK:
        target.symlink_to(os.fsdecode(content))
    else:
        mode = 0o755 if kind is Kind.EXECUTABLE else 0o644
        handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)


def commit_of(folder: Path, rev: str) -> str:
    """The full SHA of a revision. Raises TreeError."""
    found = None
    if not rev.startswith("-"):
        found = git(folder.resolve(), "rev-parse", "--verify", "--quiet", f"{rev}^{{commit}}")
    if not found:
        raise TreeError(f"{folder} has no commit {rev}.")
    return found.decode().strip()


def git(folder: Path, *arguments: str, given: bytes = b"") -> bytes | None:
    """What git prints about the repository whose top is `folder`; None where it is none, refuses or takes too long."""
    own = {"GIT_CEILING_DIRECTORIES": str(folder.parent), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"} | ALONE
    # Whoever owns the repository: nothing of its settings is run.
    settings = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*")
    command = ["git", *settings, "-C", str(folder), *arguments]
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, env=environment(own), timeout=_GIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def _walked(root: Path) -> Iterator[str]:
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED_FOLDERS]
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        yield from ((Path(folder) / name).relative_to(root).as_posix() for name in (*files, *links))


def _kind(mode: int) -> Kind:
    if stat.S_ISDIR(mode):
        return Kind.FOLDER
    if not stat.S_ISREG(mode):
        return Kind.OTHER
    return Kind.EXECUTABLE if mode & stat.S_IXUSR else Kind.FILE


def _entries(listed: bytes) -> Iterator[tuple[str, Kind, str]]:
    for entry in filter(None, listed.split(b"\0")):
        about, _, name = entry.partition(b"\t")
        mode, _, sha = about.decode().split()
        yield os.fsdecode(name), _KINDS.get(mode, Kind.OTHER), sha


def _above(path: str) -> Iterator[str]:
    parts = path.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def blobs(output: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(output):
        head = output.index(b"\n", at)
        size = int(output[at:head].split()[-1])
        yield output[head + 1 : head + 1 + size]
        at = head + size + 2
