"""Alerts become incidents."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Future
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_exponential

from kintsugi.capture.intake import Intake
from kintsugi.capture.live import capsule_of
from kintsugi.telemetry import Telemetry
from kintsugi.telemetry.alerts import Alert
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.payload import Payload

log = logging.getLogger("kintsugi.telemetry.alerts")  # its own troubles set off no alert

_MOST_WAITING = 100  # alerts, while the database is away: a payload may have a megabyte
_WAITS_SECONDS = 2 * 60 * 60


class Incidents:
    """A sink that makes an incident of an alert; of the same failure there is one at a time."""

    def __init__(self, intake: Intake, logs: Telemetry, *, but_crashes: bool = False) -> None:
        """`but_crashes`: those open incidents by themselves."""
        self._intake, self._logs, self._but_crashes = intake, logs, but_crashes
        self._loop = asyncio.get_running_loop()
        self._waiting = 0

    def __call__(self, alert: Alert) -> None:
        """On the alerts' thread. A line that is about an incident already makes none."""
        if alert.incident_id is None and not alert.over and not (self._but_crashes and alert.crashed):
            asyncio.run_coroutine_threadsafe(self._open(alert), self._loop).add_done_callback(_reported)

    async def _open(self, alert: Alert) -> None:
        if self._waiting >= _MOST_WAITING:
            raise StoreUnavailable(f"{_MOST_WAITING} alerts wait for the database already.")
        self._waiting += 1
        try:
            actor, log = f"alert:{alert.rule}", self._logs.recent()
            payload = await self._intake.payload(
                alert.line, actor=actor, summary=alert.summary, log=log, capsule=capsule_of(alert.capsule)
            )
            await self._take(payload, f"failure:{alert.key}" if alert.key else f"{actor}:{alert.since}", actor)
        finally:
            self._waiting -= 1

    async def _take(self, payload: Payload, key: str, actor: str) -> None:
        """As soon as the database takes it: a crash is worth most when that is away as well."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(StoreUnavailable),
            wait=wait_exponential(max=30),
            stop=stop_after_delay(_WAITS_SECONDS),
            reraise=True,
        ):
            with attempt:
                await self._intake.take(payload, key=key, actor=actor)


def _reported(opening: Future[Any]) -> None:
    error = None if opening.cancelled() else opening.exception()
    if error is not None:
        log.warning("alert_incident_failed", exc_info=error)
