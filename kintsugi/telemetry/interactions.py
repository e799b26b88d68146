"""Binds, counts and names the errors of everything that users of a discord.py bot set off.

Works on any `discord.Client`; imports discord.py only when a bot is handed in.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from kintsugi.telemetry.components import watch_components
from kintsugi.telemetry.context import bind
from kintsugi.telemetry.events import watch_events, watch_prefix_commands
from kintsugi.telemetry.failures import name_error, tell
from kintsugi.telemetry.intents import entities_of, intent_of
from kintsugi.telemetry.loops import watch_loops
from kintsugi.telemetry.outcomes import Outcomes
from kintsugi.telemetry.runs import begin
from kintsugi.telemetry.undo import Wrap, replace_attribute
from kintsugi.telemetry.unhandled import is_logged_by, unhandled

if TYPE_CHECKING:
    import discord
    from discord.ext import commands

_SPEAKS = "discord.app_commands.tree"  # the logger of discord.py's own handler
_IGNORING = "Ignoring exception in autocomplete for %r"  # as discord.py says it from 2.4 on


def watch_bot(bot: "discord.Client", outcomes: Outcomes) -> Callable[[], None]:
    """From here on user, channel, intent and entities are on every line that the handling of an interaction, an event
    or a prefix command logs.

    Each of them is counted as succeeded or failed, as are buttons, menus, modals, autocompletes and the rounds of
    `tasks.loop`. What a check refuses is neither. An error gets an id, which is logged, put into
    `interaction.extras["error_id"]`, and told to the user where the bot has no error handler of its own. What comes
    back takes all of this out of the bot again.
    """
    undo = ExitStack()
    tree = getattr(bot, "tree", None) or getattr(getattr(bot, "_connection", None), "_command_tree", None)
    if tree is not None:
        _Tree(tree, outcomes, undo)
        _hear_autocompletes(undo)
    watch_components(bot, outcomes, undo)
    watch_events(bot, outcomes, undo)
    watch_loops(outcomes, undo)
    if hasattr(bot, "add_check"):
        watch_prefix_commands(cast("commands.Bot", bot), outcomes, undo)
    return undo.close


def bind_interaction(interaction: "discord.Interaction[Any]") -> None:
    """Binds what Discord says of one interaction, for the rest of this task."""
    bind(error_id=None, **_of(interaction))


def _of(interaction: "discord.Interaction[Any]") -> dict[str, Any]:
    data = cast(Mapping[str, Any], interaction.data or {})
    return {
        "user": str(interaction.user.id),
        "channel": None if interaction.channel_id is None else str(interaction.channel_id),
        "intent": intent_of(data),
        "entities": entities_of(data),
    }


class _Tree:
    """A command tree whose commands are bound, counted and their errors named."""

    def __init__(self, tree: "discord.app_commands.CommandTree[Any]", outcomes: Outcomes, undo: ExitStack) -> None:
        self._tree, self._outcomes, self._undo = tree, outcomes, undo
        self._call = tree._call
        self._on_error: Any = None
        self._ours = self._failed
        replace_attribute(undo, tree, "_call", self._called)
        self._ask_first()

    async def _called(self, interaction: "discord.Interaction[Any]") -> None:
        """Each interaction with a command passes here, autocompletes too."""
        self._ask_first()
        asked = _of(interaction)
        typing = interaction.type.name == "autocomplete"
        if typing:
            asked["intent"] = f"{asked['intent']} (autocomplete)"
        run, _ = begin(self._outcomes, **asked)
        await self._call(interaction)
        if typing or not interaction.command_failed:
            run.succeeded()

    def _ask_first(self) -> None:
        """Before the bot's own error handler, which it may have set since."""
        if self._tree.on_error is not self._ours:
            self._on_error = self._tree.on_error
            replace_attribute(self._undo, self._tree, "on_error", self._ours)

    async def _failed(self, interaction: "discord.Interaction[Any]", error: Exception) -> None:
        """A handler of the command's own has been asked before; discord.py's then logs nothing."""
        standard = getattr(self._on_error, "__func__", None) is _standard_on_error()
        command: Any = interaction.command
        nobody_else = standard and not (command and command._has_any_error_handlers())
        error_id = name_error(interaction, error, "command", logged_next=_SPEAKS if nobody_else else "")
        await self._on_error(interaction, error)
        if nobody_else:
            await tell(interaction, error_id)


def _hear_autocompletes(undo: ExitStack) -> None:
    """discord.py logs what an autocomplete raises from 2.4 on; before it drops that without a word."""
    import discord  # noqa: PLC0415  (telemetry works without discord.py)
    from discord.app_commands import Command  # noqa: PLC0415

    logs = discord.version_info[:2] >= (2, 4)

    def hearing(wrap: Wrap) -> Callable[..., Any]:
        async def heard(command: "Command[Any, ..., Any]", *given: Any) -> None:
            try:
                await wrap.before(command, *given)
            except Exception as error:
                if not (wrap.resting or (logs and is_logged_by(_SPEAKS))):
                    unhandled(error, "autocomplete", _IGNORING, command.qualified_name)
                raise

        return heard

    undo.callback(Wrap(Command, "_invoke_autocomplete", hearing).undo)  # several bots' are undone in any order


def _standard_on_error() -> object:
    from discord.app_commands import CommandTree  # noqa: PLC0415  (telemetry works without discord.py)

    return CommandTree.on_error


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
