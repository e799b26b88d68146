"""What Kintsugi does now about an incident, and what people can do: the same sentences on every surface. Pure."""

from __future__ import annotations

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.names import State


def doing(incident: Incident) -> str:
    """What Kintsugi does now, or what it waits for, in a sentence or two."""
    if incident.rolling_back and incident.taken_back:
        return f"Rolling back to {incident.taken_back.previous[:10]}."
    match incident.state:
        case State.CAPTURED:
            again = f" This is round {incident.rounds + 1} of {incident.rounds_allowed}." if incident.rounds else ""
            return f"Looking for the cause.{again}"
        case State.AWAITING_CONFIRM:
            return f"{_patch(incident)} Waiting for somebody to confirm or reject it."
        case State.PR_OPENED:
            return f"Waiting for the review of {_fix(incident)}."
        case State.MERGED:
            return f"Waiting for the deployment of {(incident.merge_sha or '')[:10]}."
        case State.DEPLOYED:
            cure = incident.cure.says if incident.cure else "Nothing is known yet."
            return f"Watching whether the failure is gone. {cure}"
        case State.HEALED:
            return f"The failure is gone. {incident.cure.says if incident.cure else ''}".strip()
        case State.STUCK if incident.stuck:
            return f"Gave up on {incident.stuck.effect.words}: {incident.stuck.why}"
        case state if state in _SIMPLE:
            return _SIMPLE[state]
        case _:
            return incident.because or incident.says


def can(incident: Incident) -> str:
    """What people can do that the buttons do not say, as the rest of a sentence; "" where that is nothing."""
    return _CAN.get(incident.state, "")


def _patch(incident: Incident) -> str:
    if incident.evidence is None:
        return "Whether the patch is proven is not known."
    return "The patch is proven." if incident.evidence.tier.proves else "The patch applies, but could not be tried."


def _fix(incident: Incident) -> str:
    return incident.pull_request.name if incident.pull_request else "the pull request"


_SIMPLE = {
    State.STAGED: "Nothing: it was captured by a dry run, and nothing was sent to the model.",
    State.DIAGNOSED: "Proving the patch in the sandbox.",
    State.CONFIRMED: "Opening the pull request.",
}
_CAN = {
    State.STAGED: "send it to the model, or cancel it",
    State.CAPTURED: "take it, or stop what fails meanwhile",
    State.AWAITING_CONFIRM: "read the patch and its proof, then confirm or reject",
    State.PR_OPENED: "review and merge it",
    State.MERGED: "deploy it, where nothing deploys by itself",
    State.NEEDS_HUMAN: "retry with a hint to the analyst, or fix it by hand and say so",
    State.STUCK: "mend what is named, then retry; or fix it by hand and say so",
    State.REJECTED: "retry with a hint, reopen it, or fix it by hand and say so",
    State.EXPIRED: "reopen it to be asked again, or retry with a hint",
    State.ABANDONED: "reopen the pull request, or fix it by hand and say so",
    State.RECURRED: "roll back, or wait for the new incident's patch",
}
