"""`kintsugi capture` as it is typed."""

from __future__ import annotations

from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer


def capture(
    file: Annotated[list[str], typer.Argument(metavar="FILE", help="A traceback or log; - is standard input.")],
    repo: Annotated[Path | None, typer.Option("--repo", help="The program's code, for the lines around.")] = None,
    summary: Annotated[str, typer.Option("--summary", help="What happened, in a few words.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Keep the payload, call no model.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="FILE… is a command: run it, watch what it prints.")] = False,
    *,
    exit_status: Annotated[
        bool, typer.Option("--exit-status", help="With --follow: an end with a status other than 0 is a failure too.")
    ] = False,
    no_pty: Annotated[
        bool, typer.Option("--no-pty", help="With --follow: pipes for the program, even on a terminal.")
    ] = False,
) -> None:
    """Make an incident of each failure in a traceback or log file, at most 20, and print their ids.

    With --follow, run a command, pass its output, signals and exit status on, and make an incident of each crash in it.

    Examples: `kintsugi capture crash.log --repo .`, `kintsugi capture --follow -- python -m shop`
    """
    if follow:
        from kintsugi.commands.follow import follow as following
        from kintsugi.commands.frames import Wishes

        raise typer.Exit(following(file, Wishes(repo, dry_run, exit_status, pty=not no_pty)))
    from kintsugi.commands import capture as command
    from kintsugi.commands.outcome import UsageError, run

    def chosen() -> Coroutine[Any, Any, int | None]:
        if len(file) > 1:
            raise UsageError(f"One FILE at a time: {' '.join(file)}. To run it as a command, add --follow.")
        return command.capture(file[0], repo, summary, dry_run)

    run(chosen)
