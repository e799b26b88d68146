"""The chain of a history: each row carries the hash of the one before, and by hash what it brought.

A row's hash is the SHA-256 of its canonical JSON (RFC 8785). What is large (the payload, the patch, the proof) is in it
by its own hash alone, so that pruning leaves the chain whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import Any

from pydantic import TypeAdapter

from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Incident

PAYLOAD = "payload"
PROOF = "proof"
_FIELDS = {
    "diagnosis": "diagnosis",
    "patch": "patch",
    PROOF: "evidence",
    "pull_request": "pull_request",
    "deployment": "deployment",
}
DOCUMENTS = (PAYLOAD, *_FIELDS)
"""What a row can bring besides its own words."""
PRUNED = (PAYLOAD, PROOF)
"""The documents that pruning takes; the others are kept as long as the history."""

Hashes = Mapping[str, str | None]
"""By a document's name its SHA-256; None where the row took the document away."""


@dataclass(frozen=True, slots=True)
class Row:
    """One step of a history as it is chained. `previous`: the hash of the row before; None in the first.

    `chained_at` is None where the row was chained in the transaction that wrote it, else the time of when it was.
    """

    incident: int
    step: Step
    holds: Hashes
    previous: str | None
    chained_at: datetime | None = None

    @property
    def sha(self) -> str:
        return sha256(canonical(self.as_json())).hexdigest()

    def as_json(self) -> dict[str, Any]:
        """What is hashed, and stands in a receipt. Numbers with a point are text: languages write them differently."""
        step = self.step
        return {
            "incident": self.incident,
            "seq": step.seq,
            "trigger": step.trigger,
            "source": step.source,
            "dest": step.dest.value,
            "actor": step.actor,
            "at": moment(step.at),
            "says": step.says,
            "attempts": step.attempts,
            "seconds": _decimal(step.seconds),
            "usd": _decimal(step.usd),
            "holds": dict(self.holds),
            "previous": self.previous,
            "chained_at": moment(self.chained_at) if self.chained_at else None,
        }


@dataclass(frozen=True, slots=True)
class History:
    """The rows of one incident, the hash that its chain ends with, and those documents that are still kept."""

    incident: int
    rows: Sequence[Row]
    head: str
    documents: Mapping[str, bytes]


def brought(before: Incident | None, after: Incident) -> dict[str, str | None]:
    """The hashes of what changed from `before` to `after`; without a `before`, of all there is."""
    found: dict[str, str | None] = {}
    for name, field in _FIELDS.items():
        was, now = getattr(before, field, None), getattr(after, field)
        if now is not was and now != was:
            found[name] = sha_of(_written(after, field)) if now is not None else None
    return found


def documents(incident: Incident) -> dict[str, bytes]:
    """What there is of the documents in the incident itself, as it is hashed."""
    there = (name for name, field in _FIELDS.items() if getattr(incident, field) is not None)
    return {name: _written(incident, _FIELDS[name]) for name in there}


def chained_late(rows: Sequence[Row], holds: Hashes, at: datetime) -> list[Row]:
    """Rows that were written without a chain, chained now; the last one holds what is there of the incident today."""
    found: list[Row] = []
    for row in rows:
        held = holds if row is rows[-1] else {}
        previous = found[-1].sha if found else row.previous
        found.append(replace(row, holds=held, previous=previous, chained_at=at))
    return found


def held_at_last(holds: Sequence[Hashes]) -> dict[str, tuple[int, str]]:
    """Of what the rows hold, one after the other: each document that is held at the end, by which of them, its hash."""
    newest: dict[str, tuple[int, str | None]] = {}
    for at, held in enumerate(holds):
        newest |= {name: (at, sha) for name, sha in held.items()}
    return {name: (at, sha) for name, (at, sha) in newest.items() if sha is not None}


def canonical(value: Any) -> bytes:
    """RFC 8785's canonical JSON of text, whole numbers, None, lists and objects whose keys are ASCII.

    For these Python's own encoder writes it, in a sixth of the time of the library that a test holds it to. Numbers
    with a point are the one thing in which the two differ: whoever calls writes them as text.
    """
    return _ENCODER.encode(value).encode()


def sha_of(document: bytes) -> str:
    return sha256(document).hexdigest()


def moment(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds: the same for one moment, whichever database kept it."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _written(incident: Incident, field: str) -> bytes:
    """Defaults are left out, so that a field that a later version adds changes no hash."""
    dumped = _adapter().dump_python(incident, mode="json", include={field}, exclude_defaults=True)
    return canonical(_without_floats(dumped.get(field)))


def _without_floats(value: Any) -> Any:
    match value:
        case float():
            return _decimal(value)
        case dict():
            return {key: _without_floats(each) for key, each in value.items()}
        case list():
            return [_without_floats(each) for each in value]
        case _:
            return value


def _decimal(number: float) -> str:
    return repr(float(number) + 0.0)  # databases do not keep the sign of a zero


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@cache
def _adapter() -> TypeAdapter[Incident]:
    return TypeAdapter(Incident)
