"""The Channel port on Discord: one card and one thread an incident, edited as it moves. Knows not why it moves.

Nothing of this is kept on disk. After a restart the card is found among the channel's messages by its buttons, and the
thread has the card's own id; so a crash between any two calls leaves nothing double.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import discord

from kintsugi.bot import card
from kintsugi.bot.card import Post, Work
from kintsugi.bot.once import send_once
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Incident, token_hash
from kintsugi.workflow.ports import Owed
from kintsugi.workflow.states import Effect, State

log = logging.getLogger("kintsugi.bot")

_MOST_PLACES = 500
_READ_BACK = 5000  # messages that are looked through for a card, from the moment the incident was opened
_READ_THREAD = 500
_PATIENCE = 30.0  # seconds until a client that is not logged in is a failure
_UNKNOWN_MESSAGE, _UNKNOWN_CHANNEL = 10008, 10003
_HAS_A_THREAD, _ARCHIVED = 160004, 50083

OwedBy = Callable[[int], Awaitable[Sequence[Owed]]]


@dataclass
class _Place:
    """Where an incident is shown: the ids of its messages, and what they show."""

    card: int = 0
    thread: bool = False
    question: int = 0
    asked: str = ""  # the token in the question
    work: int = 0
    seq: int = -1  # of the incident as it is shown; an older one is not shown over it
    shown: dict[int, Post] = field(default_factory=dict)  # by message: the same is not said again


class DiscordChannel:
    """Posts to channel `id` of `client`'s guild. `owed` tells how often a step was tried.

    Unless `alone`, other processes write to the same threads: they are read again each time.
    """

    def __init__(
        self,
        client: discord.Client,
        id: int,
        *,
        owed: OwedBy | None = None,
        pause: timedelta = timedelta(seconds=2),
        alone: bool = True,
        debug: str = "debug",
        pages: str = "",
    ) -> None:
        self._client, self._id, self._owed, self._pause, self._alone = client, id, owed, pause, alone
        self._debug, self._pages = debug, pages  # the command's name; an address with {} for the incident's number
        self._online = asyncio.Event()
        self._room: discord.TextChannel | None = None
        self._places: OrderedDict[int, _Place] = OrderedDict()
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard: dict[int, tuple[Incident, Work]] = {}
        self._under_way: dict[int, Work] = {}
        self._telling: asyncio.Task[None] | None = None

    def online(self) -> None:
        """The client is logged in: from now on there is somebody to talk to."""
        self._loop = asyncio.get_running_loop()
        self._online.set()

    async def close(self) -> None:
        """Say nothing more."""
        self._online.clear()
        if self._telling:
            self._telling.cancel()
            with suppress(asyncio.CancelledError):
                await self._telling

    # --- the port -----------------------------------------------------------------------------------------------

    async def announce(self, incident: Incident) -> None:
        """Bring the card up to date, and put away a question that is answered."""
        async with self._at(incident) as place:
            if incident.seq < place.seq:
                return
            await self._show_card(place, incident)
            await self._finish_work(place, incident)
            if incident.state is not State.AWAITING_CONFIRM and _was_asked(place.asked, incident):
                await self._put_away(place, incident)

    async def ask(self, incident: Incident, token: str) -> None:
        """Ask in the thread, by one message however often it is asked."""
        async with self._at(incident) as place:
            await self._show_card(place, incident)
            await self._finish_work(place, incident)
            post = card.question(incident, token, self._debug)
            place.question = await self._say(place, place.question, post, _nonce(incident, "q"))
            place.asked = token

    def progress(self, incident: Incident, step: Effect, words: str) -> None:
        if self._loop and self._online.is_set():
            self._loop.call_soon_threadsafe(self._hear, incident, step, words)

    async def call(self, incidents: Sequence[Incident], *, role: int = 0, user: int = 0) -> None:
        """Mention the role or the user, and nobody else. Raises StepFailed."""
        mention = f"<@&{role}>" if role else f"<@{user}>"
        allowed = discord.AllowedMentions(
            everyone=False,
            replied_user=False,
            roles=[discord.Object(role)] if role else False,
            users=[discord.Object(user)] if user else False,
        )
        try:
            room = await self._channel()
            await room.send(card.call(incidents, mention, self._debug).text, allowed_mentions=allowed)
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            raise _failed(error) from error

    async def token(self, incident: Incident) -> str | None:
        """The token that is asked for in the incident's thread; None where there is none that is good."""
        async with self._at(incident) as place:
            asked = place.asked
            if not _is_good(asked, incident):  # another process may have asked since
                self._places[incident.id] = await self._found(incident)
                asked = self._places[incident.id].asked
            return asked if _is_good(asked, incident) else None

    # --- the card -----------------------------------------------------------------------------------------------

    async def _show_card(self, place: _Place, incident: Incident) -> None:
        post = card.card(incident, self._pages, self._debug)
        if place.card and post != place.shown.get(place.card):
            await self._edit_card(place, post)
        if not place.card:
            room = await self._channel()
            place.card, _ = await send_once(self._client, room.id, _content(post), _nonce(incident))
            place.thread = False
        if not place.thread:
            await self._open_thread(place.card, card.thread_name(incident))
            place.thread = True
        place.shown[place.card], place.seq = post, incident.seq

    async def _edit_card(self, place: _Place, post: Post) -> None:
        try:
            await (await self._channel()).get_partial_message(place.card).edit(**_content(post))
        except discord.NotFound as error:
            if error.code != _UNKNOWN_MESSAGE:
                raise
            place.card = place.question = place.work = 0  # somebody deleted it: there is a new one

    async def _open_thread(self, message: int, name: str) -> None:
        try:
            await (await self._channel()).get_partial_message(message).create_thread(name=name)
        except discord.HTTPException as error:
            if error.code != _HAS_A_THREAD:
                raise

    # --- what stands in the thread ------------------------------------------------------------------------------

    async def _say(self, place: _Place, message: int, post: Post, nonce: str) -> int:
        """Edit this message of the thread, or write it where there is none. Answers its id.

        Somebody may have lost the database in the middle of writing it, so that two write it: the first one counts.
        """
        if message and (place.shown.get(message) == post or await self._edit(place, message, post)):
            return message
        sent, text = await send_once(self._client, place.card, _content(post), nonce)
        if text == post.text:
            place.shown[sent] = post
        else:
            await self._edit(place, sent, post)
        return sent

    async def _edit(self, place: _Place, message: int, post: Post) -> bool:
        """False where it is not there any more, or in a thread that Discord has put away."""
        thread = self._client.get_partial_messageable(place.card)
        try:
            await thread.get_partial_message(message).edit(**_content(post, again=True))
        except discord.HTTPException as error:
            if error.code not in (_UNKNOWN_MESSAGE, _ARCHIVED):
                raise
            return False
        place.shown[message] = post
        return True

    async def _put_away(self, place: _Place, incident: Incident) -> None:
        await self._say(place, place.question, card.question_is_over(incident), _nonce(incident, "q"))
        place.question, place.asked = 0, ""

    async def _finish_work(self, place: _Place, incident: Incident) -> None:
        self._heard.pop(incident.id, None)
        self._under_way.pop(incident.id, None)
        if place.work:
            await self._say(place, place.work, card.work_is_over(incident), _nonce(incident, "w"))

    # --- progress -----------------------------------------------------------------------------------------------

    def _hear(self, incident: Incident, step: Effect, words: str) -> None:
        before = self._under_way.get(incident.id)
        since = before.since if before and before.step is step else datetime.now(UTC)
        self._under_way[incident.id] = under_way = Work(step, words, since)
        self._heard[incident.id] = (incident, under_way)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell(), name="kintsugi-progress")

    async def _tell(self) -> None:
        """Show what was heard last of each, with a pause: Discord takes five edits in five seconds."""
        while self._heard:
            _, (incident, under_way) = self._heard.popitem()
            try:
                await self._tell_of(incident, under_way)
            except StepFailed as error:  # what is only said on the way must not hold up the work
                log.info("progress_update_failed", extra={"incident_id": incident.name, "why": str(error)})
            except Exception:
                log.exception("progress_update_failed", extra={"incident_id": incident.name})
            await asyncio.sleep(self._pause.total_seconds())

    async def _tell_of(self, incident: Incident, under_way: Work) -> None:
        attempt = await self._attempt(incident, under_way.step)
        if attempt is None:  # it is over: whoever says so slept
            return
        async with self._at(incident) as place:
            if incident.seq < place.seq:
                return
            await self._show_card(place, incident)
            post = card.work(incident, replace(under_way, attempt=attempt))
            place.work = await self._say(place, place.work, post, _nonce(incident, "w"))

    async def _attempt(self, incident: Incident, step: Effect) -> int | None:
        """Which try is under way; None where none is."""
        if self._owed is None:
            return 1
        owed = await self._owed(incident.id)
        return max((owes.attempts for owes in owed if owes.kind is step and owes.status == "running"), default=None)

    # --- finding it again ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _at(self, incident: Incident) -> AsyncIterator[_Place]:
        """The incident's place, for one at a time. What Discord refuses is a StepFailed."""
        async with self._locks[incident.id]:
            try:
                yield await self._place(incident)
            except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
                raise _failed(error) from error

    async def _place(self, incident: Incident) -> _Place:
        place = self._places.get(incident.id)
        if place and not self._alone:
            await self._read_anew(place, incident)
        if place is None or not place.card:
            place = self._places[incident.id] = await self._found(incident)
            while len(self._places) > _MOST_PLACES:
                forgotten, _ = self._places.popitem(last=False)
                self._locks.pop(forgotten, None)
        self._places.move_to_end(incident.id)
        return place

    async def _found(self, incident: Incident) -> _Place:
        """What an earlier process left of it in the channel, and in the thread."""
        channel, place = await self._channel(), _Place()
        since = incident.opened_at - timedelta(minutes=1)
        async for message in channel.history(limit=_READ_BACK, after=since, oldest_first=True):
            if self._is_ours(message) and card.is_card_of(incident.id, _custom_ids(message)):
                place.card, place.thread = message.id, message.flags.has_thread
                break
        if place.thread:
            await self._read_thread(place, incident)
        return place

    async def _read_anew(self, place: _Place, incident: Incident) -> None:
        """What other processes wrote to its thread meanwhile."""
        place.question, place.asked, place.work = 0, "", 0
        place.shown.clear()
        if place.thread:
            await self._read_thread(place, incident)

    async def _read_thread(self, place: _Place, incident: Incident) -> None:
        thread = self._client.get_partial_messageable(place.card)
        try:
            async for message in thread.history(limit=_READ_THREAD, oldest_first=True):
                if not self._is_ours(message):
                    continue
                if message.content.startswith(card.work_mark(incident.id)):
                    place.work = message.id
                if message.content.startswith(card.question_mark(incident.id)):
                    place.asked = card.token_in(message.content) or ""
                    place.question = message.id if place.asked else 0
        except discord.NotFound as error:
            if error.code != _UNKNOWN_CHANNEL:
                raise
            place.thread = False  # somebody deleted it

    def _is_ours(self, message: discord.Message) -> bool:
        return self._client.user is not None and message.author.id == self._client.user.id

    async def _channel(self) -> discord.TextChannel:
        try:
            await asyncio.wait_for(self._online.wait(), _PATIENCE)
        except TimeoutError:
            raise StepFailed("Discord cannot be reached: the bot is not logged in.") from None
        if self._room is None:
            found = self._client.get_channel(self._id) or await self._client.fetch_channel(self._id)
            if not isinstance(found, discord.TextChannel):
                raise StepFailed(f"KINTSUGI_DISCORD_CHANNEL: {self._id} is no text channel of a guild.", final=True)
            self._room = found
        return self._room


