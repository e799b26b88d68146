"""`kintsugi doctor` as it is typed."""

from __future__ import annotations

from typing import Annotated

import typer


def doctor(
    fix: Annotated[
        bool, typer.Option("--fix", help="Mend what can be mended at once: names, .env, the database.")
    ] = False,
) -> None:
    """Check every setting and connection, and say how to fix each fault. Exit status 1 on a fault.

    Example: `kintsugi doctor --fix`
    """
    from kintsugi.commands import doctor as command
    from kintsugi.commands.outcome import run

    run(lambda: command.doctor(fix=fix))
