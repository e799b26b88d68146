"""`kintsugi doctor` as it is typed."""

from __future__ import annotations


def doctor() -> None:
    """Check every setting and connection; each fault with its mend. Exit status 1 on a fault.

    Example: `kintsugi doctor`
    """
    from kintsugi.commands import doctor as command
    from kintsugi.commands.outcome import run

    run(command.doctor)
