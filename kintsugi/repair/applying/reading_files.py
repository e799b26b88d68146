"""Reading whole files: fenced blocks, each headed by its path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kintsugi.parsing import parsed
from kintsugi.repair.applying.changes import Refused, WholeFile
from kintsugi.repair.applying.fences import Block, blocks, closings
from kintsugi.repair.applying.headings import path_above, path_in_info, path_of_comment

_DOCUMENTS = (".md", ".mdx", ".markdown", ".rst", ".txt")


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
    if path := path_in_info(block.info):
        return path, block.start
    above = [line for line in lines[after : block.start - 1] if line.strip()]
    if above and (path := path_above(above[-1])):
        return path, block.start
    if block.start < block.end and (path := path_of_comment(lines[block.start])):
        return path, block.start + 1
    return None, block.start


def _true_end(lines: Sequence[str], block: Block, path: str) -> int:
    """Where the block ends. A file may hold fences itself: Python is read on until it is whole."""
    ends = closings(lines, block)
    if path.endswith(_DOCUMENTS) and next(ends, None) is not None:
        following = next(ends, None)
        if following is not None and not _is_headed(lines, block.end + 1, following):
            raise Refused(f"{path} may hold fences itself, so its end is unknown. Put it between four backticks.")
    if not path.endswith(".py"):
        return block.end
    return next((end for end in ends if parsed("\n".join(lines[block.start : end])) is not None), block.end)


def _is_headed(lines: Sequence[str], start: int, fence: int) -> bool:
    """Whether another block stands between, or the fence is of one that is headed by its path."""
    above = [line for line in lines[start:fence] if line.strip()]
    return any(line.startswith("```") for line in above) or bool(above and path_above(above[-1]))
