"""What the lifecycle needs from outside, in its own words. Whoever implements a port imports this, not the reverse."""

from __future__ import annotations

from kintsugi.workflow.ports.storage import Claim, Executor, Ledger, Outcome, Owed, Receipt, Sightings, Store
from kintsugi.workflow.ports.world import (
    Analyst,
    Case,
    Channel,
    Checker,
    Clock,
    CodeHost,
    Deployer,
    Manners,
    Monitor,
    OutcomeUnknown,
    PatchUnproven,
    Progress,
    Reading,
    Review,
    Rollout,
    Standing,
)

__all__ = [
    "Analyst",
    "Case",
    "Channel",
    "Checker",
    "Claim",
    "Clock",
    "CodeHost",
    "Deployer",
    "Executor",
    "Ledger",
    "Manners",
    "Monitor",
    "Outcome",
    "OutcomeUnknown",
    "Owed",
    "PatchUnproven",
    "Progress",
    "Reading",
    "Receipt",
    "Review",
    "Rollout",
    "Sightings",
    "Standing",
    "Store",
]
