"""The ledger of effects: what is owed, when it is tried next, and what it failed of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from rich.table import Table
from rich.text import Text

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk
from kintsugi.commands.common import ask_at, is_number
from kintsugi.commands.outcome import UsageError
from kintsugi.commands.voice import say_json
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.telemetry.plain import plain
from kintsugi.workflow.asking import Requests
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.figures import Figures
from kintsugi.workflow.ports import Owed
from kintsugi.workflow.states import Effect
from kintsugi.workflow.times import roughly
from kintsugi.workflow.triggers import Retried

_STYLES = {"running": "cyan", "failed": "red", "pending": "yellow"}


async def effects(kind: str, everything: bool, limit: int, as_json: bool) -> None:
    """What is owed, the longest due first; with `everything` also what is over, the newest first."""
    wanted = _kind(kind) if kind else None
    bootstrap = Bootstrap.read()
    async with bootstrap.desk() as desk:
        figures = await desk.store.figures()
        found = await desk.store.ledger(wanted, everything=everything, limit=limit)
    console = PlainConsole()
    if as_json:
        say_json(_as_json(found, figures), indent=1)
        return
    if found:
        console.print(_listed(found, figures.at))
    if summary := _summary(figures):
        console.print(Text(summary, style="dim" if found else ""))
    else:
        console.print(Text(f"Nothing is waiting, in {bootstrap.database}."), soft_wrap=True)
    for name, who in figures.leases.items():
        console.print(Text(f"{name}: {who}", style="dim"))
    if len(found) == limit:
        console.print(Text(f"Only {limit} are shown: --limit shows more.", style="dim"))


async def retry(id: str, *, yes: bool = False) -> None:
    """Have one effect performed now: one that waits, or one that gave up and holds its incident."""
    incident, kind = _parsed(id)
    bootstrap = Bootstrap.read()
    async with bootstrap.desk() as desk:
        owed = {owes.id: owes for owes in await desk.store.owed(incident)}
        owes = owed.get(id.strip())
        if owes is None:
            raise Refusal(f"There is no effect {id.strip()}. `kintsugi effects --all` shows those there are.")
        says = await _again(desk, bootstrap.requests(desk), owes, kind, yes=yes)
    PlainConsole().print(says, highlight=False, markup=False)


async def _again(desk: Desk, requests: Requests, owes: Owed, kind: Effect, *, yes: bool) -> str:
    match owes.status:
        case "pending":
            await desk.engine.hasten(owes.incident, kind)
            return f"{owes.id} is due now."
        case "running":
            raise Refusal(f"{owes.id} is being performed. Should its worker die, it is tried again {_at(owes.due)}.")
        case "failed":
            return await _taken_up(desk, requests, owes, yes=yes)
        case "done":
            raise Refusal(f"{owes.id} is done.")
        case _:
            raise Refusal(f"{owes.id} was cancelled: {plain(owes.error)}")


async def _taken_up(desk: Desk, requests: Requests, owes: Owed, *, yes: bool) -> str:
    """By the rules of `kintsugi retry`, where the incident waits for this very effect."""
    incident = await desk.store.incident(owes.incident)
    if incident.stuck is None or incident.stuck.effect is not owes.kind:
        raise Refusal(f"{owes.id} failed, and {incident.name} {incident.state.says}: it does not wait for it.")
    receipt = await ask_at(desk, requests, Retried, incident.id, yes=yes)
    return f"{incident.name} {receipt.incident.state.says}: {owes.kind.words} is tried again."


def _listed(found: list[Owed], now: datetime) -> Table:
    """Beside the incident what it owes, and below that when: readable on a narrow screen."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for owes in found:
        text = Text.assemble(
            (owes.kind.words, "bold"),
            " ",
            (owes.status, _STYLES.get(owes.status, "")),
            f"{_tries(owes)}\n",
            (owes.id, "dim"),
        )
        if when := _when(owes, now):
            text.append(f"\n{when}")
        if owes.error:
            text.append(f"\n{plain(owes.error)}", style="dim")
        table.add_row(f"INC-{owes.incident}", text)
    return table


def _tries(owes: Owed) -> str:
    """How often it was tried in vain, or which try is under way."""
    if owes.status == "running":
        return f", try {owes.attempts}"
    times = "once" if owes.attempts == 1 else f"{owes.attempts} times"
    return f", tried {times}" if owes.attempts and owes.status != "done" else ""


def _when(owes: Owed, now: datetime) -> str:
    wait = owes.due - now
    if owes.status == "running":
        by = f" by {owes.holder}" if owes.holder else ""
        if wait <= timedelta():
            return f"lease ended {roughly(-wait)} ago: it is taken over by the next worker"
        return f"performed{by}, lease ends in {roughly(wait)}, {_at(owes.due)}"
    if owes.status == "pending":
        when = f"due in {roughly(wait)}" if wait > timedelta() else f"due for {roughly(-wait)}"
        return f"{when}, since {_at(owes.due)}" if wait <= timedelta() else f"{when}, {_at(owes.due)}"
    return ""


def _summary(figures: Figures) -> str:
    """What is owed and stuck; "" for nothing."""
    running = sum(each.count for each in figures.backlog if each.status == "running")
    late = figures.late()
    if not figures.owed and not figures.stuck:
        return ""
    waits = f", the oldest due for {roughly(late)}" if late else ", nothing due"
    stuck = f" {figures.stuck} stuck." if figures.stuck else ""
    return f"{figures.owed} to do, {running} running{waits}.{stuck}"


def _at(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _as_json(found: list[Owed], figures: Figures) -> dict[str, Any]:
    return {
        "owed": figures.owed,
        "late_seconds": figures.late().total_seconds(),
        "stuck": figures.stuck,
        "leases": dict(figures.leases),
        "effects": [
            {
                "id": owes.id,
                "incident": owes.incident,
                "kind": owes.kind.value,
                "status": owes.status,
                "attempts": owes.attempts,
                "due": owes.due.isoformat(),
                "holder": (owes.holder or "") if owes.status == "running" else "",
                "error": owes.error,
            }
            for owes in found
        ],
    }


def _parsed(id: str) -> tuple[int, Effect]:
    incident, _, rest = id.strip().partition(":")
    kind, _, seq = rest.partition(":")
    if not (is_number(incident) and is_number(seq) and kind in set(Effect)):
        raise UsageError(f"{id!r} is no effect. Write its id as `kintsugi effects` shows it, such as 7:deploy:5.")
    return int(incident), Effect(kind)


def _kind(text: str) -> Effect:
    try:
        return Effect(text.strip().lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise UsageError(f"{text!r} is no effect's kind. The kinds are: {', '.join(Effect)}.") from None
