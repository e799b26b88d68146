"""Reading edits that are written in tags, as in `<edit><path>…</path><search>…</search><replace>…</replace></edit>`.

Tags are read where a line or another tag begins with them, in small or in capital letters. `<parameter=old_str>`,
`<parameter name="old_str">` and `<arg_key>old_str</arg_key><arg_value>` are ways to write `<old_str>`. What stands
between two tags is taken as it is, without the line break after the first one.
"""

from __future__ import annotations

from collections.abc import Iterator

from kintsugi.repair.applying.changes import Change, Refused
from kintsugi.repair.applying.names import COMMAND, CONTENT, EVERY, PATH, REGEX, REPLACE, SEARCH
from kintsugi.repair.applying.reading_blocks import looks_like_blocks
from kintsugi.repair.applying.reading_calls import in_parameters
from kintsugi.repair.applying.reading_edits import changes_in, is_change, read_edits, refuse_half
from kintsugi.telemetry import lazy_re as re

_OPERATIONS = "operations"
_SMALL = {*PATH, *SEARCH, *REPLACE, *CONTENT, *EVERY, *REGEX, *COMMAND, _OPERATIONS}
_NAMES = "|".join(sorted(_SMALL | {name.upper() for name in _SMALL}))
_TOLD = "|".join(sorted(name for name in (*SEARCH, *REPLACE) if "_" in name))  # beside these, with their lines' numbers
_START = r"(?:(?<=\n)|(?<=>)|^)[ \t]*"
_PREFIX = r"(?:[^\s<>/=\w]+\w+)?[^\s<>/=\w]*"  # as special words of a model have it
_OPENING = re.compile(
    rf"{_START}<(?:(?P<tag>{_NAMES})|(?P<told>{_TOLD}) [^<>\n]*"
    rf"|(?P<before>{_PREFIX})parameter(?:=| name=[\"'])(?P<parameter>{_NAMES})[\"']?(?: [^<>\n]*)?)>"
)
_OF_FILE = re.compile(
    rf"{_START}<(?P<as>(?:[a-z]+-)?(?:file|edit|create|write)|boltAction)\s+(?:type=[\"']file[\"']\s+)?"
    r"(?:path|name|filename|file|file_path|filePath)=[\"'](?P<path>[^\"'\n]+)[\"'][^>\n]*(?<!/)>"
)
_WHOLE = re.compile(r"file|[a-z]+-write|boltAction")
_TEXTS = ("search", "replace", "content")
_CDATA = re.compile(r"\s*<!\[CDATA\[(.*)\]\]>\s*", re.DOTALL)
_FIRST_END = re.compile(r"\A[ \t]*\n")
_LAST_INDENT = re.compile(r"\n[ \t]+\Z")

Record = dict[str, str]


def read_tags(text: str) -> tuple[Change, ...]:
    """The changes of a reply in tags; none where it holds none. Raises Refused where one is not whole."""
    if "</" not in text and not _OF_FILE.search(text):
        return ()
    text = in_parameters(text)
    found = list(_records(text))
    records = [record for record in found if is_change(record) or _OPERATIONS in record]
    if records:
        refuse_half([record for record in found if _OPERATIONS not in record and len(record) > 1])
    return tuple(change for number, record in enumerate(records, 1) for change in _changes(number, record))


def _changes(number: int, record: Record) -> tuple[Change, ...]:
    if _OPERATIONS in record:
        return read_edits(record[_OPERATIONS], record.get("path", "")) or ()
    return changes_in({"path": "", **record}, number)


def _records(text: str) -> Iterator[Record]:
    """What belongs together, by the names of the tags: one path, one search text, one replacement."""
    record: Record = {}
    changed = False
    for name, held in _said(text):
        known = _canonical(name)
        if known in record or (known == "path" and record):
            yield record
            changed = changed or is_change(record)
            record = {"path": record["path"]} if "path" in record and known != "path" else {}
        record[known] = held
    if "search" in record and "replace" not in record:
        raise Refused(f"The reply is cut off: a search text for {record.get('path', 'a file')} has no replacement.")
    if changed and list(record) == ["path"]:
        raise Refused(f"The reply is cut off: for {record['path']} it says no change. Send all of it again.")
    yield record


def _said(text: str) -> Iterator[tuple[str, str]]:
    """Each tag's name and what it holds. Tags around others are passed over."""
    at = 0
    while found := _next(text, at):
        at = found.end()
        if found.re.pattern == _OF_FILE.pattern:
            yield "path", found["path"]
            if (end := _end_of_whole_file(text, found)) is not None:
                yield "content", _held(text[at:end])
                at = end
            continue
        tag = found["tag"] or found["told"]
        closing = f"</{tag or found['before'] + 'parameter'}>"
        name, end = tag or found["parameter"], text.find(closing, at)
        if end < 0 and _canonical(name) in _TEXTS:
            raise Refused(f"The reply is cut off: {found[0].strip()} is not closed by {closing}.")
        if end >= 0 and not _is_around_others(_canonical(name), text[at:end]):
            yield name, _held(text[at:end])
            at = end + len(closing)


def _next(text: str, at: int) -> re.Match[str] | None:
    found = (_OPENING.search(text, at), _OF_FILE.search(text, at))
    return min((one for one in found if one), key=lambda one: one.start(), default=None)


def _end_of_whole_file(text: str, found: re.Match[str]) -> int | None:
    """Where `<file path="…">` ends that holds a file as a whole; None for one around edits. Raises Refused."""
    if not _WHOLE.fullmatch(found["as"]):
        return None
    closing = f"</{found['as']}>"
    end = text.find(closing, found.end())
    body = text[found.end() : end if end >= 0 else len(text)]
    if _OPENING.search(body) or looks_like_blocks(body):
        return None
    if end < 0:
        raise Refused(f"The reply is cut off: the file {found['path']} is not closed by {closing}.")
    return end


def _is_around_others(name: str, held: str) -> bool:
    match name:
        case "path":
            return "<" in held or "\n" in held.strip()
        case "content":
            return looks_like_blocks(held)
        case "operations":
            return not held.lstrip().startswith("[")
        case _:
            return False


def _canonical(name: str) -> str:
    for known in (PATH, SEARCH, REPLACE, CONTENT, EVERY):
        if name in known or (name.isupper() and name.lower() in known):
            return known[0]
    return name.lower() if name.isupper() else name


def _held(text: str) -> str:
    inner = _CDATA.fullmatch(text)
    plain = inner[1] if inner else text
    return _LAST_INDENT.sub("\n", _FIRST_END.sub("", plain))
