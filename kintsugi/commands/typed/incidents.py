"""`kintsugi incidents`, `incident show` and the human moves as they are typed."""

from __future__ import annotations

from typing import Annotated

import typer

from kintsugi.commands.typed.options import IncidentId, Json, Why, Yes

incident_app = typer.Typer(help="One incident in full.", no_args_is_help=True)


def incidents(
    state: Annotated[str, typer.Option("--state", help="Only those in this state.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 20,
    before: Annotated[
        int | None, typer.Option("--before", max=10**18, help="Older than this number: the next page.")
    ] = None,
    as_json: Json = False,
) -> None:
    """The incidents, newest first.

    Example: `kintsugi incidents --state awaiting_confirm`
    """
    from kintsugi.commands import show
    from kintsugi.commands.outcome import run

    run(lambda: show.incidents(state, limit, before, as_json))


@incident_app.command("show")
def show_incident(id: IncidentId, as_json: Json = False) -> None:
    """One incident: who, what, when, from where to where; the patch and why it is believed.

    Example: `kintsugi incident show 7`
    """
    from kintsugi.commands import show
    from kintsugi.commands.outcome import run

    run(lambda: show.incident(id, as_json))


@incident_app.command("receipt")
def receipt(
    id: IncidentId,
    out: Annotated[str, typer.Option("-o", "--out", metavar="FILE", help="Where it goes; - is standard output.")] = "-",
) -> None:
    """The incident's history as a file that anybody can check: an in-toto statement in a DSSE envelope.

    Signed where KINTSUGI_RECEIPT_KEY is set. 1 where the database's own chain does not hold.

    Example: `kintsugi incident receipt 7 -o INC-7.json`
    """
    from kintsugi.commands import receipt
    from kintsugi.commands.outcome import run

    run(lambda: receipt.write(id, out))


@incident_app.command("verify")
def verify(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A receipt; - is standard input.")],
    key: Annotated[str, typer.Option("--key", metavar="FILE", help="The public key that signed it, as PEM.")] = "",
    as_json: Json = False,
) -> None:
    """Check a receipt, with nothing but the file: 0 where it holds, 3 where it does not, with what is wrong.

    Without --key, the public half of KINTSUGI_RECEIPT_KEY where that is set.

    Example: `kintsugi incident verify INC-7.json --key receipts.pub`
    """
    from kintsugi.commands import receipt
    from kintsugi.commands.outcome import run

    run(lambda: receipt.verify(file, key, as_json))


def confirm(
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="As it was shown with the patch.")], yes: Yes = False
) -> None:
    """Approve the patch that was shown with this token. On a terminal, it is shown once more and asked first.

    Example: `kintsugi confirm 7-0f3a…`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.confirm(token, yes=yes))


def ask(id: IncidentId) -> None:
    """Ask for the confirmation again, with a new token; the old one becomes void.

    Example: `kintsugi ask 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.ask(id))


def reject(id: IncidentId, why: Why = "") -> None:
    """Say no to the patch.

    Example: `kintsugi reject 7 --why "wrong rounding"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Rejected", id, why))


def retry(id: IncidentId, yes: Yes = False) -> None:
    """Try the step again that gave up. On a terminal, a deployment or a rollback is asked about first.

    Example: `kintsugi retry 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Retried", id, yes=yes))


def cancel(id: IncidentId, why: Why = "") -> None:
    """End an incident.

    Example: `kintsugi cancel 7 --why "mended by hand"`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Cancelled", id, why))


def send(id: IncidentId) -> None:
    """Send a staged (dry run) incident on to the analyst.

    Example: `kintsugi send 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Sent", id))


def ignore(
    id: IncidentId,
    for_: Annotated[
        str, typer.Option("--for", metavar="TIME|TIMES", help="A time (12h, 7d) or a number of times (100).")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar="BUILD|DATE", help="A commit, `next` for the next build, or a date.")
    ] = "",
    why: Why = "",
) -> None:
    """Have a failure open nothing, for a while or for good. It is counted all the while.

    Ends an incident that is open. Example: `kintsugi ignore 7 --for 7d --until 1a2b3c4`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.ignore(id, for_, until, why))


def unignore(id: IncidentId) -> None:
    """Have an ignored failure open incidents again.

    Example: `kintsugi unignore 7`
    """
    from kintsugi.commands import asking
    from kintsugi.commands.outcome import run

    run(lambda: asking.request("Unignored", id))
