"""The human moves: confirm, reject, retry, cancel, send, ignore; and asking for a confirmation again."""

from __future__ import annotations

from rich.console import Console

from kintsugi.commands.common import a_desk, actor, incident_number, is_number, new_key
from kintsugi.commands.outcome import UsageError
from kintsugi.telemetry.plain import plain
from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.states import Effect
from kintsugi.workflow.wishes import wish_of

_KINDS: dict[str, type[t.Trigger]] = {
    kind.__name__: kind for kind in (t.Rejected, t.Retried, t.Cancelled, t.Sent, t.Unignored)
}


async def confirm(token: str) -> None:
    """Approve the patch that was shown with `token`, which begins with the incident's number."""
    number, _, secret = token.strip().partition("-")
    if not (is_number(number) and secret):
        raise UsageError("This is no token. Copy it whole, such as 7-0f3a…, from the request.")
    async with a_desk() as desk:
        trigger = t.Confirmed(
            incident=int(number), key=new_key(), at=desk.clock.now(), actor=actor(), token=token.strip()
        )
        _tell(await desk.engine.fire(trigger))


async def request(kind: str, id: str, why: str = "") -> None:
    """Ask for one of the simple moves."""
    async with a_desk() as desk:
        reason = {"why": why} if why else {}
        trigger = _KINDS[kind](
            incident=incident_number(id), key=new_key(), at=desk.clock.now(), actor=actor(), **reason
        )
        _tell(await desk.engine.fire(trigger))


async def ignore(id: str, for_: str, until: str, why: str) -> None:
    """Have the failure open nothing for so long. Raises BadInput."""
    async with a_desk() as desk:
        now = desk.clock.now()
        wish = wish_of(for_, until, now)
        _tell(
            await desk.engine.fire(
                t.Ignored(incident=incident_number(id), key=new_key(), at=now, actor=actor(), wish=wish, why=why)
            )
        )


async def ask(id: str) -> None:
    """Have the confirmation asked for again."""
    async with a_desk() as desk:
        incident = await desk.engine.hasten(incident_number(id), Effect.ASK_CONFIRMATION)
        Console().print(f"{incident.name}: the confirmation will be asked for again with a new token.")


def _tell(receipt: Receipt) -> None:
    incident = receipt.incident
    Console().print(f"[bold]{incident.name}[/] is {incident.state.words}.", highlight=False)
    if incident.ignored:
        Console().print(f"{plain(incident.ignored)}.", highlight=False, markup=False)
