"""GitHub's deliveries: is it signed, and what does it say? Pure.

A merge, a closing and a review become facts with keys of their own, so that a redelivery and our own look at GitHub
are one with them. Everything else that concerns one of our pull requests is a hint to look. The incident is in the name
of the branch, which must be of the repository itself: on a fork anybody can give a branch our name. Somebody's own pull
request names it in its title or body.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from kintsugi.web.no_delivery import Unreadable
from kintsugi.workflow import triggers as t
from kintsugi.workflow.by_hand import incident_named
from kintsugi.workflow.ports import Review
from kintsugi.workflow.pull_requests import OUR_BRANCH, changes_requested, closed, merged

_TRUSTED = ("OWNER", "MEMBER", "COLLABORATOR")
_CHANGES = ("reopened", "synchronize", "opened", "converted_to_draft", "ready_for_review")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Look:
    """A hint: something changed about the pull request of this incident."""

    incident: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing follows from it."""

    why: str


Told = t.Trigger | Look | Ignored


def verify(body: bytes, signature: str | None, secrets: Sequence[str]) -> bool:
    """Whether `signature` (of the header X-Hub-Signature-256) is that of the raw body under one of the secrets."""
    good = False
    for secret in secrets:
        ours = f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}"
        good |= bool(secret) and hmac.compare_digest(ours.encode(), (signature or "").encode("utf-8", "replace"))
    return good


def parse(headers: Mapping[str, str], body: bytes, repository: str, at: datetime) -> Told:
    """What a delivery says to us, who look after `repository` (owner/name). Raises Unreadable."""
    event, payload = headers.get("X-GitHub-Event", ""), _payload(headers.get("Content-Type", ""), body)
    if not event:
        raise Unreadable("The header X-GitHub-Event is missing.")
    if event == "ping":
        return Ignored("pong")
    theirs = _text(payload, "repository", "full_name")
    if theirs.lower() != repository.lower():
        return Ignored(f"This is about {theirs or 'no repository'}, not about {repository}.")
    match event:
        case "pull_request":
            return _pull_request(payload, repository, at)
        case "pull_request_review":
            return _review(payload, repository, at)
        case "check_run" | "check_suite" | "workflow_run" | "status" | "push" | "deployment_status":
            return _hint(event, payload)
        case _:
            return Ignored(f"Nothing follows from {event}.")


def _pull_request(payload: Json, repository: str, at: datetime) -> Told:
    pull, action = _object(payload, "pull_request"), _text(payload, "action")
    incident = _incident(pull, repository)
    if isinstance(incident, Ignored):
        return _by_hand(pull, action) or incident
    number, host, actor = _number(pull, "number"), f"github:{repository}", _actor(payload)
    if action == "closed" and pull.get("merged") is True:
        return merged(incident, host, number, _text(pull, "merge_commit_sha"), at, actor=actor)
    if action == "closed":
        return closed(incident, host, number, _text(pull, "closed_at"), at, actor=actor)
    if action in _CHANGES:
        return Look(incident)
    return Ignored(f"Nothing follows from pull_request {action}.")


def _by_hand(pull: Json, action: str) -> Look | Ignored | None:
    """A hint, where somebody's own pull request names an incident: what it is worth is asked of GitHub."""
    incident = incident_named(_text(pull, "title"), _text(pull, "body"))
    if incident is None or action not in (*_CHANGES, "edited", "closed"):
        return None
    if _text(pull, "author_association") not in _TRUSTED:
        return Ignored("Only pull requests of members and collaborators are taken as proposals.")
    return Look(incident)


def _review(payload: Json, repository: str, at: datetime) -> Told:
    pull, review = _object(payload, "pull_request"), _object(payload, "review")
    incident = _incident(pull, repository)
    if isinstance(incident, Ignored):
        return incident
    state = _text(review, "state").lower()
    if _text(payload, "action") != "submitted" or state != "changes_requested":
        return Ignored(f"Nothing follows from a review that is {state or 'nothing'}.")
    if _text(review, "author_association") not in _TRUSTED:
        return Ignored("Only members and collaborators can ask for changes here.")
    wish = Review(
        _number(review, "id"),
        f"github:{_text(review, 'user', 'login') or 'somebody'}",
        _text(review, "commit_id"),
        _text(review, "body"),
    )
    return changes_requested(incident, f"github:{repository}", _number(pull, "number"), review=wish, at=at)


def _hint(event: str, payload: Json) -> Told:
    for branch in _branches(event, payload):
        if ours := OUR_BRANCH.match(branch):
            return Look(int(ours[1]))
    return Ignored(f"This {event} is about no branch of ours.")


def _branches(event: str, payload: Json) -> list[str]:
    match event:
        case "push":
            return [_text(payload, "ref")]
        case "status":
            named = payload.get("branches")
            found = named if isinstance(named, list) else []
            return [_text(branch, "name") for branch in found if isinstance(branch, dict)]
        case "check_run":
            return [_text(payload, "check_run", "check_suite", "head_branch")]
        case "deployment_status":
            return [_text(payload, "deployment", "ref")]
        case _:
            return [_text(payload, event, "head_branch")]


def _incident(pull: Json, repository: str) -> int | Ignored:
    if _text(pull, "head", "repo", "full_name").lower() != repository.lower():
        return Ignored("The pull request comes from a fork.")
    ours = OUR_BRANCH.match(_text(pull, "head", "ref"))
    return int(ours[1]) if ours else Ignored("The pull request is not one of ours.")


def _payload(content_type: str, body: bytes) -> Json:
    kind = content_type.partition(";")[0].strip().lower()
    try:
        match kind:
            case "application/json":
                payload = json.loads(body)
            case "application/x-www-form-urlencoded":
                payload = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
            case _:
                raise Unreadable(f"{kind or 'no content type'}: set the webhook's content type to application/json.")
    except (ValueError, KeyError, RecursionError) as error:
        raise Unreadable("The body is no JSON.") from error
    if not isinstance(payload, dict):
        raise Unreadable("The body is no JSON object.")
    return payload


def _object(payload: Json, name: str) -> Json:
    found = payload.get(name)
    if not isinstance(found, dict):
        raise Unreadable(f"The payload has no {name}.")
    return found


def _text(payload: Json, *path: str) -> str:
    """The text at the end of the path, or "" where there is none."""
    node: Any = payload
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, str) else ""


def _number(payload: Json, name: str) -> int:
    found = payload.get(name)
    if not isinstance(found, int):
        raise Unreadable(f"The payload has no {name}.")
    return found


def _actor(payload: Json) -> str:
    return f"github:{_text(payload, 'sender', 'login') or 'somebody'}"
