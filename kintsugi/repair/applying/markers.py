"""What replies are marked up with, whatever their format. None of it belongs into a file.

The check is on the result, so that a mark-up that no reader knows cannot slip through as if it were code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from kintsugi.repair.applying.changes import Refused
from kintsugi.telemetry import lazy_re as re

_SIGNS = r"(?:<{5,9}|>{5,9}|-{5,9}|\+{5,9}|\|{5,9})"
_MARKER = re.compile(
    rf"^\s*(?:{_SIGNS}[ ]?(?:SEARCH|REPLACE|ORIGINAL|UPDATED|HEAD)\b.*"
    r"|<{7}|>{7}|:(?:start|end)_line:\s*\[?\d+\]?"
    r"|\*\*\* (?:Begin|End) Patch(?: \*\*\*)?|\*\*\* End of File"
    r"|\*\*\* (?:Update|Add|Delete) File: .+|\*\*\* Move to: .+"
    r"|diff --git a/.+ b/.+|@@ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@.*|\\ No newline at end of file"
    r"|</?(?:replace_in_file|write_to_file|search_and_replace|apply_diff|str_replace|old_str|new_str|old_string"
    r"|new_string|old_text|new_text|file_path|file_text|code_edit|tool_call|invoke|parameter)>"
    r"|</?(?:function|parameter|invoke)[= ][^<>]*>)\s*$"
)
_DIVIDER = re.compile(r"^\s*={5,9}\s*$")
_MARKER_OR_TAG = re.compile(rf"{_MARKER.pattern}|^\s*</?(?:search|replace|edit|diff|edits|find)>\s*$")
_FENCE = re.compile(r"^(?:`{3,}|~{3,})\s*[\w+.:/-]*\s*$")
_TAGS_ARE_CODE = {".html", ".htm", ".xml", ".svg", ".vue", ".jsx", ".tsx", ".svelte", ".xhtml", ".jinja", ".j2", ".md"}
_FENCES_ARE_TEXT = {".md", ".mdx", ".markdown", ".rst", ".txt", ".qmd", ".ipynb", ""}


def refuse_markers(path: str, before: bytes | None, after: bytes) -> None:
    """Raises Refused where the new file has a line that marks up replies and that the old one does not have."""
    if b"\0" in after:
        return
    known = {line.strip() for line in _lines(before or b"")}
    new = _lines(after)
    for line in _marking(path, new):
        if line.strip() not in known:
            raise Refused(
                f"{path} would get the line {line.strip()[:80]!r}, which marks up a reply and is no part of a file. "
                "Send the change in one of the formats, whole and closed."
            )


def _marking(path: str, lines: Sequence[str]) -> Iterable[str]:
    """The lines that mark up replies, of what a file of this name has no other use for."""
    suffix = PurePosixPath(path).suffix.lower()
    marks = _MARKER if suffix in _TAGS_ARE_CODE else _MARKER_OR_TAG
    yield from (line for line in lines if marks.match(line))
    yield from (line for above, line in pairwise(["", *lines]) if _DIVIDER.match(line) and not _underlines(above, line))
    if suffix not in _FENCES_ARE_TEXT:
        yield from (line for line in _ends(lines) if _FENCE.match(line))


def _underlines(above: str, line: str) -> bool:
    """Whether a line of equals signs is below a heading that is about as long."""
    title, signs = above.strip(), line.strip()
    return bool(title) and not set(title) <= set("=") and len(signs) - 2 <= len(title) <= len(signs)


def _ends(lines: Sequence[str]) -> list[str]:
    """The first and the last line that say something."""
    said = [line for line in lines if line.strip()]
    return [said[0], said[-1]] if said else []


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")
