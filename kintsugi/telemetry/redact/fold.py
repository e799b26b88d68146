"""Folding: the text as the rules are to see it, with colour codes gone, look-alike signs made plain, and the line ends
of a text that stands in one string as what they are."""

from bisect import bisect_right
from itertools import islice
from typing import NamedTuple

from kintsugi.telemetry import lazy_re as re

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
    r"\r+(?=\n)|(?:\x1b|\x9b|\\x1b|\\u001b|\\033|\\e(?=\[)|\^\[(?=\[)|\#033(?=\[))"
    r"(?:\[[0-9;:?]{0,24}[A-Za-z]|\][^\x07\x1b\n]{0,256}(?:\x07|\x1b\\))|\x9b[0-9;]{0,24}m"
    "|[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb]"
)
_LINE_HINTS = ("\\n", "\\r", "\\t")
_HINTS = ("\\x1b", "\\033", "\\e[", "\\xa0", "\\u")
# An odd character written out, as `repr` and JSON do.
_WRITTEN = r"\\{1,8}(?:x(?P<byte>[0-9a-f]{2})|u(?P<unit>[0-9a-fA-F]{4}))"


# Line ends and tabs, written out once or more, as a text of many lines stands in JSON, in `repr` and in both.
# But a share of Windows begins like one: `\\nas\\public`, with twice as many backslashes as stand within.
_LINES = (
    r"\\(?:(?P<share>(?<![^\s\"'=(\[:]\\)(?P<more>\\{0,7})\\(?P=more)[\w.-]{1,60}"
    r"(?:\\(?P=more)(?!x1b|u001b|033)[\w.$-]{1,60})+)"  # not the colour behind a word that begins with a backslash
    r"|(?P<deep>\\{0,7})(?:r\\{1,8})?(?P<line>[nrt]))"
)
# Line ends and tabs as rsyslog writes them; behind a blank or a sign one alone may be a number or a colour.
_OCTAL = r"(?:(?<![\s:=\"'#(,&])|(?=\#01[125]\#01[125]))(?:\#015)?\#0(?P<octal>1[125])(?![0-9A-Fa-f]{3}(?![0-9A-Fa-f]))"
_LINE = re.compile(_LINES)
_QUOTES, _NESTED = ('"', "'", "`"), ('\\"', "\\'", '\\\\\\"', "\\\\\\'", '\\\\\\\\\\\\\\"')
_DEPTHS = (1, 2, 2, 3, 3, 3, 3, 4)  # by how many more backslashes
# Behind an option or the name of a field: the domain of a user.
_OF_A_DOMAIN = re.compile(
    r"(?:[-/][A-Za-z]{1,10}[ :=]|(?i:user|login|id|account|runas)['\"]?[ :=]{1,2}['\"]?)[A-Z][A-Z\d.-]{0,14}$"
)
_LONGEST_OPTION = 32
_OTHER_LINES = [re.compile(rf"(?<![A-Z\\])\\{{{more + 1}}}n") for more in range(8)]
_ONE_WORD = re.compile(r"[^\s\"'\\]{3,80}\\{0,7}[\"']")  # a word in quotes, with it in front
_ASCII = 0x7F
_BOX = range(0x2500, 0x2580)  # what tables and the locals of a traceback are drawn with
_OF_LINES = {"n": "\n", "r": "\n", "t": "\t"}
_TAKEN_OUT = re.compile(f"{_VANISHING.pattern}|{_LINES}|{_WRITTEN}|{_OCTAL}")


class Folded(NamedTuple):
    """The text to look at, the same in lower case and of the same length, and where its characters came from: None
    where nothing was taken out."""

    text: str
    lowered: str
    origin: "Origin | None"


class Origin:
    """Where each run of characters of a folded text came from: as it was, or one character for what was written out."""

    def __init__(self) -> None:
        self._begins: list[int] = []  # of the runs, in the folded text
        self._starts: list[int] = []  # and in the original
        self._stops: list[int] = []  # there, of one that was written out

    def add(self, begin: int, start: int, stop: int = 0) -> None:
        self._begins.append(begin)
        self._starts.append(start)
        self._stops.append(stop)

    def span(self, start: int, stop: int) -> tuple[int, int]:
        """The place in the original of what stands at `[start, stop)`."""
        first, last = bisect_right(self._begins, start) - 1, bisect_right(self._begins, stop - 1) - 1
        end = self._stops[last] or self._starts[last] + stop - self._begins[last]
        return self._starts[first] + start - self._begins[first], end


