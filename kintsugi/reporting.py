"""The failures of any program, told to a Kintsugi that runs elsewhere: as a Sentry SDK does, and by its client.

Nothing here needs a Discord library, a database or an event loop.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast, get_args

from kintsugi import telemetry
from kintsugi.telemetry import Telemetry
from kintsugi.telemetry.build import running_build
from kintsugi.telemetry.capsule import Capsule
from kintsugi.telemetry.capsule import record as written_down
from kintsugi.telemetry.encoding import encode
from kintsugi.telemetry.handler import Seen
from kintsugi.telemetry.installation import Mode
from kintsugi.telemetry.printed import IN_WORDS
from kintsugi.telemetry.unhandled import is_refusal, mark_of

if TYPE_CHECKING:
    import sentry_sdk
    from sentry_sdk._types import Event, Hint

ADDRESS = "KINTSUGI_REPORT_URL"
CAPSULE = "kintsugi_capsule"  # the context of an event that the failing call is told in
UNDELIVERED = f"Failures are kept in this process's memory and reported nowhere: set {ADDRESS} to have them mended."

_log = logging.getLogger("kintsugi.reporting")
_A_MINUTE = 30  # reports: building one takes a millisecond or two of whoever logs
_LOG_LINES = 100
_LONGEST = 8_000  # characters of a text
_PRINTED = "Traceback (most recent call last)"


class BadAddress(ValueError):
    """The address cannot be reported to; the sentence says what one looks like."""


def installed(address: str | None, *, secrets: Iterable[str], build: str | None, environment: str | None) -> Telemetry:
    """See `kintsugi.install`. Raises BadAddress, ValueError, and has then changed nothing."""
    address = address or os.environ.get(ADDRESS)
    build = build or running_build()
    capture = _capture()
    logs = telemetry.install(secrets=(*secrets, *([address] if address else [])), build=build, mode=_mode())
    if not address:
        _log.warning(UNDELIVERED)
        return logs
    if capture == "off":
        return logs
    try:
        logs.listen(Reporter(address, logs.recent, build=build, environment=environment, capture=capture))
    except BadAddress:
        logs.close()
        raise
    return logs


def _mode() -> Mode:
    return cast("Mode", _set_to("KINTSUGI_TELEMETRY", get_args(Mode), "ring"))


def _capture() -> str:
    return _set_to("KINTSUGI_CAPTURE", ("unhandled", "logged", "off"), "")


def _set_to(name: str, allowed: tuple[str, ...], standard: str) -> str:
    given = os.environ.get(name) or standard
    if given not in (*allowed, standard):
        raise ValueError(f"{name} is {given!r}: it should be {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return given


class Reporter:
    """Hears what is logged, and reports each error that has a traceback. Never waits for the network.

    With the capture `unhandled` it reports only what nobody handled, with `logged` also what is printed in words.
    """

    def __init__(
        self,
        address: str,
        recent: Callable[[int], list[str]],
        *,
        build: str | None,
        environment: str | None,
        capture: str = "",
    ) -> None:
        """`recent` gives the newest lines of the log. Raises BadAddress."""
        self.least_level = logging.WARNING if capture == "logged" else logging.ERROR
        self._recent, self._capture = recent, capture
        self._client = _client(address, build, environment or os.environ.get("KINTSUGI_ENV_NAME"))
        # Python 3.12 starts no thread any more when it hears what ended the program: the SDK's own has to run before.
        cast("Any", self._client.transport)._worker.start()
        self._times: list[float] = []

    def see(self, seen: Seen) -> None:
        """One record. The same exception, printed and logged, or logged on its way up, is reported once."""
        error = seen.error
        if self._capture == "unhandled" and not seen.way:
            return
        if seen.record.levelno < logging.ERROR and seen.record.msg != IN_WORDS:
            return
        if is_refusal(error) if error else _PRINTED not in seen.line:
            return
        if not _is_known(error) and self._has_room():
            event, hint = self._event(seen, error)
            self._client.capture_event(event, hint)

    def close(self) -> None:
        """Sends what is waiting, for at most two seconds."""
        self._client.close(timeout=2.0)

    def _has_room(self) -> bool:
        now = time.monotonic()
        self._times = [at for at in self._times if at > now - 60]
        if len(self._times) >= _A_MINUTE:
            return False
        self._times.append(now)
        return True

    def _event(self, seen: Seen, error: BaseException | None) -> tuple[Event, Hint]:
        from sentry_sdk.utils import event_from_exception  # noqa: PLC0415  # only who reports waits for the SDK

        record, context = seen.record, seen.context
        event: dict[str, Any] = {"message": record.getMessage(), "level": record.levelname.lower()}
        hint: Hint = {}
        if error is not None:
            described, hint = event_from_exception(error, client_options=self._client.options)
            event = {**described, "level": record.levelname.lower()}
            hint = {**hint, CAPSULE: written_down(error)}
        event |= {
            "logger": record.name,
            "transaction": context.intent,
            "user": {"id": str(context.user)} if context.user is not None else None,
            "tags": {name: str(value) for name, value in (context.entities or {}).items()},
            "breadcrumbs": {"values": list(map(_breadcrumb, self._recent(_LOG_LINES)))},
        }
        error_id = seen.error_id or context.error_id
        if error_id:
            event["tags"]["error_id"] = error_id
        return cast("Event", event), hint


def _client(address: str, build: str | None, environment: str | None) -> sentry_sdk.Client:
    import sentry_sdk  # noqa: PLC0415  # as above
    from sentry_sdk.utils import BadDsn  # noqa: PLC0415

    try:
        return sentry_sdk.Client(
            dsn=address,
            release=build,
            environment=environment,
            default_integrations=False,
            auto_enabling_integrations=False,
            before_send=_redacted,
            send_client_reports=False,
            shutdown_timeout=0,
        )
    except BadDsn as error:
        raise BadAddress(
            f"{ADDRESS}: {error}. It is made of a key, a host and a number, as in https://key@kintsugi.example/42: "
            "those of KINTSUGI_SENTRY_PROJECTS where Kintsugi runs."
        ) from None


def _redacted(event: Event, hint: Hint) -> Event:
    """Nothing leaves with a secret in it, in a text or under its name. A capsule is looked through when it is made."""
    told: dict[str, Any] = json.loads(encode(event, characters=_LONGEST))
    capsule: Capsule | None = hint.get(CAPSULE)
    if capsule is not None:
        told["contexts"] = {**(told.get("contexts") or {}), CAPSULE: {"type": CAPSULE, **asdict(capsule)}}
    return cast("Event", told)


def _is_known(error: BaseException | None) -> bool:
    """Whether it was reported before. The same object raised anew is another failure."""
    if error is None:
        return False
    mark = mark_of(error)
    known, mark.is_reported = mark.is_reported, True
    return known


def _breadcrumb(line: str) -> dict[str, Any]:
    """A line of the log, as the log of a Sentry event has it."""
    try:
        read = json.loads(line)
        extra = read["extra"] | ({"exception": read["exception"]} if read["exception"] else {})
        return {
            "timestamp": read["ts"], "level": read["level"].lower(), "category": read["logger"],
            "message": read["msg"], "data": extra,
        }  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"message": line}
