"""`kintsugi demo` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    *,
    auto: Annotated[bool, typer.Option("--auto", help="Confirm and merge without asking.")] = False,
    broken_fix: Annotated[bool, typer.Option("--broken-fix", help="Another ending: a fix that is refused.")] = False,
    useless_fix: Annotated[
        bool, typer.Option("--useless-fix", help="A third ending: a fix that passes its tests and does not help.")
    ] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start from the beginning, even if an earlier run was interrupted.")
    ] = False,
    stop: Annotated[bool, typer.Option("--stop", help="Only stop the sample program, if it still runs.")] = False,
    folder: Annotated[Path, typer.Option("--dir", help="Where everything is kept.")] = Path(".kintsugi/demo"),
) -> None:
    """The whole lifecycle on a real crash of a real program, with no account and no network.

    Without a terminal it asks nothing, as with --auto. If it is interrupted, the next run goes on from there.
    With KINTSUGI_LLM_API_KEY set, a real model is asked instead of the recording.

    Example: `kintsugi demo --auto`
    """
    from kintsugi.commands import demo as command
    from kintsugi.commands.outcome import run

    ending = command.BROKEN_FIX if broken_fix else command.USELESS_FIX if useless_fix else command.FIX
    run(lambda: command.demo(command.Wishes(auto, ending, fresh, stop, folder)), goes_on=True)
