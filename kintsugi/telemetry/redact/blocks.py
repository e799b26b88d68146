"""Private keys in PEM armour: whole, written with `\\n`, encoded, or cut at either end."""

import base64
from collections.abc import Iterable

from kintsugi.telemetry import lazy_re as re

Span = tuple[int, int]

_LONGEST = 20_000
_BEGIN = re.compile(r"-{2,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{2,5}", re.IGNORECASE)
_END = re.compile(r"-{2,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{2,5}", re.IGNORECASE)
_FENCE = re.compile(r"-{2,5} ?(?P<which>BEGIN|END) [A-Z0-9 ]{0,40}PRIVATE KEY", re.IGNORECASE)
# What may stand between the armour's lines: real line ends, written ones, quotes and commas of lists, prefixes.
_GAP = r"(?:\\{1,16}[nrt]|[\s\"',+>|]|\\(?=\s)|%0[AaDd])"
_BODY = re.compile(
    rf"(?:{_GAP}{{0,40}}+(?:(?:Proc-Type|DEK-Info|Version|Comment|Hash|MessageID|Charset): ?[^\n\\]{{0,120}}|"
    rf"[A-Za-z0-9+/=_-]{{4,4096}}(?=\W|$)|\*\*\*)){{1,600}}"
)
_HIDDEN = re.compile(rf"(?:{_GAP}|\*\*\*){{0,60}}")
_ARMOURED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\\r\n\t"
_ARMOURED_LINE = re.compile(r"[A-Za-z0-9+/=]{24}")


def private_key(text: str, start: int, end: int) -> Iterable[Span]:
    """The body after a BEGIN line; up to the END line, or as far as it looks like a body."""
    begin = _BEGIN.search(text, max(0, start - 60), end + 40)
    if begin:
        return _after_begin(text, begin.end())
    finish = _END.search(text, max(0, start - 60), end + 40)
    return _before_end(text, finish.start()) if finish else ()


_ENCODED = re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/_-]{16,16000}={0,2}")
_OF_KEY = re.compile(rb"PRIVATE KEY")


def encoded_key(text: str, start: int, end: int) -> Iterable[Span]:
    """A private key whose armour is in base64 once more, as Kubernetes keeps secrets."""
    found = _ENCODED.match(text, start)
    if not found:
        return ()
    head = found[0][:80].rstrip("=").replace("-", "+").replace("_", "/")
    decoded = base64.b64decode(head[: len(head) // 4 * 4])
    return (found.span(),) if _OF_KEY.search(decoded) else ()


def _after_begin(text: str, at: int) -> Iterable[Span]:
    following = _FENCE.search(text, at, at + _LONGEST)
    if following and following["which"].upper() == "END":
        stop = following.start()
    else:
        body = _BODY.match(text, at, at + _LONGEST)
        stop = body.end() if body else at
    return () if _HIDDEN.fullmatch(text, at, stop) else (_trimmed(text, at, stop),)


def _before_end(text: str, at: int) -> Iterable[Span]:
    window = text[max(0, at - 2_400) : at]
    body = window[len(window.rstrip(_ARMOURED)) :]
    return (_trimmed(text, at - len(body), at),) if _ARMOURED_LINE.search(body) else ()


def _trimmed(text: str, start: int, stop: int) -> Span:
    """Without the line ends around the body, raw or written out, so that the armour keeps its shape."""
    lead = re.match(r"(?:\\{1,16}[nr]|\s){0,4}", text[start : start + 40])
    start += lead.end() if lead else 0
    tail = re.search(r"(?:\\{1,16}[nr]|\s){1,4}$", text[max(start, stop - 40) : stop])
    return start, stop - (len(tail[0]) if tail else 0)
