"""An event of a Sentry SDK as the payload of an incident."""

from __future__ import annotations

import marshal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol

from kintsugi.capture.build import summary_of, summed_up
from kintsugi.capture.chains import chain_of
from kintsugi.capture.event import BREADCRUMBS, Breadcrumb, Event, Message, read_event, read_once, shared
from kintsugi.capture.fields import as_words
from kintsugi.capture.grouping import group_of
from kintsugi.capture.limits import Limits, cut, cut_roughly, fitted, roughly
from kintsugi.capture.links import page_of
from kintsugi.capture.redaction import clean, redacted
from kintsugi.capture.request import read_capsule
from kintsugi.capture.runs import address_in
from kintsugi.capture.traceback import read_failure
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import About, Build, Capsule, Failure, Occurred, Payload, Raised, RequestContext

_AHEAD = timedelta(minutes=5)  # a program's clock may be this far ahead of ours
_TAGS, _EXTRA = 20, 20
_LARGEST_VALUE = 8_000  # characters of one of them
_ROUGH = Limits(roughly=True)
_FILLED_IN = re.compile(r"%(?:\((?P<name>\w+)\))?[-+ #0]*\d*(?:\.\d+)?[sdifrxXeEgGcau]|\{(?P<key>\w*)\}")
_VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")
_BARE: Mapping[str, object] = {"source": (), "variables": {}}
_NOT_TOLD = "A failure of which the report tells nothing"
_PERIOD = 10  # seconds for which an outline is kept: the branch, in which its frames are found, may move on
_MOST_KEPT, _LARGEST_KEPT = 256, 2**16  # outlines, and bytes of what one is made of


class Code(Protocol):
    """The code of the program that reports, at the build that failed. Equal ones are the same code."""

    def __hash__(self) -> int: ...

    def located(self, failure: Failure, build: str | None) -> Failure:
        """With the project's own frames marked."""

    def shown_call(self, failure: Failure, build: str | None) -> Capsule | None:
        """The failing call as far as its values are shown."""


@dataclass(frozen=True, slots=True)
class Teller:
    """The project that reports a failure, and where its code is; None where that is not at hand.

    `program` parts its failures from what others report, where no file of the repository tells that they are the same;
    and always where it is not `believed`.
    """

    project: str
    code: Code | None = None
    program: str = ""
    believed: bool = True


def payload_of(event: Event, teller: Teller, *, now: datetime) -> Payload:
    """What is known of the failure that the event tells of, redacted, at most 256 KB."""
    failure, about = _sighted(event, teller)
    when = _when(event.timestamp, now)
    payload = Payload(
        incident=about,
        occurred=Occurred(first=when, last=when),
        request=_request(event),
        exception=failure,
        capsule=_capsule(event, failure, teller.code) if teller.believed else None,
        log=tuple(_line(each) for each in event.breadcrumbs[-BREADCRUMBS:]),
        build=Build(
            sha=event.build_sha,
            environment=event.environment or "production",
            python=_python(event),
            packages={name: str(version) for name, version in event.modules.items()},
        ),
        unread=event.unread,
    )
    return fitted(summed_up(redacted(roughly(payload))))


def _capsule(event: Event, failure: Failure | None, code: Code | None) -> Capsule | None:
    """The failing call as the program's telemetry wrote it down (`kintsugi.reporting`), else as far as it is shown."""
    told = read_capsule(event.contexts.get("kintsugi_capsule"))
    return told or (code.shown_call(failure, event.build_sha) if failure and code else None)


def outline_of(data: Mapping[str, Any], teller: Teller, *, now: datetime) -> Payload | None:
    """Of `payload_of` what counting it takes: which failure, when, on which build. None where it tells of no failure.

    In a storm the same failure comes again and again: what they share is read once in ten seconds.
    """
    period = int(now.timestamp()) // _PERIOD
    try:
        alike = marshal.dumps(shared(data))
        found = _kept(alike, teller, period) if len(alike) <= _LARGEST_KEPT else _outline(data, teller, period)
    except (RecursionError, ValueError):  # nested too deeply for that
        found = _outline(data, teller, period)
    when = _when(read_once(data).timestamp, now)
    return found and found.model_copy(update={"occurred": Occurred(first=when, last=when)})


@lru_cache(_MOST_KEPT)
def _kept(alike: bytes, teller: Teller, period: int) -> Payload | None:
    return _outline(marshal.loads(alike), teller, period)  # noqa: S302  # of our own making


def _outline(data: Mapping[str, Any], teller: Teller, period: int) -> Payload | None:
    """As of the moment when the period began."""
    event = read_event(data, whole=False)
    if not event.is_trouble:
        return None
    failure, about = _sighted(event, teller)
    summary = clean(summary_of(_named(failure))) if failure else clean(_ROUGH.cut(about.summary, _ROUGH.message))
    environment = cut(clean(_ROUGH.cut(event.environment or "production", _ROUGH.name)), _ROUGH.name)
    about = about.model_copy(update={"summary": summary, "grouped_by": ""})
    began = datetime.fromtimestamp(period * _PERIOD, UTC)
    build = Build(sha=event.build_sha, environment=environment)
    return Payload(incident=about, occurred=Occurred(first=began, last=began), build=build)


