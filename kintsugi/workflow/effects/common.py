"""What the effects touch, and what they have in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypedDict

from kintsugi.workflow import triggers as t
from kintsugi.workflow.incident import Budget, Incident
from kintsugi.workflow.ports import (
    Analyst,
    Case,
    Channel,
    Checker,
    Claim,
    Clock,
    CodeHost,
    Deployer,
    Monitor,
    Receipt,
    Store,
)

_AT_LEAST_EVERY = timedelta(minutes=10)


class Common(TypedDict):
    """What every trigger that comes of an effect has in common."""

    incident: int
    key: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectNeeds:
    """Everything the effects touch."""

    store: Store
    clock: Clock
    fire: Callable[[t.Trigger], Awaitable[Receipt]]
    check: Callable[[Claim], Awaitable[None]]  # right before the world is touched. Raises LeaseLost
    analyst: Analyst
    checker: Checker
    code_host: CodeHost
    deployer: Deployer
    monitor: Monitor
    channel: Channel
    budget: Budget = field(default_factory=Budget)
    confirm_within: timedelta = timedelta(hours=24)
    look_again: timedelta = timedelta(seconds=15)


def result(tools: EffectNeeds, claim: Claim) -> Common:
    """What the trigger begins with that comes of this effect."""
    return {"incident": claim.incident.id, "key": f"fx:{claim.id}", "at": tools.clock.now()}


async def case_of(tools: EffectNeeds, claim: Claim) -> Case:
    """The incident with all that is known of it. Raises StoreUnavailable."""
    incident = claim.incident
    payload = await tools.store.payload(incident.id)
    return Case(incident, payload, tuple(await tools.store.similar(incident)))


def progress_of(tools: EffectNeeds, claim: Claim) -> Callable[[str], None]:
    """Tells people, in words, how the effect gets on."""
    return lambda words: tools.channel.progress(claim.incident, claim.kind, words)


def pace(tools: EffectNeeds, claim: Claim) -> timedelta:
    """The longer something takes, the less often it is looked at."""
    age = tools.clock.now() - claim.created_at
    return min(max(tools.look_again, age / 10), _AT_LEAST_EVERY)


async def has_the_fix(tools: EffectNeeds, incident: Incident, build: str) -> bool:
    """Whether it is known that this build contains the merged fix. Raises StepFailed."""
    return bool(build and incident.merge_sha) and await tools.code_host.contains(build, incident.merge_sha or "")
