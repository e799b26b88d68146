"""A crash in the program that this runs in opens an incident by itself, or counts on the one that is open."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from kintsugi.capture.intake import Intake
from kintsugi.capture.live import capsule_of
from kintsugi.capture.quota import Opened, counts_on, held_back, opened_today
from kintsugi.telemetry import Bound, Telemetry
from kintsugi.telemetry.encoding import encode
from kintsugi.telemetry.fingerprint import plain_message
from kintsugi.telemetry.handler import Seen
from kintsugi.telemetry.printed import IN_WORDS
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.payload import Capsule, Occurred, Payload, RequestContext
from kintsugi.workflow.ports import Clock, Outcome, Store

log = logging.getLogger("kintsugi.capture")

PROGRAM = "program"
_OURS = Path(__file__).parents[1]
_WRAPS = tuple(str(_OURS / "telemetry" / name) for name in ("beside.py", "sidedoors.py"))  # of `print`, say
_MOST_WAITING = 100  # failures: each holds what its frames hold
_MOST_KNOWN = 256
_ENDS_SECONDS = 5.0
_WAITS_SECONDS = 2 * 60 * 60

_Place = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Daily:
    """How many incidents the program may open in a day: as a program that reports by a Sentry SDK does."""

    a_day: int = 20
    a_failure: int = 3

    @property
    def a_kin(self) -> int:
        return max(self.a_failure, self.a_day // 4)


@dataclass(frozen=True, slots=True)
class _Crash:
    error: BaseException
    way: str
    key: str
    context: Bound
    log: Sequence[str]
    call: Capsule | None = None


class Crashes:
    """Listens to the log. To be made in the event loop that it shall work in; `finish` it before the store closes.

    What left the program unhandled is taken; with `logged` also what it handled, and logged or printed as an error.
    """

    least_level = logging.WARNING

    def __init__(
        self, intake: Intake, store: Store, clock: Clock, logs: Telemetry, *, logged: bool, quota: Daily | None = None
    ) -> None:
        self._intake, self._store, self._clock, self._logs = intake, store, clock, logs
        self._logged, self._quota = logged, quota or Daily()
        self._loop = asyncio.get_running_loop()
        self._queue = asyncio.Queue[_Crash | None]()
        self._known: OrderedDict[_Place, Payload] = OrderedDict()
        self._opened: Opened | None = None
        self._lost, self._over = 0, False
        self._work = self._loop.create_task(self._run())
        logs.listen(self)

    def see(self, seen: Seen) -> None:
        """On whatever thread it failed."""
        error = seen.error
        told = self._logged and (seen.record.levelno >= logging.ERROR or seen.record.msg == IN_WORDS)
        if error is None or not (seen.way or told) or _is_ours(error):
            return
        crash = _Crash(error, seen.way or "logged", seen.key, seen.context, self._logs.recent(), self._call_of(error))
        if not (self._over or self._loop.is_closed()):
            self._loop.call_soon_threadsafe(self._wait, crash)

    def _call_of(self, error: BaseException) -> Capsule | None:
        """The failing call, written down while its frames are as they were; once for each failure."""
        return None if _place_of(error) in self._known else capsule_of(error)

    def close(self) -> None:
        """What waits is `finish`ed by whoever closes the store."""

    async def finish(self) -> None:
        """Takes what waits, for at most five seconds."""
        await asyncio.sleep(0)  # what was handed over meanwhile comes first
        self._over = True
        self._queue.put_nowait(None)
        await asyncio.wait([self._work], timeout=_ENDS_SECONDS)
        self._work.cancel()

    def _wait(self, crash: _Crash) -> None:
        if self._queue.qsize() < _MOST_WAITING:
            self._queue.put_nowait(crash)
            return
        self._lost += 1
        if self._lost == 1:
            log.warning("failure_queue_full", extra={"most": _MOST_WAITING})

    async def _run(self) -> None:
        """One at a time, so that it is known what the one before came to."""
        while (crash := await self._queue.get()) is not None:
            try:
                await self._take(crash)
            except Exception as error:
                log.warning("failure_not_captured", exc_info=error)
            del crash

    async def _take(self, crash: _Crash) -> None:
        place, actor = _place_of(crash.error), f"{PROGRAM}:{crash.way}"
        outline = self._known.get(place)
        if outline is not None:
            seen = self._seen_now(outline, crash)
            async for attempt in _while_away():
                with attempt:
                    counted = await self._intake.take_outline(seen, key=f"failure:{crash.key}", actor=actor)
            if counted:
                return
        payload = await self._intake.payload(
            crash.error, actor=actor, log=crash.log, request=request_of(crash.context), capsule=crash.call
        )
        self._remember(place, payload)
        async for attempt in _while_away():
            with attempt:
                await self._within_quota(payload, f"failure:{crash.key}", actor)

    def _seen_now(self, outline: Payload, crash: _Crash) -> Payload:
        now = self._clock.now()
        return outline.model_copy(
            update={"occurred": Occurred(first=now, last=now), "request": request_of(crash.context)}
        )

    def _remember(self, place: _Place, payload: Payload) -> None:
        """What it takes to count it once more."""
        self._known[place] = payload.model_copy(update={"log": (), "exception": None})
        if len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)

    async def _within_quota(self, payload: Payload, key: str, actor: str) -> None:
        last = await self._store.newest_of(*payload.incident.names)
        if last is None or not counts_on(last, self._clock.now(), payload.build.sha):
            opened = await self._opened_today()
            if held := held_back(payload, last, opened, self._quota):
                await self._intake.take(held, key=key, actor=actor, opens=False)
                return
            if len(opened.incidents) >= self._quota.a_day:
                log.warning("failure_daily_limit", extra={"a_day": self._quota.a_day})
                return
        receipt = await self._intake.take(payload, key=key, actor=actor)
        if receipt.outcome == Outcome.APPLIED and self._opened:
            self._opened = self._opened.and_also(receipt.incident)

    async def _opened_today(self) -> Opened:
        if self._opened is None or not self._opened.is_of(self._clock.now()):
            self._opened = await opened_today(self._store, self._clock, PROGRAM)
        return self._opened


def _while_away() -> AsyncRetrying:
    """A crash is worth most when the database is away as well."""
    return AsyncRetrying(
        retry=retry_if_exception_type(StoreUnavailable),
        wait=wait_exponential(multiplier=0.1, max=30),
        stop=stop_after_delay(_WAITS_SECONDS),
        reraise=True,
    )


def request_of(context: Bound) -> RequestContext:
    """What is bound, as a payload tells it."""
    entities = json.loads(encode(context.entities or {}))
    names = {name: getattr(context, name) for name in ("user", "channel", "intent")}
    told = {name: None if value is None else str(value) for name, value in names.items()}
    return RequestContext(**told, entities=entities if isinstance(entities, dict) else {})


def _place_of(error: BaseException) -> _Place:
    """What two exceptions share that are surely the same failure."""
    trace, lines = error.__traceback__, list[tuple[str, int]]()
    while trace is not None:
        lines.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    cause = error.__cause__ or error.__context__
    return (type(error), plain_message(_words_of(error)), *lines[-30:], type(cause), _words_of(cause))


def _words_of(error: BaseException | None) -> str:
    try:
        return "" if error is None else str(error)[:500]
    except Exception:
        return ""


def _is_ours(error: BaseException) -> bool:
    """Whether Kintsugi itself failed: that is no failure of this program. What it only wraps is not Kintsugi."""
    trace, file = error.__traceback__, ""
    while trace is not None:
        at = trace.tb_frame.f_code.co_filename
        file, trace = file if at in _WRAPS else at, trace.tb_next
    return file.startswith(f"{_OURS}{os.sep}")
