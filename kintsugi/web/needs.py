"""What the pages are handed, and what a request of somebody who is logged in carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from kintsugi.web.discord import ByDiscord
from kintsugi.web.login import Links
from kintsugi.web.sessions import Session, SessionStore
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import EVERYTHING, Asker, Role, Rules
from kintsugi.workflow.ports import Clock, Receipt, Store
from kintsugi.workflow.production import Production

SESSION = web.RequestKey("session", Session)
ASKER = web.RequestKey("asker", Asker)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
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
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all, browsers send our own forms with the origin "null"
    "Cache-Control": "no-store",
}


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
