"""The one redactor: takes secrets out of any text and leaves everything else as it was.

`redact()` serves the whole process. It knows the shapes of secrets, and the process's own secrets once
they were handed to `remember()`: like the root logger, they are a fact of the process.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, cached_property, lru_cache, partial
from typing import NamedTuple

from kintsugi.telemetry.redact.again import REACH, Work, work_on
from kintsugi.telemetry.redact.alone import OF_BUTTONS, is_secret_field
from kintsugi.telemetry.redact.budget import GENEROUS, STRETCH, USUAL, Allowance, Budget
from kintsugi.telemetry.redact.diffs import redacted_diff
from kintsugi.telemetry.redact.fold import Folded, fold, is_of_syslog
from kintsugi.telemetry.redact.hiding import apart, continued, hide, is_whole, merged, repeated
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.looks import is_folder
from kintsugi.telemetry.redact.personal import kinds_of
from kintsugi.telemetry.redact.registry import forms
from kintsugi.telemetry.redact.rules import KINDS, Span
from kintsugi.telemetry.redact.scan import Found, Place, Scanner
from kintsugi.telemetry.redact.source import hidden_in_source
from kintsugi.telemetry.redact.stream import LineState, filter_lines, filter_stream
from kintsugi.telemetry.redact.values import MASK, is_phrase_of_header, is_secret, is_too_brief
from kintsugi.telemetry.redact.written import holds_texts, texts_within

__all__ = [
    "MASK",
    "UNREADABLE",
    "LineState",
    "Redactor",
    "filter_lines",
    "filter_stream",
    "hide_personal",
    "is_clean",
    "redact",
    "redact_diff",
    "redact_field",
    "redact_long",
    "redact_source",
    "remember",
    "tells_of_its_value",
]

UNREADABLE = "[redaction failed: text withheld]"
_PASSES = 6
_HEADERS = ("zation", "cookie")  # the ends of authorization, proxy-authorization, cookie and set-cookie


class Hidden(NamedTuple):
    """A text without what was found in it, the kinds of that, and the places in it that are left to look at: None where
    these are not known."""

    text: str
    kinds: list[str]
    left: list[Place] | None = None


Once = Callable[[str, list[Place] | None], Hidden]


class _Known:
    """What is to be hidden. Its scanner is made with the first text: that takes 25 ms, and much is told before one.

    It never changes, so that no thread can keep a scanner that was made before something was told. Those who know the
    same share one.
    """

    def __init__(self, own: Iterable[str], personal: frozenset[str]) -> None:
        self.own = tuple(sorted({*own}, key=lambda form: (-len(form), form)))  # the longest first
        self.personal = personal

    @cached_property
    def scanner(self) -> Scanner:
        return _scanner(self.own, self.personal)


_scanner = lru_cache(maxsize=4)(Scanner)


class Redactor:
    """Redacts strings; knows the secrets it was made with and those it is told later."""

    def __init__(self, secrets: Iterable[str] = (), personal: frozenset[str] = frozenset()) -> None:
        self.hidden = dict.fromkeys(KINDS, 0)  # how many places so far, by what they were found by
        self._known = _Known(forms(secrets), personal)

    @property
    def personal_kinds(self) -> frozenset[str]:
        return self._known.personal

    def remember(self, secrets: Iterable[str]) -> None:
        """Adds secrets of this process: from now on they are hidden wherever they stand, in any encoding."""
        self._known = _Known((*self._known.own, *forms(secrets)), self._known.personal)

    def hide_personal(self, kinds: frozenset[str]) -> None:
        """From now on these kinds of personal data are hidden, too."""
        self._known = _Known(self._known.own, kinds)

    def redact(self, text: str, budget: Budget = USUAL) -> str:
        """The text with every secret as `***`; never raises: what cannot be judged is withheld whole."""
        try:
            work = work_on(text, budget)
            if self._known.personal or not _is_plain(text) or "\r\n" in text:
                return self._with_texts_within(text, work)
            lowered = text.lower()
            places = self._known.scanner.find(lowered, overlapping=True)
            return self._of_plain(text, lowered, places, work) if places else text
        except Exception:
            return UNREADABLE

    def redact_source(self, text: str, path: str = "", *, excerpt: bool = False) -> str:
        """Source code with every secret as `***`, line by line as it was: see `kintsugi.telemetry.redact.source`."""
        try:
            read = partial(hidden_in_source, scanner=self._known.scanner, path=path, excerpt=excerpt)
            return self._settled(text, lambda source, _: Hidden(*read(source)))
        except Exception:
            return "\n".join(UNREADABLE for _ in text.split("\n"))

    def is_clean(self, text: str, *, one_by_one: bool = False) -> bool:
        """Whether nothing in the text so much as leads to a secret. A quick look: False may mean "perhaps".

        `one_by_one`: the values in it were redacted before, each on its own. Then what begins like a known shape and
        is none, such as `test_` or `0.`, does not count.
        """
        known = self._known
        if not _is_plain(text) or (known.personal and known.scanner.personal(text)):
            return False
        places = known.scanner.places(text.lower())
        return not places or (one_by_one and known.scanner.are_no_shapes(places, text))

    def redact_beside(self, text: str, others: str) -> str | None:
        """As `redact(text)`, after one look at both; None where something in the `others` may lead to a secret."""
        both = f"{text}\n{others}" if others else text
        known = self._known
        odd = "\\" in both or "%" in both or "&" in both or "#" in both or "^" in both or "\x1b" in both or "\0" in both
        odd = odd or "</" in both
        if known.personal or not both.isascii() or (odd and not _is_plain(both)):
            return self.redact(text) if not others or self.is_clean(others) else None
        scanner, lowered = known.scanner, both.lower()
        places = scanner.find(lowered, overlapping=True)
        if not places:
            return text
        if "\r\n" in both:
            return self.redact(text) if not others or self.is_clean(others) else None
        if places[-1][2] > len(text):  # the last to end
            if any(start > len(text) for _, start, _ in places):
                return None
            places = [place for place in places if place[2] <= len(text)]
        try:
            return self._of_plain(text, lowered[: len(text)], places, work_on(text))
        except Exception:
            return UNREADABLE

    def _of_plain(self, text: str, lowered: str, places: list[Place], work: Work) -> str:
        """The same of a text that is plain, with what leads to secrets in it."""
        scanner, folded, is_all = self._known.scanner, Folded(text, lowered, None), False
        if len(text) <= STRETCH:
            found, is_all = scanner.spans_of_line(places, folded)
        else:
            found = scanner.spans_at(places, folded, work)
        if is_all and "\n" not in text and is_whole(found[0], text):
            start, stop, kind = found[0]
            self.hidden[kind] += 1
            return f"{text[:start]}{MASK}{text[stop:]}"
        if not found:
            return text
        hidden = self._without(folded, text, found, places, work)
        return self._settled(text, partial(self._of_a_log, work=work), hidden)

    def _with_texts_within(self, text: str, work: Work) -> str:
        """Hides what is found in the texts that are written within the text, then what is left."""
        once = partial(self._of_a_log, work=work)
        if not holds_texts(text):
            return self._settled(text, once)
        allowance = Allowance(len(text))  # at least as much as when it is redacted once more
        if len(text) <= REACH:  # what a quote ends is told best from within; a long text may be an attack
            text = self._written(text, Allowance(len(text)))
        text = self._settled(text, once)
        for _ in range(_PASSES):
            hidden = self._written(text, allowance)
            if hidden == text:
                break
            text = self._settled(hidden, once)
        return text

    def _written(self, text: str, allowance: Allowance) -> str:
        """Hides what is found in the texts within, the innermost first: it is told best where nothing is written."""
        scanner, found = self._known.scanner, list[Span]()
        for within in reversed(texts_within(text, allowance)):
            folded = within.folded
            of_layer = scanner.spans_within(scanner.places(folded.lowered), folded, allowance)
            if of_layer:
                spans = merged(repeated(continued(of_layer, folded.text), folded.text), folded.text)
                found = apart(found, within.spans(spans))
                self._count([kind for _, _, kind in of_layer])
        return hide(text, found)

    def _of_a_log(self, text: str, places: list[Place] | None, work: Work) -> Hidden:
        scanner, folded = self._known.scanner, fold(text)
        if places is None or folded.origin is not None:
            places = scanner.places(folded.lowered)
        return self._without(folded, text, scanner.spans_at(places, folded, work), places, work)

    def _without(self, folded: Folded, text: str, found: list[Found], places: list[Place], work: Work) -> Hidden:
        if not found:
            return Hidden(text, [], [])
        if "\n" in folded.text:
            found = continued(found, folded.text)
        spans = merged(repeated(found, folded.text), folded.text)
        kinds, left = [kind for _, _, kind in found], None
        if folded.origin is None and not self._known.personal:
            left = self._known.scanner.left_to_look_at(places, folded.text, spans)
        if left != [] and len(folded.text) > REACH:
            work.was_hidden(spans, hide(folded.text, spans))
        if folded.origin is not None:
            spans = [folded.origin.span(start, stop) for start, stop in spans]
        return Hidden(hide(text, spans), kinds, left)

    def _settled(self, text: str, once: Once, hidden: Hidden | None = None) -> str:
        """Hides until nothing more is found, so that redacting twice is redacting once. `hidden`: what was found so."""
        left: list[Place] | None = None
        for _ in range(_PASSES):
            hidden = hidden or once(text, left)
            if hidden.text == text:
                break
            self._count(hidden.kinds)
            text, left, hidden = hidden.text, hidden.left, None
            if left == []:
                break
        return text

    def _count(self, kinds: list[str]) -> None:
        for kind in kinds:
            self.hidden[kind] += 1


def _is_plain(text: str) -> bool:
    """Whether it is to be looked at as it is: nothing in it has to be folded, and no letter follows an escape."""
    return text.isascii() and "\\" not in text and "\x1b" not in text and "\0" not in text and not _is_encoded(text)


def _is_encoded(text: str) -> bool:
    """Whether a text with no backslash may hold another one."""
    return is_of_syslog(text) or (("%" in text or "&" in text or "</" in text) and holds_texts(text))


@cache
def of_this_process() -> Redactor:
    """The redactor behind `redact()`. What KINTSUGI_REDACT_PII names wrongly is no reason to redact nothing."""
    with suppress(ValueError):
        return Redactor(personal=kinds_of(os.environ.get("KINTSUGI_REDACT_PII", "")))
    return Redactor()


def redact(text: str) -> str:
    """The text without secrets; the same text where there are none."""
    return of_this_process().redact(text)


def redact_long(text: str) -> str:
    """The same of what a program printed: of any length, and perhaps dense with words that lead to secrets."""
    return of_this_process().redact(text, GENEROUS)


def is_clean(text: str, *, one_by_one: bool = False) -> bool:
    """Whether nothing in a text so much as leads to a secret: a quick look, which may say no of what has none.

    `one_by_one`: the values in it were redacted before, each on its own.
    """
    return of_this_process().is_clean(text, one_by_one=one_by_one)


def redact_source(text: str, path: str = "", *, excerpt: bool = False) -> str:
    """Source code without secrets, with as many lines as before and nothing changed but literals and comments.

    `path` tells the language; a text that is no code, such as an environment file, is read as a log is. In an
    `excerpt`, which may begin anywhere, the fixed shapes of secrets are hidden also outside of literals.
    """
    return of_this_process().redact_source(text, path, excerpt=excerpt)


def redact_diff(text: str) -> str:
    """A unified diff without secrets, its hunks read as the source code that they are."""
    return redacted_diff(text, partial(redact_source, excerpt=True), redact)


def remember(secrets: Iterable[str]) -> None:
    """Makes the process's own secrets known to `redact()`, in every encoding they may turn up in."""
    of_this_process().remember(secrets)


