"""Reading whole files: fenced blocks, each headed by its path."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

from kintsugi.repair.applying.changes import Refused, WholeFile
from kintsugi.repair.applying.fences import Block, blocks, closings

_TOKEN = re.compile(r"[^\s`'\"*<>|,;()\[\]{}=]+")
_PATH = re.compile(
    r"^(?:[A-Za-z]:)?[\w@.+~/\\\-]*(?:\.\w{1,12}|/[\w.+\-]+)$|^(?:Make|Docker|Proc|Gem|Pip)file$|^LICENSE$"
)
_COMMENT = re.compile(r"^\s*(?:#|//|--|;|/\*|<!--)\s*(?:file(?:name|path)?:\s*|path:\s*)?(\S+?)\s*(?:\*/|-->)?\s*$")


def read_files(lines: Sequence[str]) -> tuple[WholeFile, ...]:
    """The files of a reply, none where no block is headed by a path. Raises Refused."""
    files: dict[str, WholeFile] = {}
    for file in _files(lines):
        if files.setdefault(file.path, file) != file:
            raise Refused(f"The reply holds {file.path} twice, and not the same. Send it once.")
    return tuple(files.values())


def _files(lines: Sequence[str]) -> Iterator[WholeFile]:
    after = 0
    for block in blocks(lines):
        if block.start <= after:
            continue
        heading, body_from = _heading(lines, block, after)
        if heading is None:
            after = block.end
            continue
        if not block.closed:
            raise Refused(f"The reply is cut off: the block of {heading} is not closed.")
        after = _true_end(lines, block, heading)
        yield WholeFile(heading, "".join(f"{line}\n" for line in lines[body_from:after]))


def _heading(lines: Sequence[str], block: Block, after: int) -> tuple[str | None, int]:
    """The path a block is headed by (beside its fence, above it or in its first line), and where its text begins."""
    if path := _path_in(re.sub(r"^\w+:", "", block.info), alone=False):
        return path, block.start
    above = [line for line in lines[after : block.start - 1] if line.strip()]
    if above and (path := _path_in(above[-1], alone=True)):
        return path, block.start
    first = _COMMENT.match(lines[block.start]) if block.start < block.end else None
    if first and "/" in first[1] and (path := _path_in(first[1], alone=False)):
        return path, block.start + 1
    return None, block.start


def _path_in(line: str, *, alone: bool) -> str | None:
    """The one path that a line names. `alone`: a line of prose with several words must mark it as code or end in it."""
    tokens: list[str] = [token.strip(":").rstrip(".") for token in _TOKEN.findall(line.replace("title=", " "))]
    paths = list(dict.fromkeys(token for token in tokens if _PATH.match(token)))
    quoted = [path for path in paths if f"`{path}`" in line]
    named = quoted if len(quoted) == 1 else paths
    if len(named) != 1 or (alone and len(tokens) > 3 and not quoted and not line.rstrip(" :*").endswith(named[0])):
        return None
    return named[0]


def _true_end(lines: Sequence[str], block: Block, path: str) -> int:
    """Where the block ends. A file may hold fences itself: Python is read on until it is whole."""
    if not path.endswith(".py"):
        return block.end
    ends = closings(lines, block)
    return next((end for end in ends if _is_python("\n".join(lines[block.start : end]))), block.end)


def _is_python(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True
