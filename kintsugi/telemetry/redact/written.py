"""Texts that are written within a text: in the string literals of JSON, of `repr` and of programs, percent-encoded, or
with the entities of HTML. Each is undone once, and the texts within that one are the next layer.

What a string holds is told by the signs around it, not by how many backslashes stand before a quote: so the quotes of a
layer end no value of the layer within.
"""

import re
from bisect import bisect_right
from collections.abc import Callable

from kintsugi.telemetry.redact.budget import Allowance
from kintsugi.telemetry.redact.fold import Folded, Origin, fold, is_of_syslog, lower
from kintsugi.telemetry.redact.keys import Grade, grade

Span = tuple[int, int]
Meant = Callable[[re.Match[str]], str]  # what a sign stands for

_MOST_LAYERS = 4
_OF_A_TEXT = 2  # what it takes to begin one, in signs
_OTHER = "~"  # for what is no ASCII
_BORDER = "\n\n"  # between two texts of a layer, which have nothing to do with each other

_HINT = re.compile(r"\\[^\w\s]|\\u00|\\[nrtx][^\n]*[\"'\\]|%[0-7][0-9A-Fa-f]|&#?\w{2,6};|</[a-zA-Z]")
# A string up to its end, or that of the line where it was cut.
_STRING = re.compile(
    r"(?<![\w\\])[bBrRuUfF]{0,2}(?:\"((?:[^\"\\\n]++|\\.)*+)(?:\"|$)|'((?:[^'\\\n]++|\\.)*+)(?:'|$))", re.M
)
# One escape, or the colour code that it begins.
_ESCAPE = re.compile(
    r"\\(?:x1b|u001b|033|e)\[[0-9;:?]{0,24}[A-Za-z]"
    r"|(?:\\r)?\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|([nrtbfvae0\"'\\/`]))"
)
_ESCAPED = {"n": "\n", "r": "\n", "t": "\t", "b": " ", "f": " ", "v": " ", "a": " ", "e": "\x1b", "0": " "}
_BASES = (16, 16, 8)

# A parameter of an address, or any other word.
_ENCODED = re.compile(
    r"(?<![^\s\"'<>\\&?])(?:(?P<name>[\w.-]{1,60}+)=)?(?=[^\s\"'<>\\&?]*%[0-7][0-9A-Fa-f])[^\s\"'<>\\&?]++"
)
_PERCENT = re.compile(r"%([0-7][0-9A-Fa-f])|(?:%[89A-Fa-f][0-9A-Fa-f]){1,400}|\+")

_ENTITY = re.compile(r"&(?:(quot|apos|lt|gt|amp|nbsp)|#(\d{2,4})|#[xX]([0-9A-Fa-f]{2,4}));|[<>\"]")
_MARKED_UP = re.compile(r"&(?:#\w{2,5}|quot|apos|lt|gt|amp|nbsp);|</[a-zA-Z]")
_AROUND = 400  # characters before the first entity: what tells of a secret may stand a few lines above it
_ENTITIES = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "amp": "&", "nbsp": " "}
_ESCAPED_QUOTE = re.compile(r"&(?:quot|#34|#x22);")
_SURROGATES = range(0xD800, 0xE000)


def holds_texts(text: str) -> bool:
    """Whether anything may be written within a text: as quickly as can be told."""
    return ("\\" in text or "%" in text or "&" in text or "</" in text) and _HINT.search(text) is not None


class Within:
    """A text as it is written within another one, ready to be looked at, and the way back."""

    def __init__(self, folded: Folded, layers: "list[_Layer]") -> None:
        self.folded = folded
        self._layers = layers

    def spans(self, spans: list[Span]) -> list[Span]:
        """Where these places stand in the outermost text."""
        if self.folded.origin is not None:
            spans = [self.folded.origin.span(start, stop) for start, stop in spans]
        for layer in reversed(self._layers):
            spans = layer.outwards(spans)
        return spans


