"""Other readings of a reply's lines: without copied line numbers, typographic quotes and doubled escapes."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

from kintsugi.repair.applying.changes import Hunk, HunkLine, Op, differing
from kintsugi.telemetry import lazy_re as re

Reading = Callable[[Hunk], Hunk | None]
"""Another way to read a hunk; None where there is nothing to read another way."""

_NUMBER = re.compile(r"^\s*(?:[Ll]ine |L|\[)?(\d+)(?:\]|\)|\.)?(?:[ ]?[|:│┃→▏][ ]?|\t|(?=\s*$)|[ ]{1,2}(?=\S|    ))")
_BARRED = re.compile(r"\s*\d+ ?[|│┃▏→]|\s{3,}\d+\t")
_NUMBERED_SHARE = 0.8
_DOUBLE, _SINGLE = "\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", "\u2018\u2019\u201a\u201b\u2032"
TYPOGRAPHIC_QUOTES = "\u201c\u201d\u2018\u2019"
_BLANKS, _DASHES = "\u00a0\u202f", "\u2013\u2014"
_QUOTES = str.maketrans(dict.fromkeys(_DOUBLE, '"') | dict.fromkeys(_SINGLE, "'"))
_SIGNS = str.maketrans(dict.fromkeys(_BLANKS, " ") | dict.fromkeys(_DASHES, "-") | {"\u2026": "..."})
TYPOGRAPHIC_SIGNS = f"{_BLANKS}{_DASHES}\u2026"
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "", '"': '"', "'": "'", "\\": "\\", "/": "/"}


def straight(text: str) -> str:
    """Typographic quotes, dashes and blanks as a keyboard types them; in other languages dashes belong to the text."""
    quoted = text.translate(_QUOTES)
    is_foreign = not text.isascii() and any(sign.isalpha() and not sign.isascii() for sign in text)
    return quoted if is_foreign else quoted.translate(_SIGNS)


def straight_quotes(text: str) -> str:
    """Typographic quotes alone as a keyboard types them: where nothing else is typeset, dashes belong to the text."""
    return text.translate(_QUOTES)


def unescaped(text: str) -> str:
    """One layer of JSON's escapes taken off."""
    plain = _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 5 else _ESCAPED.get(m[1], m[0]), text)
    return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def without_numbers(lines: Sequence[str]) -> list[str]:
    """The lines without numbers copied from a listing."""
    return [line[found.end() :] if (found := _NUMBER.match(line)) else line for line in lines]


def are_numbered(lines: Sequence[str]) -> bool:
    """Whether nearly all lines begin with a number, each higher than the one before."""
    numbers = [int(found[1]) for line in lines if (found := _NUMBER.match(line))]
    full = sum(bool(line.strip()) for line in lines)
    ascending = all(a < b for a, b in pairwise(numbers))
    return bool(numbers) and ascending and len(numbers) >= _NUMBERED_SHARE * full


def are_barred(lines: Sequence[str]) -> bool:
    """Whether every line begins with a number and a bar, as only listings write them."""
    return all(_BARRED.match(line) for line in lines)


def unnumbered_hunk(hunk: Hunk) -> Hunk | None:
    """Without copied numbers; added lines are taken to have some only where nearly all of them do."""
    if not are_numbered(hunk.old):
        return None
    added = [line.text for line in hunk.lines if line.op is Op.ADD and line.text.strip()]
    bare = sum(without_numbers([line])[0] == line for line in added)
    leaves_added = bare > (1 - _NUMBERED_SHARE) * len(added)
    lines = [
        line if leaves_added and line.op is Op.ADD else HunkLine(line.op, without_numbers([line.text])[0])
        for line in hunk.lines
    ]
    return replace(hunk, lines=tuple(_compared(lines)))


def straight_quotes_hunk(hunk: Hunk) -> Hunk | None:
    return _each_line(hunk, straight_quotes)


def straight_hunk(hunk: Hunk) -> Hunk | None:
    return _each_line(hunk, straight)


def unescaped_hunk(hunk: Hunk) -> Hunk | None:
    return _each_line(hunk, lambda line: unescaped(line).removesuffix("\n"))


def unquoted_hunk(hunk: Hunk) -> Hunk | None:
    """Without HTML's entities."""
    return _each_line(hunk, html.unescape)


def prefixed_hunk(hunk: Hunk) -> Hunk | None:
    """A hunk whose unchanged lines came without their leading space: the space taken off was the code's own."""
    if hunk.of_edit or not any(_lost_one(line) for line in hunk.lines):
        return None
    whole = [replace(line, text=f" {line.text}") if _lost_one(line) else line for line in hunk.lines]
    return replace(hunk, lines=tuple(whole))


def with_kept_lines(hunk: Hunk, known: Collection[str]) -> Hunk | None:
    """A hunk that lost leading spaces, where a list's dash then reads as a removal. `known`: the file's lines.

    A blank that the code begins with then reads as the space that was lost.
    """
    if hunk.of_edit:
        return None
    ops = (Op.DROP, Op.KEEP) if hunk.unprefixed else (Op.DROP,)
    whole = [
        HunkLine(Op.KEEP, line.op + line.text)
        if line.op in ops and line.text not in known and line.op + line.text in known
        else line
        for line in hunk.lines
    ]
    return None if tuple(whole) == hunk.lines else hunk.with_kept(whole)


def all_of(hunk: Hunk) -> Hunk | None:
    """All the readings that say something else, one upon the other."""
    read = hunk
    for reading in (unnumbered_hunk, unescaped_hunk, straight_hunk):
        read = reading(read) or read
    return None if read == hunk else read


READINGS: tuple[Reading, ...] = (
    prefixed_hunk,
    unnumbered_hunk,
    straight_quotes_hunk,
    straight_hunk,
    unescaped_hunk,
    unquoted_hunk,
    all_of,
)


def _lost_one(line: HunkLine) -> bool:
    return line.op is Op.KEEP and line.text.startswith(" ")


def _each_line(hunk: Hunk, read: Callable[[str], str]) -> Hunk | None:
    lines = [HunkLine(line.op, part) for line in hunk.lines for part in read(line.text).split("\n")]
    return None if tuple(lines) == hunk.lines else replace(hunk, lines=tuple(_compared(lines)))


def _compared(lines: Sequence[HunkLine]) -> Iterator[HunkLine]:
    """The lines, with those kept that were only unlike as they were written."""
    for kept, run in groupby(lines, key=lambda line: line.op is Op.KEEP):
        changed = list(run)
        if kept:
            yield from changed
        else:
            dropped = [line.text for line in changed if line.op is Op.DROP]
            yield from differing(dropped, [line.text for line in changed if line.op is Op.ADD])
