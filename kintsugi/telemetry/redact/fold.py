"""Folding: the text as the rules are to see it, with colour codes gone, look-alike signs made plain, and the line ends
of a text that stands in one string as what they are."""

import re
from typing import NamedTuple

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-")
_BLANKS = dict.fromkeys(
    map(ord, "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"), " "
)
_SIGNS = {
    0x2018: "'", 0x2019: "'", 0x201A: "'", 0x201B: "'", 0x2032: "'", 0x201C: '"', 0x201D: '"', 0x201E: '"', 0x201F: '"',
    0x2033: '"', 0x00AB: '"', 0x00BB: '"', 0x2236: ":", 0xFE55: ":", 0xFE13: ":", 0xA789: ":", 0x02D0: ":", 0x205A: ":",
    0x2550: "=", 0xFE66: "=", 0x207C: "=", 0xA78A: "=", 0x2192: ":", 0x21D2: ":", 0x2215: "/", 0x2044: "/",
    0x300C: ":", 0x300D: " ", 0x300E: ":", 0x300F: " ",
}  # fmt: skip
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF0D}
_PLAIN = {**_WIDE, **_BLANKS, **_DASHES, **_SIGNS}

_ODD = re.compile("[" + "".join(re.escape(chr(code)) for code in _PLAIN) + "]")
# Escape sequences of terminals, raw or written out, characters without width, and what precedes a line end elsewhere.
_VANISHING = re.compile(
    r"\r+(?=\n)|(?:\x1b|\x9b|\\x1b|\\u001b|\\033|\\e(?=\[))"
    r"(?:\[[0-9;:?]{0,24}[A-Za-z]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\))|\x9b[0-9;]{0,24}m"
    "|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_LINE_HINTS = ("\\n", "\\r", "\\t")
_HINTS = ("\\x1b", "\\u001b", "\\033", "\\e[", "\\xa0", "\\u00a0", "\\u20", "\\uff", "\\u30")
# An odd character written out, as `repr` and JSON do.
_WRITTEN = r"\\{1,8}(?:x(?P<byte>[0-9a-f]{2})|u(?P<unit>[0-9a-fA-F]{4}))"


# Line ends and tabs, written out once or more, as a text of many lines stands in JSON, in `repr` and in both.
# But a share of Windows begins like one: `\\nas\\public`.
_LINES = r"\\(?:(?P<share>(?<!\S\\)\\[\w.-]{1,60}(?:\\[\w.$-]{1,60})+)|\\{0,7}(?:r\\{1,8})?(?P<line>[nrt]))"
_LINE = re.compile(_LINES)
_OF_LINES = {"n": "\n", "r": "\n", "t": "\t"}
_TAKEN_OUT = re.compile(f"{_VANISHING.pattern}|{_LINES}|{_WRITTEN}")


class Folded(NamedTuple):
    """The text to look at, the same in lower case and of the same length, and where its characters came from.

    `origin[i]` is the place of `text[i]` in the original; it is None where nothing was taken out.
    """

    text: str
    lowered: str
    origin: list[int] | None


def fold(text: str) -> Folded:
    """Plain text comes back as it is; what parts arguments and variables of a process is a blank."""
    if "\0" in text:
        text = text.replace("\0", " ")
    is_plain = text.isascii() and "\x1b" not in text and "\r\n" not in text
    has_escapes = "\\" in text
    is_plain = is_plain and not (has_escapes and any(hint in text for hint in _HINTS))
    if is_plain and not (has_escapes and any(hint in text for hint in _LINE_HINTS)):
        return Folded(text, text.lower(), None)
    plain = text if is_plain or not _ODD.search(text) else text.translate(_PLAIN)
    kept, origin = _without(_LINE if is_plain else _TAKEN_OUT, plain)
    return Folded(kept, lower(kept), origin)


def _without(taken_out: re.Pattern[str], text: str) -> tuple[str, list[int] | None]:
    pieces: list[str] = []
    origin: list[int] = []
    end = 0
    for found in taken_out.finditer(text):
        instead = _instead(found)
        if instead is None:
            continue
        start = found.start()
        pieces += (text[end:start], instead)
        origin += range(end, start)
        origin += [start] * len(instead)
        end = found.end()
    if not end:
        return text, None
    origin.extend(range(end, len(text)))
    return "".join(pieces) + text[end:], origin


def _instead(found: re.Match[str]) -> str | None:
    """What stands for it in the folded text; None where it is an ordinary character and stays."""
    if found.lastindex is None:
        return ""
    if found["share"]:
        return None
    if found["line"]:
        return _OF_LINES[found["line"]]
    code = int(found[found.lastindex], 16)
    return _PLAIN.get(code) or ("" if _VANISHING.fullmatch(chr(code)) else None)


def lower(text: str) -> str:
    """In lower case and of the same length."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()  # the one that gets longer
