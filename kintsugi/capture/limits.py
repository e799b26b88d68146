"""How large a payload may become: 256 KB as JSON, by construction. Every cut is marked where it was made.

It is cut twice: roughly before secrets are taken out, as that takes its time, and finely after. A rough cut keeps more
than will be shown, so that a secret that it goes through is gone with what is not.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Build, Capsule, Failure, Frame, Payload, Raised, SourceLine

LARGEST_PAYLOAD = 256 * 1024  # bytes of JSON
_BEYOND = 1024  # characters that a rough cut keeps beyond the fine one, and that go with it
_ROUGH_CODE = 256_000  # characters of source and variables that are looked at, of the innermost frames first
_ROUGHLY = re.compile(r"… \[(\d+) characters not read\]\Z")
_FINELY = re.compile(r"\[(\d+) (?:frames|variables|entities|earlier lines) cut\]")


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
    capsule: int = 65_536
    roughly: bool = False

    def halved(self) -> Limits:
        return Limits(
            **{field.name: getattr(self, field.name) // 2 for field in fields(self) if field.name != "roughly"}
        )

    def cut(self, text: str, length: int) -> str:
        return cut_roughly(text, length + _BEYOND) if self.roughly else cut(text, length)


def roughly(payload: Payload) -> Payload:
    """The payload with little more than can be shown of it, before secrets are taken out."""
    smaller = _within(payload, Limits(roughly=True, entities=32_000, log=128_000))
    return smaller.model_copy(update={"exception": smaller.exception and _with_less_code(smaller.exception)})


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
    if rough := _ROUGHLY.search(text, max(len(text) - 60, 0)):
        body = text[: rough.start()]
        shown = body[: max(min(length, len(body) - _BEYOND), 0)]
        return f"{shown}… [{len(body) - len(shown) + int(rough[1])} characters cut]"
    return text if len(text) <= length else f"{text[:length]}… [{len(text) - length} characters cut]"


def cut_roughly(text: str, length: int) -> str:
    """At most `length` characters, and a mark that `cut` counts in, as it takes some more of it away."""
    if len(text) <= length:
        return text
    rough = _ROUGHLY.search(text, max(len(text) - 60, 0))
    body, gone = (text[: rough.start()], int(rough[1])) if rough else (text, 0)
    left_out = gone + max(len(body) - length, 0)
    return f"{body[:length]}… [{left_out} characters not read]" if left_out else body


def _left_out(marked: str) -> int:
    """How many a mark stands for; one, where it is none."""
    mark = _FINELY.search(marked)
    return int(mark[1]) if mark else 1


def _within(payload: Payload, limits: Limits) -> Payload:
    told = payload.incident
    about = told.model_copy(
        update={
            "summary": limits.cut(told.summary, limits.message),
            "grouped_by": limits.cut(told.grouped_by, limits.message),
        }
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
        "capsule": _capsule(payload.capsule, limits) if payload.capsule else None,
        "log": _log(payload.log, limits),
        "build": _build(payload.build, limits),
        "pointed": limits.cut(payload.pointed, limits.name),
    }
    return payload.model_copy(update=changed)


def _capsule(capsule: Capsule, limits: Limits) -> Capsule:
    """A file that is cut is none."""
    names = ("module", "function", "why_not", "in_part")
    told = {name: limits.cut(getattr(capsule, name), limits.name) for name in names}
    if len(capsule.source) > limits.capsule:
        told = {**told, "source": "", "why_not": "its arguments are too large for what is kept of a failure"}
    return capsule.model_copy(update=told)


def _build(build: Build, limits: Limits) -> Build:
    kept = list(build.packages.items())[: limits.packages]
    changed: dict[str, object] = {
        "environment": limits.cut(build.environment, limits.name),
        "python": _cut_name(build.python, limits),
        "packages": {limits.cut(name, limits.name): limits.cut(version, limits.name) for name, version in kept},
    }
    return build.model_copy(update=changed)


def _cut_name(text: str | None, limits: Limits) -> str | None:
    return None if text is None else limits.cut(text, limits.name)


def _entities(entities: dict[str, Any], limits: Limits) -> dict[str, Any]:
    left, kept = limits.entities, dict[str, Any]()
    for name, value in entities.items():
        left -= len(name) + len(repr(value))
        if left < 0:
            gone = list(entities.items())[len(kept) :]
            return {
                **kept,
                "…": f"[{sum(_left_out(str(value)) if name == '…' else 1 for name, value in gone)} entities cut]",
            }
        kept[name] = value
    return kept


def _log(lines: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """The latest lines that fit, the oldest cut first."""
    kept: list[str] = []
    left = limits.log
    for line in reversed(lines):
        shown = limits.cut(line, limits.log_line)
        left -= len(shown)
        if left < 0:
            gone = sum(_left_out(line) if line.startswith("… [") else 1 for line in lines[: len(lines) - len(kept)])
            return (f"… [{gone} earlier lines cut]", *reversed(kept))
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
    kind, message = limits.cut(raised.type, limits.name), limits.cut(raised.message, limits.message)
    return raised.model_copy(update={"type": kind, "message": message, "frames": shown})


def _frames(frames: tuple[Frame, ...], limits: Limits) -> tuple[Frame, ...]:
    """The outermost third and the innermost frames, with a mark between them in place of what is left out."""
    if len(frames) <= limits.frames:
        return frames
    head = limits.frames // 3
    tail = max(limits.frames - head - 1, 0)
    gone = sum(_left_out(frame.path) if _is_mark(frame) else 1 for frame in frames[head : len(frames) - tail])
    return (*frames[:head], Frame(path=f"… [{gone} frames cut]", line=0), *frames[len(frames) - tail :])


def _is_mark(frame: Frame) -> bool:
    return frame.line == 0 and frame.path.startswith("… [")


def _with_less_code(failure: Failure) -> Failure:
    """Of very much code and very many values only those of the innermost frames, of the last exceptions first."""
    left, chain = _ROUGH_CODE, list[Raised]()
    for raised in reversed(failure.chain):
        frames = list[Frame]()
        for frame in reversed(raised.frames):
            left -= sum(map(len, frame.variables.values())) + sum(len(line.text) for line in frame.source)
            frames.append(frame if left >= 0 else _bare(frame))
        chain.append(raised.model_copy(update={"frames": tuple(reversed(frames))}))
    return failure.model_copy(update={"chain": tuple(reversed(chain))})


def _bare(frame: Frame) -> Frame:
    gone = sum(_left_out(value) if name == "…" else 1 for name, value in frame.variables.items())
    return frame.model_copy(update={"source": (), "variables": {"…": f"[{gone} variables cut]"} if gone else {}})


def _frame(frame: Frame, limits: Limits, *, bare: bool) -> Frame:
    changed: dict[str, object] = {
        "path": limits.cut(frame.path, limits.name),
        "reported": limits.cut(frame.reported, limits.name),
        "module": limits.cut(frame.module, limits.name),
        "function": limits.cut(frame.function, limits.name),
        "code": limits.cut(frame.code, limits.code),
        "source": () if bare else tuple(_line(line, limits) for line in frame.source),
        "variables": {} if bare else _variables(frame.variables, limits),
    }
    return frame.model_copy(update=changed)


def _line(line: SourceLine, limits: Limits) -> SourceLine:
    return line.model_copy(update={"text": limits.cut(line.text, limits.code)})


def _variables(variables: dict[str, str], limits: Limits) -> dict[str, str]:
    pairs = list(variables.items())
    kept = pairs if len(pairs) <= limits.variables else pairs[: max(limits.variables - 1, 0)]
    shown = {limits.cut(name, limits.name): limits.cut(value, limits.variable) for name, value in kept}
    gone = sum(_left_out(value) if name == "…" else 1 for name, value in pairs[len(kept) :])
    return {**shown, "…": f"[{gone} variables cut]"} if gone else shown
