"""Logging plumbing for any discord.py bot or service: one call, and no other part of this project.

    telemetry.install(bot, secrets=[token])

Everything the program logs becomes redacted JSON lines that never block or break it.
"""

from kintsugi.telemetry.context import Bound, bind, bound
from kintsugi.telemetry.installation import Telemetry, install
from kintsugi.telemetry.outcomes import Outcome, Outcomes
from kintsugi.telemetry.ring import Ring
from kintsugi.telemetry.sidedoors import handle_loop_errors

__all__ = ["Bound", "Outcome", "Outcomes", "Ring", "Telemetry", "bind", "bound", "handle_loop_errors", "install"]
