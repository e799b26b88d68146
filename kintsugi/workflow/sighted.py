"""What a failure that is captured makes of its incident: a new one, or one that was seen once more."""

from __future__ import annotations

from dataclasses import replace

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.names import State
from kintsugi.workflow.ports import Ledger
from kintsugi.workflow.quiet import Pace
from kintsugi.workflow.severity import MOST_PEOPLE
from kintsugi.workflow.triggers import Captured

_BUILDS_KEPT = 20


def hitting_more(ledger: Ledger, incident: Incident, captured: Captured | None) -> Incident:
    """With those it hit counted again, as long as more of them would make it worse."""
    if not (captured and captured.who) or incident.people >= MOST_PEOPLE:
        return incident
    return incident.but(people=ledger.people(incident.id, MOST_PEOPLE))


def by_its_known_name(captured: Captured, ledger: Ledger) -> Captured:
    """A failure that is known under an older version's fingerprint keeps it, so that it is not opened as another."""
    about = captured.payload.incident
    name = ledger.known_as(about.names)
    if name == about.fingerprint:
        return captured
    renamed = about.model_copy(update={"fingerprint": name})
    return replace(captured, payload=captured.payload.model_copy(update={"incident": renamed}))


def newly_opened(id: int, captured: Captured) -> Incident:
    """The incident that it opens."""
    payload = captured.payload
    return Incident(
        id=id,
        state=State.CAPTURED,
        fingerprint=payload.incident.fingerprint,
        summary=payload.incident.summary,
        opened_by=payload.incident.opened_by,
        opened_at=captured.at,
        last_seen=payload.occurred.last,
        dry_run=captured.dry_run,
        build_sha=payload.build.sha,
        environment=payload.build.environment,
        hearsay=() if captured.believed else _newest_last((), payload.build.sha),
        pace=Pace().seen(captured.at),
        believed=captured.believed,
        kin=payload.incident.kin,
        page=payload.incident.page,
        rounds_allowed=captured.rounds_allowed,
    )


def seen_again(first: Incident, captured: Captured) -> Incident:
    """The same failure while its incident is open, or quiet. Its builds tell later whether the fix was among them."""
    build = captured.payload.build.sha
    quiet = first.quiet and first.quiet.seen_again(captured.at, build if captured.believed else None)
    pace, last = first.pace.seen(captured.at), captured.payload.occurred.last
    if captured.believed:
        builds = {"seen_on": _newest_last(first.seen_on, build)}
    else:
        builds = {"hearsay": _newest_last(first.hearsay, build)}
    return first.but(count=first.count + 1, last_seen=last, pace=pace, quiet=quiet, **builds)


def is_better_told(captured: Captured, first: Incident) -> bool:
    """Whether what is kept was told by somebody whom anybody can be, and this is not."""
    return captured.believed and not (first.believed or first.ended)


def how_it_counts(incident: Incident) -> str:
    """In a sentence, after it was counted."""
    if incident.quiet:
        return f"{incident.name} is {incident.quiet.words}."
    if incident.ended:
        enough = f"{incident.state.words}, and this failure opened enough for today"
        return f"{incident.name} is {enough}: seen {incident.count} times."
    return f"{incident.name} is open for this failure: seen {incident.count} times."


def _newest_last(builds: tuple[str, ...], build: str | None) -> tuple[str, ...]:
    if not build or build in builds[-1:]:
        return builds
    return (*(each for each in builds if each != build), build)[-_BUILDS_KEPT:]