def hide_personal(kinds: Iterable[str]) -> None:
    """Has `redact()` hide these kinds of personal data as well; none of them where there are no kinds."""
    of_this_process().hide_personal(frozenset(kinds))


@lru_cache(maxsize=4096)
def tells_of_its_value(name: str) -> bool:
    """Whether a field of this name is judged by its name, too: where not, `redact_field` is `redact`."""
    return grade(name) is not Grade.NONE or _leads_its_value(name)


def _leads_its_value(name: str) -> bool:
    """Whether a value is to be read with its name in front, as it stands in a text."""
    return name[-6:].lower() in _HEADERS or name in OF_BUTTONS


def redact_field(name: str, value: str) -> str:
    """The value of a field, judged with its name in view: `***` where the name says that it is a secret."""
    level = grade(name)
    if level is Grade.SECRET:
        level = Grade.PASSWORD  # as a field of its own the value cannot be a word of a sentence
    is_other = is_folder(name, value) or is_too_brief(name, value)
    if level and not is_other and is_secret(value, True, level, prose=False):
        of_this_process().hidden["keyed"] += 1
        return MASK
    if name[-13:].lower() == "authorization" and is_phrase_of_header(value):
        return MASK
    if _leads_its_value(name):
        lead = f"{name}: "
        return redact(lead + value)[len(lead) :]
    if is_secret_field(name, value):
        of_this_process().hidden["alone"] += 1
        return MASK
    return redact(value)
