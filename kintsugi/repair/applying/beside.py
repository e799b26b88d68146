"""What stands in a reply beside the patch that was read from it. Half of a reply is never done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kintsugi.repair.applying.changes import Change, Refused, WholeFile
from kintsugi.repair.applying.fences import blocks
from kintsugi.repair.applying.headings import path_alone, path_in_info
from kintsugi.repair.applying.reading_blocks import looks_like_blocks
from kintsugi.workflow.patch import Edit

_DATA = ("json", "json5", "jsonc", "tool_code", "xml", "diff", "patch")


def refuse_patch_beside(text: str, edits: Sequence[Change]) -> None:
    """Raises Refused where the reply holds a diff or *** Begin Patch that is in none of its edits."""
    said = [one for edit in edits for one in _texts(edit)]
    for patch in _patches(text.split("\n")):
        if not any(patch in one for one in said):
            raise Refused("The reply holds two patches, in two formats. Send one.")


def refuse_file_beside(text: str, changes: Sequence[Change]) -> None:
    """Raises Refused where a block is headed by nothing but the path of a file that the patch does not change."""
    lines = text.split("\n")
    paths, after = {change.path for change in changes}, 0
    said = [one for change in changes for one in _texts(change)]
    for block in blocks(lines):
        above = [line for line in lines[after : block.start - 1] if line.strip()]
        path = path_in_info(block.info) or (path_alone(above[-1]) if above else None)
        body, after = lines[block.start : block.end], block.end + 1
        is_patch = block.info.split(" ")[0] in _DATA or any(map(_begins, body)) or looks_like_blocks("\n".join(body))
        is_quoted = any("\n".join(body) in one for one in said)  # the fences are the file's own
        if (
            path
            and not (is_patch or is_quoted)
            and not any(path.endswith(one) or one.endswith(path) for one in paths if one)
        ):
            raise Refused(f"Beside its patch the reply has {path} as a whole. Send all of it in one format.")


def _texts(edit: Change) -> Iterator[str]:
    match edit:
        case Edit(search=search, replace=wanted):
            yield from (search, wanted)
        case WholeFile(text=text):
            yield text


def _patches(lines: Sequence[str]) -> Iterator[str]:
    """The line, or the lines, that a patch begins with."""
    for at, line in enumerate(lines):
        if line.startswith("*** Begin Patch"):
            yield line
        elif line.startswith("--- ") and [one[:3] for one in lines[at + 1 : at + 3]] == ["+++", "@@ "]:
            yield "\n".join(lines[at : at + 3])


def _begins(line: str) -> bool:
    return line.startswith(("*** Begin Patch", "*** Update File", "diff --git ", "--- ", "@@"))
