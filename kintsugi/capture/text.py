"""Bytes and log text made readable: decoding, colours, carriage returns, prefixes, JSON lines. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kintsugi.capture.errors import CaptureError

RECORD_END = "{}"  # put where one record's text ends, so that a message cannot run into the next line

_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_BREAKS = re.compile(r"\r\n|\n|\r(?!\n)")
_STACK_FIELDS = ("exception", "exc_info", "traceback", "stack_trace", "stacktrace", "stack", "exc_text")
_LINE_FIELDS = ("log", "MESSAGE")
_STACK_MARKS = ("Traceback (most recent call last)", "\n    at ", "\n\tat ", "\ngoroutine ")
_ESCAPED = re.compile(r"Traceback \(most recent call last\):\\n")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_CLOSING_QUOTE = re.compile(r'(?<!\\)"')
_DEEPEST_JSON = 4


def read_text(raw: bytes) -> str:
    """The bytes as text: UTF-16 by its mark, else UTF-8 with what is not UTF-8 replaced.

    CaptureError for binary input.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    if b"\x00" in raw:
        raise CaptureError("This input is binary (it holds NUL bytes). A traceback or a log is text.")
    text = raw.decode("utf-8-sig", errors="replace")
    if _unreadable_share(text) > 0.2:
        raise CaptureError("This input is binary or in an unknown encoding. A traceback or a log is UTF-8 text.")
    return text


def split_lines(text: str) -> list[str]:
    """The lines as they were logged, without colours and line endings."""
    lines = _BREAKS.split(_ANSI.sub("", text))
    return lines[:-1] if lines[-1] == "" else lines


def expanded(lines: Iterable[str]) -> Iterator[str]:
    """The lines with every stack that is folded into one of them (JSON field, escaped line breaks) unfolded."""
    for line in lines:
        record = json_record(line)
        if record is not None:
            yield from _unfolded(record, line)
        elif _ESCAPED.search(line):
            yield from (*_unescaped(line).split("\n"), RECORD_END)
        else:
            yield line


def json_record(line: str) -> dict[str, Any] | None:
    """The JSON object on this line, or None."""
    stripped = line.strip()
    if not (stripped.startswith("{") and stripped.endswith("}")):
        return None
    try:
        record = json.loads(stripped)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def stack_of(record: dict[str, Any]) -> str | None:
    """The stack that a JSON log record carries, whichever field holds it."""
    for name in _STACK_FIELDS:
        if isinstance(record.get(name), str) and record[name].strip():
            return str(record[name])
    return next((text for text in _strings(record) if any(mark in text for mark in _STACK_MARKS)), None)


def without_prefix(lines: Sequence[str], prefix: str, at: int) -> list[str]:
    """The lines without what a logger or container put before each, `prefix` being how it looks on line `at`.

    Lines of other writers are left out where every line has the prefix; where only line `at` has it, that
    line alone is cut, and ends the record above it.
    """
    if not prefix.strip():
        return [_outdented(line, len(prefix)) for line in lines]
    shape = _shape(prefix)
    if at + 1 < len(lines) and shape.match(lines[at + 1]):
        return [line[found.end() :] for line in lines if (found := shape.match(line))]
    return [*lines[:at], RECORD_END, lines[at][len(prefix) :], *lines[at + 1 :]]


def _unreadable_share(text: str) -> float:
    odd = sum(1 for char in text if char == "\ufffd" or (char < " " and char not in "\t\n\r\x0c\x1b"))
    return odd / max(len(text), 1)


def _unfolded(record: dict[str, Any], line: str) -> Iterator[str]:
    stack = stack_of(record)
    carried = next((record[name] for name in _LINE_FIELDS if isinstance(record.get(name), str)), None)
    if stack is not None and stack != carried:
        yield from (line, *split_lines(stack), RECORD_END)
    elif carried is not None:
        yield from split_lines(carried) or [""]
    else:
        yield line


def _unescaped(line: str) -> str:
    """The line with its escapes undone, up to the end of the string that the stack stands in."""
    start = line.index("Traceback (")
    if '\\"' in line[start:]:
        line = line[:start] + _CLOSING_QUOTE.split(line[start:], maxsplit=1)[0]
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), line)


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth < _DEEPEST_JSON:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner, depth + 1)


def _outdented(line: str, width: int) -> str:
    blanks = len(line) - len(line.lstrip(" \t"))
    return line[min(blanks, width) :]


def _shape(prefix: str) -> re.Pattern[str]:
    runs = re.findall(r"\d+|\s+|[^\d\s]+", prefix)
    return re.compile("".join(_shape_of_run(run, last=at == len(runs) - 1) for at, run in enumerate(runs)))


def _shape_of_run(run: str, *, last: bool) -> str:
    if run.isdigit():
        return r"\d+"
    if run.isspace():
        return rf"[ \t]{{0,{len(run)}}}" if last else r"\s+"
    return re.escape(run)
