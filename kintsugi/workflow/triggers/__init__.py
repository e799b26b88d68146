"""Everything that can happen to an incident, one frozen dataclass per fact, in the past tense.

`apply_to()` puts the fact's data on the incident; which state follows is the table's business (`states.py`).
`key` is the fact's own identity, so that a webhook, its redelivery and our own look at the world are one.
"""

from __future__ import annotations

from typing import TypeGuard

from kintsugi.workflow.triggers.base import Command, Fact, Origin, Trigger, words
from kintsugi.workflow.triggers.capture import (
    BetterTold,
    CallMadeAgain,
    Captured,
    ChangeFound,
    Ignored,
    Sent,
    Unignored,
)
from kintsugi.workflow.triggers.confirmation import BaseMoved, ConfirmationAsked, Confirmed, Expired, Rejected
from kintsugi.workflow.triggers.deployment import (
    CureShown,
    DeployAsked,
    DeployFailed,
    DeploySucceeded,
    Recurred,
    RollbackRequested,
    RolledBack,
)
from kintsugi.workflow.triggers.diagnosis import Diagnosed, DiagnosedWithoutPatch, PatchProven, PatchRefused, Proposed
from kintsugi.workflow.triggers.going_on import Reopened, Retried, StepGaveUp, stuck_by
from kintsugi.workflow.triggers.people import (
    Acknowledged,
    Assigned,
    Called,
    Cancelled,
    Duplicated,
    Noted,
    Released,
    SeveritySet,
)
from kintsugi.workflow.triggers.pull_request import (
    BranchPushed,
    ChangesRequested,
    ChecksFailed,
    Fixed,
    ProvenInCi,
    PullRequestClosed,
    PullRequestMerged,
    PullRequestOpened,
    PullRequestReopened,
)

__all__ = [
    "Acknowledged",
    "Assigned",
    "BaseMoved",
    "BetterTold",
    "BranchPushed",
    "CallMadeAgain",
    "Called",
    "Cancelled",
    "Captured",
    "ChangeFound",
    "ChangesRequested",
    "ChecksFailed",
    "Command",
    "ConfirmationAsked",
    "Confirmed",
    "CureShown",
    "DeployAsked",
    "DeployFailed",
    "DeploySucceeded",
    "Diagnosed",
    "DiagnosedWithoutPatch",
    "Duplicated",
    "Expired",
    "Fact",
    "Fixed",
    "Ignored",
    "Noted",
    "Origin",
    "PatchProven",
    "PatchRefused",
    "Proposed",
    "ProvenInCi",
    "PullRequestClosed",
    "PullRequestMerged",
    "PullRequestOpened",
    "PullRequestReopened",
    "Recurred",
    "Rejected",
    "Released",
    "Reopened",
    "Retried",
    "RollbackRequested",
    "RolledBack",
    "Sent",
    "SeveritySet",
    "StepGaveUp",
    "Trigger",
    "Unignored",
    "all_triggers",
    "stuck_by",
    "words",
]


def all_triggers() -> tuple[type[Trigger], ...]:
    """Every fact there is."""
    return tuple(kind for kind in globals().values() if _is_a_fact(kind))


def _is_a_fact(kind: object) -> TypeGuard[type[Trigger]]:
    return isinstance(kind, type) and issubclass(kind, Trigger) and kind not in (Trigger, Command, Fact)
