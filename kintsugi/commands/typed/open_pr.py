"""`kintsugi open-pr` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def open_pr(
    repo: Annotated[Path, typer.Option("--repo", metavar="DIR", help="A git checkout; the patch is made on its HEAD.")],
    patch: Annotated[str, typer.Option("--patch", metavar="FILE", help="The patch or reply; - is standard input.")],
    title: Annotated[str, typer.Option("--title", help="The pull request's title.")],
    branch: Annotated[str, typer.Option("--branch", help="The branch to make.")],
    body: Annotated[str, typer.Option("--body", help="What the pull request says.")] = "",
) -> None:
    """For CI: open a pull request of a patch on GitHub, or find it, and print its address.

    The repository and token are those of the settings, or of the GitHub Actions workflow it runs in.

    Example: `kintsugi open-pr --repo . --patch fix.diff --title "Round up" --branch fix/rounding`
    """
    from kintsugi.commands import open_pr as command
    from kintsugi.commands.outcome import run

    run(lambda: command.open_pr(command.Asked(repo, patch, title, body, branch)))
