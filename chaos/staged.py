"""`python -m chaos.staged run --only worker`: `kintsugi run`, whose sandbox and cure are the driver's.

CHAOS_OUTSIDE is the address at which these are asked; CHAOS_WITHOUT names the safeguard that a control switches off.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from datetime import datetime

import httpx
import typer

from chaos.worker import Checked, Outside
from kintsugi.app.bootstrap import Bootstrap, Ports
from kintsugi.commands import outcome, service
from kintsugi.persistence import away, database, store
from kintsugi.persistence.clock import DatabaseClock
from kintsugi.persistence.leases import Leases
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow.ports import Channel

OUTSIDE, WITHOUT = "CHAOS_OUTSIDE", "CHAOS_WITHOUT"
NO_RULE, NO_DEADLINES, NO_WRITE, OWN_CLOCK = "no rule", "no deadlines", "no write in readiness", "its own clock"
_HOURS = 3600


class Staged(Bootstrap):
    """The product's own wiring, with two parts of the driver's."""

    def ports(self, channel: Channel) -> Ports:
        real, hosted = super().ports(channel), self.code_host.make()
        outside = Outside(httpx.AsyncClient(base_url=os.environ[OUTSIDE], trust_env=False))
        return replace(real, checker=Checked(outside, real.code_host, hosted.git), monitor=outside)


def careless(without: str) -> None:
    """From now on this process is without one safeguard."""
    match without:
        case "":
            return
        case "no rule":
            away._CLASSES = ()  # type: ignore[assignment]
            away._STATES.clear()
            away._TROUBLE.clear()
        case "no deadlines":
            store.SILENT_SECONDS = database.SILENT_SECONDS = _HOURS  # type: ignore[attr-defined]
        case "no write in readiness":
            Leases.probe = _reads  # type: ignore[method-assign]
        case "its own clock":
            SqlStore._now = _own_now  # type: ignore[assignment, method-assign]
            DatabaseClock.heard = _deaf  # type: ignore[method-assign]
        case other:
            raise ValueError(other)


async def _reads(self: Leases) -> None:
    await self.holder("probe")


def _own_now(self: SqlStore, _: object) -> datetime:
    return self._clock.now()


def _deaf(self: DatabaseClock, now: datetime, asked: float) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", choices=["run"])
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    careless(os.environ.get(WITHOUT, ""))
    try:
        outcome.run(lambda: service.run(asked.only, False, Staged.read))
    except typer.Exit as done:
        sys.exit(done.exit_code)


if __name__ == "__main__":
    main()
