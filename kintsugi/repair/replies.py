"""Reading a reply: from what a model or a human wrote to changes, whatever the format and the wrapping."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kintsugi.repair.applying.changes import Change, Refused
from kintsugi.repair.applying.fences import Block, blocks, outside
from kintsugi.repair.applying.reading_diffs import looks_like_diff, read_diff
from kintsugi.repair.applying.reading_edits import read_edits
from kintsugi.repair.applying.reading_files import read_files
from kintsugi.repair.applying.reading_v4a import looks_like_v4a, read_v4a
from kintsugi.workflow.patch import ReplyFormat

LARGEST = 8_000_000  # characters
_CRLF_SHARE = 0.9


def read_reply(text: str, format: ReplyFormat = ReplyFormat.AUTO) -> tuple[Change, ...]:
    """The changes a reply asks for, at least one. Raises Refused where it cannot be read or contradicts itself."""
    if len(text) > LARGEST:
        raise Refused(f"The reply has {len(text):,} characters; at most {LARGEST:,} are read.")
    text = _with_plain_lines(text)
    if format is not ReplyFormat.AUTO:
        changes = _READERS[format](text)
        if not changes:
            raise Refused(f"The reply holds nothing in the format {format}.")
        return changes
    return _recognised(text)


def _recognised(text: str) -> tuple[Change, ...]:
    """Edits, then V4A, then a diff, then whole files: the first that the text holds, and no second."""
    edits = _edits(text)
    v4a = looks_like_v4a(text) and not edits
    found = [changes for changes in (edits, _v4a(text) if v4a else (), () if v4a else _diff(text, edits)) if changes]
    if len(found) > 1:
        raise Refused("The reply holds two patches, in two formats. Send one.")
    changes = found[0] if found else _files(text)
    if not changes:
        raise Refused("The reply holds no patch: no edits, no diff, no *** Begin Patch, no file headed by its path.")
    return changes


def _edits(text: str) -> tuple[Change, ...]:
    return read_edits(text) or ()


def _v4a(text: str) -> tuple[Change, ...]:
    lines = text.split("\n")
    fenced = [block for block in blocks(lines) if looks_like_v4a("\n".join(lines[block.start : block.end]))]
    if not fenced:
        return read_v4a(lines, closed=False)
    _refuse_rest(looks_like_v4a("\n".join(outside(lines, fenced))))
    return _of_one_patch([read_v4a(lines[block.start : block.end], closed=block.closed) for block in fenced])


def _diff(text: str, edits: tuple[Change, ...] = ()) -> tuple[Change, ...]:
    """The diff of a text, from its fenced blocks where these hold one. Beside edits only such a block is a diff."""
    lines = text.split("\n")
    fenced = [block for block in blocks(lines) if _is_diff(lines, block)]
    if not fenced:
        return () if edits or not looks_like_diff(text) else read_diff(lines)
    _refuse_rest(looks_like_diff("\n".join(outside(lines, fenced))))
    if not fenced[-1].closed:
        raise Refused("The reply is cut off: its last block is not closed.")
    return _of_one_patch([read_diff(lines[block.start : block.end]) for block in fenced])


def _is_diff(lines: Sequence[str], block: Block) -> bool:
    return looks_like_diff("\n".join(lines[block.start : block.end])) or block.info.split(" ")[0] in ("diff", "patch")


def _refuse_rest(is_patch: bool) -> None:
    if is_patch:
        raise Refused("Some of the patch is in a fenced block and some is not. Put all of it in one block.")


def _of_one_patch(parts: Sequence[tuple[Change, ...]]) -> tuple[Change, ...]:
    """Several blocks are one patch when each speaks of other files, or says the same again. Raises Refused."""
    changes: list[Change] = []
    for part in parts:
        paths = {change.path for change in changes}
        if part and all(change in changes for change in part):
            continue
        if twice := next((change.path for change in part if change.path in paths), None):
            raise Refused(f"The reply holds two patches for {twice or 'the same file'}. Send one.")
        changes += part
    return tuple(changes)


def _files(text: str) -> tuple[Change, ...]:
    return read_files(text.split("\n"))


def _with_plain_lines(text: str) -> str:
    """A reply that was written with CRLF throughout, with LF; one that only quotes some CRLF stays as it is."""
    ends = text.count("\n")
    crlf = text.count("\r\n")
    return text.replace("\r\n", "\n") if crlf and crlf >= _CRLF_SHARE * ends else text


_READERS: dict[ReplyFormat, Callable[[str], tuple[Change, ...]]] = {
    ReplyFormat.EDITS: _edits,
    ReplyFormat.UDIFF: _diff,
    ReplyFormat.V4A: _v4a,
    ReplyFormat.WHOLE: _files,
}
