"""What `/metrics` tells, put together from the parts of this process."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from importlib.metadata import version

from aiohttp import web

from kintsugi.app.bootstrap import Kintsugi
from kintsugi.app.desk import Desk
from kintsugi.executors.embedded import Embedded
from kintsugi.telemetry import Telemetry
from kintsugi.telemetry.counts import Tally
from kintsugi.telemetry.redact import of_this_process
from kintsugi.web.metrics import MetricNeeds, Metrics, Readers
from kintsugi.web.server import Server, ServerNeeds


def metrics(
    desk: Desk, logs: Telemetry, doors: ServerNeeds, kintsugi: Kintsugi | None, *, build: str | None, readers: Readers
) -> Metrics:
    """The route, for this process; `kintsugi` where it performs effects."""
    watched = MetricNeeds(
        figures=desk.store.figures,
        version=version("kintsugi"),
        revision=build or "",
        deliveries=doors.deliveries,
        passed_over=doors.reports.passed_over if doors.reports else Tally(),
        dropped=lambda: logs.dropped,
        hidden=lambda: of_this_process().hidden,
    )
    if kintsugi:
        watched = replace(
            watched,
            attempts=kintsugi.attempts.ended,
            retries=kintsugi.attempts.retries,
            seconds=kintsugi.attempts.seconds,
            reconciled_at=lambda: kintsugi.looked_at,
            leases=lambda: _held(desk),
        )
    return Metrics(watched, readers)


def _held(desk: Desk) -> dict[str, str]:
    """On SQLite one process performs the effects: this one, as one that is refused the lock ends."""
    return {"worker": f"{socket.gethostname()}:{os.getpid()}"} if isinstance(desk.executor, Embedded) else {}


def health_and_metrics(doors: ServerNeeds, metrics: Metrics) -> web.Application:
    """For a process without the web."""
    application = web.Application()
    Server(doors).add_health_to(application)
    metrics.add_to(application)
    return application
