"""A fix written down as a model does: in each format, and in the ways that it gives a path in."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence

from bench.replies.history import Changed, Fix, Piece
from kintsugi.workflow.patch import ReplyFormat


def _edits(fix: Fix, chance: random.Random) -> str | None:
    edits = []
    for file in fix.files:
        for piece in file.pieces:
            edit: dict[str, object] = {
                "path": file.named,
                "search": "".join(f"{line}\n" for line in piece.old),
                "replace": "".join(f"{line}\n" for line in piece.new),
            }
            edits.append(edit)
    return json.dumps({"edits": edits}, indent=1, ensure_ascii=chance.random() < 0.5)


def _udiff(fix: Fix, chance: random.Random) -> str | None:
    out = []
    for file in fix.files:
        prefixes = ("a/", "b/") if file.named == file.path else ("", "")
        out += [f"--- {prefixes[0]}{file.named}", f"+++ {prefixes[1]}{file.named}"]
        offset = 0
        for piece in file.pieces:
            old, new = piece.counts or (len(piece.old), len(piece.new))
            numbers = f" -{piece.start},{old} +{max(piece.start + offset, 0)},{new} " if piece.numbered else " "
            out += [f"@@{numbers}@@", *(op + text for op, text in piece.lines)]
            offset += new - old
    return "\n".join(out) + "\n"


def _v4a(fix: Fix, chance: random.Random) -> str | None:
    out = ["*** Begin Patch"]
    for file in fix.files:
        out.append(f"*** Update File: {file.named}")
        for piece in file.pieces:
            out += [_anchor(file, piece), *(op + text for op, text in piece.lines)]
    return "\n".join([*out, "*** End Patch"]) + "\n"


def _anchor(file: Changed, piece: Piece) -> str:
    if not piece.numbered:
        return "@@"
    above = file.before.split("\n")[: piece.start - 1]
    return next((f"@@ {line.strip()}" for line in reversed(above) if re.match(r"\s*(def|class) ", line)), "@@")


def _whole(fix: Fix, chance: random.Random) -> str | None:
    if any("```" in file.sent for file in fix.files):
        return None
    return "\n\n".join(f"{file.named}\n```python\n{file.sent}```" for file in fix.files) + "\n"


def _blocks(fix: Fix, chance: random.Random) -> str | None:
    """SEARCH/REPLACE blocks, in one of the ways to give their path."""
    if any(re.match(r"\s*={5,9}\s*$", text) for file in fix.files for piece in file.pieces for _, text in piece.lines):
        return None
    width, way, out = chance.randint(5, 9), chance.randrange(6), list[str]()
    for file in fix.files:
        for piece in file.pieces:
            old, new = ("".join(f"{line}\n" for line in side) for side in (piece.old, piece.new))
            block = f"{'<' * width} SEARCH\n{old}{'=' * width}\n{new}{'>' * width} REPLACE\n"
            if way == 5:
                block = block.replace("<" * width + " SEARCH", "------- SEARCH").replace(
                    ">" * width + " R", "+++++++ R"
                )
            out.append(_BLOCK_WAYS[way].format(path=file.named, block=block))
    return "\n".join(out)


_BLOCK_WAYS = (
    "{path}\n```python\n{block}```\n",
    "```python\n{path}\n{block}```\n",
    "```python {path}\n{block}```\n",
    "**`{path}`**\n\n{block}",
    "### {path}\n\n```\n{block}```\n",
    "<replace_in_file>\n<path>{path}</path>\n<diff>\n{block}</diff>\n</replace_in_file>\n",
)


def _calls(fix: Fix, chance: random.Random) -> str | None:
    """One call of an editing tool for each hunk, in the fields of one of the tools."""
    names = chance.choice((("path", "old_str", "new_str"), ("file_path", "old_string", "new_string")))
    edits = [
        dict(
            zip(
                names,
                (file.named, *("".join(f"{line}\n" for line in side) for side in (piece.old, piece.new))),
                strict=True,
            )
        )
        for file in fix.files
        for piece in file.pieces
    ]
    return "\n".join(json.dumps(edit) for edit in edits)


def _tags(fix: Fix, chance: random.Random) -> str | None:
    """Edits in tags."""
    search, wanted = chance.choice((("search", "replace"), ("old_str", "new_str"), ("old_string", "new_string")))
    edits = [
        f"<edit>\n<path>{file.named}</path>\n<{search}>\n{_text(piece.old)}</{search}>\n"
        f"<{wanted}>\n{_text(piece.new)}</{wanted}>\n</edit>\n"
        for file in fix.files
        for piece in file.pieces
    ]
    return "".join(edits)


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


BLOCKS, CALLS, TAGS = "blocks", "calls", "tags"
WRITERS: dict[str, Callable[[Fix, random.Random], str | None]] = {
    ReplyFormat.EDITS: _edits,
    ReplyFormat.UDIFF: _udiff,
    ReplyFormat.V4A: _v4a,
    ReplyFormat.WHOLE: _whole,
    BLOCKS: _blocks,
    CALLS: _calls,
    TAGS: _tags,
}
