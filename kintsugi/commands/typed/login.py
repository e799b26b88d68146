"""`kintsugi login` as it is typed."""

from __future__ import annotations


def login() -> None:
    """Print a link to the operator's pages that works once, where neither a token nor Discord is set up.

    Example: `kintsugi login`
    """
    from kintsugi.commands import login as command
    from kintsugi.commands.outcome import run

    run(command.login)
