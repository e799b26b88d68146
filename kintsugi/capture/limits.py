"""How large a payload may become: 256 KB as JSON, by construction. Every cut is marked where it was made."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kintsugi.workflow.payload import Build, Failure, Frame, Payload, Raised, SourceLine

LARGEST_PAYLOAD = 256 * 1024  # bytes of JSON


@dataclass(frozen=True, slots=True)
class Limits:
    """Characters of texts, counts of the rest."""

    log_line: int = 4_000
    log: int = 96_000
    message: int = 8_000
    code: int = 400
    name: int = 400
    exceptions: int = 12
    frames: int = 60
    frames_with_source: int = 20
    variables: int = 25
    variable: int = 400
    entities: int = 8_000
    packages: int = 500

    def halved(self) -> Limits:
        return Limits(**{field.name: getattr(self, field.name) // 2 for field in fields(self)})


def fitted(payload: Payload, largest: int = LARGEST_PAYLOAD) -> Payload:
    """The payload within `largest` bytes of JSON, under ever tighter limits until it is."""
    limits = Limits()
    while True:
        smaller = _within(payload, limits)
        if len(smaller.model_dump_json().encode("utf-8", "replace")) <= largest or not limits.name:
            return smaller
        limits = limits.halved()


def cut(text: str, length: int) -> str:
    """At most `length` characters of the text, and a mark that says how many are gone."""
    return text if len(text) <= length else f"{text[:length]}… [{len(text) - length} characters cut]"


def _within(payload: Payload, limits: Limits) -> Payload:
    told = payload.incident
    about = told.model_copy(
        update={"summary": cut(told.summary, limits.message), "grouped_by": cut(told.grouped_by, limits.message)}
    )
    request = payload.request.model_copy(
        update={
            **{name: _cut_name(getattr(payload.request, name), limits) for name in ("user", "channel", "intent")},
            "entities": _entities(payload.request.entities, limits),
        }
    )
    changed = {
        "incident": about,
        "request": request,
        "exception": _failure(payload.exception, limits) if payload.exception else None,
        "log": _log(payload.log, limits),
        "build": _build(payload.build, limits),
    }
    return payload.model_copy(update=changed)


def _build(build: Build, limits: Limits) -> Build:
    kept = list(build.packages.items())[: limits.packages]
    changed: dict[str, object] = {
        "environment": cut(build.environment, limits.name),
        "python": _cut_name(build.python, limits),
        "packages": {cut(name, limits.name): cut(version, limits.name) for name, version in kept},
    }
    return build.model_copy(update=changed)


def _cut_name(text: str | None, limits: Limits) -> str | None:
    return None if text is None else cut(text, limits.name)


def _entities(entities: dict[str, Any], limits: Limits) -> dict[str, Any]:
    left, kept = limits.entities, dict[str, Any]()
    for name, value in entities.items():
        left -= len(name) + len(repr(value))
        if left < 0:
            return {**kept, "…": f"[{len(entities) - len(kept)} entities cut]"}
        kept[name] = value
    return kept


def _log(lines: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """The latest lines that fit, the oldest cut first."""
    kept: list[str] = []
    left = limits.log
    for line in reversed(lines):
        shown = cut(line, limits.log_line)
        left -= len(shown)
        if left < 0:
            return (f"… [{len(lines) - len(kept)} earlier lines cut]", *reversed(kept))
        kept.append(shown)
    return tuple(reversed(kept))


def _failure(failure: Failure, limits: Limits) -> Failure:
    """The last exceptions of the chain: what was raised first of a very long one tells least."""
    most = max(limits.exceptions, 1)
    chain = tuple(_raised(raised, limits) for raised in failure.chain[-most:])
    complete = failure.complete and len(failure.chain) <= most
    return failure.model_copy(update={"chain": chain, "complete": complete})


def _raised(raised: Raised, limits: Limits) -> Raised:
    frames = _frames(raised.frames, limits)
    first = max(len(frames) - limits.frames_with_source, 0)
    shown = tuple(_frame(frame, limits, bare=at < first) for at, frame in enumerate(frames))
    changed = {"type": cut(raised.type, limits.name), "message": cut(raised.message, limits.message), "frames": shown}
    return raised.model_copy(update=changed)


def _frames(frames: tuple[Frame, ...], limits: Limits) -> tuple[Frame, ...]:
    """The outermost third and the innermost frames, with a mark between them in place of what is left out."""
    if len(frames) <= limits.frames:
        return frames
    head, tail = limits.frames // 3, limits.frames - limits.frames // 3
    mark = Frame(path=f"… [{len(frames) - head - tail} frames cut]", line=0)
    return (*frames[:head], mark, *frames[len(frames) - tail :])


def _frame(frame: Frame, limits: Limits, *, bare: bool) -> Frame:
    changed: dict[str, object] = {
        "path": cut(frame.path, limits.name),
        "reported": cut(frame.reported, limits.name),
        "module": cut(frame.module, limits.name),
        "function": cut(frame.function, limits.name),
        "code": cut(frame.code, limits.code),
        "source": () if bare else tuple(_line(line, limits) for line in frame.source),
        "variables": {} if bare else _variables(frame.variables, limits),
    }
    return frame.model_copy(update=changed)


def _line(line: SourceLine, limits: Limits) -> SourceLine:
    return line.model_copy(update={"text": cut(line.text, limits.code)})


def _variables(variables: dict[str, str], limits: Limits) -> dict[str, str]:
    kept = list(variables.items())[: limits.variables]
    shown = {cut(name, limits.name): cut(value, limits.variable) for name, value in kept}
    left_out = len(variables) - len(kept)
    return {**shown, "…": f"[{left_out} variables cut]"} if left_out else shown