def _nonce(incident: Incident, message: str = "") -> str:
    """By which Discord drops a second one for some minutes: of the card, or of this message about the present move."""
    opened = f"{incident.id:x}.{int(incident.opened_at.timestamp()):x}"
    return (f"{opened}{message}{incident.seq:x}" if message else opened)[-25:]


def _is_good(token: str, incident: Incident) -> bool:
    return bool(token and incident.ask and token_hash(token) == incident.ask.token_hash)


def _was_asked(token: str, incident: Incident) -> bool:
    """Whether the incident knows the token: else another process asked for it since, and the question stands."""
    asked = (*incident.void_asks, *((incident.ask,) if incident.ask else ()))
    return bool(token) and token_hash(token) in [each.token_hash for each in asked]


def _content(post: Post, *, again: bool = False) -> dict[str, Any]:
    """A post as discord.py takes it, whole: what it does not have is taken away. `again`: for an edit of the same."""
    files = [post.file()] if post.attachment else []
    content: dict[str, Any] = {"content": post.text or None, "allowed_mentions": discord.AllowedMentions.none()}
    if post.card:
        content["embed"] = post.embed()
    view = post.view()
    if again:
        return content | {"view": view, "attachments": files}
    return content | ({"view": view} if view else {}) | ({"files": files} if files else {})


def _custom_ids(message: discord.Message) -> frozenset[str]:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    found = (getattr(each, "custom_id", None) for row in rows for each in row.children)
    return frozenset(custom_id for custom_id in found if custom_id)


def _failed(error: Exception) -> StepFailed:
    match error:
        case discord.Forbidden():
            return StepFailed(f"Discord: the bot lacks a permission in its channel ({error.text}).")
        case discord.HTTPException():
            return StepFailed(f"Discord answered {error.status} ({error.code}): {error.text[:200]}")
        case _:
            return StepFailed(f"Discord cannot be reached ({type(error).__name__}).")
