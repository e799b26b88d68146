"""The one redactor: takes secrets out of any text and leaves everything else as it was.

`redact()` serves the whole process. It knows the shapes of secrets, and the process's own secrets once
they were handed to `remember()`: like the root logger, they are a fact of the process.
"""

import re
from collections.abc import Iterable
from functools import cache

from kintsugi.telemetry.redact.fold import Folded, fold
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.registry import forms
from kintsugi.telemetry.redact.scan import KINDS, Found, Scanner, Span
from kintsugi.telemetry.redact.stream import LineState, filter_lines, filter_stream
from kintsugi.telemetry.redact.values import MASK, is_secret, looks_random

__all__ = [
    "MASK",
    "UNREADABLE",
    "LineState",
    "Redactor",
    "filter_lines",
    "filter_stream",
    "redact",
    "redact_field",
    "remember",
]

UNREADABLE = "[redaction failed: text withheld]"
_PASSES = 6
_HEADERS = ("zation", "cookie")  # the ends of authorization, proxy-authorization, cookie and set-cookie
_REST_OF_WORD = re.compile(r"[0-9A-Za-z]*")
_JOINED_RUN = re.compile(r"[-_][0-9A-Za-z_-]{9,600}")


class Redactor:
    """Redacts strings; knows the secrets it was made with and those it is told later."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.hidden = dict.fromkeys(KINDS, 0)  # how many places so far, by what they were found by
        self._own = forms(secrets)
        self._scanner = Scanner(self._own)

    def remember(self, secrets: Iterable[str]) -> None:
        """Adds secrets of this process: from now on they are hidden wherever they stand, in any encoding."""
        own = sorted({*self._own, *forms(secrets)}, key=len, reverse=True)
        self._own, self._scanner = own, Scanner(own)

    def redact(self, text: str) -> str:
        """The text with every secret as `***`; never raises: what cannot be judged is withheld whole."""
        try:
            return self._settled(text)
        except Exception:
            return UNREADABLE

    def is_clean(self, text: str) -> bool:
        """Whether nothing in the text so much as leads to a secret. A quick look: False may mean "perhaps"."""
        return (
            text.isascii() and "\\" not in text and "\x1b" not in text and not self._scanner.find_literals(text.lower())
        )

    def _settled(self, text: str) -> str:
        """Hides until nothing more is found, so that redacting twice is redacting once."""
        for _ in range(_PASSES):
            folded = fold(text)
            spans = self._scanner.spans(folded)
            if not spans:
                return text
            hidden = _hide(text, spans, folded)
            if hidden == text:
                return text
            for _, _, kind in spans:
                self.hidden[kind] += 1
            text = hidden
        return text


def _hide(text: str, spans: list[Found], folded: Folded) -> str:
    pieces: list[str] = []
    end = 0
    for start, stop in _merged(spans, folded.text):
        begin, finish = _in_original(start, stop, folded)
        pieces += (text[end:begin], MASK)
        end = finish
    return "".join(pieces) + text[end:]


def _merged(spans: list[Found], text: str) -> list[Span]:
    merged: list[Span] = []
    for start, end, _ in spans:
        before = merged[-1][1] if merged else -1
        if start < before:
            merged[-1] = (merged[-1][0], _end_of_word(text, end) if end > before else before)
        elif end > start:
            merged.append((start, _end_of_word(text, end)))
    return merged


def _end_of_word(text: str, end: int) -> int:
    """A secret does not end within a word, nor before a random-looking run that a dash or underscore joins to it."""
    if not 0 < end < len(text) or not text[end - 1].isalnum():
        return end
    rest = _REST_OF_WORD.match(text, end) if text[end].isalnum() else None
    end = rest.end() if rest else end
    joined = _JOINED_RUN.match(text, end)
    return joined.end() if joined and looks_random(joined[0][1:]) else end


def _in_original(start: int, stop: int, folded: Folded) -> Span:
    if folded.origin is None:
        return start, stop
    return folded.origin[start], folded.origin[stop - 1] + 1


@cache
def of_this_process() -> Redactor:
    """The redactor behind `redact()`."""
    return Redactor()


def redact(text: str) -> str:
    """The text without secrets; the same text where there are none."""
    return of_this_process().redact(text)


def remember(secrets: Iterable[str]) -> None:
    """Makes the process's own secrets known to `redact()`, in every encoding they may turn up in."""
    of_this_process().remember(secrets)


def redact_field(name: str, value: str) -> str:
    """The value of a field, judged with its name in view: `***` where the name says that it is a secret."""
    level = grade(name)
    if level is Grade.SECRET:
        level = Grade.PASSWORD  # as a field of its own the value cannot be a word of a sentence
    if level and is_secret(value, True, level, prose=False):
        of_this_process().hidden["keyed"] += 1
        return MASK
    if name[-6:].lower() in _HEADERS:
        lead = f"{name}: "
        return redact(lead + value)[len(lead) :]
    return redact(value)
