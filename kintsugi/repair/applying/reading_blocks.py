"""Reading SEARCH/REPLACE blocks, as the models of many tools write them.

The forms were gathered from the documentation and the issues of the tools that ask for them: markers of five to nine
characters, `<<<<<<< SEARCH` to `>>>>>>> REPLACE` or `------- SEARCH` to `+++++++ REPLACE`, mixed and with a stray `>`;
the path above the fence, beside it, within it, in a tag, or given once for several blocks; `:start_line:` below the
opening marker; markers within the code escaped by a backslash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.applying.headings import path_in_info, path_in_prose
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.patch import Edit

_OPENING = re.compile(r"^[ \t]*(?:<{5,9}|-{5,9})[ \t]*(?:SEARCH|ORIGINAL|search)\b>?:?[ \t]*(.*?)[ \t]*$")
_DIVIDER = re.compile(r"^[ \t]*={5,9}[ \t]*$")
_CLOSING = re.compile(r"^[ \t]*(?:>{5,9}|\+{5,9})[ \t]*(?:REPLACE|UPDATED|replace)\b>?[ \t]*$")
_GLUED = re.compile(r"((?:>{5,9}|\+{5,9})[ \t]*REPLACE>?)[ \t]*((?:<{5,9}|-{5,9})[ \t]*SEARCH)")
_CLOSED_LATE = re.compile(r"^(.*\S)[ \t]*(>{7}[ \t]?REPLACE)[ \t]*$", re.MULTILINE)  # by its last line's end
EMPTY = "<<<<<<< SEARCH\n=======\n>>>>>>> REPLACE"
_CLAIM = re.compile(r"^[ \t]*:(?:start|end)_line:\s*\[?\d+\]?[ \t]*$")
_RULE = re.compile(r"^[ \t]*-{5,9}[ \t]*$")
_ESCAPED = re.compile(r"^([ \t]*)\\([<>=+-]{5,9}(?:[ \t].*)?)$")
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([^`]*)$")
_TAG = re.compile(r"<(?:path|file_path|file)>\s*([^<\n]+?)\s*</(?:path|file_path|file)>")
_MARKDOWN = (".md", ".mdx", ".markdown", ".rst")


@dataclass(frozen=True, slots=True)
class _Block:
    """One block: the lines `start` to `end` of the reply, markers included, and what its opening marker adds."""

    start: int
    end: int
    beside: str


def looks_like_blocks(text: str) -> bool:
    """Whether a line opens or closes a SEARCH/REPLACE block."""
    return any(_OPENING.match(line) or _CLOSING.match(line) for line in text.split("\n"))


def read_blocks(text: str, path: str = "") -> tuple[Edit, ...]:
    """The edits of the blocks. `path` is that of those that name none. Raises Refused for a block that is not whole.

    An empty SEARCH makes a new file. An edit without any path is for the one file that it fits.
    """
    lines = _lines(text)
    edits, after = list[Edit](), 0
    for block in _blocks(lines):
        path = _path(lines, block, after) or path
        edits.append(_edit(lines, block, path))
        after = block.end
    return tuple(edits)


def outside_blocks(text: str, instead: str | None = None) -> str:
    """The text without its blocks, or with a line instead of each."""
    lines = _lines(text)
    found = list(_blocks(lines))
    within = {at for block in found for at in range(block.start, block.end)}
    stands_for = {block.start: instead for block in found if instead is not None}
    kept = (stands_for.get(at) if at in within else line for at, line in enumerate(lines))
    return "\n".join(line for line in kept if line is not None)


def _lines(text: str) -> list[str]:
    """The lines of the reply, each marker in one of its own."""
    lines = _GLUED.sub(r"\1\n\2", text).split("\n")
    left_open = sum(map(bool, map(_OPENING.match, lines))) > sum(map(bool, map(_CLOSING.match, lines)))
    return _CLOSED_LATE.sub(r"\1\n\2", "\n".join(lines)).split("\n") if left_open else lines


def _blocks(lines: Sequence[str]) -> Iterator[_Block]:
    """The blocks in order. Raises Refused for markers that do not pair."""
    opened: int | None = None
    for at, line in enumerate(lines):
        if opening := _OPENING.match(line):
            if opened is not None:
                raise Refused(f"A SEARCH block begins within another one, at line {at + 1} of the reply. Close each.")
            opened, beside = at, opening[1]
        elif _CLOSING.match(line):
            if opened is None:
                raise Refused(f"Line {at + 1} of the reply closes a SEARCH block, but none is open. Send it whole.")
            yield _Block(opened, at + 1, beside)
            opened = None
    if opened is not None:
        raise Refused("The reply is cut off: its last SEARCH block is not closed by >>>>>>> REPLACE.")


def _edit(lines: Sequence[str], block: _Block, path: str) -> Edit:
    body = _set_out(lines[block.start], lines[block.start + 1 : block.end - 1])
    divider = _divider(body, path)
    search = _section(_without_claims(body[:divider]), path)
    wanted = _section(body[divider + 1 :], path)
    return Edit(path, search if search.strip() else "", wanted)


def _set_out(opening: str, body: Sequence[str]) -> list[str]:
    """The lines as if the block stood at the margin, where it is set in as a whole, as within a list."""
    indent = opening[: len(opening) - len(opening.lstrip())]
    if indent and all(line.startswith(indent) or not line.strip() for line in body):
        return [line.removeprefix(indent) for line in body]
    return list(body)


def _divider(body: Sequence[str], path: str) -> int:
    """The line between SEARCH and REPLACE. Of several, some underline headings on both sides: then the middle one."""
    dividers = [at for at, line in enumerate(body) if _DIVIDER.match(line)]
    if not dividers:
        raise Refused(f"A SEARCH block for {path or 'a file'} has no line ======= before its replacement. Send one.")
    if len(dividers) % 2 == 0:
        raise Refused(
            f"A SEARCH block for {path or 'a file'} has {len(dividers)} lines =======, so its middle is unknown. "
            "Write a backslash before those that belong to the file."
        )
    return dividers[len(dividers) // 2]


def _without_claims(search: Sequence[str]) -> list[str]:
    """Without the line numbers that some tools ask for. The lines speak for themselves."""
    claims = 0
    while claims < len(search) and _CLAIM.match(search[claims]):
        claims += 1
    if claims and claims < len(search) and _RULE.match(search[claims]):
        claims += 1
    return list(search[claims:])


def _section(lines: Sequence[str], path: str) -> str:
    """The text of one side: without a fence of its own, and with escaped markers as they are meant."""
    kept = list(lines)
    if len(kept) > 1 and not path.endswith(_MARKDOWN) and _FENCE.match(kept[0]) and _FENCE.match(kept[-1]):
        kept = kept[1:-1]
    return "".join(_ESCAPED.sub(r"\1\2", line) + "\n" for line in kept)


def _path(lines: Sequence[str], block: _Block, after: int) -> str | None:
    """The path a block is headed by: on its marker, within or beside its fence, in a tag or in a line above."""
    if block.beside and (path := path_in_info(block.beside)):
        return path
    above, fences = list[str](), 0
    for line in reversed(lines[after : block.start]):
        if tag := _TAG.search(line):
            return tag[1]
        if fence := _FENCE.match(line):
            if path := path_in_info(fence[2]):
                return path
            fences += 1
            if fences > 1:  # the end of another block
                break
        elif not line.strip().startswith(("<", "]]>")):
            above.insert(0, line)
    return path_in_prose(above)
