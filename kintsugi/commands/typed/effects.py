"""`kintsugi effects` as it is typed. What it does stands in `effects.py`, imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from kintsugi.commands.typed.options import Yes

app = typer.Typer()


@app.callback(invoke_without_command=True)
def effects(
    context: typer.Context,
    kind: Annotated[str, typer.Option("--kind", help="Only those of this kind, such as deploy.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over, the newest first.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")] = False,
) -> None:
    """The work that incidents wait for: when each effect is tried next, who performs it, and why it failed.

    Example: `kintsugi effects --kind deploy`
    """
    if context.invoked_subcommand:
        return
    from kintsugi.commands import effects as command
    from kintsugi.commands.outcome import run

    run(lambda: command.effects(kind, everything, limit, as_json))


@app.command("retry")
def effects_retry(
    id: Annotated[str, typer.Argument(metavar="ID", help="The effect's id, such as 7:deploy:5.")], yes: Yes = False
) -> None:
    """Perform a waiting effect now, or take an incident up again whose effect gave up.

    Example: `kintsugi effects retry 7:deploy:5`
    """
    from kintsugi.commands import effects as command
    from kintsugi.commands.outcome import run

    run(lambda: command.retry(id, yes=yes))
