"""Binds, counts and names the errors of everything that users of a discord.py bot set off.

Works on any `discord.Client`; imports discord.py only when a bot is handed in.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from telemetry.context import bind, bound
from telemetry.lines import new_error_id
from telemetry.outcomes import Outcomes

if TYPE_CHECKING:
    import discord
    from discord.ext import commands

_log = logging.getLogger("telemetry")
ERROR_REPLY = "Something went wrong. Please give this id to whoever runs the bot: {error_id}"
_COMPONENT, _MODAL = 3, 5


def watch_bot(bot: "discord.Client", outcomes: Outcomes) -> None:
    """From here on user, channel, intent and entities of each interaction are on every line its handling logs.

    Slash and context-menu commands, buttons, menus and modals are bound, and so are the commands of a
    `commands.Bot`. Commands count as succeeded or failed. An error gets an id, which is logged, put into
    `interaction.extras["error_id"]`, and told to the user where the bot has no error handler of its own.
    """
    tree = getattr(bot, "tree", None) or getattr(getattr(bot, "_connection", None), "_command_tree", None)
    if tree is not None:
        _watch_tree(tree, outcomes)
    _on_event(bot, "app_command_completion", _count_success(outcomes))
    _watch_components(bot)
    if hasattr(bot, "add_check"):
        _watch_prefix_commands(cast("commands.Bot", bot), outcomes)


def bind_interaction(interaction: "discord.Interaction[Any]") -> None:
    """Binds what Discord says of one interaction, for the rest of this task."""
    data = cast(Mapping[str, Any], interaction.data or {})
    bind(
        user=str(interaction.user.id),
        channel=None if interaction.channel_id is None else str(interaction.channel_id),
        intent=intent_of(data),
        entities=entities_of(data),
        error_id=None,
    )


def intent_of(data: Mapping[str, Any]) -> str:
    """The full name of the command (`deploy latest`), or the custom id of a component."""
    names = [str(data.get("name") or data.get("custom_id") or "unknown")]
    options = data.get("options") or []
    while options and options[0].get("type") in (1, 2):
        names.append(str(options[0]["name"]))
        options = options[0].get("options") or []
    return " ".join(names)


def entities_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the command, the values of a menu, or the fields of a modal, by name."""
    options = data.get("options") or []
    while options and options[0].get("type") in (1, 2):
        options = options[0].get("options") or []
    entities: dict[str, Any] = {str(option["name"]): option.get("value") for option in options}
    if data.get("target_id"):
        entities["target_id"] = str(data["target_id"])
    if data.get("values"):
        entities["values"] = data["values"]
    entities.update(_modal_fields(data.get("components") or []))
    return entities


