"""Alerts that become incidents, also those that come while the database serves nobody."""

from __future__ import annotations

import asyncio

import psycopg

from kintsugi import telemetry
from kintsugi.app.desk import opened
from kintsugi.capture.alerts import Incidents
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.persistence.database import Database
from kintsugi.telemetry.alerts import Alert
from tests.world.patience import PATIENCE


async def test_an_alert_that_comes_while_the_database_is_away_becomes_an_incident_when_it_is_back(
    postgres_url: Database, postgres_server: Database
):
    logs = telemetry.install()
    try:
        async with opened(postgres_url) as desk:
            incidents = Incidents(Intake(fire=desk.engine.fire, clock=desk.clock, program=Program()), logs)
            await serves(postgres_server, postgres_url, allowed=False)
            await asyncio.to_thread(incidents, Alert("payments", "Payments fail", 5, 1.0, "gateway down", None, None))
            await asyncio.sleep(0.5)

            await serves(postgres_server, postgres_url, allowed=True)
            async with asyncio.timeout(PATIENCE):
                while not (found := await desk.store.incidents()):
                    await asyncio.sleep(0.05)
    finally:
        logs.close()

    assert [incident.opened_by for incident in found] == ["alert:payments"]


async def serves(server: Database, url: Database, *, allowed: bool) -> None:
    """Whether the database takes connections; those that it has are cut."""
    async with await psycopg.AsyncConnection.connect(server.address, autocommit=True) as admin:
        await admin.execute(f'ALTER DATABASE "{url.url.database}" ALLOW_CONNECTIONS {allowed}'.encode())
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [url.url.database]
        )
