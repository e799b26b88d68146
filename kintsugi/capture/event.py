"""What is read of an event of a Sentry SDK, of any age. The rest is left.

Newer SDKs send what https://develop.sentry.dev/sdk/data-model/event-payloads/ describes; those before 2018 (raven) name
interfaces `sentry.interfaces.…`, count levels as Python's `logging` does, and put a stack beside the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.fields import Fields, as_words
from kintsugi.capture.release import commit_of

_OLD = "sentry.interfaces."
_OLD_NAMES = {"Message": "logentry", "Http": "request", "Template": "template"}
_QUIET = frozenset(("debug", "info", "log", "warning", "warn", "notice", "trace", "sample"))
_ERROR = 40  # of Python's logging
_OF_ONE = frozenset(("event_id", "timestamp", "user"))
_HOW = frozenset(("breadcrumbs", "request", "extra", "modules", "contexts", "sdk", "debug_meta", "received", "_meta"))
_STACKS = frozenset(("exception", "threads", "stacktrace"))
_HOW_IN_STACKS = frozenset(("vars", "pre_context", "post_context", "registers", "data"))
BREADCRUMBS = 100  # the last ones
_EXCEPTIONS, _FRAMES = (10, 40), (80, 170)  # the first ones and the last ones
_OTHER_KINDS = frozenset(
    ("transaction", "csp", "hpkp", "expectct", "expectstaple", "nel", "feedback", "profile", "replay_event")
)


@dataclass(frozen=True, slots=True)
class Place:
    """A frame as it was reported."""

    filename: str | None
    abs_path: str | None
    module: str | None
    package: str | None
    function: str
    lineno: int
    context_line: str | None
    before: tuple[str, ...]
    after: tuple[str, ...]
    in_app: bool | None
    variables: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mechanism:
    """How an exception came of another: the other's id, and as what (`__cause__`, `exceptions[0]`, …)."""

    id: int
    parent: int
    source: str
    is_group: bool


@dataclass(frozen=True, slots=True)
class Error:
    """An exception as it was reported; of some only the stack is known."""

    type: str | None
    value: str
    module: str | None
    stack: tuple[Place, ...]
    thread: str | None
    mechanism: Mechanism


@dataclass(frozen=True, slots=True)
class Message:
    """A log call: its template, what was filled in, and the whole where the SDK has filled it in itself."""

    template: str = ""
    params: Any = None
    formatted: str = ""


@dataclass(frozen=True, slots=True)
class Breadcrumb:
    timestamp: str | None
    level: str | None
    category: str | None
    message: str
    data: str


@dataclass(frozen=True, slots=True)
class Event:
    """An event of level `error` or above, or of another."""

    id: str
    kind: str
    timestamp: str | None
    platform: str
    level: str
    release: str | None
    environment: str | None
    transaction: str | None
    logger: str | None
    message: Message
    errors: tuple[Error, ...]
    stack: tuple[Place, ...]  # of no exception: of the log call, or of the thread that crashed
    breadcrumbs: tuple[Breadcrumb, ...]
    user: str | None
    method: str | None
    request: Mapping[str, Any]
    fingerprint: tuple[str, ...]
    tags: dict[str, Any]
    extra: dict[str, Any]
    modules: dict[str, Any]
    contexts: dict[str, Any]
    page: str = ""  # of this event at Sentry, where it names it
    unread: tuple[str, ...] = field(default=())

    @property
    def is_trouble(self) -> bool:
        """Whether it tells of a failure: SDKs send words of other levels, and other kinds, the same way."""
        if self.kind in _OTHER_KINDS:
            return False
        if self.level.isdigit():
            return int(self.level) >= _ERROR
        return self.level not in _QUIET

    @property
    def build_sha(self) -> str | None:
        return commit_of(self.release)


@dataclass(frozen=True, slots=True)
class Once:
    """What is an event's own, however often its failure comes: its id, when, and whom it hit."""

    id: str
    timestamp: str | None
    user: str | None


def read_once(data: Mapping[str, Any]) -> Once:
    """Never raises: what does not fit is nothing."""
    fields = Fields({name: data.get(name, data.get(f"{_OLD}{name.title()}")) for name in _OF_ONE})
    return Once(fields.text("event_id") or "", fields.text("timestamp"), _user(fields))


def shared(data: Mapping[str, Any]) -> dict[str, Any]:
    """The event without what is its own (`read_once`), and without what tells how it came about, as a user's data.

    Events of one failure have this in common. Raises RecursionError.
    """
    new = _with_new_names(data)
    return {
        name: _without_how(value) if name in _STACKS else value
        for name, value in new.items()
        if name not in _OF_ONE and name not in _HOW and not name.startswith(_OLD)
    }


def _without_how(value: Any) -> Any:
    """What an exception says is left whole: it may be any JSON."""
    if isinstance(value, dict):
        return {
            name: None if name in _HOW_IN_STACKS else each if name == "value" else _without_how(each)
            for name, each in value.items()
        }
    return [_without_how(each) for each in value] if isinstance(value, list) else value