def _modal_fields(components: list[Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for row in components:
        inner = row.get("components") or ([row["component"]] if "component" in row else [row])
        for field in inner:
            if "custom_id" in field:
                fields[str(field["custom_id"])] = field.get("value", field.get("values"))
    return fields


def _watch_tree(tree: "discord.app_commands.CommandTree[Any]", outcomes: Outcomes) -> None:
    check, on_error = tree.interaction_check, tree.on_error
    standard = getattr(on_error, "__func__", None) is _standard_on_error()

    async def interaction_check(interaction: "discord.Interaction[Any]") -> bool:
        bind_interaction(interaction)
        return await check(interaction)

    async def on_tree_error(interaction: "discord.Interaction[Any]", error: Exception) -> None:
        error_id = _name_error(interaction, error)
        outcomes.failed(bound().intent or intent_of(cast(Mapping[str, Any], interaction.data or {})))
        if standard:
            await _tell(interaction, error_id)
        else:
            await on_error(interaction, cast(Any, error))

    tree.interaction_check = interaction_check  # type: ignore[method-assign]
    tree.on_error = on_tree_error  # type: ignore[method-assign]


def _standard_on_error() -> object:
    from discord.app_commands import CommandTree  # noqa: PLC0415  (telemetry works without discord.py)

    return CommandTree.on_error


def _name_error(interaction: "discord.Interaction[Any]", error: Exception) -> str:
    """Logs the error with an id; with an incident's id in the context, that is the one."""
    incident = bound().incident_id
    error_id = new_error_id() if incident is None else str(incident)
    interaction.extras["error_id"] = error_id
    bind(error_id=error_id)
    cause = getattr(error, "original", error)
    _log.error("interaction failed", exc_info=cause, extra={"error_id": error_id})
    return error_id


async def _tell(interaction: "discord.Interaction[Any]", error_id: str) -> None:
    text = ERROR_REPLY.format(error_id=error_id)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True)
        else:
            await interaction.response.send_message(text, ephemeral=True)
    except Exception as error:
        _log.warning("the user could not be told of an error", exc_info=error, extra={"error_id": error_id})


def _count_success(outcomes: Outcomes) -> Callable[..., Awaitable[None]]:
    async def on_app_command_completion(interaction: "discord.Interaction[Any]", command: Any) -> None:
        outcomes.succeeded(getattr(command, "qualified_name", None) or command.name)

    return on_app_command_completion


def _on_event(bot: "discord.Client", event: str, listener: Callable[..., Awaitable[None]]) -> None:
    """A `commands.Bot` takes any number of listeners; a plain client has one method per event."""
    name = f"on_{event}"
    if hasattr(bot, "add_listener"):
        cast("commands.Bot", bot).add_listener(cast(Any, listener), name)
        return
    before = getattr(bot, name, None)

    async def both(*given: Any) -> None:
        await listener(*given)
        if before is not None:
            await before(*given)

    setattr(bot, name, both)


def _watch_components(bot: "discord.Client") -> None:
    """discord.py starts a component's task while it parses the event, so the context is set around the parsing."""
    parsers = getattr(getattr(bot, "_connection", None), "parsers", {})
    parse = parsers.get("INTERACTION_CREATE")
    if parse is None:
        return

    def parse_interaction_create(event: Mapping[str, Any]) -> None:
        if event.get("type") not in (_COMPONENT, _MODAL):
            parse(event)
            return
        with bind(**_of_event(event)):
            parse(event)

    parsers["INTERACTION_CREATE"] = parse_interaction_create


def _of_event(event: Mapping[str, Any]) -> dict[str, Any]:
    data = event.get("data") or {}
    user = (event.get("member") or {}).get("user") or event.get("user") or {}
    return {
        "user": user.get("id"), "channel": event.get("channel_id"), "intent": intent_of(data),
        "entities": entities_of(data), "error_id": None,
    }  # fmt: skip


def _watch_prefix_commands(bot: "commands.Bot", outcomes: Outcomes) -> None:
    async def bind_context(ctx: "commands.Context[Any]") -> bool:
        intent = ctx.command.qualified_name if ctx.command else "unknown"
        bind(user=str(ctx.author.id), channel=str(ctx.channel.id), intent=intent, entities=None, error_id=None)
        return True

    async def on_command_completion(ctx: "commands.Context[Any]") -> None:
        if ctx.interaction is None and ctx.command is not None:
            outcomes.succeeded(ctx.command.qualified_name)

    async def on_command_error(ctx: "commands.Context[Any]", error: Exception) -> None:
        if ctx.interaction is not None or ctx.command is None or not hasattr(error, "original"):
            return  # refusals by checks and wrong arguments are no failures of the command
        outcomes.failed(ctx.command.qualified_name)
        with bind(user=str(ctx.author.id), channel=str(ctx.channel.id), intent=ctx.command.qualified_name):
            _log.error("command failed", exc_info=error.original, extra={"error_id": new_error_id()})

    bot.add_check(bind_context, call_once=True)
    bot.add_listener(on_command_completion)
    bot.add_listener(on_command_error)
