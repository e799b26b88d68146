"""Secrets inside addresses: `scheme://user:password@host`, and user parts that are tokens themselves."""

from collections.abc import Iterable
from urllib.parse import unquote

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.keys import Grade
from kintsugi.telemetry.redact.looks import Look, looks
from kintsugi.telemetry.redact.values import is_secret, looks_random

_PLACEHOLDERS = ("x-oauth-basic", "x-token-auth", "x", "oauth2", "oauth")
_ENCODED = tuple(
    re.compile(
        rf"(?P<user>(?:(?!%(?:25){{{depth}}}(?:3A|40|2F))[^\s:/?#@\"'<>\\&]){{0,400}})"
        rf"(?:%(?:25){{{depth}}}3A(?P<password>(?:(?!%(?:25){{{depth}}}(?:40|2F))[^\s/?#@\"'<>\\&]){{1,256}}))?"
        rf"%(?:25){{{depth}}}40(?=[\w.%-])",
        re.IGNORECASE,
    )
    for depth in range(3)
)
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
# A user's name that is an address of mail; the password behind it may hold any sign but a slash.
_USER_OF_MAIL = re.compile(
    r"[^\s:/?#@\"'<>\\]{1,80}@[\w.-]{1,80}:(?P<password>[^\s\"'<>/\\]{3,256})@(?=[\w.-]{1,120}(?::\d{2,5})?(?:[/?\s\"']|$))"
)
_TOKEN = re.compile(r"(?P<password>[^\s:/?#@\"'<>\\]{8,2048})@(?=[\w.-]{2,})")
_NO_PORT = re.compile(
    r"[\w.-]{2,80}:(?P<password>(?!\d{1,5}(?:[/?;\s]|$))[^\s:/?#@\"'<>\\&${}%*]{12,200})(?=[?\s\"'/]|$)"
)
# A name and a password behind an address, as programs are told how to log in there.
_BESIDE = re.compile(
    r"[\w.:/-]{2,120} [A-Za-z][\w.@+-]{1,40}:(?P<password>[^\s:/\"'`,;()\[\]{}<>|=\\]{6,60})(?=\\{0,7}[\s\"']|$)"
)
_NAMED = re.compile(r"(?P<user>[^\s:/?#@\"'<>\\]{8,2048}):(?P<password>[\w-]{0,40})@(?=[\w.-]{3,})")
_WEB = ("http", "https", "ftp", "git", "ssh", "file", "s3", "ws", "wss")


def user_information(text: str, start: int, end: int) -> Iterable[Span]:
    """The secret before the host of the address whose `://` (or an escaped form of it) is `text[start:end]`."""
    named = _NAMED.match(text, end)
    if named and _is_token(named["user"]) and (not named["password"] or named["password"] in _PLACEHOLDERS):
        return [named.span("user")]
    found = _USER.match(text, end) or _USER_OF_MAIL.match(text, end)
    scheme = text[max(0, start - 5) : start].lower()
    if found is None and scheme[-1:].isalnum() and not scheme.endswith(_WEB):
        found = _LOOSE.match(text, end)
    if found:
        return [found.span("password")] if is_secret(found["password"], True, Grade.PASSWORD, prose=False) else []
    beside = _BESIDE.match(text, end)
    if beside and looks(beside["password"]) >= Look.LIKELY:
        return [beside.span("password")]
    odd = _NO_PORT.match(text, end)
    if odd and _is_token(odd["password"]):
        return [odd.span("password")]
    alone = _TOKEN.match(text, end)
    return [alone.span("password")] if alone and _is_token(alone["password"]) else []


_BEFORE_HOST = re.compile(
    r"(?<![\w:/@-])[\w.\\-]{1,40}(?:/[\w.-]{1,40})?:(?P<secret>(?=\D{0,60}\d)(?=[^A-Z]{0,60}[A-Z])(?=[^a-z]{0,60}[a-z])[0-9A-Za-z!#$%&*+^~?_.-]{8,60})$"
)
# The same before a host and its port, as errors show an address: there a password may be as weak as a name.
_BEFORE_PORT = re.compile(
    r"(?<![\w:/@.-])(?!(?:sips?|tel|mailto|xmpp|acct|e?mail|from|to|cc|user|username|login|id):)"
    r"(?P<name>[A-Za-z][\w.\\-]{1,40}|):(?P<secret>[^\s:/@\"'<>(){}\[\]]{6,60})$",
    re.IGNORECASE,
)
_BEHIND_SLASH = re.compile(
    r"(?:^|[\s\"'=])[A-Za-z][\w.$-]{1,40}/(?P<secret>[^\s:/@\"'<>(){}\[\]]{6,60})$"
)  # as Oracle has it
_PORT = re.compile(r"[\w.-]{2,80}:\d{2,5}(?![\w:])")
_HOST = re.compile(r"(?!sha\d)(?:[A-Za-z][\w-]{0,40}[A-Za-z\d]|\d{1,3}(?:\.\d{1,3}){3}(?![\w.]))")


def before_host(text: str, start: int, end: int) -> Iterable[Span]:
    """The password of `user:password@host` without a scheme: mixed as no version or tag is."""
    if text[start - 1].isspace():
        return ()
    window = text[max(0, start - 110) : start]
    if ":" not in window[-62:]:
        slashed = _BEHIND_SLASH.search(window) if "/" in window[-62:] and text[end - 1 : end + 2] != "@." else None
        if not slashed or looks(slashed["secret"]) < Look.LIKELY:
            return ()
        return ((start - len(slashed["secret"]), start),)
    found = _BEFORE_HOST.search(window) if _HOST.match(text, end) else None
    if not found and _PORT.match(text, end):
        found = _BEFORE_PORT.search(window)
        found = found if found and looks(found["secret"]) >= Look.FAINT else None
    begin = start - len(window)
    return ((begin + found.start("secret"), begin + found.end("secret")),) if found else ()


def encoded_user_information(text: str, start: int, end: int) -> Iterable[Span]:
    """The same of an address that stands encoded within another one, perhaps twice."""
    depth = text.count("25", start, end) // 3
    found = _ENCODED[depth].match(text, end)
    if not found:
        return ()
    if found["password"] is None:
        return (found.span("user"),) if _is_token(unquote(unquote(found["user"]))) else ()
    value = unquote(unquote(found["password"]))
    return (found.span("password"),) if is_secret(value, True, Grade.PASSWORD, prose=False) else ()


def _is_token(user: str) -> bool:
    return looks_random(user) and any(map(str.isdigit, user)) and "%40" not in user