def texts_within(text: str, allowance: Allowance) -> list[Within]:
    """The layers of a text, the outer ones first, as far as the allowance goes."""
    within: list[Within] = []
    layers: list[_Layer] = []
    for _ in range(_MOST_LAYERS):
        layer = _Layer(text, allowance)
        if not layer.length:
            break
        text = "".join(layer.pieces)
        layers = [*layers, layer]
        is_plain = text.isascii() and "\x1b" not in text and not is_of_syslog(text) and "[" not in text
        within.append(Within(Folded(text, lower(text), None) if is_plain else fold(text), layers))
    return within


class _Layer:
    """What stands within a text, one after the other."""

    def __init__(self, text: str, allowance: Allowance) -> None:
        self.pieces: list[str] = []
        self._origin = Origin()
        self._ends: list[int] = []  # of the texts in it
        self.length, self._allowance = 0, allowance
        self._text = text
        if "\\" in text:
            self._strings()
        if "%" in text:
            self._encoded()
        if ("&" in text and ";" in text) or "</" in text:
            self._marked_up()

    def outwards(self, spans: list[Span]) -> list[Span]:
        """Where these places stand in the text around it. Each ends with its text: what follows may stand before it."""
        ends, outer = [*self._ends, 0], list[Span]()
        for start, stop in spans:
            end = ends[bisect_right(self._ends, start)]
            if start < end:
                outer.append(self._origin.span(start, min(stop, end)))
        return outer

    def _strings(self) -> None:
        for found in _STRING.finditer(self._text):
            start, stop = found.span(found.lastindex or 0)
            if self._text.find("\\", start, stop) >= 0:
                self._take(_ESCAPE, start, stop, _of_a_string)

    def _encoded(self) -> None:
        for found in _ENCODED.finditer(self._text):
            name = found["name"]
            if not name or grade(name, True) is Grade.NONE:  # else the value is all of it
                self._take(_PERCENT, *found.span(), _of_an_address if "%20" in found[0] else _of_a_form)

    def _marked_up(self) -> None:
        text = self._text
        first = _MARKED_UP.search(text)
        if first:
            quote = "\n" if _ESCAPED_QUOTE.search(text) else '"'
            start = text.rfind("\n", 0, max(0, first.start() - _AROUND)) + 1
            self._take(_ENTITY, start, len(text), lambda sign: _of_markup(sign, quote))

    def _take(self, signs: re.Pattern[str], start: int, stop: int, meant: Meant) -> None:
        """A text within: what is written out as what it means, the rest as it is."""
        if self._allowance.signs <= 0:
            return
        pieces, origin, at, end = self.pieces, self._origin, self.length, start
        before = len(pieces)
        for found in signs.finditer(self._text, start, stop):
            begin = found.start()
            sign = meant(found)
            pieces += (self._text[end:begin], sign)
            origin.add(at, end)
            at += begin - end
            end = found.end()
            if sign:
                origin.add(at, begin, end)
                at += 1
        self._allowance.signs -= _OF_A_TEXT + (len(pieces) - before) // 2
        pieces += (self._text[end:stop], _BORDER)
        origin.add(at, end)
        self._ends.append(at + stop - end)
        self.length = at + stop - end + len(_BORDER)


def _of_a_string(escape: re.Match[str]) -> str:
    kind = escape.lastindex
    if not kind:
        return ""
    return _ESCAPED.get(escape[4], escape[4]) if kind == 4 else _sign(int(escape[kind], _BASES[kind - 1]))


def _of_an_address(sign: re.Match[str]) -> str:
    return _sign(int(sign[1], 16)) if sign[1] else "+" if sign[0] == "+" else _OTHER


def _of_a_form(sign: re.Match[str]) -> str:
    return " " if sign[0] == "+" else _of_an_address(sign)


def _of_markup(sign: re.Match[str], quote: str) -> str:
    name, decimal, hexadecimal = sign.groups()
    if name:
        return _ENTITIES[name]
    if decimal or hexadecimal:
        return _sign(int(decimal) if decimal else int(hexadecimal, 16))
    return quote if sign[0] == '"' else "\n"


def _sign(code: int) -> str:
    """One sign for each that was written out, so that every place has its way back."""
    return " " if code in _SURROGATES or not code else chr(code)
