"""The human moves: confirm, reject, retry, cancel, send, ignore; and asking for a confirmation again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from kintsugi.commands.common import a_desk, ask_for, incident_number, is_number
from kintsugi.commands.outcome import UsageError
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.telemetry.plain import plain
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import command_of, takes_of
from kintsugi.workflow.ports import Outcome, Receipt
from kintsugi.workflow.states import Effect
from kintsugi.workflow.typed import given


async def confirm(token: str, *, yes: bool = False) -> None:
    """Approve the patch that was shown with `token`, which begins with the incident's number. `yes`: ask no more."""
    number, _, secret = token.strip().partition("-")
    if not (is_number(number) and secret):
        raise UsageError("This is not a token. Copy it whole, such as 7-0f3a…, from the request.")
    _tell(await ask_for(t.Confirmed, int(number), yes=yes, token=token.strip()))


async def request(
    name: str, id: str, typed: Mapping[str, str] | None = None, *, yes: bool = False, why: str = ""
) -> None:
    """Ask for what the table has under this name. `typed`: its fields. `yes`: where it asks twice, it is not asked.

    Raises BadInput.
    """
    kind = command_of(name)
    assert kind
    number, now = incident_number(id), datetime.now(UTC)
    fields = given(takes_of(name), lambda field: (typed or {}).get(field, ""), now)
    reason = {"why": why} if why else {}
    _tell(await ask_for(kind, number, yes=yes, **fields | reason))


async def ask(id: str) -> None:
    """Have the confirmation asked for again."""
    async with a_desk() as desk:
        incident = await desk.engine.hasten(incident_number(id), Effect.ASK_CONFIRMATION)
        PlainConsole().print(f"{incident.name}: the confirmation will be asked for again with a new token.")


def _tell(receipt: Receipt) -> None:
    incident = receipt.incident
    PlainConsole().print(f"[bold]{incident.name}[/] {incident.state.says}.", highlight=False)
    if receipt.outcome == Outcome.APPLIED and incident.since < incident.seq:  # it stays, and this is what is new
        PlainConsole().print(f"{plain(receipt.says)}", highlight=False, markup=False)
    if incident.ignored:
        PlainConsole().print(f"{plain(incident.ignored)}.", highlight=False, markup=False)
