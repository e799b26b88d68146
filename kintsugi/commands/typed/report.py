"""`kintsugi report` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    words: Annotated[str, typer.Argument(metavar="WORDS", help="What is wrong, and what you expected.")],
    log: Annotated[
        str, typer.Option("--log", metavar="FILE", help="What was logged around it; - is standard input.")
    ] = "",
    about: Annotated[str, typer.Option("--about", metavar="ID", help="The failure in the log that it is about.")] = "",
    place: Annotated[str, typer.Option("--place", help="Where it lies, if you know: path:function.")] = "",
    repo: Annotated[Path | None, typer.Option("--repo", help="The program's code.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep the payload, call no model.")] = False,
) -> None:
    """Make an incident of what you say is wrong, and print its id. No crash is needed.

    The code is found by your words; on a terminal you are offered likely places.
    Failures in the log are only offered: what you report is about one of them if you say so with --about.

    Example: `kintsugi report "The chart shows last month" --place shop/chart.py:month_of`
    """
    from kintsugi.commands import report as command
    from kintsugi.commands.outcome import run

    run(lambda: command.report(command.Told(words, about, place), log, repo, dry_run))
