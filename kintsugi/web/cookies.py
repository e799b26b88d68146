"""Cookies that scripts do not see. Over https their name begins with `__Host-`.

A browser takes a cookie of such a name from this host alone, over https and for all of its paths: neither a sibling
domain nor somebody on the line can plant one (https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from aiohttp import web

Answer = TypeVar("Answer", bound=web.Response)


@dataclass(frozen=True, slots=True)
class Cookie:
    """One by this name, for whoever asks by either scheme."""

    name: str

    def of(self, request: web.Request) -> str:
        """What the browser brings; "" for nothing."""
        return request.cookies.get(self._named(request), "")

    def put(self, answer: Answer, request: web.Request, value: str, seconds: int) -> Answer:
        """The answer, with it."""
        secure = _is_secure(request)
        name = self._named(request)
        answer.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=secure)
        return answer

    def forget(self, answer: Answer, request: web.Request) -> Answer:
        """The answer, after which the browser has it no longer."""
        answer.del_cookie(self._named(request), path="/", secure=_is_secure(request))
        return answer

    def _named(self, request: web.Request) -> str:
        return f"__Host-{self.name}" if _is_secure(request) else self.name


def _is_secure(request: web.Request) -> bool:
    return request.secure or request.headers.get("X-Forwarded-Proto") == "https"
