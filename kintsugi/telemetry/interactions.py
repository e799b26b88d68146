"""Binds, counts and names the errors of everything that users of a discord.py bot set off.

Works on any `discord.Client`; imports discord.py only when a bot is handed in.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from kintsugi.telemetry.components import watch_components
from kintsugi.telemetry.context import bind, bound
from kintsugi.telemetry.failures import name_error, tell
from kintsugi.telemetry.intents import entities_of, intent_of
from kintsugi.telemetry.lines import new_error_id
from kintsugi.telemetry.outcomes import Outcomes
from kintsugi.telemetry.undo import replace_attribute

if TYPE_CHECKING:
    import discord
    from discord.ext import commands

_log = logging.getLogger("kintsugi.telemetry")


def watch_bot(bot: "discord.Client", outcomes: Outcomes) -> Callable[[], None]:
    """From here on user, channel, intent and entities of each interaction are on every line its handling logs.

    Slash and context-menu commands, buttons, menus and modals are bound and counted as succeeded or failed, and so
    are the commands of a `commands.Bot`. What a check refuses is neither. An error gets an id, which is logged, put
    into `interaction.extras["error_id"]`, and told to the user where the bot has no error handler of its own.
    What comes back takes all of this out of the bot again.
    """
    undo = ExitStack()
    tree = getattr(bot, "tree", None) or getattr(getattr(bot, "_connection", None), "_command_tree", None)
    if tree is not None:
        _watch_tree(tree, outcomes, undo)
    on_event(bot, "app_command_completion", _count_success(outcomes), undo)
    watch_components(bot, outcomes, undo)
    if hasattr(bot, "add_check"):
        _watch_prefix_commands(cast("commands.Bot", bot), outcomes, undo)
    return undo.close


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


def _watch_tree(tree: "discord.app_commands.CommandTree[Any]", outcomes: Outcomes, undo: ExitStack) -> None:
    check, on_error = tree.interaction_check, tree.on_error
    standard = getattr(on_error, "__func__", None) is _standard_on_error()

    async def interaction_check(interaction: "discord.Interaction[Any]") -> bool:
        bind_interaction(interaction)
        return await check(interaction)

    async def on_tree_error(interaction: "discord.Interaction[Any]", error: Exception) -> None:
        error_id = name_error(interaction, error)
        outcomes.failed(bound().intent or intent_of(cast(Mapping[str, Any], interaction.data or {})))
        if standard:
            await tell(interaction, error_id)
        else:
            await on_error(interaction, cast(Any, error))

    replace_attribute(undo, tree, "interaction_check", interaction_check)
    replace_attribute(undo, tree, "on_error", on_tree_error)


def _standard_on_error() -> object:
    from discord.app_commands import CommandTree  # noqa: PLC0415  (telemetry works without discord.py)

    return CommandTree.on_error


def _count_success(outcomes: Outcomes) -> Callable[..., Awaitable[None]]:
    async def on_app_command_completion(interaction: "discord.Interaction[Any]", command: Any) -> None:
        outcomes.succeeded(getattr(command, "qualified_name", None) or command.name)

    return on_app_command_completion


def on_event(bot: "discord.Client", event: str, listener: Callable[..., Awaitable[None]], undo: ExitStack) -> None:
    """Has `listener` hear of this event until `undo` is closed.

    A `commands.Bot` takes any number of listeners; a plain client has one method per event.
    """
    name = f"on_{event}"
    if hasattr(bot, "add_listener"):
        cast("commands.Bot", bot).add_listener(cast(Any, listener), name)
        undo.callback(cast("commands.Bot", bot).remove_listener, cast(Any, listener), name)
        return
    before = getattr(bot, name, None)

    async def both(*given: Any) -> None:
        await listener(*given)
        if before is not None:
            await before(*given)

    replace_attribute(undo, bot, name, both)


def _watch_prefix_commands(bot: "commands.Bot", outcomes: Outcomes, undo: ExitStack) -> None:
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
    undo.callback(bot.remove_check, bind_context, call_once=True)
    for listener in (on_command_completion, on_command_error):
        bot.add_listener(listener)
        undo.callback(bot.remove_listener, listener)
