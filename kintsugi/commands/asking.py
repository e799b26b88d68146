"""The human moves: confirm, reject, retry, cancel, send; and asking for a confirmation again."""

from __future__ import annotations

from kintsugi.commands.common import a_desk, ask_for, incident_number, is_number
from kintsugi.commands.outcome import UsageError
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.states import Effect

_KINDS: dict[str, type[t.Command]] = {kind.__name__: kind for kind in (t.Rejected, t.Retried, t.Cancelled, t.Sent)}


async def confirm(token: str) -> None:
    """Approve the patch that was shown with `token`, which begins with the incident's number."""
    number, _, secret = token.strip().partition("-")
    if not (is_number(number) and secret):
        raise UsageError("This is no token. Copy it whole, such as 7-0f3a…, from the request.")
    _tell(await ask_for(t.Confirmed, int(number), token=token.strip()))


async def request(kind: str, id: str, why: str = "") -> None:
    """Ask for one of the simple moves."""
    reason = {"why": why} if why else {}
    _tell(await ask_for(_KINDS[kind], incident_number(id), **reason))


async def ask(id: str) -> None:
    """Have the confirmation asked for again."""
    async with a_desk() as desk:
        incident = await desk.engine.hasten(incident_number(id), Effect.ASK_CONFIRMATION)
        PlainConsole().print(f"{incident.name}: the confirmation will be asked for again with a new token.")


def _tell(receipt: Receipt) -> None:
    incident = receipt.incident
    PlainConsole().print(f"[bold]{incident.name}[/] is {incident.state.words}.", highlight=False)
