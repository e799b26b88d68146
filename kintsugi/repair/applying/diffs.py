"""The canonical unified diff of what was applied, for humans."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Protocol

from kintsugi.repair.trees import Kind, Tree


class Result(Protocol):
    """What came of applying."""

    @property
    def files(self) -> Mapping[str, bytes | None]: ...

    @property
    def modes(self) -> Mapping[str, str]: ...


def unified_diff(applied: Result, tree: Tree) -> str:
    """One diff that `git apply` takes, file by file in the order of their names."""
    return "".join(_file_diff(path, applied, tree) for path in sorted(applied.files))


def _file_diff(path: str, applied: Result, tree: Tree) -> str:
    before, after = tree.read(path), applied.files[path]
    head = f"diff --git a/{path} b/{path}\n{_mode_lines(path, before, applied, tree)}"
    if before == after:
        return head
    if b"\0" in (before or b"") + (after or b""):
        return f"{head}Binary files differ\n"
    lines = difflib.unified_diff(
        _split(before or b""),
        _split(after or b""),
        "/dev/null" if before is None else f"a/{path}",
        "/dev/null" if after is None else f"b/{path}",
    )
    return head + "".join(_marked(lines))


def _mode_lines(path: str, before: bytes | None, applied: Result, tree: Tree) -> str:
    old = "100755" if tree.kind(path) is Kind.EXECUTABLE else "100644"
    new = applied.modes.get(path, old)
    if before is None:
        return f"new file mode {new}\n"
    if applied.files[path] is None:
        return f"deleted file mode {old}\n"
    return f"old mode {old}\nnew mode {new}\n" if new != old else ""


def _split(content: bytes) -> list[str]:
    lines = content.decode("utf-8", errors="replace").split("\n")
    return [*(f"{line}\n" for line in lines[:-1]), *([lines[-1]] if lines[-1] else [])]


def _marked(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
