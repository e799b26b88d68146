"""Secrets in headers: Authorization in any of its forms, the scheme alone, and cookies."""

import base64
import binascii
from collections.abc import Iterable, Iterator

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.between import AFTER
from kintsugi.telemetry.redact.budget import VAIN
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.values import is_phrase_of_header, is_secret, looks_random, read

Span = tuple[int, int]

_SCHEME = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9_-]{1,24})(?:[ \t]{1,3}|%20|\+)(?=[^\s,;:=])"
    r"(?P<credentials>\$?\{[^{}]{0,80}\}|<[^<>]{0,80}>|[^\s\"'`,;\\<>(){}\[\]|]{1,8192})"
)
_HEADER_LENGTH = 4_096
_NEXT_HEADER = re.compile(r"[\r\n]|\\[rn]|[,;]? [A-Za-z-]{2,40}: ")
_PARAMETERS = frozenset(("digest", "oauth", "aws4-hmac-sha256", "hawk", "signature", "mac", "hmac", "nls"))
_PARAMETER = re.compile(
    r"(?P<name>response|nonce|cnonce|opaque|signature|mac|oauth_\w{1,30}|token|hash|sig|tag)\\?=\\{0,3}\"?"
    r"(?P<value>[^\s\",;\\]{4,400})",
    re.IGNORECASE,
)
_HEADER_OF_WORDS = re.compile(
    r"[a-z]{2,14}(?: [a-z]{2,14}){1,8}(?=\r?\n[A-Z][A-Za-z-]{1,30}: )|[a-z]{2,14}(?: [a-z]{2,14}){2,8}(?=\s{0,4}$)"
)
_COOKIE = re.compile(r"(?<=[;{ ,&\"'`:=\n])[ \t]*(?P<name>[^\s=;,\"'{}]{1,80})=(?P<value>[^\s;\"']{1,8192})")
_COOKIE_ATTRIBUTES = frozenset(
    ("path", "domain", "expires", "max-age", "samesite", "secure", "httponly", "priority", "version", "comment")
)
_BARE_SCHEME = re.compile(r"(?i:bearer|apikey|basic)(?:[ \t]{1,3}|%20|\+|:[ \t]?)(?P<value>[\w.~+/=:%-]{8,8192})")
_BEARER_NAMES = frozenset(("bearer", "bot", "token", "apikey", "api-key", "basic", "ssws", "geniekey", "jwt", "key"))


_A_NAME = re.compile(r"\\{0,7}[\"'] ?:")  # …_authorization", "ip": …
_FAR, _MOST_PARAMETERS, _MOST_HARMLESS = 200, 200, 24


def authorization(text: str, at: int, after: re.Match[str], *, is_line: bool) -> Iterable[Span]:
    if after["gap"] or after["prose"] or after["element"] or after["call"] or after["below"]:
        return ()
    value = read(text, at)
    if value is None or after["cell"] == "|" or (after["pair"] and _A_NAME.match(text, value.end)):
        return ()
    begin, end = value.start, value.end if value.quoted else value.start + _HEADER_LENGTH
    scheme = _SCHEME.match(text, begin, end)
    following = _NEXT_HEADER.search(text, begin, scheme.end() + 2) if scheme and not value.quoted else None
    if following:
        scheme = _SCHEME.match(text, begin, following.start())
    is_alone = scheme is not None and "=" not in scheme["credentials"] and looks_random(scheme["credentials"])
    if scheme and not is_alone and (scheme["scheme"].lower() in _PARAMETERS or scheme["scheme"].startswith("AWS4")):
        return [found.span("value") for found in _in_a_row(_PARAMETER, text, begin, end, value.quoted)]
    if scheme and (scheme["scheme"].lower() in _BEARER_NAMES or looks_random(scheme["credentials"])):
        return _unless_plain(text, *scheme.span("credentials"), sure=scheme["scheme"].lower() in _BEARER_NAMES)
    if value.quoted and is_phrase_of_header(text[begin : value.end]):
        return ((begin, value.end),)
    line = _HEADER_OF_WORDS.match(text, at) if is_line else None
    if line and is_phrase_of_header(line[0]):
        return (line.span(),)
    return _unless_plain(text, begin, value.end, sure=False)


