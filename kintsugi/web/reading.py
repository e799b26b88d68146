"""What a delivery of a Sentry SDK says, read whole: unpacked, parsed, located, redacted. No I/O but the project's code.

It takes the processor's time, and so it is done by readers, in processes of their own (`kintsugi/web/readers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kintsugi.capture.checkins import check_in_of
from kintsugi.capture.errors import CaptureError
from kintsugi.capture.event import read_event, read_once
from kintsugi.capture.program import digest_of
from kintsugi.capture.runs import is_replay, key_in, runs_in
from kintsugi.capture.sentry import Code, Teller, outline_of, payload_of
from kintsugi.web.no_delivery import Unreadable
from kintsugi.web.sentry import (
    CHECK_IN,
    EVENT,
    Item,
    Project,
    TooLarge,
    Unasked,
    event_in,
    expanded,
    is_known,
    items_in,
    key_within,
)
from kintsugi.workflow.cure import Counted
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.scheduled import CheckIn


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What came. `key` is that of its head, "" where only the body may tell it; `bare`: an event and no envelope."""

    name: str
    project: Project
    key: str
    body: bytes
    encoding: str
    bare: bool
    at: datetime
    whole: bool = True  # false: of failures an outline is enough


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure, by the id of its event. `who`: a digest of whom it hit; "" for unknown. Not `whole`: its outline."""

    id: str
    payload: Payload
    who: str = ""
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Ran:
    """Runs, under a key that is the same however often they are delivered; of a job that is watched, what it said."""

    key: str
    counted: Counted
    check: CheckIn | None = None


@dataclass(frozen=True, slots=True)
class PassedOver:
    """Nothing follows from it: no trouble, no commit, a request of our own, or an item of a kind that tells nothing."""

    kind: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Why something cannot be read."""

    says: str
    too_large: bool = False


Told = Failed | Ran | PassedOver | Fault

_Item = Item | Unasked | Unreadable | TooLarge


@dataclass(frozen=True, slots=True)
class Read:
    """What was read. Of who is not `known` nothing is. `id` is what the SDK is answered; `fault` is the whole's."""

    known: bool = True
    id: str = ""
    items: tuple[Told, ...] = ()
    fault: Fault | None = None


def read(delivery: Delivery, code: Code) -> Read:
    """Never raises: what cannot be read is told."""
    try:
        body = expanded(delivery.body, delivery.encoding)
        if not is_known(delivery.project, delivery.key or key_within(body)):
            return Read(known=False)
        items: list[_Item] = [event_in(body)] if delivery.bare else list(items_in(body))
    except (Unreadable, TooLarge) as error:
        return Read(fault=_fault(error))
    except MemoryError:
        return Read(fault=Fault("", too_large=True))
    ids = (item.data.get("event_id") for item in items if isinstance(item, Item))
    return Read(id=_plain(next(ids, "")), items=tuple(_told(item, delivery, code) for item in items))


def _told(item: _Item, delivery: Delivery, code: Code) -> Told:
    if isinstance(item, Unasked):
        return PassedOver(item.kind)
    if not isinstance(item, Item):
        return _fault(item)
    if is_replay(item.data):
        return PassedOver(item.kind)
    try:
        return _failed(item, delivery, code) if item.kind == EVENT else _ran(item, delivery)
    except CaptureError as error:
        return Fault(str(error))
    except (RecursionError, MemoryError):
        return Fault("An item is nested too deeply, or larger than it looks.")


def _failed(item: Item, delivery: Delivery, code: Code) -> Told:
    payload = _payload(item, delivery, code)
    if payload is None:
        return PassedOver(item.kind)
    once = read_once(item.data)
    return Failed(_plain(once.id) or item.digest, payload, digest_of(once.user), delivery.whole)


def _payload(item: Item, delivery: Delivery, code: Code) -> Payload | None:
    """None where it tells of no failure."""
    project = delivery.project
    teller = Teller(delivery.name, code, project.program, project.believed)
    if not delivery.whole:
        return outline_of(item.data, teller, now=delivery.at)
    event = read_event(item.data)
    return payload_of(event, teller, now=delivery.at) if event.is_trouble else None


def _ran(item: Item, delivery: Delivery) -> Told:
    teller, believed = f"sentry:{delivery.name}", delivery.project.believed
    counted = runs_in(item.kind, item.data, teller, believed=believed)
    watched = item.kind == CHECK_IN and delivery.project.check_ins and believed
    check = check_in_of(item.data, delivery.at) if watched else None
    if not (counted or check):
        return PassedOver(item.kind)
    return Ran(key_in(item.kind, item.data, item.digest), counted or Counted(teller, believed), check)


def _plain(id: object) -> str:
    """An id as it may stand in a key and an answer; "" for what is none: another type, too long, no printable ASCII."""
    return id if isinstance(id, str) and len(id) <= 64 and id.isascii() and id.isprintable() else ""


def _fault(error: Unreadable | TooLarge) -> Fault:
    return Fault(str(error), too_large=isinstance(error, TooLarge))
