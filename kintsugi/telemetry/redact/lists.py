"""Secrets whose names stand in one list and whose values in another: a header and its rows, `zip`, `INSERT INTO`."""

from __future__ import annotations

from collections.abc import Iterator

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.looks import is_strong
from kintsugi.telemetry.redact.notations import bound_to
from kintsugi.telemetry.redact.values import is_secret, looks_random

Span = tuple[int, int]

_FAR, _ROWS, _MOST_NAMES, _SHORTEST = 300, 8, 40, 3
_QUOTES = "\"'`\\"
_OF_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."
_TITLES = re.compile(r"\s*[bBuU]?(?P<open>\\{0,7}[\"'`]|)[\w.$ -]{1,40}(?P=open)\s*")
_GAP = re.compile(
    r"(?:[\])}]\s{0,4}){1,3},?\s{0,40}(?:[\"']?[A-Za-z_]{2,20}[\"']?\s{0,2}[:=]?\s{0,2})?"
    r"[\[(](?:\s{0,4}(?:parameters: )?[\[(]){0,2}"
)
_ITEM = re.compile(
    r"\s{0,24}(?:[bBuUrR]{0,2}(?P<open>\\{0,7}[\"'])(?P<value>(?:(?!(?P=open))[^\n]){0,300})(?P=open)"
    r"|[^\s\"'\[\](){},]{0,80}(?:\(\))?)\s{0,24}(?P<end>,\s{0,24}(?=[\])])|[,\])])"
)
_COPY = re.compile(r"\) FROM stdin[^\n]{0,80}\n", re.IGNORECASE)
_NAME_BEFORE = re.compile(r"[A-Za-z_][\w.]{0,40}")
_MOST_BEFORE = 6
_NAMES_AFTER = re.compile(r"(?P<names>(?:, [A-Za-z_][\w.]{0,40}){0,6}) ?= ?\(?(?=[bu]?[\"'])")
_LITERAL = re.compile(r"(?:, ?)?[bu]?(?P<quote>[\"'])(?P<value>[^\"'\n]{0,300})(?P=quote)")
_NAME = re.compile(r"[a-z][a-z0-9]*(?:[_.-][a-z][a-z0-9]*)+")
_INTO = (" into ", "replace ", "copy ")
# Where none of these stands before the names, they may be pairs of words, and only what looks like a secret counts.
_TITLES_OF = ("column", "header", "field", "title", "keys", "names", "zip(", *_INTO)


def is_listed(text: str, at: int, end: int) -> bool:
    """Whether a name at `[at, end)` stands in a list, as far as its neighbours tell. Cheap, as it is asked often."""
    after = text[end : end + 4].lstrip(_QUOTES)[:1]
    return after in (",", "]", ")") and text[max(0, at - 5) : at].rstrip(" \n\"'`\\bBuU")[-1:] in ("[", "(", ",")


def in_lists(text: str, at: int, end: int, level: Grade) -> Iterator[Span]:
    """Of the lists that follow the one in which the name stands at `[at, end)`, what stands in its place."""
    first = max(text.rfind("[", max(0, at - _FAR), at), text.rfind("(", max(0, at - _FAR), at))
    last = min((found for sign in "])" if (found := text.find(sign, end, end + _FAR)) >= 0), default=-1)
    names = text[first + 1 : last].rstrip(", \n").split(",") if first >= 0 and last >= 0 else []
    if not 2 <= len(names) <= _MOST_NAMES or not all(map(_TITLES.fullmatch, names)):
        return
    if names[0].strip()[:1] not in _QUOTES and not _told_by(_INTO, text, first):
        return  # arguments of a call
    place, at = text.count(",", first + 1, at), last
    if _COPY.match(text, last):
        yield from _in_rows_of_tabs(text, text.index("\n", last) + 1, place, len(names), level)
        return
    for _ in range(_ROWS):
        gap = _GAP.match(text, at)
        row = list(_row(text, gap.end())) if gap else []
        if len(row) != len(names):
            return
        value = row[place]["value"]
        if value is None:
            name = row[place][0].strip(" ,)]")
            yield from bound_to(text, row[place].start(), f"${place + 1}" if name in ("?", "%s") else name, level)
        if value and grade(value) and not looks_random(value):
            return  # a name itself: these are pairs of words, and no rows
        if len(value or "") >= _SHORTEST and is_secret(value, True, level, prose=False):
            told = _told_by(_TITLES_OF, text, first)
            if not told and (not is_strong(value) or _are_pairs(names, row)):
                return
            yield row[place].span("value")
        at = row[-1].end() - (row[-1]["end"] in "])")


def _in_rows_of_tabs(text: str, at: int, place: int, columns: int, level: Grade) -> Iterator[Span]:
    """The values at a place of the rows that a dump of a database copies into a table."""
    for _ in range(_ROWS):
        stop = text.find("\n", at, at + _FAR)
        stop = stop if stop >= 0 else min(len(text), at + _FAR)
        cells = text[at:stop].split("\t")
        if len(cells) != columns:
            return
        value, begin = cells[place], at + sum(len(cell) + 1 for cell in cells[:place])
        if is_secret(value, True, level, prose=False):
            yield begin, begin + len(value)
        at = stop + 1


def in_tuples(text: str, at: int, end: int) -> list[Span]:
    """Of `user, password = "bob", "…"`, where a name stands at `[at, end)`, the literals of all names of secrets."""
    is_further = text.startswith(", ", max(0, at - 2))
    after = _NAMES_AFTER.match(text, end) if is_further or text.startswith(", ", end) else None
    if not after:
        return []
    before = _names_before(text, at) if is_further else []
    names = [*before, *f"{text[at:end]}{after['names']}".split(", ")]
    literals: list[re.Match[str]] = []
    begin = after.end()
    while len(literals) < len(names) and (literal := _LITERAL.match(text, begin)):
        literals.append(literal)
        begin = literal.end()
    if len(literals) != len(names) or text[begin : begin + 1] == ",":
        return []
    return [
        literal.span("value")
        for name, literal in zip(names, literals, strict=True)
        if (level := grade(name)) and is_secret(literal["value"], True, level, prose=False)
    ]


def _names_before(text: str, at: int) -> list[str]:
    """The names with a comma behind each that end at `at`."""
    names: list[str] = []
    for piece in reversed(text[max(0, at - _FAR) : at].split(", ")[:-1][-_MOST_BEFORE:]):
        begin = len(piece.rstrip(_OF_NAMES))
        name = _NAME_BEFORE.fullmatch(piece, begin)
        if name and piece[begin - 1 : begin] != "=":
            names.insert(0, name[0])
        if not name or begin:
            break
    return names


def _are_pairs(names: list[str], row: list[re.Match[str]]) -> bool:
    """Whether these may be pairs of names and values, one below the other, and no titles with a row below."""
    return len(row) == 2 and (
        all(grade(name.strip(" \n\"'`")) for name in names) or any(_NAME.fullmatch(cell["value"] or "") for cell in row)
    )


def _row(text: str, at: int) -> Iterator[re.Match[str]]:
    for _ in range(_MOST_NAMES):
        item = _ITEM.match(text, at)
        if not item:
            return
        if item["end"] in "])":
            yield item
            return
        yield item
        at = item.end()
        if text[at : at + 1] in ("]", ")"):  # a comma behind the last one
            return


def _told_by(words: tuple[str, ...], text: str, first: int) -> bool:
    """Whether one of these words stands before the list that begins there."""
    before = text[max(0, first - 60) : first].lower()
    return any(word in before for word in words)