# Of a request as a service signs it: a header `x-…-signature`, with the time and how it was made beside it, or not.
_SIGNED = re.compile(r"(?i:http_)?(?i:x[-_][\w-]{0,40}|[\w-]{1,40}-)signature(?:-\w{1,8})*\Z", re.IGNORECASE)
_SIGNATURE = re.compile(
    r"(?:\\{0,7}[\"'])?(?:\w{1,10}=[\w.-]{1,20},\s?){0,3}(?:\w{1,10}=)?(?P<secret>[0-9A-Fa-f]{32,128}|[\w+/-]{24,344}={0,2})(?![\w.])"
)


def signature(text: str, name: str, at: int) -> tuple[Span, ...]:
    """The signature of a request that stands at `at`, behind a header of this name."""
    found = _SIGNATURE.match(text, at) if _SIGNED.match(name) else None
    return (found.span("secret"),) if found and looks_random(found["secret"]) else ()


def _in_a_row(pattern: re.Pattern[str], text: str, at: int, end: int, quoted: bool) -> Iterator[re.Match[str]]:
    """The parameters or cookies from here on, each at most so far from the last, up to the next header.

    What is far away is not looked for: a text full of headers without an end would cost its square.
    """
    for _ in range(_MOST_PARAMETERS):
        near = min(at + _FAR, end)
        found = pattern.search(text, at, near) if text.find("=", at, near) >= 0 else None
        if found and found.end() == near < end:
            found = pattern.match(text, found.start(), end)
        following = _NEXT_HEADER.search(text, at, found.end()) if found and not quoted else None
        if found and following:
            found = pattern.match(text, found.start(), max(following.start(), found.start()))
        if not found:
            return
        yield found
        at = found.end()


def _unless_plain(text: str, start: int, end: int, sure: bool) -> Iterable[Span]:
    while end > start and text[end - 1] in ".,:;":
        end -= 1
    hidden = is_secret(text[start:end], True, Grade.PASSWORD if sure else Grade.SECRET, prose=True)
    return ((start, end),) if hidden else ()


def cookies(text: str, start: int, end: int) -> Iterable[Span]:
    """The values of a Cookie or Set-Cookie header, in any notation; its attributes stay."""
    after = AFTER.match(text, end)
    if not after or after["call"] or after["element"] or after["prose"] or after["below"]:
        return
    value = read(text, after.end())
    if value is None:
        return
    whole_line = not value.quoted and after["sign"] == ":"
    stop = value.start + _HEADER_LENGTH if whole_line else value.end
    only_first = text[max(0, start - 4) : start].lower() == "set-"
    harmless = 0
    for index, found in enumerate(_in_a_row(_COOKIE, text, value.start, stop, not whole_line)):
        if (index and only_first) or harmless > _MOST_HARMLESS:
            return
        harmless += 1
        if found["name"].lower() not in _COOKIE_ATTRIBUTES and _is_cookie_secret(found["name"], found["value"]):
            harmless = 0
            yield found.span("value")
        else:
            yield VAIN


def _is_cookie_secret(name: str, value: str) -> bool:
    return is_secret(value, True, Grade.PASSWORD, prose=False) and not (
        value.isalpha() and len(value) < 8 and not grade(name, in_address=True)
    )


def bare_scheme(text: str, start: int, end: int) -> Iterable[Span]:
    """`Bearer …` and `Basic …` away from their header, where a random-looking value follows."""
    found = _BARE_SCHEME.match(text, start)
    if not found:
        return ()
    value, (begin, stop) = found["value"].rstrip(".:"), found.span("value")
    if text[start:end].lower().startswith("basic"):
        return ((begin, stop),) if _is_basic(value) else ()
    return ((begin, begin + len(value)),) if looks_random(value) else ()


def _is_basic(value: str) -> bool:
    try:
        decoded = base64.b64decode(value[: len(value) // 4 * 4], validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.replace(b"\n", b"").isascii()
