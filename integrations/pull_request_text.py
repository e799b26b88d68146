"""What a pull request says, whichever host it is on: branch, commit message, title and body, made safe."""

from __future__ import annotations

from collections.abc import Callable

from repair.safe import safe_branch, safe_line, safe_markdown
from workflow.incident import Incident

Redact = Callable[[str], str]


def as_it_is(text: str) -> str:
    return text


def branch_of(incident: Incident) -> str:
    """The incident's branch: the one of its pull request, where there is one, whatever the patch is called now."""
    if incident.pull_request:
        return incident.pull_request.branch
    assert incident.diagnosis
    return safe_branch(incident.diagnosis.branch or incident.diagnosis.title, str(incident.id))


def commit_message(incident: Incident, redact: Redact = as_it_is) -> str:
    """Title, explanation, and the incident's name in the last line."""
    diagnosis = incident.diagnosis
    assert diagnosis
    return f"{title(incident, redact)}\n\n{safe_markdown(redact(diagnosis.explanation))}\n\n{incident.name}\n"


def title(incident: Incident, redact: Redact = as_it_is) -> str:
    assert incident.diagnosis
    return safe_line(redact(incident.diagnosis.title))


def body(incident: Incident, redact: Redact = as_it_is) -> str:
    assert incident.diagnosis
    return safe_markdown(redact(incident.diagnosis.body))
