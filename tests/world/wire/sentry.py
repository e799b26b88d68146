"""The event that Sentry's SDKs report, as far as we read it: https://develop.sentry.dev/sdk/data-model/event-payloads."""

from __future__ import annotations

from typing import Any

from tests.world.wire import ABSENT, Read, Shapes


class Frame(Read):
    filename: str
    function: str
    lineno: int
    in_app: bool
    pre_context: list[str] = ABSENT
    context_line: str = ABSENT
    post_context: list[str] = ABSENT
    vars: dict[str, Any] = ABSENT


class Stack(Read):
    frames: list[Frame]


class Raised(Read):
    type: str
    value: str
    stacktrace: Stack = ABSENT


class Chain(Read):
    values: list[Raised]


class Breadcrumb(Read):
    category: str = ABSENT
    message: str = ABSENT


class Breadcrumbs(Read):
    values: list[Breadcrumb]


class Event(Read):
    event_id: str
    platform: str
    exception: Chain
    breadcrumbs: Breadcrumbs | list[Breadcrumb] = ABSENT
    release: str = ABSENT
    environment: str = ABSENT


SENTRY = Shapes("sentry", None, [], frames={"event": Event})
