"""What a discord.py bot does for an event of the gateway, and for a prefix command: bound, counted, its errors seen.

A bot that people talk to by messages has no interaction: its runs are those of its listeners and prefix commands.
"""

from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, cast

from kintsugi.telemetry.context import bind, bind_run, bound
from kintsugi.telemetry.failures import name_error, tell
from kintsugi.telemetry.intents import first_word
from kintsugi.telemetry.outcomes import Outcomes
from kintsugi.telemetry.runs import begin
from kintsugi.telemetry.undo import replace_attribute
from kintsugi.telemetry.unhandled import is_logged_by, is_refusal, leaves, mark_of, unhandled

if TYPE_CHECKING:
    import discord
    from discord.ext import commands

Handler = Callable[..., Coroutine[Any, Any, Any]]


def watch_events(bot: "discord.Client", outcomes: Outcomes, undo: ExitStack) -> None:
    """Each run of a listener of the bot's own is bound and counted; what leaves one is seen, whatever `on_error` does.

    discord.py's own handlers (it answers messages with commands) are none of the bot's.
    """
    run_event = bot._run_event

    async def run_watched(coro: Handler, event_name: str, *given: Any, **named: Any) -> None:
        if _is_librarys(coro):
            await run_event(coro, event_name, *given, **named)
            if event_name == "on_command_error":
                await _tell_its_user(cast("commands.Bot", bot), given[0])
            return
        event = _Event(coro, event_name, outcomes)
        try:
            await run_event(event.run, event_name, *given, **named)
        finally:
            event.tell()

    replace_attribute(undo, bot, "_run_event", run_watched)


class _Event:
    """One run of one listener."""

    def __init__(self, coro: Handler, name: str, outcomes: Outcomes) -> None:
        self._coro, self._name, self._outcomes = coro, name, outcomes
        self._error: Exception | None = None

    async def run(self, *given: Any, **named: Any) -> None:
        """Bound from here on, as what `on_error` logs belongs to it, too."""
        run, _ = begin(self._outcomes, **about(self._name, given))
        try:
            await self._coro(*given, **named)
        except Exception as error:
            self._error = None if mark_of(error).is_refused else error
            bind(intent=run.intent)  # a command that it called may be bound
            bind_run(run)
            leaves(error, "listener")
            raise
        run.succeeded()

    def tell(self) -> None:
        """Where `on_error` kept it to itself."""
        if self._error is not None:
            unhandled(self._error, "listener", "listener failed: %s", self._name)
            self._error = None


def about(event_name: str, given: tuple[Any, ...]) -> dict[str, Any]:
    """Who, where and what an event is about, by what discord.py hands to its listeners.

    The intent is the event, of a message with the command it begins with: `on_message:buy` for `!buy 3`. The rest of
    what people write is theirs, and stays out of the log: entities are ids.
    """
    intent, found = event_name, dict[str, Any]()
    for each in given:
        kind = _kind_of(each)
        if not kind:
            continue  # the bot's own: to read an attribute of it may run anything
        if kind == "Message":
            word = first_word(each.content)
            intent = f"{event_name}:{word}" if word else event_name
        for name, value in _ids(kind, each).items():
            found.setdefault(name, value)
    user, channel = found.pop("user", None), found.pop("channel", None)
    return {"intent": intent, "user": user, "channel": channel, "entities": found or None}


def _ids(kind: str, thing: Any) -> dict[str, str]:
    """Of a message, a reaction, a member, a channel, or a raw event."""
    found = {
        "user": getattr(thing, "author", None) or (thing if kind in ("Member", "User", "ClientUser") else None),
        "channel": getattr(thing, "channel", None) or (thing if kind.endswith(("Channel", "Thread")) else None),
        "guild": thing if kind == "Guild" else getattr(thing, "guild", None),
        "message": thing if kind == "Message" else getattr(thing, "message", None),
    }
    ids = {name: getattr(each, "id", None) for name, each in found.items()}
    ids = {name: id or getattr(thing, f"{name}_id", None) for name, id in ids.items()}
    return {name: str(id) for name, id in ids.items() if type(id) is int}


def _kind_of(thing: Any) -> str:
    """discord.py's own name of it, also where a bot made a class of its own on it."""
    return next((kind.__name__ for kind in type(thing).__mro__ if kind.__module__.startswith("discord.")), "")


