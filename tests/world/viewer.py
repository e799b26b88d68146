"""Somebody at a desk: the real pages over loopback, read as a browser without scripts would read them."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser

import aiohttp
from aiohttp import web

from kintsugi.persistence.sessions import SqlSessions
from kintsugi.web.discord import ByDiscord
from kintsugi.web.entrance import ONCE
from kintsugi.web.login import Links
from kintsugi.web.needs import PageNeeds
from kintsugi.web.pages import Pages
from kintsugi.workflow.asking import EVERYTHING, Role, Rules
from kintsugi.workflow.production import Production
from tests.world.ports import ScriptedCommits
from tests.world.world import World


class Page:
    """A page: its status and text. It is taken apart when somebody looks: most are asked for their status alone."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.source = status, text

    @cached_property
    def _parts(self) -> _Parts:
        parts = _Parts()
        parts.feed(self.source)
        return parts

    @property
    def tags(self) -> list[tuple[str, dict[str, str | None]]]:
        return self._parts.tags

    @property
    def forms(self) -> dict[str, dict[str, str]]:
        """The fields of its forms by action."""
        return self._parts.forms

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._parts.words).split())


class _Parts(HTMLParser):
    """A page taken apart: its tags with their attributes, its text, and the fields of its forms by action."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.forms: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append((tag, given))
        if tag == "form":
            self._form = self.forms.setdefault(given.get("action") or "", {})
        if tag == "input" and given.get("name"):
            self._form[given["name"] or ""] = given.get("value") or ""

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@dataclass
class Viewer:
    url: str
    session: aiohttp.ClientSession
    headers: dict[str, str] = field(default_factory=dict)
    links: Links | None = None

    @property
    def link(self) -> str:
        """Logs in once, for another browser."""
        assert self.links
        return f"{self.url}{ONCE}?key={self.links.new()}"

    async def opens(self, path: str, **headers: str) -> Page:
        async with self.session.get(self.url + path, headers=headers) as answer:
            return Page(answer.status, await answer.text())

    async def sends(self, path: str, *, origin: str | None = None, **fields: str) -> Page:
        """Posts a form, as from our own page unless told otherwise, and follows to where it leads."""
        headers = {"Origin": self.url if origin is None else origin}
        async with self.session.post(self.url + path, data=fields, headers=headers) as answer:
            return Page(answer.status, await answer.text())

    async def word(self) -> str:
        """What the session puts into its forms."""
        return (await self.opens("/")).forms["/logout"]["csrf"]

    async def does(self, incident: int, action: str, **fields: str) -> Page:
        """Fills in a form of an incident's page and sends it."""
        page = await self.opens(f"/incidents/{incident}")
        form = page.forms.get(f"/incidents/{incident}/{action}")
        assert form is not None, f"there is no {action} on the page"
        return await self.sends(f"/incidents/{incident}/{action}", **{**form, **fields})


@asynccontextmanager
async def a_viewer(
    world: World,
    token: str = "",
    discord: Callable[[str], ByDiscord] | None = None,
    links: Links | None = None,
    rules: Rules = Rules(),  # noqa: B008  # frozen
    operator_may: frozenset[Role] = EVERYTHING,
) -> AsyncIterator[Viewer]:
    """`discord` is told where the pages are, and answers who logs in there with Discord.

    With neither it nor a `token`, the viewer has logged in by a link.
    """
    logs_in = not (token or discord or links)
    links = Links(b"the key of a test") if logs_in else links
    listens = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listens.getsockname()[1]}"
    application = web.Application()
    behind = PageNeeds(
        clock=world.clock,
        store=world.store,
        fire=world.engine.fire,
        token=token,
        environment="test",
        sessions=SqlSessions(world.store),
        production=lambda: Production(world.host, world.deployer, ScriptedCommits()),
        rules=rules,
        operator_may=operator_may,
        discord=discord(url) if discord else None,
        links=links,
    )
    Pages(behind).add_to(application)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.SockSite(runner, listens).start()
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
            viewer = Viewer(url, session, links=links)
            if logs_in:
                await viewer.opens(viewer.link.removeprefix(url))
            yield viewer
    finally:
        await runner.cleanup()
