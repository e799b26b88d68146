"""An event of a Sentry SDK as the payload of an incident."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from kintsugi.capture.build import fingerprint_of, summary_of
from kintsugi.capture.chains import chain_of
from kintsugi.capture.event import Breadcrumb, Event, Message
from kintsugi.capture.fields import as_words
from kintsugi.capture.limits import fitted
from kintsugi.capture.redaction import redacted, redacted_lines
from kintsugi.capture.runs import address_in
from kintsugi.capture.traceback import read_failure
from kintsugi.workflow.payload import About, Build, Failure, Occurred, Payload, Raised, RequestContext

_AHEAD = timedelta(minutes=5)  # a program's clock may be this far ahead of ours
_BREADCRUMBS = 100
_TAGS, _EXTRA = 20, 20
_FILLED_IN = re.compile(r"%(?:\((?P<name>\w+)\))?[-+ #0]*\d*(?:\.\d+)?[sdifrxXeEgGcau]|\{(?P<key>\w*)\}")
_NOT_TOLD = "A failure of which the report tells nothing"


Locate = Callable[[Failure, str | None], Failure]
"""Marks the project's own frames of a failure, at the build it failed in."""


def payload_of(event: Event, *, project: str, now: datetime, locate: Locate | None = None) -> Payload:
    """What is known of the failure that the event tells of, redacted, at most 256 KB."""
    said = _said(event.message)
    failure = chain_of(event, said) or read_failure(said)  # some log a traceback as text alone
    if failure and locate:
        failure = _located(failure, locate(failure, event.build_sha))
    told = _told(event.timestamp)
    when = told if told and told <= now + _AHEAD else now
    log = redacted_lines([_line(each) for each in event.breadcrumbs[-_BREADCRUMBS:]])
    return fitted(
        redacted(
            Payload(
                incident=About(
                    fingerprint=fingerprint_of(failure, [said or _of_nothing(event)]),
                    summary=summary_of(failure) or said.partition("\n")[0] or _of_nothing(event),
                    opened_by=f"sentry:{project}",
                ),
                occurred=Occurred(first=when, last=when),
                request=_request(event),
                exception=failure,
                log=tuple(log),
                build=Build(
                    sha=event.build_sha,
                    environment=event.environment or "production",
                    python=_python(event),
                    packages={name: str(version) for name, version in event.modules.items()},
                ),
                unread=event.unread,
            )
        )
    )


def _located(told: Failure, found: Failure) -> Failure:
    """Where none of it is in the repository, as with a bundle or another program's code, the SDK's own word stands."""
    if any(frame.in_project for raised in found.chain for frame in raised.frames):
        return found
    chain = tuple(_with_candidates(*pair) for pair in zip(told.chain, found.chain, strict=True))
    return told.model_copy(update={"chain": chain})


def _with_candidates(told: Raised, found: Raised) -> Raised:
    pairs = zip(told.frames, found.frames, strict=True)
    frames = tuple(frame.model_copy(update={"candidates": at.candidates}) for frame, at in pairs)
    return told.model_copy(update={"frames": frames})


def _of_nothing(event: Event) -> str:
    where = event.transaction or event.logger
    return f"{_NOT_TOLD} but that it was in {where}" if where else _NOT_TOLD


def _said(message: Message) -> str:
    """The message with its values, which some SDKs leave to the reader to fill in."""
    if message.formatted:
        return message.formatted.strip()
    given = message.params
    if not given or not isinstance(given, list | dict):
        return message.template.strip()
    left = list(given) if isinstance(given, list) else []

    def value(match: re.Match[str]) -> str:
        name = match["name"] or match["key"]
        if isinstance(given, dict) and name in given:
            return as_words(given[name])
        return as_words(left.pop(0)) if left and not match["name"] else match[0]

    return _FILLED_IN.sub(value, message.template).strip()


def _request(event: Event) -> RequestContext:
    named = {"method": event.method, _address_name(event): address_in(event.request)}
    if event.message.params:
        named["params"] = event.message.params
    extra = {f"extra.{name}": value for name, value in list(event.extra.items())[:_EXTRA]}
    told = dict(list(event.tags.items())[:_TAGS]) | named | extra
    entities = {name: value for name, value in told.items() if value}
    return RequestContext(user=event.user, intent=event.transaction, entities=entities)


def _address_name(event: Event) -> str:
    """A browser tells the page that it shows, which no server was asked for when it failed."""
    return "page" if event.platform == "javascript" else "url"


def _line(crumb: Breadcrumb) -> str:
    data = f" {crumb.data}" if crumb.data else ""
    when = _told(crumb.timestamp)
    head = " ".join(filter(None, (f"{when:%H:%M:%S}" if when else "", (crumb.level or "info").upper(), crumb.category)))
    return f"{head}: {crumb.message}{data}".replace("\n", "\\n")


def _told(given: str | None) -> datetime | None:
    """When: seconds since 1970, or RFC 3339."""
    try:
        return datetime.fromtimestamp(float(given or ""), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        found = datetime.fromisoformat(given or "")
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _python(event: Event) -> str | None:
    runtime = event.contexts.get("runtime")
    told: Mapping[str, object] = runtime if isinstance(runtime, dict) else {}
    return str(told["version"]) if "python" in str(told.get("name", "")).lower() and told.get("version") else None
