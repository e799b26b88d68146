"""The human moves: confirm, reject, retry, cancel, send, ignore; and asking for a confirmation again."""

from __future__ import annotations

from datetime import UTC, datetime

from kintsugi.commands.common import a_desk, ask_for, incident_number, is_number
from kintsugi.commands.outcome import UsageError
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.telemetry.plain import plain
from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.states import Effect
from kintsugi.workflow.wishes import wish_of

_SIMPLE: tuple[type[t.Command], ...] = (t.Rejected, t.Retried, t.Cancelled, t.Sent, t.Unignored)
_KINDS = {kind.__name__: kind for kind in _SIMPLE}


async def confirm(token: str, *, yes: bool = False) -> None:
    """Approve the patch that was shown with `token`, which begins with the incident's number. `yes`: ask no more."""
    number, _, secret = token.strip().partition("-")
    if not (is_number(number) and secret):
        raise UsageError("This is no token. Copy it whole, such as 7-0f3a…, from the request.")
    _tell(await ask_for(t.Confirmed, int(number), yes=yes, token=token.strip()))


async def request(kind: str, id: str, why: str = "", *, yes: bool = False) -> None:
    """Ask for one of the simple ones. `yes`: where it asks twice, it is not asked."""
    reason = {"why": why} if why else {}
    _tell(await ask_for(_KINDS[kind], incident_number(id), yes=yes, **reason))


async def ignore(id: str, for_: str, until: str, why: str) -> None:
    """Have the failure open nothing for so long. Raises BadInput."""
    wish = wish_of(for_, until, datetime.now(UTC))
    _tell(await ask_for(t.Ignored, incident_number(id), wish=wish, why=why))


async def ask(id: str) -> None:
    """Have the confirmation asked for again."""
    async with a_desk() as desk:
        incident = await desk.engine.hasten(incident_number(id), Effect.ASK_CONFIRMATION)
        PlainConsole().print(f"{incident.name}: the confirmation will be asked for again with a new token.")


def _tell(receipt: Receipt) -> None:
    incident = receipt.incident
    PlainConsole().print(f"[bold]{incident.name}[/] is {incident.state.words}.", highlight=False)
    if incident.ignored:
        PlainConsole().print(f"{plain(incident.ignored)}.", highlight=False, markup=False)
