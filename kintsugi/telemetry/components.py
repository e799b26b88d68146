"""Buttons, menus and modals of a discord.py bot: bound, counted, and their errors named.

discord.py tells nobody how a component ended. So its store of views is watched: each view, and each dynamic item that
is made for a tap, gets its callbacks wrapped, on the object itself; no class of anybody's is changed.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from kintsugi.telemetry.context import bind, bind_run, bound
from kintsugi.telemetry.failures import name_error, tell
from kintsugi.telemetry.intents import NAMELESS, entities_of, intent_of
from kintsugi.telemetry.outcomes import Outcomes
from kintsugi.telemetry.runs import Run, begin
from kintsugi.telemetry.undo import replace_attribute

if TYPE_CHECKING:
    import discord

_COMPONENT, _MODAL = 3, 5
_BUTTON = 2
_WATCHED = "_telemetry_watched"
Callback = Callable[..., Awaitable[Any]]


def watch_components(bot: "discord.Client", outcomes: Outcomes, undo: ExitStack) -> None:
    """Binds, counts and names the errors of every component, of views that are there and of views to come."""
    state = getattr(bot, "_connection", None)
    store = getattr(state, "_view_store", None)
    _bind_while_parsing(getattr(state, "parsers", {}), outcomes, undo)
    if store is None:
        return
    watched = _Watched(outcomes)
    undo.callback(watched.rest)
    add_view, schedule = store.add_view, getattr(store, "schedule_dynamic_item_call", None)

    def add_watched(view: Any, message_id: int | None = None) -> None:
        add_view(view, message_id)
        watched.view(view)

    async def schedule_watched(kind: int, factory: Any, *rest: Any) -> None:
        assert schedule
        await schedule(kind, _Factory(factory, watched), *rest)

    for view in (*store._modals.values(), *(item.view for items in store._views.values() for item in items.values())):
        watched.view(view)
    replace_attribute(undo, store, "add_view", add_watched)
    if schedule is not None:  # since discord.py 2.4
        replace_attribute(undo, store, "schedule_dynamic_item_call", schedule_watched)


def _bind_while_parsing(parsers: dict[str, Any], outcomes: Outcomes, undo: ExitStack) -> None:
    """discord.py starts a component's task while it parses the event, so the context is set around the parsing."""
    parse = parsers.get("INTERACTION_CREATE")
    if parse is None:
        return

    def parse_interaction_create(event: Mapping[str, Any]) -> None:
        if event.get("type") not in (_COMPONENT, _MODAL):
            parse(event)
            return
        _, binding = begin(outcomes, **_of_event(event))
        with binding:
            parse(event)

    parsers["INTERACTION_CREATE"] = parse_interaction_create
    undo.callback(parsers.__setitem__, "INTERACTION_CREATE", parse)


def _of_event(event: Mapping[str, Any]) -> dict[str, Any]:
    data = event.get("data") or {}
    user = (event.get("member") or {}).get("user") or event.get("user") or {}
    return {
        "user": user.get("id"), "channel": event.get("channel_id"), "intent": intent_of(data),
        "entities": entities_of(data),
    }  # fmt: skip


class _Watched:
    """Wraps what discord.py calls of a view, so that its end is seen. At rest, the wraps do nothing of their own."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes
        self._resting = False

    def rest(self) -> None:
        """What was wrapped stays so, as views live on Discord's side and in the bot's hands."""
        self._resting = True

    def view(self, view: Any) -> None:
        """A View, a LayoutView or a Modal. Items may have been added since it was last seen."""
        if view is None:
            return
        modal = view.__discord_ui_modal__
        for item in () if modal else _items_of(view):
            if item.is_dispatchable() and self._is_new(item):
                callback = _unwrapped(item.callback)
                item.callback = partial(self._run, callback, f"{type(view).__name__}.{_name_of(item, callback)}")
        if self._is_new(view):
            if modal:
                view.on_submit = partial(self._run, _unwrapped(view.on_submit), type(view).__name__)
            view.on_error = partial(self._on_error, _unwrapped(view.on_error))

    def _is_new(self, thing: Any) -> bool:
        if getattr(thing, _WATCHED, None) is self:
            return False
        setattr(thing, _WATCHED, self)
        return True

    def dynamic(self, item: Any) -> Any:
        """One item of a message, made for one tap. discord.py logs what it raises, and drops what its check raises."""
        item.callback = partial(self._told, partial(self._run, item.callback, type(item).__name__))
        item.interaction_check = partial(self._guarded, item.interaction_check)
        return item

    async def made(self, make: Callback, interaction: "discord.Interaction[Any]", *rest: Any) -> Any:
        """The item for a tap. Raises what its class raises; discord.py ends the tap there."""
        return self.dynamic(await self._told(make, interaction, *rest))

    async def _run(self, callback: Callback, name: str, interaction: "discord.Interaction[Any]") -> None:
        run = bound().run
        if run is None or bound().intent in NAMELESS:
            run = Run(self._outcomes, name)
            bind(intent=name)
            bind_run(run)
        await callback(interaction)
        if not self._resting:
            run.succeeded()

    async def _on_error(
        self, own: Callback, interaction: "discord.Interaction[Any]", error: Exception, *item: Any
    ) -> None:
        """The view's own is asked, and finds the id. The standard one logs the error, and the user is told of it."""
        module = getattr(own, "__module__", "")
        standard = module if module.startswith("discord.ui.") else ""
        error_id = None if self._resting else name_error(interaction, error, _way(interaction), logged_next=standard)
        await own(interaction, error, *item)
        if standard and error_id:
            await tell(interaction, error_id)

    async def _told(self, callback: Callback, interaction: "discord.Interaction[Any]", *rest: Any) -> Any:
        """What is raised, discord.py logs."""
        try:
            return await callback(interaction, *rest)
        except Exception as error:
            await tell(interaction, name_error(interaction, error, _way(interaction), logged_next="discord.ui.view"))
            raise

    async def _guarded(self, callback: Callback, interaction: "discord.Interaction[Any]") -> Any:
        """False, in the place of a check that raises: it admits nobody."""
        try:
            return await callback(interaction)
        except Exception as error:
            await tell(interaction, name_error(interaction, error, _way(interaction)))
            return False


def _way(interaction: "discord.Interaction[Any]") -> str:
    kind = cast("Mapping[str, Any]", interaction.data or {}).get("component_type")
    return "modal" if kind is None else "button" if kind == _BUTTON else "select menu"


class _Factory:
    """A class of dynamic items whose items are watched."""

    def __init__(self, factory: Any, watched: _Watched) -> None:
        self._factory = factory
        self.from_custom_id = partial(watched.made, factory.from_custom_id)

    def __repr__(self) -> str:
        return repr(self._factory)


def _items_of(view: Any) -> Iterable[Any]:
    """All of them; before discord.py 2.6 none lay inside of others."""
    items: Iterable[Any] = view.walk_children() if hasattr(view, "walk_children") else view.children
    return items


def _unwrapped(callback: Callback) -> Callback:
    """What a telemetry that was closed since has wrapped."""
    while isinstance(callback, partial) and isinstance(getattr(callback.func, "__self__", None), _Watched):
        callback = callback.args[0]
    return callback


def _name_of(item: Any, callback: Callback) -> str:
    """The method behind `@discord.ui.button`, or the item's class."""
    return str(getattr(getattr(callback, "callback", None), "__name__", type(item).__name__))
