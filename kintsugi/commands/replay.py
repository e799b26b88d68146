"""`kintsugi incident replay` and `kintsugi replay`: old incidents, asked about again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table
from rich.text import Text

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk
from kintsugi.app.replays import Replay, ReplayNeeds, Verdict, newest_ended, replayed
from kintsugi.commands.common import incident_number
from kintsugi.commands.voice import say, say_json
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.prompts import using
from kintsugi.telemetry.plain import plain, plain_diff
from kintsugi.workflow.errors import Refusal, StepFailed
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.patch import Tier

_MOST = 1000


async def one(id: str, model: str, prompts: Path | None, as_json: bool) -> None:
    """One incident, both answers side by side."""
    number = incident_number(id)
    async with _ready(model, prompts) as (_, needs):
        found = await replayed(needs, number, _progress)
    if as_json:
        say_json(found.facts(), indent=1)
        return
    console = PlainConsole(highlight=False)
    console.print(_side_by_side(found))
    for name, verdict in (("then", found.then), ("now", found.now)):
        if verdict.diff:
            console.print(Text(f"\n{name}", style="bold"))
            console.print(Text(plain_diff(verdict.diff)))


async def every(model: str, prompts: Path | None, limit: int, as_json: bool) -> None:
    """All that ended, as a table. Where it is interrupted, of those that were asked about: they were paid for."""
    table = _Table()
    try:
        async with _ready(model, prompts) as (desk, needs):
            async for incident in newest_ended(desk.store, min(limit, _MOST)):
                await table.ask(needs, incident)
            table.is_whole = True
    finally:
        table.tell(as_json)


@dataclass(slots=True)
class _Table:
    """What came of the incidents so far, and why some were left out."""

    found: list[Replay] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    is_whole: bool = False

    async def ask(self, needs: ReplayNeeds, incident: Incident) -> None:
        try:
            self.found.append(await replayed(needs, incident.id, _progress))
        except Refusal as refusal:
            self.left_out.append(str(refusal))
        except StepFailed as failed:
            if failed.final:  # it would be the same for the others
                raise
            self.left_out.append(f"{incident.name}: {failed}")

    def tell(self, as_json: bool) -> None:
        if not (self.is_whole or self.found or self.left_out):
            return
        if as_json:
            say_json({"replays": [each.facts() for each in self.found], "left_out": self.left_out}, indent=1)
            return
        if self.found:
            PlainConsole(highlight=False).print(_drawn(self.found))
        else:
            say("None that ended could be replayed." if self.left_out else "No incident has ended yet.")
        for why in self.left_out:
            say(f"Left out: {why}", err=True)


@asynccontextmanager
async def _ready(model: str, prompts: Path | None) -> AsyncIterator[tuple[Desk, ReplayNeeds]]:
    bootstrap = Bootstrap.read()
    with using(prompts):
        async with bootstrap.desk() as desk:
            yield desk, bootstrap.replays(desk, model)


def _progress(step: str) -> None:
    say(f"… {step}", err=True)


def _side_by_side(found: Replay) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in (found.incident.name, "then", "now"):
        table.add_column(column, overflow="fold")
    for name, then, now in zip(_NAMES, _row(found.then), _row(found.now), strict=True):
        table.add_row(name, plain(then), plain(now))
    return table


def _drawn(found: list[Replay]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in ("incident", "then", "now", "cost", "seconds"):
        table.add_column(column, overflow="fold")
    for each in found:
        table.add_row(
            each.incident.name,
            _short(each.then),
            _short(each.now),
            f"{each.then.cost.price} → {each.now.cost.price}",
            f"{each.then.seconds:.0f} → {each.now.seconds:.0f}",
        )
    proven = sum(each.now.proven for each in found), sum(each.then.proven for each in found)
    table.add_row("proven", f"{proven[1]} of {len(found)}", f"{proven[0]} of {len(found)}")
    return table


_NAMES = ("analyst", "verdict", "says", "cost", "seconds", "rounds")


def _row(verdict: Verdict) -> tuple[str, ...]:
    return (
        verdict.analyst or "-",
        _short(verdict),
        verdict.says,
        verdict.cost.price,
        f"{verdict.seconds:.1f}",
        str(verdict.rounds),
    )


def _short(verdict: Verdict) -> str:
    return Tier(verdict.tier).spoken if verdict.tier else "no patch proven"
