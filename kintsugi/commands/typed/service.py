"""`kintsugi run` as it is typed."""

from __future__ import annotations

from typing import Annotated

import typer


def run_service(
    only: Annotated[
        str, typer.Option("--only", help="Some of discord,web,worker. Default: all that is configured.")
    ] = "",
    drain: Annotated[bool, typer.Option("--drain", help="Do what is due now, then stop.")] = False,
) -> None:
    """Run the service until it is stopped. What is not configured is named and left out.

    Example: `kintsugi run --only worker`
    """
    from kintsugi.commands import service
    from kintsugi.commands.outcome import run

    run(lambda: service.run(only, drain), goes_on=True)
