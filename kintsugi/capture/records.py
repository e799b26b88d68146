"""Records of loggers in JSON: the stack that one carries, the line that it logs, and who wrote it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

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
RECORD_MARKS = ('"exc_type"', '"errorType"')  # of records that tell a failure in fields of their own
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
    inner = [value for value in record.values() if isinstance(value, Mapping)]
    for one in (record, *inner):
        for name in _STACK_FIELDS:
            if isinstance(one.get(name), str) and one[name].strip() and (one is record or "\n" in one[name]):
                return _with_head(str(one[name]), one)
    return next(
        (text for text in _strings(record) if "\n" in text.strip("\n") and any(mark in text for mark in _STACK_MARKS)),
        None,
    )


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


def _with_head(stack: str, record: Mapping[str, Any]) -> str:
    """The stack below the name and message that stand in fields of their own, where it has none."""
    kind = next(
        (record[name] for name in ("error.type", "exception_class", "type") if isinstance(record.get(name), str)), ""
    )
    said = next(
        (record[name] for name in ("error.message", "exception_message") if isinstance(record.get(name), str)), ""
    )
    first = stack.lstrip("\n").partition("\n")[0]
    bare = first.lstrip().startswith(("at ", "#0 ")) and kind
    return f"{kind}: {said}\n{stack}" if bare else stack


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