def fold(text: str) -> Folded:
    """Plain text comes back as it is; what parts arguments and variables of a process is a blank."""
    if "\0" in text:
        text = text.replace("\0", " ")
    is_plain = text.isascii() and "\x1b" not in text and "\r\n" not in text and not is_of_syslog(text)
    has_escapes = "\\" in text
    is_plain = is_plain and not (has_escapes and any(hint in text for hint in _HINTS))
    if is_plain and not (has_escapes and any(hint in text for hint in _LINE_HINTS)):
        return Folded(text, text.lower(), None)
    plain = text if is_plain or not _ODD.search(text) else text.translate(_PLAIN)
    kept, origin = _without(_LINE if is_plain else _TAKEN_OUT, plain)
    return Folded(kept, lower(kept), origin)


def is_of_syslog(text: str) -> bool:
    """Whether a text may hold control characters as syslog daemons (`#012`) and terminals (`^[`) show them."""
    return "#0" in text or "^[[" in text


def _without(taken_out: re.Pattern[str], text: str) -> tuple[str, Origin | None]:
    pieces: list[str] = []
    origin = Origin()
    at = end = 0
    strings = _Strings(text)
    for found in taken_out.finditer(text):
        line = found["line"]
        instead = _instead(found) if not line else _OF_LINES[line] if strings.hold(found) else None
        if instead is None:
            continue
        start, stop = found.span()
        pieces += (text[end:start], instead)
        origin.add(at, end)
        at += start - end
        if instead:
            origin.add(at, start, stop)
            at += 1
        end = stop
    if not end:
        return text, None
    origin.add(at, end)
    return "".join(pieces) + text[end:], origin


class _Strings:
    """Whether a written line end stands in a string, or begins the name of a user (`CORP\\tom`) or is in a password.

    Each string in a string doubles its backslashes, and has quotes of its own. A line that was written out without
    quotes has more than one.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._begin, self._stop = 0, -1  # of the line that is known
        self._opened: list[int] = []  # where so many kinds of quotes were seen in it
        self._has_many: dict[int, bool] = {}  # line ends with so many more backslashes

    def hold(self, found: re.Match[str]) -> bool:
        start, end = found.span()
        text = self._text
        if start >= self._stop:
            self._begin_line(start)
        before = text[start - 1 : start]
        if before in _QUOTES and _ONE_WORD.match(text, end):
            return False
        if before.isupper() and text[end : end + 1].islower() and self._is_behind_a_domain(start):
            return False
        deep = len(found["deep"])
        depth, opened = _DEPTHS[deep], self._opened
        if depth <= len(opened) and opened[depth - 1] < start:
            return True
        if deep not in self._has_many:
            others = islice(_OTHER_LINES[deep].finditer(text, self._begin, self._stop), 2)
            self._has_many[deep] = len(list(others)) > 1
        return self._has_many[deep]

    def _is_behind_a_domain(self, at: int) -> bool:
        return _OF_A_DOMAIN.search(self._text, max(0, at - _LONGEST_OPTION), at) is not None

    def _begin_line(self, at: int) -> None:
        text = self._text
        begin, stop = text.rfind("\n", 0, at) + 1, text.find("\n", at)
        self._begin, self._stop = begin, stop if stop >= 0 else len(text)
        self._has_many = {}
        opened = [first for quote in _QUOTES if (first := text.find(quote, begin, self._stop)) >= 0]
        if opened:
            opened += (first for quote in _NESTED if (first := text.find(quote, begin, self._stop)) >= 0)
            opened.sort()
        self._opened = opened


def _instead(found: re.Match[str]) -> str | None:
    """What stands for it in the folded text; None where it is an ordinary character and stays."""
    if found.lastindex is None:
        return ""
    if found["share"]:
        return None
    if found.lastgroup == "octal":
        return "\t" if found["octal"] == "11" else "\n"
    code = int(found[found.lastindex], 16)
    if code in _BOX or (found["unit"] and code > _ASCII and chr(code).isalpha()):
        return chr(code)  # JSON writes out letters of other languages than English
    return _PLAIN.get(code) or ("" if _VANISHING.fullmatch(chr(code)) else None)


def lower(text: str) -> str:
    """In lower case and of the same length."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()  # the one that gets longer
