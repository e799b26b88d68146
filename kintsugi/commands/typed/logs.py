"""`kintsugi redact` and `kintsugi alerts …` as they are typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

alerts_app = typer.Typer(help="The alert rules.", no_args_is_help=True)


def redact(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A text or log; - or nothing is standard input.")] = "-",
) -> None:
    """Copy a text to standard output with its secrets hidden, by the code that the log handler runs.

    Example: `kintsugi redact bot.log > bot.redacted.log`
    """
    from kintsugi.commands import logs
    from kintsugi.commands.outcome import run

    run(lambda: logs.redact(file))


@alerts_app.command("export")
def export_alerts(
    rules: Annotated[
        Path | None, typer.Option("--rules", help="A TOML file with rules besides the built-in ones.")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="What to print: loki.")] = "loki",
) -> None:
    """Print the alert rules for a central sink.

    Example: `kintsugi alerts export --format loki > rules.yaml`
    """
    from kintsugi.commands import logs
    from kintsugi.commands.outcome import run

    run(lambda: logs.export_alerts(rules, form))
