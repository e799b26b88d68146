"""Who is let in to the pages: logging in by token, link or Discord, sessions, and the guard before every page."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from weakref import WeakValueDictionary

from aiohttp import web

from kintsugi.web.cookies import Cookie
from kintsugi.web.discord import BACK, NotLetIn, Way
from kintsugi.web.forms import form_of, host_of
from kintsugi.web.login import Links, Login, Member
from kintsugi.web.needs import ASKER, SESSION, Handler, PageNeeds
from kintsugi.web.peers import peer_of
from kintsugi.web.sessions import Session, Sessions
from kintsugi.workflow.asking import Asker
from kintsugi.workflow.errors import Refusal, StepFailed, StoreUnavailable

log = logging.getLogger("kintsugi.web")

ONCE = "/login/once"
_COOKIE = Cookie("kintsugi_session")
_FORGET_SECONDS = 3  # that a logout waits for Discord
Page = Callable[..., web.Response]


class Entrance:
    """`page` makes a page of a template's name and values."""

    def __init__(self, behind: PageNeeds, page: Page) -> None:
        self._behind, self._page = behind, page
        self._login = Login(behind.token, behind.discord.secret if behind.discord else "")
        self._sessions = Sessions(self._login.seal, behind.sessions, lambda: behind.clock.now().timestamp())
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._way = Way(behind.discord, self._login.seal) if behind.discord else None

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/login", self.login)
        router.add_post("/login", self.log_in)
        if self._behind.links:
            router.add_get(ONCE, partial(self.by_link, self._behind.links), allow_head=False)
        if self._way:
            router.add_get("/login/discord", partial(self.to_discord, self._way))
            router.add_get(BACK, partial(self.from_discord, self._way))
        router.add_post("/logout", self.log_out)

    async def login(self, request: web.Request) -> web.Response:
        with suppress(StepFailed, StoreUnavailable):
            if await self.session(request):
                raise web.HTTPSeeOther("/")
        return self._login_page(request, "", _local(request.query.get("next", "/")))

    async def log_in(self, request: web.Request) -> web.Response:
        form = await form_of(request)
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
        raise way.there(request, _local(request.query.get("next", "/")))

    async def from_discord(self, way: Way, request: web.Request) -> web.Response:
        try:
            member, token, where = await way.back(request)
        except NotLetIn as error:
            return way.forgotten(self._login_page(request, str(error), "/", error.status), request)
        raise way.forgotten(await self._let_in(request, where, member, token), request)

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
        await self._sessions.end(_COOKIE.of(request))
        cookie, seconds = await self._sessions.begin(member, token)
        log.info("logged_in", extra={"peer": peer_of(request), "user": member.user if member else None})
        return _COOKIE.put(web.HTTPSeeOther(where), request, cookie, seconds)

    async def log_out(self, request: web.Request) -> web.Response:
        """Also where Discord cannot be asked: who leaves need not be let in."""
        session = await self._sessions.find(_COOKIE.of(request))
        if session and not await self._is_own(request, session):
            return self._page(request, "lost.html", status=403, says=_STALE_FORM)
        if await self._sessions.end(_COOKIE.of(request)) and session and session.token:
            await self._forget(session.token)
        raise _COOKIE.forget(web.HTTPSeeOther("/login"), request)

    async def _forget(self, token: str) -> None:
        """Where nobody of theirs is logged in any more. Whoever leaves waits no longer: it ends in a week."""
        try:
            async with asyncio.timeout(_FORGET_SECONDS):
                if self._behind.discord:
                    await self._behind.discord.forget(token)
        except (Refusal, StepFailed, TimeoutError) as error:
            log.warning("token_not_revoked", extra={"why": str(error) or "no answer"})

    async def session(self, request: web.Request) -> Session | None:
        """Who this is; nobody where Discord or the settings let them in no longer.

        Raises StepFailed where Discord has to be asked and cannot be, StoreUnavailable.
        """
        cookie = _COOKIE.of(request)
        found = await self._sessions.find(cookie)
        if found is None:
            return None
        try:
            session = await self._still_let_in(cookie, found)
            if session:
                request[ASKER] = self._asker(session.member)
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

    def guarded(self, handler: Handler) -> Handler:
        """Lets in who is logged in, wherever the request comes from; fails closed."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                session = await self.session(request)
            except (StepFailed, StoreUnavailable) as error:
                return self._page(request, "lost.html", status=503, says=f"{error} Until then nothing is shown.")
            if session is None:
                if request.method == "GET" and not request.path.endswith("/events"):
                    raise web.HTTPSeeOther(f"/login?next={request.path}")
                return web.Response(status=401, text="Log in first.")
            if request.method == "POST" and not await self._is_own(request, session):
                return self._page(request, "lost.html", status=403, says=_STALE_FORM)
            request[SESSION] = session
            try:
                return await handler(request)
            except StoreUnavailable as error:
                return self._page(request, "lost.html", status=503, says=str(error))

        return guarded

    async def _is_own(self, request: web.Request, session: Session) -> bool:
        """Whether a form is one of ours: sent from a page of this host, with its session's word in it."""
        origin = request.headers.get("Origin")
        if origin is None or host_of(origin) != request.host:
            return False
        return (await form_of(request)).get("csrf") == session.csrf


_WRONG_TOKEN = "This is not the token. It is the value of KINTSUGI_WEB_TOKEN where Kintsugi runs."  # noqa: S105  # a sentence
_USED_LINK = "This link was used already, or is too old. `kintsugi login` makes another, where Kintsugi runs."
_STALE_FORM = "This form is not from here, or the session is over. Open the page again; nothing was done."


def _local(where: str) -> str:
    """Where to go on after the login: a path of ours, else the first page."""
    return where if where.startswith("/") and not where.startswith(("//", "/\\")) and where.isprintable() else "/"