def _is_librarys(coro: Handler) -> bool:
    return (getattr(coro, "__module__", None) or "").startswith(("discord.", "kintsugi."))


def watch_prefix_commands(bot: "commands.Bot", outcomes: Outcomes, undo: ExitStack) -> None:
    """Prefix commands, and hybrid ones either way, are bound and counted; what leaves one is seen."""
    dispatch = bot.dispatch

    async def bind_context(ctx: "commands.Context[Any]") -> bool:
        if ctx.interaction is None and ctx.command is not None:
            begin(outcomes, ctx.command.qualified_name, user=ctx.author.id, channel=ctx.channel.id)
        return True

    def dispatch_watched(event_name: str, /, *given: Any, **named: Any) -> None:
        if event_name == "command_completion" and given:
            _completed(given[0])
        elif event_name == "command_error" and len(given) > 1:
            _failed(bot, *given[:2])
        dispatch(event_name, *given, **named)

    replace_attribute(undo, bot, "dispatch", dispatch_watched)
    bot.add_check(bind_context, call_once=True)
    undo.callback(bot.remove_check, bind_context, call_once=True)
    _Hooks(bot, undo)


def _completed(ctx: "commands.Context[Any]") -> None:
    """One that came as an interaction is the tree's to count."""
    run = bound().run
    if ctx.interaction is None and run is not None:
        run.succeeded()


def _failed(bot: "commands.Bot", ctx: "commands.Context[Any]", error: Exception) -> None:
    """Refusals by checks and wrong arguments are no failures of the command. Where discord.py logs it, we do not."""
    logged_next = "" if _is_kept_quiet(bot, ctx) else "discord.ext.commands.bot"
    if ctx.interaction is not None:
        name_error(ctx.interaction, error, "hybrid command", logged_next=logged_next)
        return
    mark_of(error).is_refused = is_refusal(error)
    if ctx.command is None or is_refusal(error):
        return
    leaves(error, "prefix command")
    if not is_logged_by(logged_next):
        unhandled(error, "prefix command", "command failed")


async def _tell_its_user(bot: "commands.Bot", ctx: "commands.Context[Any]") -> None:
    """Of a hybrid command that came as an interaction: the tree's own error handler is not asked about it."""
    error_id = ctx.interaction and ctx.interaction.extras.get("error_id")
    if ctx.interaction and error_id and not _is_kept_quiet(bot, ctx):
        await tell(ctx.interaction, error_id)


def _is_kept_quiet(bot: "commands.Bot", ctx: "commands.Context[Any]") -> bool:
    """Whether somebody else than `Bot.on_command_error` is told of it, which does not log it then."""
    standard = getattr(bot.on_command_error, "__module__", "").startswith("discord.")
    cog, command = ctx.cog, ctx.command
    asked = (command and command.has_error_handler()) or (cog and cog.has_error_handler())
    return not standard or bool(asked) or bool(bot.extra_events.get("on_command_error"))


class _Hooks:
    """The bot's hook before each command, of which there is one: ours comes first, then the bot's own."""

    def __init__(self, bot: "commands.Bot", undo: ExitStack) -> None:
        self._bot, self._own, self._register = bot, bot._before_invoke, bot.before_invoke
        undo.callback(self._give_back)
        bot._before_invoke = self._before
        replace_attribute(undo, bot, "before_invoke", self._registered)

    def _registered(self, coro: Any) -> Any:
        self._register(coro)
        self._own, self._bot._before_invoke = self._bot._before_invoke, self._before
        return coro

    def _give_back(self) -> None:
        self._bot._before_invoke = self._own

    async def _before(self, ctx: Any) -> None:
        """Arguments are known by now."""
        bind(entities=_arguments(ctx))
        if self._own is not None:
            await self._own(ctx)


def _arguments(ctx: Any) -> dict[str, Any] | None:
    """The arguments of a command by name; of what discord.py made of one, the id."""
    names = list(ctx.command.clean_params) if ctx.command else []
    values = ctx.args[len(ctx.args) - (len(names) - len(ctx.kwargs)) :] if ctx.args else []
    given = {**dict(zip(names, values, strict=False)), **ctx.kwargs}
    return {name: _shown(value) for name, value in given.items()} or None


def _shown(value: Any) -> Any:
    return str(value.id) if type(getattr(value, "id", None)) is int else value
