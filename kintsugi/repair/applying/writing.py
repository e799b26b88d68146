"""Bringing a result to disk: all of it or nothing."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.applying.locating import writable
from kintsugi.repair.trees import FolderTree

_NEW_FILE, _NEW_PROGRAM = 0o644, 0o755


class Result(Protocol):
    """What is to be written."""

    @property
    def files(self) -> Mapping[str, bytes | None]: ...

    @property
    def modes(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One file ready to take its place: the new bytes and a second link to the old ones, both beside it."""

    target: Path
    fresh: Path | None
    kept: Path | None


def write(applied: Result, root: Path) -> None:
    """Write a result into a folder, or leave the folder as it was and raise.

    Raises Refused where a path leads through a link, OSError where the disk says no. A file keeps its mode.
    """
    tree = FolderTree(root)
    targets = {path: root.resolve() / writable(path, tree) for path in applied.files}
    folders: list[Path] = []
    prepared: list[_Prepared] = []
    placed: list[_Prepared] = []
    try:
        for path, target in targets.items():
            _make_folders(target.parent, folders)
            prepared.append(_prepare(target, applied.files[path], applied.modes.get(path)))
        for one in prepared:
            placed.append(one)
            _place(one)
    except BaseException:
        for one in reversed(placed):
            _put_back(one)
        _clean_up(prepared)
        _remove_folders(folders)
        raise
    _clean_up(prepared)
    _remove_folders(
        {target.parent for path, target in targets.items() if applied.files[path] is None} - {root.resolve()}
    )


def _make_folders(folder: Path, made: list[Path]) -> None:
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir()
        made.append(one)


def _prepare(target: Path, content: bytes | None, mode: str | None) -> _Prepared:
    suffix = f".{secrets.token_hex(6)}.tmp"
    old = _mode(target)
    fresh = kept = None
    try:
        if content is not None:
            fresh = target.with_name(f".{target.name[:100]}{suffix}")
            wanted = _wanted_mode(old, mode)
            _write_new(fresh, content, wanted)
        if old is not None:
            kept = target.with_name(f".{target.name[:100]}.old{suffix}")
            _keep(target, kept)
    except BaseException:
        _clean_up([_Prepared(target, fresh, kept)])
        raise
    return _Prepared(target, fresh, kept)


def _wanted_mode(old: int | None, mode: str | None) -> int:
    if mode is None:
        return _NEW_FILE if old is None else old
    if old is None:
        return _NEW_PROGRAM if mode == "100755" else _NEW_FILE
    return old | 0o111 if mode == "100755" else old & ~0o111


def _mode(target: Path) -> int | None:
    """The permissions of a regular file; None where there is none. Raises Refused for anything else."""
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise Refused(f"{target} is no regular file.")
    return stat.S_IMODE(mode)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)


def _keep(target: Path, kept: Path) -> None:
    """A second name for the old file; a copy where the disk has no links."""
    try:
        os.link(target, kept)
    except OSError:
        _write_new(kept, target.read_bytes(), stat.S_IMODE(target.stat().st_mode))


def _place(one: _Prepared) -> None:
    if one.fresh is None:
        one.target.unlink()
    else:
        one.fresh.replace(one.target)


def _put_back(one: _Prepared) -> None:
    with suppress(OSError):
        if one.kept is not None:
            one.kept.replace(one.target)
        elif one.fresh is not None and not one.fresh.exists():
            one.target.unlink()


def _clean_up(prepared: list[_Prepared]) -> None:
    for one in prepared:
        for leftover in (one.fresh, one.kept):
            if leftover is not None:
                with suppress(OSError):
                    leftover.unlink()


def _remove_folders(folders: list[Path] | set[Path]) -> None:
    """Those that are empty, innermost first."""
    for folder in sorted(folders, key=lambda one: -len(one.parts)):
        with suppress(OSError):
            folder.rmdir()
