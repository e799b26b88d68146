"""The operator's pages: what is open, one incident whole, and the human moves. They follow the incidents live.

Pages are made here and need no script to be read; the script only fetches them anew when something moved, and shows
times in the viewer's zone.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import blake2s
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4
from weakref import WeakValueDictionary

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kintsugi.telemetry import bind
from kintsugi.telemetry.plain import plain
from kintsugi.web import shown
from kintsugi.web.bodies import body_of
from kintsugi.web.discord import BACK, ByDiscord, NotLetIn, Way, forgotten
from kintsugi.web.login import Links, Login, Member
from kintsugi.web.peers import peer_of
from kintsugi.web.plots import RATE_OVER, bars, rate, strips
from kintsugi.web.sessions import Session, Sessions, SessionStore
from kintsugi.web.shares import Crowded, Room, Shares
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import EVERYTHING, NAMES, Asker, Requests, Role, Rules, row_of, takes_of
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.errors import BadInput, Forbidden, NotFound, Refusal, StepFailed, StoreUnavailable
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.numbers import WEEKS, by_stage, by_week, per_healed
from kintsugi.workflow.path import mood
from kintsugi.workflow.ports import Clock, Store
from kintsugi.workflow.production import Production
from kintsugi.workflow.questions import Question, Questions
from kintsugi.workflow.states import State
from kintsugi.workflow.times import under_way
from kintsugi.workflow.typed import given

log = logging.getLogger("kintsugi.web")

_FOLDER = Path(__file__).parent
_COOKIE = "kintsugi_session"
ONCE = "/login/once"
_NUMBER = re.compile(r"[0-9]{1,18}")  # what a database takes
_PAGE = 50  # incidents
_PASTS = 2000  # incidents that the numbers are made of, at most
_PULSE = 1.0  # seconds between two looks at the database, while somebody watches
_LISTENERS, _LISTENERS_EACH = 200, 20  # streams at a time, and those of one session: each tab has one
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all, browsers send our own forms with the origin "null"
    "Cache-Control": "no-store",
}
_SESSION = web.RequestKey("session", Session)
_ASKER = web.RequestKey("asker", Asker)
Form = Mapping[str, str | bytearray | bytes | web.FileField]
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNeeds:
    """What the pages need. With neither a `token` nor `discord`, people log in by `links`."""

    clock: Clock
    store: Store
    fire: Callable[[t.Trigger], Awaitable[Receipt]]
    token: str
    environment: str
    production: Callable[[], Production]
    sessions: SessionStore
    rules: Rules = Rules()  # noqa: RUF009  # frozen
    operator_may: frozenset[Role] = EVERYTHING  # whoever came by the token or a link
    discord: ByDiscord | None = None
    links: Links | None = None


class Pages:
    """One method a route; `add_to` puts them into an application."""

    def __init__(self, behind: PageNeeds) -> None:
        self._behind = behind
        questions = Questions(behind.store, behind.clock, behind.production, behind.environment)
        self._requests = Requests(behind.store, behind.clock, behind.fire, behind.rules, questions)
        self._login = Login(behind.token, behind.discord.secret if behind.discord else "")
        self._sessions = Sessions(self._login.seal, behind.sessions, lambda: behind.clock.now().timestamp())
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._way = Way(behind.discord, self._login.seal) if behind.discord else None
        self._listeners = Shares(Room(_LISTENERS, _LISTENERS, inside=_LISTENERS, inside_each=_LISTENERS_EACH))
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._templates.filters.update(plain=shown.bounded, spread=shown.spread)
        self._templates.globals.update(diff=shown.diff, code=shown.code, counted=shown.counted, mood=mood)

    def add_to(self, application: web.Application) -> None:
        router = application.router
        router.add_get("/", self._guarded(self.incidents))
        router.add_get("/incidents/{id:\\d{1,18}}", self._guarded(self.incident))
        router.add_get("/numbers", self._guarded(self.numbers))
        router.add_get("/events", self._guarded(self.events))
        router.add_get("/incidents/{id:\\d{1,18}}/events", self._guarded(self.events))
        router.add_get("/incidents/{id:\\d{1,18}}/{action}", self._guarded(self.question))
        router.add_post("/incidents/{id:\\d{1,18}}/{action}", self._guarded(self.act))
        router.add_get("/login", self.login)
        router.add_post("/login", self.log_in)
        if self._behind.links:
            router.add_get(ONCE, partial(self.by_link, self._behind.links), allow_head=False)
        if self._way:
            router.add_get("/login/discord", partial(self.to_discord, self._way))
            router.add_get(BACK, partial(self.from_discord, self._way))
        router.add_post("/logout", self.log_out)
        router.add_get("/static/code.css", self.colours)
        router.add_static("/static", _FOLDER / "static")

    # --- pages ------------------------------------------------------------------------------------------------------

    async def incidents(self, request: web.Request) -> web.Response:
        """The list, newest first, by state, paged by number. `find` is words to find, or a number to go to."""
        query = request.query
        words = query.get("find", "").strip()[:200]
        if number := _number_in(words):
            raise web.HTTPSeeOther(f"/incidents/{number}")
        state = next((each for each in State if each.value == query.get("state")), None)
        before = query.get("before", "")
        if before and not _NUMBER.fullmatch(before):
            raise web.HTTPBadRequest(text="`before` is the number of an incident.")
        found = await self._behind.store.incidents(
            state, words=words, limit=_PAGE + 1, before=int(before) if before else None
        )
        more = found[_PAGE - 1].id if len(found) > _PAGE else None
        newest = found[:_PAGE] if not (state or words or before) else await self._behind.store.incidents(limit=_PAGE)
        return self._page(
            request,
            "incidents.html",
            incidents=found[:_PAGE],
            state=state,
            words=words,
            more=more and _query(state=state, find=words, before=more),
            version=version_of(newest),
        )

    async def incident(self, request: web.Request) -> web.Response:
        return await self._incident(request)

    async def numbers(self, request: web.Request) -> web.Response:
        """What came of the last weeks' incidents, and what each step took."""
        now = self._behind.clock.now()
        pasts = await self._behind.store.pasts(now - timedelta(weeks=WEEKS), limit=_PASTS)
        weeks = by_week(pasts, now)
        return self._page(
            request,
            "numbers.html",
            any=bool(pasts),
            cut=_PASTS if len(pasts) == _PASTS else 0,
            weeks=weeks,
            bars=bars(weeks, {kind: attrgetter(kind) for kind in ("healed", "under_way", "ended")}),
            per_healed=per_healed(weeks),
            costs=bars(weeks, {"usd": attrgetter("usd")}),
            strips=strips(by_stage(pasts)),
        )

    async def act(self, request: web.Request) -> web.Response:
        """A human move. A form that is sent twice is one move, by its own key."""
        form, number, name = await _form(request), int(request.match_info["id"]), _askable(request)

        async def done() -> web.Response:
            came = await self._ask_for(request, name, await self._behind.store.incident(number), form)
            if isinstance(came, Question):
                return self._question(request, name, came)
            raise web.HTTPSeeOther(f"/incidents/{number}")

        return await self._unless_refused(request, done)

    async def question(self, request: web.Request) -> web.Response:
        """What is asked before a command that changes production is taken; nothing is done by looking at it."""
        number, name = int(request.match_info["id"]), _askable(request)

        async def asked() -> web.Response:
            row = row_of(name, await self._behind.store.incident(number))
            assert row
            blank = row.on(incident=number, key="", at=self._behind.clock.now(), **row.blank)
            question = None if row.takes else await self._requests.question(request[_ASKER], blank)
            if question is None:  # it is asked on the incident's own page
                raise web.HTTPSeeOther(f"/incidents/{number}")
            return self._question(request, name, question)

        return await self._unless_refused(request, asked)

    def _question(self, request: web.Request, name: str, question: Question) -> web.Response:
        number = int(request.match_info["id"])
        return self._page(
            request,
            "question.html",
            number=number,
            asked=name,
            takes=takes_of(name),
            question=question,
            once=uuid4().hex,
        )

    async def _unless_refused(
        self, request: web.Request, answer: Callable[[], Awaitable[web.Response]]
    ) -> web.Response:
        """The answer; or the incident's page with the reason why not."""
        try:
            return await answer()
        except Forbidden as no:
            return await self._incident(request, refused=str(no), status=403)
        except NotFound as error:
            return self._page(request, "lost.html", status=404, says=str(error))
        except (Refusal, BadInput) as refusal:
            return await self._incident(request, refused=str(refusal), status=409)
        except StepFailed as failed:
            return await self._incident(request, refused=str(failed), status=503)

    async def _ask_for(self, request: web.Request, name: str, incident: Incident, form: Form) -> Receipt | Question:
        row, asker = row_of(name, incident), request[_ASKER]
        assert row
        typed = given(row.takes, lambda name: plain(str(form.get(name, ""))), self._behind.clock.now())
        key = f"web:{row.on.__name__}:{incident.id}:{str(form.get('once', ''))[:64]}"
        command = row.on(incident=incident.id, key=key, at=self._behind.clock.now(), actor=asker.actor, **typed)
        with self._admitted(request[_SESSION].member, command):
            return await self._requests.ask(asker, command, str(form.get("answer", ""))[:64])

    def _admitted(self, member: Member | None, command: t.Command) -> AbstractContextManager[None]:
        if member is None:
            return nullcontext()
        assert self._behind.discord
        return self._behind.discord.admitted(member, command)

    async def _incident(self, request: web.Request, refused: str = "", status: int = 200) -> web.Response:
        number, store = int(request.match_info["id"]), self._behind.store
        bind(incident_id=number)
        try:
            found = await store.incident(number)
            now = self._behind.clock.now()
            payload, history, owed, talks, sightings = await asyncio.gather(
                store.payload(number),
                store.history(number),
                store.owed(number),
                store.talks(number),
                store.sightings(number, now - RATE_OVER),
            )
        except NotFound as error:
            return self._page(request, "lost.html", status=404, says=str(error))
        return self._page(
            request,
            "incident.html",
            status=status,
            incident=found,
            payload=payload.numbered(number, last=found.last_seen or payload.occurred.last, count=found.count),
            history=history,
            talks=talks,
            owed=[owes for owes in owed if shown.is_worth_telling(owes)],
            stops=shown.stops(found, history),
            noticed=shown.noticed(payload, history),
            sightings=sightings,
            rate=rate(sightings.hours, now),
            link=shown.link(payload),
            stage=under_way(history),
            offered=self._requests.offered(found, request[_ASKER]),
            withheld=self._requests.withheld(found, request[_ASKER]),
            refused=refused,
            once=uuid4().hex,
            version=version_of([found]),
        )

    # --- live -------------------------------------------------------------------------------------------------------

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: one line whenever what the page shows has moved, its data the new version."""
        number = request.match_info.get("id")
        stream = web.StreamResponse(headers=_HEADERS | {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        try:
            with self._listeners.entered("everybody", request[_SESSION].id):
                await stream.prepare(request)
                with suppress(ConnectionResetError, StepFailed, StoreUnavailable):  # gone, or nobody knows who it is
                    await self._tell(request, stream, int(number) if number else None)
        except Crowded:
            return web.Response(status=503, headers={"Retry-After": "30"})
        return stream

    async def _tell(self, request: web.Request, stream: web.StreamResponse, number: int | None) -> None:
        """Until nobody listens, or whoever does is logged out. The first line is what the page shows now."""
        last = None
        while True:
            version = await self._version(number)
            moved = version is not None and version != last
            if moved and not await self._session(request):
                return
            last = version if moved else last
            await stream.write(f"event: moved\ndata: {last}\n\n".encode() if moved else b": still here\n\n")
            await asyncio.sleep(_PULSE)

    async def _version(self, number: int | None) -> str | None:
        """What changes when the page would; None where it cannot be told just now."""
        store = self._behind.store
        try:
            shown_now = [await store.incident(number)] if number else await store.incidents(limit=_PAGE)
        except (NotFound, StoreUnavailable):
            return None
        return version_of(shown_now)

    # --- login ------------------------------------------------------------------------------------------------------

    async def login(self, request: web.Request) -> web.Response:
        with suppress(StepFailed, StoreUnavailable):
            if await self._session(request):
                raise web.HTTPSeeOther("/")
        return self._login_page(request, "", _local(request.query.get("next", "/")))

    async def log_in(self, request: web.Request) -> web.Response:
        form = await _form(request)
        where = _local(str(form.get("next", "/")))
        peer = peer_of(request)
        wait = self._login.wait(peer)
        if self._login.opens(str(form.get("token", "")), peer):
            raise await self._let_in(request, where)
        log.warning("login_refused", extra={"peer": peer})
        if wait:
            return self._login_page(request, f"Too many wrong tokens: come back in {wait} s.", where, 429)
        return self._login_page(request, _WRONG_TOKEN, where, 403)

    async def by_link(self, links: Links, request: web.Request) -> web.Response:
        """Somebody with a link that works once. A look at it by HEAD does not use it up."""
        if not links.opens(request.query.get("key", "")):
            log.warning("login_refused", extra={"peer": peer_of(request), "by": "link"})
            return self._login_page(request, _USED_LINK, "/", 403)
        raise await self._let_in(request, "/")

    async def to_discord(self, way: Way, request: web.Request) -> web.Response:
        raise way.there(_local(request.query.get("next", "/")), secure=_is_secure(request))

    async def from_discord(self, way: Way, request: web.Request) -> web.Response:
        try:
            member, token, where = await way.back(request)
        except NotLetIn as error:
            return forgotten(self._login_page(request, str(error), "/", error.status))
        raise forgotten(await self._let_in(request, where, member, token))

    def _login_page(self, request: web.Request, says: str, where: str, status: int = 200) -> web.Response:
        by = {
            "by_token": self._login.has_token,
            "by_discord": self._way is not None,
            "by_link": bool(self._behind.links),
        }
        return self._page(request, "login.html", status=status, says=says, next=where, **by)

    async def _let_in(
        self, request: web.Request, where: str, member: Member | None = None, token: str = ""
    ) -> web.HTTPSeeOther:
        """Under a new name, whatever the browser came with, which ends."""
        await self._sessions.end(request.cookies.get(_COOKIE, ""))
        cookie, seconds = await self._sessions.begin(member, token)
        answer = web.HTTPSeeOther(where)
        answer.set_cookie(_COOKIE, cookie, max_age=seconds, httponly=True, samesite="Lax", secure=_is_secure(request))
        log.info("logged_in", extra={"peer": peer_of(request), "user": member.user if member else None})
        return answer

    async def log_out(self, request: web.Request) -> web.Response:
        """Also where Discord cannot be asked: who leaves need not be let in."""
        session = await self._sessions.find(request.cookies.get(_COOKIE, ""))
        if session and not await self._is_own(request, session):
            return self._page(request, "lost.html", status=403, says=_STALE_FORM)
        await self._sessions.end(request.cookies.get(_COOKIE, ""))
        answer = web.HTTPSeeOther("/login")
        answer.del_cookie(_COOKIE)
        raise answer

    async def _session(self, request: web.Request) -> Session | None:
        """Who this is; nobody where Discord or the settings let them in no longer.

        Raises StepFailed where Discord has to be asked and cannot be, StoreUnavailable.
        """
        cookie = request.cookies.get(_COOKIE, "")
        found = await self._sessions.find(cookie)
        if found is None:
            return None
        try:
            session = await self._still_let_in(cookie, found)
            if session:
                request[_ASKER] = self._asker(session.member)
        except Refusal as no:
            user = found.member.user if found.member else None
            log.warning("session_ended", extra={"user": user, "why": str(no)})
            await self._sessions.end(cookie)
            return None
        return session

    async def _still_let_in(self, cookie: str, session: Session) -> Session | None:
        """With the roles that Discord says they have, asked again where that is old: once, however many ask at once."""
        if self._sessions.is_fresh(session):
            return session
        async with self._asking.setdefault(session.id, asyncio.Lock()):
            found = await self._sessions.find(cookie)
            if found is None or self._sessions.is_fresh(found):
                return found
            assert self._behind.discord
            assert found.member
            member = await self._behind.discord.again(found.token)
            if member.user != found.member.user:
                raise Refusal("Discord's token is of somebody else.")
            return await self._sessions.asked_again(cookie, found, member)

    def _asker(self, member: Member | None) -> Asker:
        """Raises Refusal for whom Discord's lists let in no longer."""
        if member is None:
            return Asker("web:operator", self._behind.operator_may, named=False)
        assert self._behind.discord
        return self._behind.discord.asker(member)

    def _guarded(self, handler: _Handler) -> _Handler:
        """Lets in who is logged in, wherever the request comes from; fails closed."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                session = await self._session(request)
            except (StepFailed, StoreUnavailable) as error:
                return self._page(request, "lost.html", status=503, says=f"{error} Until then nothing is shown.")
            if session is None:
                if request.method == "GET" and not request.path.endswith("/events"):
                    raise web.HTTPSeeOther(f"/login?next={request.path}")
                return web.Response(status=401, text="Log in first.")
            if request.method == "POST" and not await self._is_own(request, session):
                return self._page(request, "lost.html", status=403, says=_STALE_FORM)
            request[_SESSION] = session
            try:
                return await handler(request)
            except StoreUnavailable as error:
                return self._page(request, "lost.html", status=503, says=str(error))

        return guarded

    async def _is_own(self, request: web.Request, session: Session) -> bool:
        """Whether a form is one of ours: sent from a page of this host, with its session's word in it."""
        origin = request.headers.get("Origin")
        if origin is None or _host_of(origin) != request.host:
            return False
        return (await _form(request)).get("csrf") == session.csrf

    # --- inside -----------------------------------------------------------------------------------------------------

    async def colours(self, request: web.Request) -> web.Response:
        return web.Response(text=shown.code_colours(), content_type="text/css")

    def _page(self, request: web.Request, name: str, *, status: int = 200, **values: Any) -> web.Response:
        session = request.get(_SESSION)
        common: dict[str, Any] = {
            "environment": self._behind.environment,
            "csrf": session.csrf if session else "",
            "logged_in": session is not None,
            "member": session.member if session else None,
            "states": list(State),
        }
        text = self._templates.get_template(name).render(common | values)
        return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)


