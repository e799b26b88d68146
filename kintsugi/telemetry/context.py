"""What a command or request is about, bound once and inherited by every task it starts."""

import contextvars
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Protocol

from kintsugi.telemetry.encoding import encode


class Counted(Protocol):
    """The run that is under way, by which it is counted."""

    def succeeded(self) -> None: ...
    def failed(self) -> None: ...


class Bound(NamedTuple):
    """The bound fields, and the same as a piece of JSON: redacted and encoded once, when they are bound."""

    user: Any = None
    channel: Any = None
    intent: str | None = None
    entities: Mapping[str, Any] | None = None
    incident_id: Any = None
    error_id: str | None = None
    run: Counted | None = None
    before: str = ',"user":null,"channel":null,"intent":null,"entities":null'
    after: str = ',"incident_id":null'


_NOTHING = Bound()
_BOUND: contextvars.ContextVar[Bound] = contextvars.ContextVar("telemetry_bound", default=_NOTHING)
_UNCHANGED: Any = object()


class Binding:
    """Returned by `bind`. As a context manager it takes the fields back at the end; otherwise they last as long as
    the task."""

    def __init__(self, token: contextvars.Token[Bound]) -> None:
        self._token = token

    def __enter__(self) -> "Binding":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _BOUND.reset(self._token)


def bind(
    *,
    user: Any = _UNCHANGED,
    channel: Any = _UNCHANGED,
    intent: str | None = _UNCHANGED,
    entities: Mapping[str, Any] | None = _UNCHANGED,
    incident_id: Any = _UNCHANGED,
    error_id: str | None = _UNCHANGED,
) -> Binding:
    """Sets fields of every line logged from here on in this task and the tasks it starts. Others stay as they are."""
    given = {
        "user": user, "channel": channel, "intent": intent, "entities": entities, "incident_id": incident_id,
        "error_id": error_id,
    }  # fmt: skip
    changed = _BOUND.get()._replace(**{name: value for name, value in given.items() if value is not _UNCHANGED})
    return Binding(_BOUND.set(_encoded(changed)))


def bind_run(run: Counted) -> Binding:
    """What happens from here on in this task, and in what it starts, counts on this run."""
    return rebind(bound()._replace(run=run))


def rebind(fields: Bound) -> Binding:
    """Sets all fields to what was bound elsewhere."""
    return Binding(_BOUND.set(fields))


def bound() -> Bound:
    """What is bound here and now."""
    return _BOUND.get()


def _encoded(fields: Bound) -> Bound:
    before = "".join(
        f',"{name}":{encode(getattr(fields, name), name)}' for name in ("user", "channel", "intent", "entities")
    )
    return fields._replace(before=before, after=f',"incident_id":{encode(fields.incident_id, "incident_id")}')
