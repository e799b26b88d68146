"""Forms as browsers send them, and where they come from."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp import web

from kintsugi.web.bodies import body_of

log = logging.getLogger("kintsugi.web")

Form = Mapping[str, str | bytearray | bytes | web.FileField]


async def form_of(request: web.Request) -> Form:
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


def host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
