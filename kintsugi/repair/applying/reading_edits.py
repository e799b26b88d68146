"""Reading `edits`: JSON with path, search and replace, as strict or as careless as models write it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.applying.fences import blocks
from kintsugi.workflow.patch import Edit

_TRAILING_COMMA = re.compile(r",(\s*[\]}])")
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_CURLY = str.maketrans({"“": '"', "”": '"'})
_DECODER = json.JSONDecoder(strict=False)
_HINT = 'Send {"edits": [{"path": …, "search": …, "replace": …}]}.'


def read_edits(text: str) -> tuple[Edit, ...] | None:
    """The edits of a reply; None where it holds no JSON with edits. Raises Refused for edits that are malformed."""
    found = [edits for value in _values(text) if (edits := _edits_in(value)) is not None]
    if not found:
        return None
    if any(isinstance(edits, dict) for edits in found):  # one edit a line
        found = [[edit for edits in found for edit in (edits if isinstance(edits, list) else [edits])]]
    if any(edits != found[0] for edits in found[1:]):
        raise Refused("The reply holds two different lists of edits. Send one.")
    return tuple(_edit(number, edit) for number, edit in enumerate(found[0], 1))


def _values(text: str) -> list[Any]:
    """The JSON values of the text as a whole, else of its fenced blocks, else those that stand in its prose."""
    lines = text.split("\n")
    fenced = ["\n".join(lines[block.start : block.end]) for block in blocks(lines)]
    for sources in ([text], fenced, [text[_first_bracket(text) :]]):
        if values := [value for source in sources for value in _sequence(source)]:
            return values
    return []


def _sequence(source: str) -> list[Any]:
    """One or more JSON values and nothing but prose after them; none where the source is not JSON."""
    for written in _spellings(source.strip().removeprefix("\ufeff")):
        values = list(_decoded(written))
        if any(_edits_in(value) is not None for value in values):
            return values
    return []


def _spellings(source: str) -> Iterator[str]:
    """The text as it is, then with what models commonly get wrong put right."""
    yield source
    yield _TRAILING_COMMA.sub(r"\1", source)
    yield _BAD_ESCAPE.sub(r"\\\\", source)
    yield source.translate(_CURLY)
    yield source.replace('\\"', '"')


def _decoded(source: str) -> Iterator[Any]:
    at = 0
    while at < len(source):
        try:
            value, at = _DECODER.raw_decode(source, at)
        except (ValueError, RecursionError):
            return
        if isinstance(value, str):
            yield from _decoded(value)
        else:
            yield value
        while at < len(source) and source[at] in " \t\r\n,":
            at += 1


def _first_bracket(text: str) -> int:
    found = re.search(r'[\[{]\s*(?:[\[{]\s*)?["“\\]', text)
    return found.start() if found else len(text)


def _edits_in(value: Any) -> list[Any] | dict[str, Any] | None:
    """The list of edits, or the one edit, that a JSON value holds."""
    if isinstance(value, dict) and isinstance(value.get("edits"), list):
        return list(value["edits"])
    if isinstance(value, dict) and "replace" in value and "search" in value:
        return value
    if isinstance(value, list) and value and all(isinstance(edit, dict) and "replace" in edit for edit in value):
        return value
    return None


def _edit(number: int, edit: Any) -> Edit:
    if not isinstance(edit, dict):
        raise Refused(f"Edit {number} is no object. {_HINT}")
    for name in ("path", "search", "replace"):
        if not isinstance(edit.get(name), str):
            raise Refused(f"Edit {number} has no text for {name!r}. {_HINT}")
    occurrence = edit.get("occurrence")
    if occurrence is not None and (isinstance(occurrence, bool) or not isinstance(occurrence, int) or occurrence < 1):
        raise Refused(f"Edit {number}: 'occurrence' is {occurrence!r}; it counts from 1, or is left out.")
    return Edit(edit["path"], edit["search"], edit["replace"], occurrence)
