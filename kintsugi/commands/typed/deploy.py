"""`kintsugi deploy …` as it is typed."""

from __future__ import annotations

from typing import Annotated

import typer

from kintsugi.commands.typed.options import IncidentId, Yes

deploy_app = typer.Typer(help="What runs in production.", no_args_is_help=True)


@deploy_app.command("latest")
def deploy_latest(
    wait: Annotated[
        bool, typer.Option("--wait", help="Until the program says that it runs, or does not within five minutes.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Deploy the newest commit of the branch, unless it runs or is under way. Exit status 1 if it fails.

    On a terminal, it shows what will happen and asks first; elsewhere, production needs --yes.

    Example: `kintsugi deploy latest --wait`
    """
    from kintsugi.commands import deploy as command
    from kintsugi.commands.outcome import run

    run(lambda: command.latest(wait, yes))


@deploy_app.command("status")
def deploy_status() -> None:
    """What runs, how far the newest commit is, and what is new in it.

    Example: `kintsugi deploy status`
    """
    from kintsugi.commands import deploy as command
    from kintsugi.commands.outcome import run

    run(command.status)


@deploy_app.command("rollback")
def deploy_rollback(id: IncidentId, yes: Yes = False) -> None:
    """Bring back what ran before an incident's fix. On a terminal, it shows what will happen and asks first.

    Example: `kintsugi deploy rollback 7`
    """
    from kintsugi.commands import deploy as command
    from kintsugi.commands.outcome import run

    run(lambda: command.rollback(id, yes=yes))
