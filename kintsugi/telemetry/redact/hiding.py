"""From the places found to the text without them."""

from bisect import bisect_right

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.looks import MADE_UP_WORD, is_of_people
from kintsugi.telemetry.redact.rules import Span
from kintsugi.telemetry.redact.scan import Found
from kintsugi.telemetry.redact.values import MASK, looks_random

_REST_OF_WORD = re.compile(r"[0-9A-Za-z]*")
_JOINTS = ("-", "_")
_JOINED_RUN = re.compile(r"[-_][0-9A-Za-z_-]{9,600}")


def hide(text: str, spans: list[Span]) -> str:
    """The text with a mask in the place of each span; they are in order and do not overlap."""
    pieces: list[str] = []
    end = 0
    for start, stop in spans:
        pieces += (text[end:start], MASK)
        end = stop
    return "".join(pieces) + text[end:]


def merged(spans: list[Found], text: str) -> list[Span]:
    """What was found, in order, as spans that do not overlap and that end where a word does."""
    whole: list[Span] = []
    for start, end, _ in spans:
        before = whole[-1][1] if whole else -1
        if start < before:
            whole[-1] = (whole[-1][0], _end_of_word(text, end) if end > before else before)
        elif end > start:
            whole.append((start, _end_of_word(text, end)))
    return whole


def is_whole(found: Found, text: str) -> bool:
    """Whether what was found is a span as it is: it ends where a word does, and stands in the text once."""
    start, end, kind = found
    if text[end : end + 1].isalnum() or text[end : end + 1] in _JOINTS:
        return False
    return kind not in _REPEATED or end - start < _SHORTEST or text.count(text[start:end]) == 1


def apart(inner: list[Span], outer: list[Span]) -> list[Span]:
    """All, in order, but of those that overlap or touch only one, that of an inner text if there is one."""
    known = {*inner}
    kept = sorted(known)
    begins = [start for start, _ in kept]
    for start, stop in sorted({*outer} - known):
        at = bisect_right(begins, stop)
        if not at or kept[at - 1][1] < start:
            begins.insert(at, start)
            kept.insert(at, (start, stop))
    return kept


_CONTINUED = re.compile(
    r"\\{0,7}[\"'][ \t]*\\?\r?\n[ \t]*[bBrRuU]{0,2}(?P<quote>\\{0,7}[\"'])(?P<rest>[^\"'\n]{1,400}?)(?P=quote)"
    r"(?!\s?[:=]>? ?\S|\s?, ?[\"'])"  # the name in the next row
)
_MOST_PIECES, _QUOTES = 50, ('"', "'")


def continued(found: list[Found], text: str) -> list[Found]:
    """With the literals of the next lines that a found one is joined with, as programs are broken into lines."""
    more: list[Found] = []
    for start, end, kind in found:
        at = end
        for _ in range(_MOST_PIECES if text[start - 1 : start] in _QUOTES else 0):
            following = _CONTINUED.match(text, at)
            if not following:
                break
            more.append((*following.span("rest"), kind))
            at = following.end("rest")
    return sorted(found + more) if more else found


_REPEATED, _SHORTEST, _MOST_TIMES = frozenset(("keyed", "command", "url")), 8, 20
_NEAR, _MOST_READ = 500, 500_000  # characters: what is told late in a long text is looked for near by alone


def repeated(found: list[Found], text: str) -> list[Found]:
    """With the other places of what a key, a command or an address told to be a secret."""
    more: list[Found] = []
    left = _MOST_READ
    for start, end, kind in found:
        if kind not in _REPEATED or end - start < _SHORTEST:
            continue
        at, stop = (-1, len(text)) if left >= len(text) else (max(0, start - _NEAR) - 1, end + _NEAR)
        value = text[start:end]
        left -= len(text)
        if text.count(value, at + 1, stop) < 2 or not _is_surely_one(value):
            continue
        for _ in range(_MOST_TIMES):
            at = text.find(value, at + 1, stop)
            if at < 0:
                break
            more.append((at, at + len(value), kind))
    return sorted(found + more) if more else found


def _is_surely_one(value: str) -> bool:
    """A number or the name of a class may be hidden once by mistake, but not all over a text."""
    is_random = value.isalnum() and not value.isdigit() and looks_random(value)
    return is_random or is_of_people(value) or MADE_UP_WORD.fullmatch(value) is not None


def _end_of_word(text: str, end: int) -> int:
    """A secret does not end within a word, nor before a random-looking run that a dash or underscore joins to it."""
    if not 0 < end < len(text) or not text[end - 1].isalnum():
        return end
    rest = _REST_OF_WORD.match(text, end) if text[end].isalnum() else None
    end = rest.end() if rest else end
    joined = _JOINED_RUN.match(text, end) if text[end : end + 1] in _JOINTS else None
    return joined.end() if joined and looks_random(joined[0][1:]) else end
