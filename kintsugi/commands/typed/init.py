"""`kintsugi init` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    where: Annotated[str, typer.Option("--on", help="machine or railway. Without it, you are asked.")] = "",
    folder: Annotated[Path, typer.Option("--dir", help="Where the files go.", file_okay=False, exists=True)] = Path(),
) -> None:
    """Ask a few questions and write what a service needs: .env, and a unit for systemd or a Dockerfile.

    In for-your-program/ it writes what belongs into the program's repository: the code behind /version, and a workflow
    that proves pull requests. Existing files stay as they are; if all of them exist, the exit status is 1.

    Example: `kintsugi init --on railway`
    """
    from kintsugi.commands import init as command
    from kintsugi.commands.outcome import run

    run(lambda: command.init(where, folder))