_WRONG_TOKEN = "This is not the token. It stands in KINTSUGI_WEB_TOKEN, where Kintsugi runs."  # noqa: S105  # a sentence
_USED_LINK = "This link was used already, or is too old. `kintsugi login` makes another, where Kintsugi runs."
_STALE_FORM = "This form is not from here, or the session is over. Open the page again; nothing was done."


def _askable(request: web.Request) -> str:
    """What is asked for. Raises HTTPNotFound."""
    name = request.match_info["action"]
    if name not in NAMES:
        raise web.HTTPNotFound
    return name


async def _form(request: web.Request) -> Form:
    """Raises HTTPBadRequest for a form that cannot be read: of an unknown charset, or torn in the middle."""
    if request.content_type.startswith("multipart/"):  # as none of our forms is sent
        raise _unreadable(request, "multipart")
    await body_of(request)
    try:
        return await request.post()
    except (LookupError, ValueError) as error:
        raise _unreadable(request, type(error).__name__) from None


def _unreadable(request: web.Request, why: str) -> web.HTTPBadRequest:
    log.warning("form_unreadable", extra={"path": request.path, "why": why})
    return web.HTTPBadRequest(text="This form cannot be read.")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _query(**fields: object) -> str:
    return urlencode({name: value for name, value in fields.items() if value})


def _number_in(words: str) -> int | None:
    """The incident that is named by its number: 7, #7 or INC-7."""
    number = words.upper().removeprefix("INC-").removeprefix("#")
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 18 else None  # what a database takes


def version_of(incidents: Sequence[Incident]) -> str:
    """What changes when one of these incidents moves or is seen again."""
    seen = "-".join(f"{each.id}.{each.seq}.{each.count}" for each in incidents)
    return blake2s(seen.encode(), digest_size=8).hexdigest()


def _is_secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"


def _local(where: str) -> str:
    """Where to go on after the login: a path of ours, else the first page."""
    return where if where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable() else "/"
