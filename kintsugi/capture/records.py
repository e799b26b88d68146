"""Records of loggers in JSON: the stack that one carries, the line that it logs, and who wrote it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kintsugi.telemetry import lazy_re as re

_STACK_FIELDS = ("exception", "exc_info", "traceback", "stack_trace", "stacktrace", "stack", "exc_text", "Exception")
_LINE_FIELDS = (
    "log",
    "MESSAGE",
    "message",
    "msg",
    "textPayload",
    "@message",
    "text",
    "line",
    "body",
    "content",
    "_raw",
)
_STACK_MARKS = (
    "Traceback (most recent call last)",
    "\n    at ",
    "\n   at ",
    "\n\tat ",
    "goroutine ",
    "\n#0 ",
    "\n\tfrom ",
    " panicked at ",
    "\n** (",
)
_WRITER_FIELDS = (
    *("stream", "container", "container_name", "containerName", "pod", "pod_name", "podName", "service", "serviceName"),
    *("deploymentId", "replica", "instance", "hostname", "host", "logStream", "logStreamName", "pid", "thread"),
    *("_PID", "SYSLOG_IDENTIFIER", "_SYSTEMD_UNIT"),
)
# Of records that tell a failure in fields of their own: structlog's, Lambda's, Monolog's, zerolog's.
RECORD_MARKS = ('"exc_type"', '"errorType"', '"trace":["', '"trace": [', '"fullFilePath"', '","line":"')
_KINDS = ("error.type", "exception_class", "type")
_KINDS_WITHIN = (*_KINDS, "class", "kind", "name")  # of an object within the record; the record's own is a logger's
_WORDS = ("error.message", "exception_message")
_WORDS_WITHIN = (*_WORDS, "message", "msg", "value")
_SAID, _ABOUT = ("message", "msg", "@message", "short_message"), ("error", "err", "panic", "reason")
_LEVELS = ("level", "severity", "lvl", "@l", "levelname", "log.level")
_QUIET = frozenset(("trace", "debug", "info", "notice", "warn", "warning"))
_GO_PLACE = re.compile(r"\t\S+\.go:\d+")
_GO_PANIC = re.compile(r"^(?:runtime\.gopanic$|panic\()", re.MULTILINE)
_PAIR = re.compile(r'(?:^|(?<=\s))(?P<name>[\w.@-]{1,60})=(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]*)')
_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"
_DEEPEST = 4
_LONGEST = 16_000_000


def record_in(line: str) -> tuple[str, Any]:
    """What stands before the JSON on this line, and its value; None where there is none."""
    end = line.rstrip().rstrip(",")
    if not end.endswith(("}", "]")) or len(line) > _LONGEST:
        return "", None
    start = 0 if line.lstrip()[:1] in ("{", "[") else line.find("{")
    if start < 0 or '"' not in line:
        return "", None
    try:
        value = json.loads(end[start:], strict=False)
    except (ValueError, RecursionError):
        return "", None
    records = value if isinstance(value, list) else [value]
    return line[:start], value if records and all(isinstance(one, dict) for one in records) else None


def json_record(line: str) -> dict[str, Any] | None:
    """The JSON object on this line, or None."""
    _, record = record_in(line) if line.lstrip().startswith("{") else ("", None)
    return record if isinstance(record, dict) else None


def stack_of(record: Any) -> str | None:
    """The stack that a record carries, as the language prints it, whichever field holds it."""
    if not isinstance(record, Mapping):
        return None
    told = _told_apart(record) or _exceptions(record)
    if told is not None:
        return told
    stacks = (_stack_in(one, record) for one in (record, *_within(record)))
    stack = next((one for one in stacks if one is not None), None)
    if stack is None or (stack and not _looks_printed(stack)):  # other things are named so too, as where it runs
        stack = next(filter(_looks_printed, _strings(record)), stack)
    return stack or None


def _looks_printed(text: str) -> bool:
    return "\n" in text.strip("\n") and any(mark in text for mark in _STACK_MARKS)


def line_of(record: Any) -> list[str]:
    """The line that a record logs; those of all its records, where it is a list or holds one."""
    if isinstance(record, Sequence) and not isinstance(record, str):
        return [text for one in record for text in _texts_of(one)]
    if not isinstance(record, Mapping):
        return []
    for name in _LINE_FIELDS:
        value = record.get(name)
        if isinstance(value, str):
            return [value]
        if isinstance(value, list) and name == "MESSAGE" and all(isinstance(one, int) for one in value):
            return [bytes(one & 255 for one in value).decode("utf-8", "replace")]  # journald, where it is no plain text
        if isinstance(value, Mapping) and (inner := line_of(value)):
            return inner
    for value in record.values():
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            if found := line_of(value):
                return found
        elif isinstance(value, Mapping) and (found := line_of(value)):
            return found
    return []


def _texts_of(record: Any) -> list[str]:
    stack = stack_of(record)
    return line_of(record) if stack is None else [stack]


def writer_of(record: Any) -> str:
    """Which of the writers that share a log this record names."""
    if not isinstance(record, Mapping):
        return ""
    inner = [value for value in record.values() if isinstance(value, Mapping)]
    return " ".join(
        str(one[name]) for one in (record, *inner) for name in _WRITER_FIELDS if isinstance(one.get(name), str | int)
    )


def pairs_in(line: str) -> dict[str, str]:
    """The fields of a line of logfmt, `level=error msg="a b"`."""
    found = {pair["name"]: pair["value"] for pair in _PAIR.finditer(line)}
    return {name: _unquoted(value) for name, value in found.items()} if len(found) > 2 else {}


def _unquoted(value: str) -> str:
    try:
        return str(json.loads(value, strict=False)) if value.startswith('"') else value
    except ValueError:
        return value


def _within(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The objects in a record, and in these."""
    inner = [value for value in record.values() if isinstance(value, Mapping)]
    yield from inner
    for one in inner:
        yield from (value for value in one.values() if isinstance(value, Mapping))