def read_event(data: object, *, whole: bool = True) -> Event:
    """Raises CaptureError for what is no object. Whatever else does not fit is named in `unread`.

    Not `whole`: without what tells how a failure came about, as breadcrumbs and variables, and not which one it is.
    """
    if not isinstance(data, dict):
        raise CaptureError("The event cannot be read: it is no object.")
    fields = Fields(_with_new_names(data))
    errors, stack = _failure(fields, whole)
    request = fields.object("request")
    return Event(
        id=fields.text("event_id") or "",
        kind=(fields.text("type") or "").lower(),
        timestamp=fields.text("timestamp"),
        platform=(fields.text("platform") or "").lower(),
        level=(fields.text("level") or "error").strip().lower(),
        release=fields.text("release"),
        environment=fields.text("environment"),
        transaction=fields.text("transaction") or fields.text("culprit"),
        logger=fields.text("logger"),
        message=_message(fields),
        errors=errors,
        stack=stack,
        breadcrumbs=tuple(_breadcrumb(each) for each in fields.objects("breadcrumbs", 0, BREADCRUMBS)) if whole else (),
        user=_user(fields),
        method=request.text("method"),
        request=request.given,
        fingerprint=_fingerprint(fields),
        tags=fields.named("tags"),
        extra=fields.named("extra") if whole else {},
        modules=fields.named("modules") if whole else {},
        contexts=dict(fields.object("contexts").given) if whole else {},
        page=fields.text("web_url") or fields.text("permalink") or "",
        unread=tuple(fields.unread),
    )


def _with_new_names(data: Mapping[str, Any]) -> dict[str, Any]:
    """As `sentry.interfaces.Exception` is named since: `exception`."""
    renamed = dict(data)
    for name, value in data.items():
        if name.startswith(_OLD):
            short = name.removeprefix(_OLD)
            renamed.setdefault(_OLD_NAMES.get(short, short.lower()), value)
    return renamed


def _failure(fields: Fields, whole: bool) -> tuple[tuple[Error, ...], tuple[Place, ...]]:
    """The exceptions, each with its stack, and the stack that belongs to none of them."""
    threads = fields.objects("threads")
    stacks = {each.text("id"): _stack(each, whole) for each in threads}
    errors = [_error(each, stacks, whole) for each in fields.objects("exception", *_EXCEPTIONS)]
    alone = _stack(fields, whole) or _crashed(threads, whole)
    bare = [at for at, each in enumerate(errors) if not each.stack]
    if alone and len(errors) == len(bare) == 1:
        errors[0] = _with_stack(errors[0], alone)
    told = tuple(each for each in errors if each.type or each.value or each.module or each.stack)
    return told, alone if not any(each.stack for each in told) else ()


def _with_stack(error: Error, stack: tuple[Place, ...]) -> Error:
    return Error(error.type, error.value, error.module, stack, error.thread, error.mechanism)


def _crashed(threads: list[Fields], whole: bool) -> tuple[Place, ...]:
    """The stack of the thread that crashed, else of the one that reports."""
    marked = [each for mark in ("crashed", "current") for each in threads if each.flag(mark)]
    candidates = marked or (threads if len(threads) == 1 else [])
    return next((stack for each in candidates if (stack := _stack(each, whole))), ())


def _error(fields: Fields, stacks: Mapping[str | None, tuple[Place, ...]], whole: bool) -> Error:
    mechanism, thread = fields.object("mechanism"), fields.text("thread_id")
    return Error(
        type=fields.text("type"),
        value=fields.words("value"),
        module=fields.text("module"),
        stack=_stack(fields, whole) or (stacks.get(thread, ()) if thread else ()),
        thread=thread,
        mechanism=Mechanism(
            id=mechanism.number("exception_id"),
            parent=mechanism.number("parent_id"),
            source=mechanism.text("source") or "",
            is_group=bool(mechanism.flag("is_exception_group")),
        ),
    )


def _stack(fields: Fields, whole: bool) -> tuple[Place, ...]:
    return tuple(_place(each, whole) for each in fields.object("stacktrace").objects("frames", *_FRAMES))


def _place(fields: Fields, whole: bool) -> Place:
    return Place(
        filename=fields.text("filename"),
        abs_path=fields.text("abs_path"),
        module=fields.text("module"),
        package=fields.text("package"),
        function=fields.text("function") or fields.text("raw_function") or "",
        lineno=fields.number("lineno"),
        context_line=fields.text("context_line"),
        before=tuple(fields.texts("pre_context")) if whole else (),
        after=tuple(fields.texts("post_context")) if whole else (),
        in_app=fields.flag("in_app"),
        variables=fields.named("vars") if whole else {},
    )


def _message(fields: Fields) -> Message:
    """`logentry`, or `message`: either of them is text or an object."""
    for name in ("logentry", "message"):
        value = fields.given.get(name)
        if isinstance(value, dict) and (value.keys() & {"message", "formatted", "params"}):
            entry = fields.object(name)
            found = Message(entry.words("message"), value.get("params"), entry.words("formatted"))
            if found.template or found.formatted:
                return found
        elif value:
            return Message(template=fields.words(name).strip())
    return Message()


def _breadcrumb(fields: Fields) -> Breadcrumb:
    return Breadcrumb(
        timestamp=fields.text("timestamp"),
        level=fields.text("level"),
        category=fields.text("category"),
        message=fields.words("message"),
        data=fields.words("data") if fields.given.get("data") else "",
    )


def _user(fields: Fields) -> str | None:
    given = fields.given.get("user")
    if isinstance(given, str):
        return given or None
    user = fields.object("user")
    return user.text("id") or user.text("username") or user.text("email")


def _fingerprint(fields: Fields) -> tuple[str, ...]:
    """What the program groups by itself; raven's `checksum` says it in one word."""
    given = fields.given.get("fingerprint")
    listed = given if isinstance(given, list) else [fields.text("fingerprint") or fields.text("checksum")]
    return tuple(as_words(each) for each in listed if each is not None)