def _named(failure: Failure) -> Failure:
    """The last exception and the place alone, of which the summary is made, redacted."""
    place, last = failure.innermost, failure.final
    frames = (place.model_copy(update={**_BARE, "path": clean(_ROUGH.cut(place.path, _ROUGH.name))}),) if place else ()
    kind, message = clean(_ROUGH.cut(last.type, _ROUGH.name)), clean(_ROUGH.cut(last.message, _ROUGH.message))
    return failure.model_copy(update={"chain": (Raised(type=kind, message=message, frames=frames),)})


def _sighted(event: Event, teller: Teller) -> tuple[Failure | None, About]:
    """The failure with its own frames marked, and which incident it is."""
    code, believed = teller.code, teller.believed
    said = _said(event.message)
    failure = chain_of(event, said) or read_failure(said)  # some log a traceback as text alone
    located = code.located(failure, event.build_sha) if failure and code else None
    is_ours = located is not None and _has_own(located)
    if failure and located and not is_ours:
        failure = _with_candidates(failure, located)
    elif located:
        failure = located
    group = group_of(
        failure,
        said or _of_nothing(event),
        template=_template(event.message),
        given=[_filled(part, event, failure) for part in event.fingerprint],
        program="" if is_ours and believed else teller.program,
        logger=event.logger or event.transaction or "",
    )
    about = About(
        fingerprint=group.fingerprint,
        earlier=group.earlier if believed else (),
        grouped_by=group.by,
        kin=group.kin,
        summary=said.partition("\n")[0] or _of_nothing(event),
        opened_by=f"sentry:{teller.project}",
        page=page_of(event.page) if believed else "",
    )
    return failure, about


def _when(given: str | None, now: datetime) -> datetime:
    """What the program's clock says, unless that is ahead of ours."""
    told = _told(given)
    return told if told and told <= now + _AHEAD else now


def _has_own(failure: Failure) -> bool:
    return any(frame.in_project for raised in failure.chain for frame in raised.frames)


def _with_candidates(told: Failure, found: Failure) -> Failure:
    """Where none of it is in the repository, as with a bundle or another program's code, the SDK's own word stands."""
    chain = tuple(_each_with_candidates(*pair) for pair in zip(told.chain, found.chain, strict=True))
    return told.model_copy(update={"chain": chain})


def _each_with_candidates(told: Raised, found: Raised) -> Raised:
    pairs = zip(told.frames, found.frames, strict=True)
    frames = tuple(frame.model_copy(update={"candidates": at.candidates}) for frame, at in pairs)
    return told.model_copy(update={"frames": frames})


def _template(message: Message) -> str:
    """The log call's own words; "" where it has none, as "%s" has not."""
    words = _FILLED_IN.sub("", message.template)
    return message.template if re.search(r"[^\W\d_]", words) and (message.params or message.formatted) else ""


def _filled(part: str, event: Event, failure: Failure | None) -> str:
    """A part of the program's own fingerprint, with what Sentry's variables stand for."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "default":
            return match[0]
        return as_words(event.tags.get(name[5:])) if name.startswith("tags.") else known.get(name, "")

    final = failure.final if failure else None
    frame = (failure.innermost if failure else None) or (final.frames[-1] if final and final.frames else None)
    known = {
        "transaction": event.transaction or "",
        "level": event.level,
        "logger": event.logger or "",
        "message": _said(event.message) or (final.message if final else ""),
        **dict.fromkeys(("type", "error.type"), final.type if final else ""),
        **dict.fromkeys(("value", "error.value"), final.message if final else ""),
        **dict.fromkeys(("function", "stack.function"), frame.function if frame else ""),
        **dict.fromkeys(("module", "stack.module"), frame.module if frame else ""),
        "stack.abs_path": frame.path if frame else "",
    }
    return _VARIABLE.sub(value, part)


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
    if event.errors:  # else these words are the summary
        named["message"] = _said(event.message)
    if event.message.params:
        named["params"] = event.message.params
    extra = {f"extra.{name}": value for name, value in list(event.extra.items())[:_EXTRA]}
    told = dict(list(event.tags.items())[:_TAGS]) | named | extra
    entities = {name: _bounded(value) for name, value in told.items() if value}
    return RequestContext(user=event.user, intent=event.transaction, entities=entities)


def _bounded(value: object) -> object:
    """A value as it is; what is larger than all that is shown, as the beginning of its text."""
    text = as_words(value)
    return value if len(text) <= _LARGEST_VALUE else cut_roughly(text, _LARGEST_VALUE)


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
