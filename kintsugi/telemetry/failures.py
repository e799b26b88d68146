"""An error that a user of a bot set off: named, logged, and told to the user by its name."""

import logging
from typing import TYPE_CHECKING, Any

from kintsugi.telemetry.context import bind, bound
from kintsugi.telemetry.lines import new_error_id
from kintsugi.telemetry.unhandled import is_logged_by, is_refusal, leaves, mark_of, unhandled

if TYPE_CHECKING:
    import discord

_log = logging.getLogger("kintsugi.telemetry")
ERROR_REPLY = "Something went wrong. Please give this id to the owner of the bot: {error_id}"


def name_error(interaction: "discord.Interaction[Any]", error: Exception, way: str, *, logged_next: str = "") -> str:
    """Gives the error, which left the program by this way, an id, leaves that in `interaction.extras["error_id"]`, and
    logs it, unless discord.py does so next in its own words, by the logger `logged_next`.

    With an incident's id in the context, that is the one.
    """
    incident = bound().incident_id
    error_id = new_error_id() if incident is None else str(incident)
    interaction.extras["error_id"] = error_id
    bind(error_id=error_id)
    mark_of(error).is_refused = is_refusal(error)
    if is_logged_by(logged_next):
        leaves(error, way)
    else:
        unhandled(error, way, "interaction failed", extra={"error_id": error_id})
    return error_id


async def tell(interaction: "discord.Interaction[Any]", error_id: str) -> None:
    """Answers the user with the id; what goes wrong with that is logged, never raised."""
    text = ERROR_REPLY.format(error_id=error_id)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except Exception as error:
        _log.warning("the user could not be shown an error", exc_info=error, extra={"error_id": error_id})
