"""Logging plumbing for any discord.py bot or service: one call, and no other part of this project.

    telemetry.install(bot, secrets=[token])

Everything the program logs becomes redacted JSON lines that never block or break it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kintsugi.telemetry.context import Bound, bind, bound
    from kintsugi.telemetry.installation import Telemetry, install
    from kintsugi.telemetry.outcomes import Outcome, Outcomes
    from kintsugi.telemetry.ring import Ring
    from kintsugi.telemetry.sidedoors import handle_loop_errors

__all__ = ["Bound", "Outcome", "Outcomes", "Ring", "Telemetry", "bind", "bound", "handle_loop_errors", "install"]

_WHERE = {
    "Bound": "context",
    "bind": "context",
    "bound": "context",
    "Telemetry": "installation",
    "install": "installation",
    "Outcome": "outcomes",
    "Outcomes": "outcomes",
    "Ring": "ring",
    "handle_loop_errors": "sidedoors",
}


def __getattr__(name: str) -> object:
    """Loaded when it is asked for: whoever only hides secrets needs nothing of what listens to a program."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    globals()[name] = found
    return found