def _stack_in(one: Mapping[str, Any], record: Mapping[str, Any]) -> str | None:
    """The stack that this object of a record carries; "" where it is of nothing that failed."""
    for name in (*_STACK_FIELDS, "trace"):
        value = one.get(name)
        if isinstance(value, str) and "\n" in value.strip():
            return _with_head(value, one, record)
        if isinstance(value, list) and value and (text := _listed(value, one)):
            return _with_head(text, one, record)
    return None


def _listed(calls: Sequence[Any], one: Mapping[str, Any]) -> str:
    """A stack that is a list of places: zerolog's and tslog's have names, Monolog's do not."""
    if all(isinstance(call, Mapping) and str(call.get("source", "")).endswith(".go") for call in calls):
        return "\n".join(f"{call.get('func')}()\n\t{call['source']}:{call.get('line')}" for call in calls)
    if all(isinstance(call, Mapping) and "fullFilePath" in call for call in calls):  # tslog's
        return "\n".join(f"    at {call.get('method') or '?'} ({call['fullFilePath']})" for call in calls)
    if all(isinstance(call, str) and ".php:" in call for call in calls) and isinstance(one.get("file"), str):
        places = (call.rpartition(":") for call in calls)
        numbered = (f"#{at} {path}({line}): ?()" for at, (path, _, line) in enumerate(places))
        kind, said = _first(one, _KINDS_WITHIN), _first(one, _WORDS_WITHIN)
        return "\n".join((f"PHP Fatal error:  Uncaught {kind}: {said} in {one['file']}", "Stack trace:", *numbered))
    return ""


def _with_head(stack: str, one: Mapping[str, Any], record: Mapping[str, Any]) -> str:
    """The stack below the name and message that stand in fields of their own, where it has none."""
    kind = _first(one, _KINDS if one is record else _KINDS_WITHIN)
    said = _first(one, _WORDS if one is record else _WORDS_WITHIN)
    first, _, more = stack.lstrip("\n").partition("\n")
    if _GO_PLACE.match(more) or first.startswith("goroutine "):
        quiet = str(_first(record, _LEVELS)).lower() in _QUIET and not _GO_PANIC.search(stack)
        return "" if quiet else f"{_said_of(record)}\n{stack}"
    if kind and first.lstrip().startswith(("at ", "#0 ")):
        return f"{kind}: {said}\n{stack}"
    if kind and first.lstrip().startswith('File "'):
        return "\n".join(("Traceback (most recent call last):", stack.strip("\n"), f"{kind}: {said}" if said else kind))
    return stack


def _said_of(record: Mapping[str, Any]) -> str:
    """What a record says, and of which error, on one line."""
    said, about = _first(record, _SAID), _first(record, _ABOUT)
    words = said if about in said else ": ".join(filter(None, (said, about)))
    return " ".join(words.split())


def _first(record: Mapping[str, Any], names: Sequence[str]) -> str:
    """The first of these fields that is text."""
    return next((record[name] for name in names if isinstance(record.get(name), str) and record[name]), "")


def _told_apart(record: Mapping[str, Any]) -> str | None:
    """A failure whose name, message and stack are fields of their own, as AWS Lambda's runtimes write it."""
    reason = record.get("reason")
    if isinstance(reason, Mapping) and "errorType" in reason:
        return _told_apart(reason)
    kind, said = record.get("errorType"), record.get("errorMessage")
    stack = next(
        (record[name] for name in ("stackTrace", "stack", "trace") if isinstance(record.get(name), list)), None
    )
    if not isinstance(kind, str) or stack is None:
        return None
    lines = [str(line).rstrip("\n") for line in stack]
    head = f"{kind}: {said}" if said else kind
    if any('File "' in line for line in lines):
        return "\n".join(("Traceback (most recent call last):", *lines, head))
    if lines and lines[0].startswith(kind):
        return "\n".join(lines)
    return "\n".join((head, *(line if line.lstrip().startswith("at ") else f"\tat {line}" for line in lines)))


def _exceptions(record: Mapping[str, Any]) -> str | None:
    """structlog's `dict_tracebacks`: a list of exceptions, the last raised first, in whatever field."""
    given = next((value for value in record.values() if _are_exceptions(value)), None)
    if given is None:
        return None
    pieces: list[str] = []
    for one in reversed(given):  # each says how the one above it came of it
        pieces += [_exception(one), _CAUSE if one.get("is_cause") else _CONTEXT]
    return "\n\n".join(pieces[:-1])


def _are_exceptions(value: object) -> bool:
    return (
        isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "exc_type" in one for one in value)
    )


def _exception(one: Mapping[str, Any]) -> str:
    lines = ["Traceback (most recent call last):"]
    frames = one.get("frames")
    for frame in frames if isinstance(frames, list) else ():
        if isinstance(frame, Mapping):
            lines.append(f'  File "{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}')
            lines += [f"    {frame['line']}"] if frame.get("line") else []
    said = one.get("exc_value")
    return "\n".join((*lines, f"{one['exc_type']}: {said}" if said else str(one["exc_type"])))


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth < _DEEPEST:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner, depth + 1)
