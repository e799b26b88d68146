"""What was being asked of the program when it failed, from the JSON log lines near the failure. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kintsugi.capture.records import json_record, stack_of
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Capsule, RequestContext

_NEAR = 50  # lines before the failure in which its request may be named
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?")
_TIME_FIELDS = ("ts", "timestamp", "time", "@timestamp", "asctime")
_CONTEXT_FIELDS = ("user", "channel", "intent", "entities")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Who asked for what, and when, as far as the log says."""

    request: RequestContext
    time: datetime | None = None
    summary: str | None = None
    capsule: Capsule | None = None


def circumstances(lines: Sequence[str]) -> Circumstances:
    """Reads the record of the failure: the last JSON line with a stack, else the nearest that names a request.

    Lines that are no JSON give the time alone.
    """
    recent = lines[-_NEAR:]
    records = [record for line in recent if (record := json_record(line)) is not None]
    failing = [record for record in records if stack_of(record)]
    naming = [record for record in records if any(record.get(name) for name in _CONTEXT_FIELDS)]
    chosen = next(reversed(failing or naming), None)
    if chosen is None:
        return Circumstances(RequestContext(), time=_last_time(recent))
    summary = chosen.get("msg") or chosen.get("message")
    time = _time_in(chosen) or _last_time(recent)
    return Circumstances(
        _request(chosen), time, str(summary) if failing and summary else None, read_capsule(chosen.get("capsule"))
    )


def read_capsule(told: object) -> Capsule | None:
    """The failing call, as the program's telemetry wrote it down; None where what is told is none."""
    if not isinstance(told, dict) or not any(told.get(name) for name in ("source", "why_not")):
        return None
    fields = {name: told.get(name) for name in ("module", "function", "source", "why_not", "in_part")}
    return Capsule(**{name: value if isinstance(value, str) else "" for name, value in fields.items()})


def _request(record: dict[str, Any]) -> RequestContext:
    entities = record.get("entities")
    return RequestContext(
        user=_text(record.get("user")),
        channel=_text(record.get("channel")),
        intent=_text(record.get("intent")),
        entities=entities if isinstance(entities, dict) else {},
    )


def _text(value: object) -> str | None:
    return str(value) if isinstance(value, str | int) and value != "" else None


def _time_in(record: dict[str, Any]) -> datetime | None:
    values = (record.get(name) for name in _TIME_FIELDS)
    return next((time for value in values if isinstance(value, str) and (time := _time(value))), None)


def _last_time(lines: Sequence[str]) -> datetime | None:
    found = (_time(match[0]) for line in reversed(lines) if (match := _TIME.search(line[:200])))
    return next((time for time in found if time is not None), None)


def _time(text: str) -> datetime | None:
    """A moment in UTC: a time without a zone is taken to be UTC already."""
    try:
        time = datetime.fromisoformat(text.strip().replace(",", "."))
    except ValueError:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
