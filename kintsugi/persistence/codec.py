"""How the lifecycle's values are written down as JSON and read back."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter

from kintsugi.workflow import triggers
from kintsugi.workflow.incident import Incident, Turn
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.scheduled import ScheduledJob


def incident_to_json(incident: Incident) -> str:
    return _incident().dump_json(incident).decode()


def incident_from_json(text: str) -> Incident:
    return _incident().validate_json(text)


def payload_to_json(payload: Payload) -> str:
    return payload.model_dump_json(exclude_defaults=True)


def payload_from_json(text: str) -> Payload:
    return Payload.model_validate_json(text)


def job_to_json(job: ScheduledJob) -> str:
    return _job().dump_json(job).decode()


def job_from_json(text: str) -> ScheduledJob:
    return _job().validate_json(text)


def turns_to_json(turns: tuple[Turn, ...]) -> str:
    return _TURNS.dump_json([(turn.ours, turn.text) for turn in turns]).decode()


def turns_from_json(text: str) -> tuple[Turn, ...]:
    return tuple(Turn(ours, said) for ours, said in _TURNS.validate_json(text))


def trigger_to_json(trigger: triggers.Trigger) -> str:
    return _trigger(type(trigger).__name__).dump_json(trigger).decode()


def trigger_from_json(kind: str, text: str) -> triggers.Trigger:
    return _trigger(kind).validate_json(text)


_TURNS = TypeAdapter(list[tuple[bool, str]])


@cache
def _incident() -> TypeAdapter[Incident]:
    return TypeAdapter(Incident)


@cache
def _job() -> TypeAdapter[ScheduledJob]:
    return TypeAdapter(ScheduledJob)


@cache
def _trigger(kind: str) -> TypeAdapter[triggers.Trigger]:
    return TypeAdapter(getattr(triggers, kind))
