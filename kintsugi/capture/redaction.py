"""Redacts what a payload holds: each text as a whole, each named value with its name in view."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kintsugi.capture.records import json_record
from kintsugi.telemetry.encoding import name_of, names_of_items
from kintsugi.telemetry.redact import redact, redact_field, redact_source
from kintsugi.workflow.payload import Build, Capsule, Failure, Frame, Payload, Raised, SourceLine

_DEEPEST = 12  # levels of entities that are kept


def redacted(payload: Payload) -> Payload:
    """The payload without the secrets in its texts."""
    told = {"summary": clean(payload.incident.summary), "grouped_by": clean(payload.incident.grouped_by)}
    about = payload.incident.model_copy(update=told)
    request = payload.request.model_copy(
        update={
            **{name: _optional(getattr(payload.request, name)) for name in ("user", "channel", "intent")},
            "entities": _named_values(payload.request.entities),
        }
    )
    changed = {
        "incident": about,
        "request": request,
        "exception": _failure(payload.exception) if payload.exception else None,
        "capsule": _capsule(payload.capsule) if payload.capsule else None,
        "log": tuple(redacted_lines(payload.log)),
        "build": _build(payload.build),
        "pointed": clean(payload.pointed),
    }
    return payload.model_copy(update=changed)


def _capsule(capsule: Capsule) -> Capsule:
    """Without its source where a secret is in it: what is left could not be run."""
    source, why_not = capsule.source, clean(capsule.why_not)
    if redact_source(_storable(source), "capsule.py", excerpt=True) != source:
        source, why_not = "", "a secret: something in the call that is one"
    named = {name: clean(getattr(capsule, name)) for name in ("module", "function", "in_part")}
    return capsule.model_copy(update={**named, "source": source, "why_not": why_not})


def redacted_lines(lines: Sequence[str]) -> list[str]:
    """Log lines, JSON records among them by their fields, then all together: a key file stands on many lines."""
    each = [_redacted_record(line) for line in lines]
    return clean("\n".join(each)).split("\n") if each else []


def _build(build: Build) -> Build:
    changed: dict[str, object] = {
        "environment": clean(build.environment),
        "python": _optional(build.python),
        "packages": {_storable(name): _storable(version) for name, version in build.packages.items()},
    }
    return build.model_copy(update=changed)


def _optional(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _redacted_record(line: str) -> str:
    record = json_record(line)
    if record is None:
        return line
    shown = _named_values(record)
    return line if shown == record else json.dumps(shown, ensure_ascii=False)


def _named_values(values: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    return {clean(str(name)): _named(name_of(name), value, depth) for name, value in values.items()}


def _named(name: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, dict | list | tuple) and depth == _DEEPEST:
        return "… [deeper levels cut]"
    if isinstance(value, dict):
        return _named_values(value, depth + 1)
    if isinstance(value, list | tuple):
        names = names_of_items(value, name)
        return [_named(under, one, depth + 1) for under, one in zip(names, value, strict=True)]
    shown = _clean_field(name, str(value))
    return value if isinstance(value, int | float) and shown == str(value) else shown


def clean(text: str) -> str:
    """The text redacted, and without what JSON or a database cannot hold: lone surrogates, NUL."""
    return redact(_storable(text))


def _clean_field(name: str, value: str) -> str:
    return redact_field(_storable(name), _storable(value))


def _storable(text: str) -> str:
    return text.encode("utf-8", "replace").decode().replace("\0", "␀")


def _failure(failure: Failure) -> Failure:
    return failure.model_copy(update={"chain": tuple(_raised(raised) for raised in failure.chain)})


def _raised(raised: Raised) -> Raised:
    frames = tuple(_frame(frame) for frame in raised.frames)
    return raised.model_copy(update={"type": clean(raised.type), "message": clean(raised.message), "frames": frames})


def _frame(frame: Frame) -> Frame:
    changed: dict[str, object] = {
        "path": clean(frame.path),
        "reported": clean(frame.reported),
        "module": clean(frame.module),
        "function": clean(frame.function),
        "code": _clean_code(frame.code, frame.path),
        "source": _source(frame.source, frame.path),
        "variables": {clean(name): _clean_field(name, value) for name, value in frame.variables.items()},
    }
    return frame.model_copy(update=changed)


def _clean_code(code: str, path: str) -> str:
    return redact_source(_storable(code), path, excerpt=True)


def _source(lines: Sequence[SourceLine], path: str) -> tuple[SourceLine, ...]:
    """The lines redacted together, as a key stands on many; a line that a report gives as several is shown as one."""
    texts = _clean_code("\n".join(line.text.replace("\n", " ") for line in lines), path).split("\n") if lines else []
    return tuple(line.model_copy(update={"text": text}) for line, text in zip(lines, texts, strict=True))
