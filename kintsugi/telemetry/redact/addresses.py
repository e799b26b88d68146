"""Secrets inside addresses: `scheme://user:password@host`, and user parts that are tokens themselves."""

import re
from collections.abc import Iterable

from kintsugi.telemetry.redact.keys import Grade
from kintsugi.telemetry.redact.values import is_secret, looks_random

Span = tuple[int, int]

# A password in an address may hold raw signs that it should not. The last @ before a host is the end of it.
_USER = re.compile(
    r"(?P<user>[^\s:/?#@\"'<>\\]{0,160}):"
    r"(?P<password>[^\s\"'<>@/\\]{1,256}(?:@[^\s\"'<>@/\\]{1,256}){0,4})@(?=[\w.\[{<$%-])"
)
_LOOSE = re.compile(
    r"(?P<user>[^\s:/?#@\"'<>\\]{0,160}):"
    r"(?P<password>[^\s\"'<>]{1,256}?)@(?=[\w.-]{1,120}(?::\d{2,5})?(?:[/?\s\"'),;]|$))"
)
_TOKEN = re.compile(r"(?P<password>[^\s:/?#@\"'<>\\]{8,2048})@(?=[\w.-]{3,})")
_WEB = ("http", "https", "ftp", "git", "ssh", "file", "s3", "ws", "wss")


def user_information(text: str, start: int, end: int) -> Iterable[Span]:
    """The secret before the host of the address whose `://` (or an escaped form of it) is `text[start:end]`."""
    found = _USER.match(text, end)
    scheme = text[max(0, start - 5) : start].lower()
    if found is None and scheme[-1:].isalnum() and not scheme.endswith(_WEB):
        found = _LOOSE.match(text, end)
    if found:
        return [found.span("password")] if is_secret(found["password"], True, Grade.PASSWORD, prose=False) else []
    alone = _TOKEN.match(text, end)
    return [alone.span("password")] if alone and _is_token(alone["password"]) else []


def _is_token(user: str) -> bool:
    return looks_random(user) and any(map(str.isdigit, user)) and "%40" not in user
