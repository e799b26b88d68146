"""Reading: the list of incidents, and one in full."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from rich.console import Console
from rich.markup import escape
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk
from kintsugi.commands.common import a_desk, incident_number
from kintsugi.commands.outcome import UsageError
from kintsugi.commands.voice import say_json
from kintsugi.integrations.terminal import PlainConsole, mark_of, tier_of
from kintsugi.telemetry.plain import plain, plain_diff
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.patch import Evidence
from kintsugi.workflow.path import Station, path
from kintsugi.workflow.ports import Owed
from kintsugi.workflow.states import State
from kintsugi.workflow.times import times

_WIDE = 72  # columns, from which a table fits


async def incidents(state: str, limit: int, before: int | None, as_json: bool) -> None:
    """The incidents, newest first."""
    wanted, bootstrap = _state(state) if state else None, Bootstrap.read()
    async with bootstrap.desk() as desk:
        found = await desk.store.incidents(wanted, limit=limit, before=before)
    console = PlainConsole()
    if as_json:
        say_json([_brief(incident) for incident in found], indent=1)
    elif not found:
        older = f" before INC-{before}" if before else ""
        none = f"No incident{older} {wanted.says}" if wanted else f"No incidents{older}"
        console.print(Text(f"{none}, in {bootstrap.database}."), soft_wrap=True)
    else:
        console.print(_table(found) if console.width >= _WIDE else _list(found))
        if len(found) == limit:
            console.print(f"Older ones: --before {found[-1].id}", style="dim")


async def incident(id: str, as_json: bool) -> None:
    """One incident in full."""
    async with a_desk() as desk:
        found = await desk.store.incident(incident_number(id))
        history = await desk.store.history(found.id)
        owed = await desk.store.owed(found.id)
        if as_json:
            say_json(await _whole(desk, found, history, owed), indent=1)
            return
    show(PlainConsole(), found, history, owed)


def show(console: Console, found: Incident, history: list[Step], owed: Iterable[Owed] = ()) -> None:
    """Print an incident: head, history, what is owed, diagnosis, patch, evidence."""
    mark, colour = mark_of(found.state)
    head = Text.assemble(
        (f"{mark} {found.name} ", f"bold {colour}"), (found.state.words, colour), f"  {plain(found.summary)}"
    )
    console.print(head)
    console.print(path_taken(found, history))
    console.print(_history(history))
    if found.quiet:
        console.print(Text(plain(found.quiet.words), style="yellow"))
    if found.pruned:
        console.print(Text(found.pruned, style="yellow"))
    for owes in owed:
        if owes.status in ("pending", "running"):
            late = f" ({owes.error})" if owes.error else ""
            due = f"{owes.due:%Y-%m-%d %H:%M:%S} UTC"
            console.print(Text(f"to do: {owes.kind.words}, {owes.status}, due {due}{late}", style="dim"))
    if found.reproduction:
        console.print(Text.assemble(("call   ", "bold"), plain(found.reproduction.words)))
    if found.brought_by:
        console.print(Text.assemble(("by     ", "bold"), plain(found.brought_by.words)))
    if found.diagnosis:
        console.print(Text.assemble(("cause  ", "bold"), plain(found.diagnosis.cause)))
    if found.patch:
        console.print(Syntax(plain_diff(found.patch.diff), "diff", background_color="default", word_wrap=True))
    if found.evidence:
        console.print(_evidence(found.evidence))


def path_taken(found: Incident, history: list[Step]) -> Text:
    """The path with the stations that were passed filled in."""
    line = path(found.state, {step.dest for step in history})
    return Text("  ").join(Text(f"{_sign(each)} {each.state.words}", style=_style(each)) for each in line)


def _sign(station: Station) -> str:
    if station.siding:
        return f"→ {mark_of(station.state)[0]}"
    return "●" if station.passed else "○"


def _style(station: Station) -> str:
    if station.siding:
        return f"bold {mark_of(station.state)[1]}"
    return "bold green" if station.here else "green" if station.passed else "dim"


def _history(history: list[Step]) -> Table:
    """When, and beside it where to, by whom, at what cost, and the sentence: readable on a narrow screen."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for step in history:
        _, colour = mark_of(step.dest)
        line = Text.assemble((step.dest.words, f"bold {colour}"), (f"  {step.words}, {_by(step)}\n", "dim"))
        table.add_row(f"{step.at:%m-%d %H:%M:%S}", line.append(plain(step.says.split("\n", 1)[0])))
    return table


def _by(step: Step) -> str:
    """Who, and what it took."""
    tries = f", {step.attempts} tries" if step.attempts > 1 else ""
    took = f", {step.seconds:.1f} s" if step.attempts else ""
    cost = f", ${step.usd:.4f}" if step.usd else ""
    return f"{step.actor}{tries}{took}{cost}"


def _evidence(evidence: Evidence) -> Text:
    text = Text.assemble(tier_of(evidence), plain(evidence.says), (f"\n{evidence.box}", "dim"))
    for flag in evidence.flags:
        text.append(f"\n! {plain(flag)}", style="yellow")
    return text


def _table(found: list[Incident]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("incident", "state", "seen", "last", "summary"):
        table.add_column(column, overflow="fold")
    for each in found:
        mark, colour = mark_of(each.state)
        last = f"{each.last_seen:%Y-%m-%d %H:%M}" if each.last_seen else ""
        quiet = ", ignored" if each.ignored else ""
        table.add_row(
            each.name,
            f"[{colour}]{mark} {each.state.words}{quiet}[/]",
            str(each.count),
            last,
            escape(plain(each.summary)),
        )
    return table


def _list(found: list[Incident]) -> Table:
    """The same for a narrow screen: beside its number the state, and below that the summary."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for each in found:
        mark, colour = mark_of(each.state)
        seen = f", seen {each.count} times" if each.count > 1 else ""
        quiet = ", ignored" if each.ignored else ""
        head = Text.assemble((f"{mark} {each.state.words}{quiet}", colour), (seen, "dim"), "\n")
        table.add_row(each.name, head.append(plain(each.summary)))
    return table


def _state(text: str) -> State:
    try:
        return State(text.strip().lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise UsageError(f"{text!r} is not a state. The states are: {', '.join(State)}.") from None


def _brief(found: Incident) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "state": found.state.value,
        "summary": found.summary,
        "fingerprint": found.fingerprint,
        "count": found.count,
        "ignored": found.ignored,
        "opened_at": found.opened_at.isoformat(),
        "updated_at": found.updated_at.isoformat() if found.updated_at else None,
    }


async def _whole(desk: Desk, found: Incident, history: list[Step], owed: list[Owed]) -> dict[str, Any]:
    payload = await desk.store.payload(found.id)
    seen = payload.numbered(found.id, last=found.last_seen or found.opened_at, count=found.count)
    hidden = {"ask": {"token_hash"}, "void_asks": True}
    return {
        **TypeAdapter(Incident).dump_python(found, mode="json", exclude=hidden),  # type: ignore[arg-type]  # nested
        "name": found.name,
        "seconds": times(payload.occurred.first, history).seconds(),
        "history": TypeAdapter(list[Step]).dump_python(history, mode="json"),
        "owed": TypeAdapter(list[Owed]).dump_python(owed, mode="json"),
        "payload": seen.model_dump(mode="json"),
    }
