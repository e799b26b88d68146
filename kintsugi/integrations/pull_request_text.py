"""What a pull request says, whichever host it is on: branch, commit message, title and body, made safe."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from kintsugi.repair.safe import safe_branch, safe_line, safe_markdown, safe_message
from kintsugi.repair.unheard import unheard
from kintsugi.workflow.incident import Incident, PullRequest
from kintsugi.workflow.states import State

Redact = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A commit that is wanted on a branch of its own, and the pull request for it.

    The last line of `message` is its mark. `exact`: tree, base and date tell it from a namesake's; else the mark alone.
    """

    branch: str
    base: str
    tree: str
    at: datetime
    message: str
    title: str
    body: str
    known: PullRequest | None = None
    exact: bool = True

    @property
    def mark(self) -> str:
        return self.message.rstrip().rpartition("\n")[2]


def as_it_is(text: str) -> str:
    return text


_NEWS = (State.DEPLOYED, State.HEALED, State.RECURRED, State.STUCK, State.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class News:
    """What became of a fix, as the end of its pull request's body."""

    seq: int
    text: str

    def at_the_end_of(self, body: str) -> str | None:
        """The body with these news in the place of older ones; None where it tells these, or newer ones."""
        told = _TOLD.search(body)
        if told and int(told["seq"]) >= self.seq:
            return None
        before = body[: told.start()] if told else body
        return f"{before.rstrip()}\n\n<!-- kintsugi {self.seq} -->\n{self.text}\n"


_TOLD = re.compile(r"<!-- kintsugi (?P<seq>\d{1,9}) -->")


def news(incident: Incident, link: str, redact: Redact = as_it_is) -> News | None:
    """What became of the incident's fix; None before it is merged, and where nothing came of it yet."""
    if incident.merge_sha is None or incident.state not in _NEWS:
        return None
    says = safe_markdown(redact(incident.says))
    runs = incident.deployment.runs if incident.deployment else ""
    where = f" `{runs[:12]}` runs." if re.fullmatch(r"[0-9a-f]{7,64}", runs or "") else ""
    return News(incident.seq, f"{link} is **{incident.state.words}**. {says}{where}")


def branch_of(incident: Incident) -> str:
    """The incident's branch: the one of its pull request, where there is one, whatever the patch is called now."""
    if incident.pull_request:
        return incident.pull_request.branch
    assert incident.diagnosis
    return safe_branch(incident.diagnosis.branch or incident.diagnosis.title, str(incident.id))


def commit_message(incident: Incident, redact: Redact = as_it_is) -> str:
    """Title, explanation, and the incident's name in the last line."""
    assert incident.diagnosis
    said = unheard(f"{title(incident, redact)}\n\n{safe_message(redact(incident.diagnosis.explanation))}")
    return f"{said}\n\n{incident.name}\n"


def title(incident: Incident, redact: Redact = as_it_is) -> str:
    assert incident.diagnosis
    return safe_line(redact(incident.diagnosis.title))


def body(incident: Incident, redact: Redact = as_it_is) -> str:
    assert incident.diagnosis
    return safe_markdown(redact(incident.diagnosis.body))
