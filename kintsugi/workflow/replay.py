"""The request that failed, as it can be sent again. Pure.

What a report says of its request lies in `payload.request`: a Sentry SDK's `method` and `url` among the entities, or
telemetry's intent with its parameters. Only GET and HEAD are sent again, as they change nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self
from urllib.parse import quote, urlencode, urlsplit

from kintsugi.workflow.payload import Payload, RequestContext

HEADER = "X-Kintsugi-Replay"
"""Carried by each request that Kintsugi sends again. Reports of such a request open nothing and count nothing."""

_SAFE = frozenset({"GET", "HEAD"})
_INTENT = re.compile(r"(?:(?P<method>[A-Z]{3,7}) )?(?P<path>/\S*)\Z")
# {id} FastAPI, Starlette, aiohttp; <int:id> Flask, Django; :id Express
_PARAMETER = re.compile(r"\{(\w+)[^}]*\}|<(?:[^<>:]*:)?(\w+)>|(?<=/):(\w+)")
_HIDDEN = re.compile(r"\*\*\*|\[Filtered\]", re.IGNORECASE)  # as we and Sentry write what was taken out
_MOST = 8_000  # characters of a request line that servers commonly read


@dataclass(frozen=True, slots=True)
class Request:
    """`target` is path and query, as they stand in the request line."""

    method: str
    target: str

    @classmethod
    def to(cls, method: str, path: str, query: str) -> Self:
        target = quote(path or "/", safe="/%:@!$&'()*+,;=~-._<>{}[]")
        return cls(method.upper(), f"{target}?{query}" if query else target)

    def __str__(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def digest(self) -> str:
        """What the answers to the same request are kept by. Hex SHA-256."""
        return sha256(str(self).encode(errors="replace")).hexdigest()


def request_of(payload: Payload) -> Request | str:
    """The request, or a sentence on why it cannot be sent again."""
    context = payload.request
    found = _reported(context) or _bound(context)
    if found is None:
        return "the report does not say which request failed"
    if not found.method:
        return "the report does not say by which method it was asked"
    if found.method not in _SAFE:
        return f"it was a {found.method}, and only GET and HEAD are sent again"
    if name := _PARAMETER.search(found.target.partition("?")[0]):
        return f"the report does not say what {name[0]} of its path was"
    if _HIDDEN.search(found.target):
        return "a part of its address was taken out as a secret"
    if len(found.target) > _MOST or not found.target.isprintable():
        return "its address is not one that can be sent"
    return found


def _reported(context: RequestContext) -> Request | None:
    """As a Sentry SDK tells it: the address itself, with the query."""
    url, method = context.entities.get("url"), context.entities.get("method")
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https", "") or not (parts.netloc or parts.path.startswith("/")):
        return None
    return Request.to(method if isinstance(method, str) else "", parts.path, parts.query)


def _bound(context: RequestContext) -> Request | None:
    """As telemetry tells it: a route for an intent. Entities fill its parameters; the others are the query."""
    found = _INTENT.match(context.intent or "")
    if found is None:
        return None
    path, _, query = found["path"].partition("?")
    names = {name for groups in _PARAMETER.findall(path) for name in groups if name}
    filled = _PARAMETER.sub(lambda match: _filled(match, context), path)
    rest = {name: value for name, value in context.entities.items() if name not in names}
    return Request.to(found["method"] or "GET", filled, "&".join(filter(None, (query, _query(rest)))))


def _filled(match: re.Match[str], context: RequestContext) -> str:
    value = context.entities.get(match[1] or match[2] or match[3])
    is_path = "path" in match[0]
    return match[0] if value in (None, "") else quote(str(value), safe="/" if is_path else "")


def _query(entities: dict[str, object]) -> str:
    return urlencode(entities, doseq=True, safe=",/:")
