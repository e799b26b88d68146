"""Fixes from the history of a git repository, cut into hunks as a model would quote them."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path, PurePosixPath

CONTEXT = 3
_MOST_FILES, _MOST_LINES, _LARGEST = 4, 120, 200_000

_TEXTS = frozenset(
    (
        *(".py", ".md", ".rst", ".txt", ".toml", ".cfg", ".js", ".html", ".c", ".yml"),
        *(".go", ".ts", ".rb", ".rs", ".java", ".css", ".sh", ".h", ".vue"),
    )
)
_PLACEHOLDER = re.compile(r"\s*(#|//) ?\.\.\.\s*$")  # sent by a model it stands for code, and is refused

Line = tuple[str, str]  # operation (" ", "-" or "+"), text


@dataclass(frozen=True)
class Piece:
    """One hunk: its lines, and the claims of its header."""

    lines: tuple[Line, ...]
    start: int
    counts: tuple[int, int] | None = None
    numbered: bool = True

    @property
    def old(self) -> list[str]:
        return [text for op, text in self.lines if op != "+"]

    @property
    def new(self) -> list[str]:
        return [text for op, text in self.lines if op != "-"]


@dataclass(frozen=True)
class Changed:
    """One file of a commit: `named` is the path as the reply gives it."""

    path: str
    named: str
    before: str
    after: str
    pieces: tuple[Piece, ...]
    sent: str = ""  # the whole file as the reply gives it


@dataclass(frozen=True)
class Fix:
    """What a commit changed, and the whole tree before it."""

    commit: str
    files: tuple[Changed, ...]
    tree: Mapping[str, bytes]


def fixes(repository: Path, commits: int, seed: int = 0) -> Iterator[Fix]:
    """Commits of the history that changed some text files, spread over it."""
    log = _git(repository, "log", "--no-merges", "--format=%H", "--diff-filter=M").decode().split()
    random.Random(seed).shuffle(log)
    found = 0
    for commit in log:
        if found == commits:
            return
        if fix := _fix(repository, commit):
            found += 1
            yield fix


def _fix(repository: Path, commit: str) -> Fix | None:
    raw = _git(repository, "diff-tree", "-r", "--no-renames", "--no-commit-id", "-z", commit).decode("utf-8", "replace")
    fields = raw.split("\0")[:-1]
    entries = [(about.split(), path) for about, path in zip(fields[::2], fields[1::2], strict=True)]
    if not 1 <= len(entries) <= _MOST_FILES or any(about[4] != "M" or about[0] != ":100644" for about, _ in entries):
        return None
    files = []
    for about, path in entries:
        before, after = (_git(repository, "cat-file", "blob", sha) for sha in about[2:4])
        if changed := _changed(path, before, after):
            files.append(changed)
    if len(files) != len(entries) or any(_PLACEHOLDER.match(line) for file in files for line in _added(file)):
        return None
    return Fix(commit, tuple(files), _tree(repository, commit, files))


def _added(file: Changed) -> Iterator[str]:
    return (text for piece in file.pieces for op, text in piece.lines if op == "+")


def _changed(path: str, before: bytes, after: bytes) -> Changed | None:
    if b"\0" in before + after or b"\r" in before + after or len(before) > _LARGEST or not before.strip():
        return None
    if PurePosixPath(path).suffix not in _TEXTS:
        return None
    try:
        old, new = before.decode(), after.decode()
    except UnicodeDecodeError:
        return None
    if not old.endswith("\n") or not new.endswith("\n"):
        return None
    pieces = _telling_pieces(old, new)
    lines = sum(op != " " for piece in pieces for op, _ in piece.lines)
    return Changed(path, path, old, new, pieces, new) if pieces and lines <= _MOST_LINES else None


def _telling_pieces(old: str, new: str) -> tuple[Piece, ...]:
    """Hunks with as much context as makes each one's old text stand once in the file; none where none does."""
    for context in range(CONTEXT, 3 * CONTEXT):
        pieces = pieces_of(old.split("\n")[:-1], new.split("\n")[:-1], context)
        if all(old.count("".join(f"{line}\n" for line in piece.old)) == 1 for piece in pieces):
            return pieces
    return ()


def pieces_of(old: Sequence[str], new: Sequence[str], context: int) -> tuple[Piece, ...]:
    pieces = []
    for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(context):
        lines: list[Line] = []
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += [(" ", text) for text in old[old_from:old_to]]
            else:
                lines += [("-", text) for text in old[old_from:old_to]]
                lines += [("+", text) for text in new[new_from:new_to]]
        pieces.append(Piece(tuple(lines), group[0][1] + 1))
    return tuple(pieces)


def _tree(repository: Path, commit: str, files: Sequence[Changed]) -> dict[str, bytes]:
    """The changed files and what else stands beside them, for paths that are wrong."""
    tree = {file.path: file.before.encode() for file in files}
    folders = {str(PurePosixPath(path).parent) for path in tree}
    listed = _git(repository, "ls-tree", "-r", "-z", f"{commit}^").decode("utf-8", "replace").split("\0")[:-1]
    for entry in listed:
        about, _, path = entry.partition("\t")
        near = str(PurePosixPath(path).parent) in folders or any(path.endswith(PurePosixPath(one).name) for one in tree)
        if path not in tree and near and about.startswith("100644") and len(tree) < 40:
            tree[path] = _git(repository, "cat-file", "blob", about.split()[2])
    return tree


def _git(repository: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, check=True).stdout
