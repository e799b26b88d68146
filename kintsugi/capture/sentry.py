"""An event of a Sentry SDK as the payload of an incident. What the SDKs send is in Sentry's event schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from kintsugi.capture.build import fingerprint_of, summary_of
from kintsugi.capture.errors import CaptureError
from kintsugi.capture.limits import fitted
from kintsugi.capture.redaction import redacted, redacted_lines
from kintsugi.capture.release import commit_of
from kintsugi.capture.runs import address_in
from kintsugi.capture.traceback import read_failure
from kintsugi.workflow.payload import (
    About,
    Build,
    Failure,
    Frame,
    Occurred,
    Payload,
    Raised,
    RequestContext,
    SourceLine,
)

T = TypeVar("T")

_AHEAD = timedelta(minutes=5)  # a program's clock may be this far ahead of ours
_BREADCRUMBS = 100
_PYTHONS_OWN = ("builtins", "__builtin__", "exceptions", "__main__")
_LANGUAGES = {"python": "python", "node": "node", "javascript": "node", "go": "go", "java": "java"}


def _unwrapped(value: object) -> object:
    """SDKs send a list as it is, or as {"values": […]}; and null for an empty one."""
    found = value.get("values") if isinstance(value, dict) else value
    return [each for each in found if each is not None] if isinstance(found, list) else found or []


def _pairs(value: object) -> object:
    """Tags come as an object or as a list of pairs."""
    if not isinstance(value, list):
        return value or {}
    return {str(each[0]): each[1] for each in value if isinstance(each, list) and len(each) == 2}


Many = Annotated[list[T], BeforeValidator(_unwrapped)]
Named = Annotated[dict[str, Any], BeforeValidator(_pairs)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)


class _Frame(_Part):
    filename: str | None = None
    abs_path: str | None = None
    module: str | None = None
    function: str | None = None
    lineno: int | None = None
    context_line: str | None = None
    pre_context: Many[str] = []
    post_context: Many[str] = []
    in_app: bool | None = None
    vars: Named = {}


class _Stack(_Part):
    frames: Many[_Frame] = []


class _Exception(_Part):
    type: str | None = None
    value: str | None = None
    module: str | None = None
    stacktrace: _Stack | None = None


class _Message(_Part):
    message: str | None = None
    formatted: str | None = None


class _Breadcrumb(_Part):
    timestamp: str | None = None
    level: str | None = None
    category: str | None = None
    message: str | None = None
    data: Named = {}


class _User(_Part):
    id: str | None = None
    username: str | None = None
    email: str | None = None


class _Request(_Part):
    method: str | None = None
    url: str | None = None
    query_string: Any = None


class Event(_Part):
    """What is read of an event; the rest is left."""

    event_id: str = ""
    timestamp: str | None = None
    platform: str | None = None
    level: str | None = None
    release: str | None = None
    environment: str | None = None
    transaction: str | None = None
    message: str | _Message | None = None
    logentry: _Message | None = None
    exception: Many[_Exception] = []
    breadcrumbs: Many[_Breadcrumb] = []
    user: _User | None = None
    request: _Request | None = None
    tags: Named = {}
    modules: Named = {}
    contexts: Named = {}

    @property
    def is_trouble(self) -> bool:
        """Whether it tells of a failure: SDKs send words of other levels the same way."""
        return (self.level or "error").lower() in ("error", "fatal", "critical")

    @property
    def build_sha(self) -> str | None:
        return commit_of(self.release)


def read_event(data: object) -> Event:
    """Raises CaptureError with where it cannot be read."""
    try:
        return Event.model_validate(data)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "it is no object"
        raise CaptureError(f"The event cannot be read: {where}.") from error


def payload_of(event: Event, *, project: str, now: datetime) -> Payload:
    """What is known of the failure that the event tells of, redacted, at most 256 KB. Raises CaptureError."""
    said = _said(event)
    failure = _failure(event) or read_failure(said)  # some log a traceback as text alone
    if failure is None and not said:
        raise CaptureError("The event holds neither an exception nor a message.")
    told = _told(event.timestamp)
    when = told if told and told <= now + _AHEAD else now
    log = redacted_lines([_line(each) for each in event.breadcrumbs[-_BREADCRUMBS:]])
    return fitted(
        redacted(
            Payload(
                incident=About(
                    fingerprint=fingerprint_of(failure, [said]),
                    summary=summary_of(failure) or said.partition("\n")[0],
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
            )
        )
    )


def _failure(event: Event) -> Failure | None:
    chain = tuple(_raised(each) for each in event.exception if each.type or each.value)
    language = _LANGUAGES.get((event.platform or "").lower(), "unknown")
    return Failure(language=language, chain=chain) if chain else None


def _raised(raised: _Exception) -> Raised:
    name = raised.type or "Error"
    if raised.module and raised.module not in _PYTHONS_OWN and not name.startswith(f"{raised.module}."):
        name = f"{raised.module}.{name}"
    frames = raised.stacktrace.frames if raised.stacktrace else []
    return Raised(type=name, message=raised.value or "", frames=tuple(_frame(each) for each in frames))


def _frame(frame: _Frame) -> Frame:
    line = max(frame.lineno or 0, 0)
    return Frame(
        path=frame.filename or frame.abs_path or frame.module or "?",
        line=line,
        function=frame.function or "",
        code=(frame.context_line or "").strip(),
        in_project=bool(frame.in_app),
        source=_source(frame, line) if frame.in_app and line else (),
        variables={name: _shown(value) for name, value in frame.vars.items() if not name.startswith("__")},
    )


def _source(frame: _Frame, line: int) -> tuple[SourceLine, ...]:
    """The lines around, numbered from the one that failed."""
    if frame.context_line is None:
        return ()
    before = frame.pre_context[-(line - 1) :] if line > 1 else []
    texts = [*before, frame.context_line, *frame.post_context]
    return tuple(SourceLine(number=number, text=text) for number, text in enumerate(texts, line - len(before)))


def _said(event: Event) -> str:
    message = event.message if isinstance(event.message, str) else None
    entry = event.logentry or (event.message if isinstance(event.message, _Message) else None)
    return (message or (entry.formatted or entry.message if entry else "") or "").strip()


def _request(event: Event) -> RequestContext:
    user, request = event.user, event.request
    asked = {"method": request.method, _address_name(event): address_in(request.model_dump())} if request else {}
    entities = {name: value for name, value in (dict(list(event.tags.items())[:20]) | asked).items() if value}
    return RequestContext(
        user=(user.id or user.username or user.email) if user else None, intent=event.transaction, entities=entities
    )


def _address_name(event: Event) -> str:
    """A browser tells the page that it shows, which no server was asked for when it failed."""
    return "page" if (event.platform or "").lower() == "javascript" else "url"


def _line(crumb: _Breadcrumb) -> str:
    data = f" {json.dumps(crumb.data, ensure_ascii=False, default=str)}" if crumb.data else ""
    when = _told(crumb.timestamp)
    head = " ".join(filter(None, (f"{when:%H:%M:%S}" if when else "", (crumb.level or "info").upper(), crumb.category)))
    return f"{head}: {crumb.message or ''}{data}".replace("\n", "\\n")


def _told(given: str | None) -> datetime | None:
    """When: seconds since 1970, or RFC 3339."""
    try:
        return datetime.fromtimestamp(float(given or ""), UTC)
    except (ValueError, OverflowError, OSError):
        pass
    try:
        found = datetime.fromisoformat(given or "")
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _python(event: Event) -> str | None:
    runtime = event.contexts.get("runtime")
    told: Mapping[str, object] = runtime if isinstance(runtime, dict) else {}
    return str(told["version"]) if "python" in str(told.get("name", "")).lower() and told.get("version") else None


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
