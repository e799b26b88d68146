"""Logging plumbing for any discord.py bot or service: one call, and no other part of this project.

    telemetry.install(bot, secrets=[token])

Everything the program logs becomes redacted JSON lines that never block or break it.
"""

from telemetry.context import Bound, bind, bound
from telemetry.installation import Telemetry, install
from telemetry.outcomes import Outcome, Outcomes
from telemetry.ring import Ring
from telemetry.sidedoors import handle_loop_errors

__all__ = ["Bound", "Outcome", "Outcomes", "Ring", "Telemetry", "bind", "bound", "handle_loop_errors", "install"]
