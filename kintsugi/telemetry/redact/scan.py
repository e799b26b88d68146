"""One pass over the text for all literals that lead to a secret, then a bounded look at each place found.

The work at a place does not grow with the text, and a place inside a span already taken is skipped, so
that the whole is linear. A check is a function of (text, start, end of the literal) to the spans to hide.
"""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from operator import itemgetter

from ahocorasick_rs import AhoCorasick, Implementation

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.again import REACH, Work
from kintsugi.telemetry.redact.alone import Told, is_secret_here, leads, word_at
from kintsugi.telemetry.redact.budget import BESIEGED, STRETCH, USUAL, VAIN, Allowance
from kintsugi.telemetry.redact.codes import code_for_people
from kintsugi.telemetry.redact.fold import Folded
from kintsugi.telemetry.redact.keyed import is_right_behind, keyed
from kintsugi.telemetry.redact.personal import personal_spans
from kintsugi.telemetry.redact.rules import Check, Span, abroad, all_rules, exactly
from kintsugi.telemetry.redact.values import MASK
from kintsugi.telemetry.redact.weighing import acted, served

Found = tuple[int, int, str]
Place = tuple[int, int, int]  # the number of a rule, and where its literal starts and ends


# What is hidden also in code, outside of its literals.
KNOWN = frozenset(("vendor", "address", "marked", "discord", "own", "command"))
_AFTER_A_CALL = '", line '  # of a traceback
_CALLED = re.compile(r'\\?", line \d+(?:, in [^\n]{0,300})?\n$')
_LONGEST_CODE = 600
# What was hidden within, and something that ends it there, as it is from without.
_MASKED_ON = re.compile(
    r"(?:(?:&|\\{1,8}u0026)(?:amp;){0,3}(?:#\w{2,5}|quot|apos);|%(?:25){0,3}2[27]|\\{1,8}(?:u002[27]|[\"']))?\*\*\*"
    r"(?:[;,&+|)\]}]|\\{1,8}[nrtux\"']|%(?:25){0,3}(?:[02]\w|3[B-F]|5[CD]|7[CD])|\#01|\n)"
)
_BEGINS_OF_MASKS = frozenset("&\\%*")
_END = itemgetter(2)

_LINE_MARKS = ("\\n", "\\r", "\\t", "\\v", "\\f", "\\b")

_LITTLE_WORK = 40

# What a look costs at once, and what it costs more where it went beyond the first characters (else it gives an empty
# tuple), and for each word that it found or weighed in vain: a unit is three microseconds on average, and up to ten.
# At an act or a service it costs as much as it looks at: honest logs are full of users, and hold few words that may be
# secrets.
_EACH = {"keyed": 3, "cookie": 2}
_CHEAP, _CHEAP_CHECKS = KNOWN - {"command"} | {"url", "argument"}, (acted, served)
_LAST_PLACES, _MOST_LAST_PLACES = 5, 40  # of a hidden stretch: what they lead to may stand behind it
_BY_THEMSELVES = frozenset(("vendor", "argument"))  # what their rules find is found in this text alone
_MOST_SHAPES, _NEAR = 32, 300
_NONE: list[Found] = []
_NO_LIMIT = Allowance(0, looks=math.inf)
_READING_FAR = frozenset(("private_key", "cookie"))


class _Alone:
    """Words of a text that are told by their looks alone, each judged once."""

    def __init__(self, folded: Folded, found: list[Found], *, has_code: bool) -> None:
        self._folded, self._found, self._has_code = folded, found, has_code
        self._judged = 0
        self._told: Told | None = None

    def look(self, start: int, end: int) -> int:
        """Where the word ends in which two signs are rare neighbours; 0 where it is no secret, or was judged before."""
        if end <= self._judged:
            return 0
        text = self._folded.text
        word = word_at(text, start)
        self._judged = word.end
        self._told = self._told or Told(self._folded.lowered)
        if not is_secret_here(text, word, self._told) or (self._has_code and _is_code(text, word.start)):
            return 0
        self._found.append((*word, "alone"))
        return word.end


class Scanner:
    """Finds what to hide. `own` are the secrets of this very process, in all the forms they may take; `personal` the
    kinds of personal data that are to be hidden, too."""

    def __init__(self, own: Iterable[str] = (), personal: frozenset[str] = frozenset()) -> None:
        self._personal = personal
        self.rules: list[tuple[Check, bool, str]] = []  # check, needs a word's start, kind
        self._costs: list[tuple[int, int]] = []
        literals: list[str] = []
        for kind, literal, check, bounded in (*all_rules(), *(("own", form, exactly(form), False) for form in own)):
            literals.append(literal.lower() if literal.isascii() else literal)
            self.rules.append((check, bounded, kind))
            self._costs.append(_costs_of(kind, check))
        self._has_asterisks = any("*" in literal for literal in literals)
        self.alone = len(literals)  # from this number on they lead to what stands by itself
        literals += leads()
        automaton = AhoCorasick(literals, implementation=Implementation.DFA)
        self.find = automaton.find_matches_as_indexes  # as `places`, of ASCII alone

    def left_to_look_at(self, places: list[Place], text: str, spans: list[Span]) -> list[Place] | None:
        """Of the places in a text, those that may lead to something once these spans are hidden, as they stand then.

        Passed over is what stands in a span, a key right before one, and acts and services with none near by. (No
        literal reaches over a mask, as none has an asterisk in it; where one of this process has, nothing is known:
        None.)
        """
        if self._has_asterisks:
            return None
        begins = [begin for begin, _ in spans]
        left = [place for place in places if self._may_lead_on(place, text, spans, begins)]
        if all(rule >= self.alone for rule, _, _ in left):
            return []  # words on their own were judged by their looks: alone they are no reason to look again
        shifts = [0, *accumulate(len(MASK) - (stop - begin) for begin, stop in spans)]
        moved = [shifts[bisect_left(begins, end)] for _, _, end in left]
        return [(rule, start + by, end + by) for (rule, start, end), by in zip(left, moved, strict=True)]

    def _may_lead_on(self, place: Place, text: str, spans: list[Span], begins: list[int]) -> bool:
        """Whether a look at a place may find more once the spans, which start at `begins`, are hidden."""
        rule, start, end = place
        after = bisect_left(begins, end)  # the first span that begins behind the place
        if after and start < spans[after - 1][1]:
            return False
        check = self.rules[rule][0] if rule < self.alone else None
        if check is keyed:
            return after == len(spans) or not is_right_behind(text, end, spans[after])
        return not (check is acted or check is served) or _is_near(spans, after, start, end)

    def are_no_shapes(self, places: list[Place], text: str) -> bool:
        """Whether all are beginnings of known shapes or pairs, not too many, and none goes on as its shape does."""
        return len(places) <= _MOST_SHAPES and all(
            not is_secret_here(text, word_at(text, start), Told(text.lower()))
            if rule >= self.alone
            else self._is_by_itself(rule) and not any(self.rules[rule][0](text, start, end))
            for rule, start, end in places
        )

    def _is_by_itself(self, rule: int) -> bool:
        check, _, kind, *_ = self.rules[rule]
        return kind in _BY_THEMSELVES or check is code_for_people

    def spans(self, folded: Folded) -> list[Found]:
        """The places to hide, in order, and by what each was found; they may touch or overlap."""
        return self.spans_at(self.places(folded.lowered), folded, Work(USUAL))

    def spans_at(self, places: list[Place], folded: Folded, work: Work) -> list[Found]:
        """The same, of what `places` found in `folded.lowered`. Takes of the work that the text may take."""
        text = folded.text
        found = self.personal(text) if self._personal else []
        if not places:
            return found
        if len(text) <= STRETCH:  # it cannot hold more than its work
            of_line, _ = self.spans_of_line(places, folded)
            return sorted(found + of_line) if found else of_line
        return self._spans_of_a_long(found, places, folded, work)

    def _spans_of_a_long(self, found: list[Found], places: list[Place], folded: Folded, work: Work) -> list[Found]:
        text = folded.text
        done = begin = attacks = 0
        budget, left_of_all, is_long = work.budget, work.left, len(text) > REACH
        left, is_known = budget.first, is_long and work.knows(text)
        vain: dict[tuple[int, int], int] = {}
        has_code, within_a_word = _AFTER_A_CALL in text, _within_a_word(folded)
        alone, of_looks = None, self.alone
        for rule, start, end in places:
            if end <= done:
                continue
            if rule >= of_looks:
                alone = alone or _Alone(folded, found, has_code=has_code)
                done = max(done, alone.look(start, end))
                continue
            if end > begin + STRETCH:
                left, begin = min(left + budget.each, budget.first), start
            _, bounded, kind = self.rules[rule]
            if bounded and start and within_a_word(text, start):
                continue
            known = work.found_nothing_at(rule, start, end) if is_known else None
            at_once = self._costs[rule][0]
            left -= at_once
            left_of_all -= at_once if known is None else 0
            if left < 0 or left_of_all < 0:
                left, attacks = 0, attacks + 1
                if attacks > budget.patience:
                    work.was_looked_at(len(text), left_of_all, {})
                    return self._besieged(places, folded)
                stop = min(begin + STRETCH, len(text))
                spans = [(begin, stop, "flood"), *self._across(places, folded, stop)]
            else:
                spans, cost = self._look(rule, text, start, end, has_code=has_code) if known is None else (_NONE, known)
                left -= cost
                left_of_all -= cost if known is None else 0
                if is_long and not spans and kind not in _READING_FAR:
                    vain[rule, start] = cost
            for span in spans:
                found.append(span)
                done = max(done, span[1])
        if is_long:
            work.was_looked_at(len(text), left_of_all, vain)
        found.sort()
        return found

    def spans_within(self, places: list[Place], folded: Folded, allowance: Allowance) -> list[Found]:
        """The same of a text that is written within another one, as far as the allowance goes."""
        return self._spans_of_a_short(places, folded, allowance, has_code=False)[0]

    def spans_of_line(self, places: list[Place], folded: Folded) -> tuple[list[Found], bool]:
        """The same of a short text, and whether it is one that leaves nothing to look at: see `left_to_look_at`."""
        return self._spans_of_a_short(places, folded, _NO_LIMIT, has_code=_AFTER_A_CALL in folded.text)

    def _spans_of_a_short(
        self, places: list[Place], folded: Folded, allowance: Allowance, *, has_code: bool
    ) -> tuple[list[Found], bool]:
        text, begin, done, is_all = folded.text, 0, 0, not self._has_asterisks
        found: list[Found] = []
        within_a_word, alone = _within_a_word(folded), None
        for rule, start, end in places:
            if end <= done:
                if start < begin and rule < self.alone:
                    is_all = False
                continue
            if rule >= self.alone:
                if allowance.looks < 0:
                    break
                alone = alone or _Alone(folded, found, has_code=has_code)
                allowance.looks -= 1
                if stop := alone.look(start, end):
                    begin, done = found[-1][0], max(done, stop)
                continue
            check, bounded, _ = self.rules[rule]
            if bounded and start and within_a_word(text, start):
                is_all = False
                continue
            if allowance.looks < 0:
                break
            spans, cost = self._look(rule, text, start, end, has_code=has_code)
            allowance.looks -= self._costs[rule][0] + cost
            is_all = is_all and check is keyed and len(spans) == 1 and is_right_behind(text, end, spans[0])
            for span in spans:
                found.append(span)
                begin, done = span[0], max(done, span[1])
        if len(found) > 1:
            found.sort()
        return found, is_all and len(found) == 1

    def _look(self, rule: int, text: str, start: int, end: int, *, has_code: bool) -> tuple[list[Found], int]:
        """What is found at a place, and what that costs beyond the look: words weighed in vain, more than one value."""
        check, _, kind = self.rules[rule]
        looked = check(text, start, end)
        if looked == ():
            return _NONE, 0
        more, spans = self._costs[rule][1], looked if type(looked) is tuple else list(looked)
        if not spans:
            return _NONE, more
        is_code = has_code and kind not in KNOWN
        if len(spans) == 1 and spans[0] != VAIN and not is_code:  # as it nearly always is
            begin, stop = spans[0]
            is_new = text[begin : begin + 1] not in _BEGINS_OF_MASKS or not _MASKED_ON.match(text, begin)
            return [(begin, stop, kind)] if is_new else _NONE, more + 1
        is_found = spans.count(VAIN) < len(spans)  # the first one is paid for, but leads to a further look
        cost = more + is_found + (_EACH.get(kind, 0) * (len(spans) - is_found))
        found = [
            (*span, kind)
            for span in spans
            if span != VAIN and not _MASKED_ON.match(text, span[0]) and not (is_code and _is_code(text, span[0]))
        ]
        return found, cost

    def _across(self, places: list[Place], folded: Folded, stop: int) -> Iterator[Found]:
        """What begins before `stop`, where a hidden stretch ends, or is led to there, and goes on behind it."""
        text, within_a_word = folded.text, _within_a_word(folded)
        after = bisect_right(places, stop, key=_END)
        known = [place for place in places[max(0, after - _MOST_LAST_PLACES) : after] if place[0] < self.alone]
        for rule, start, end in known[-_LAST_PLACES:]:
            check, bounded, kind = self.rules[rule]
            if not (bounded and start and within_a_word(text, start)):
                yield from ((*span, kind) for span in check(text, start, end) if span[1] > stop)

    def _besieged(self, places: list[Place], folded: Folded) -> list[Found]:
        """Of a text that is an attack: its dense stretches, and what is found in the others."""
        counted = Counter[int]()
        for rule, _, end in (place for place in places if place[0] < self.alone):
            counted[(end - 1) // STRETCH] += sum(self._costs[rule])
        dense = {stretch for stretch, count in counted.items() if count > _LITTLE_WORK}
        rest = [place for place in places if (place[2] - 1) // STRETCH not in dense]
        found = self.spans_at(rest, folded, Work(BESIEGED))
        for at in dense:
            stop = min((at + 1) * STRETCH, len(folded.text))
            found.append((at * STRETCH, stop, "flood"))
            if at + 1 not in dense:
                found += self._across(places, folded, stop)
        return sorted(found)

    def personal(self, text: str) -> list[Found]:
        """Where personal data stands that is to be hidden."""
        return [(*span, "personal") for span in personal_spans(text, self._personal)]

    def places(self, lowered: str) -> list[Place]:
        """Every literal in a text in lower case. None, and there is nothing to hide but personal data."""
        try:
            return self.find(lowered, overlapping=True)
        except UnicodeEncodeError:  # lone surrogates: each stands for one character of one code unit
            plain = re.sub("[\ud800-\udfff]", "?", lowered)
            return self.find(plain, overlapping=True)


def _is_near(spans: list[Span], after: int, start: int, end: int) -> bool:
    """Whether one of the spans, of which the first behind a place is number `after`, is near enough to be weighed."""
    return (after < len(spans) and spans[after][0] - end < _NEAR) or (after > 0 and start - spans[after - 1][1] < _NEAR)


def _costs_of(kind: str, check: Check) -> tuple[int, int]:
    if kind in _CHEAP or check in _CHEAP_CHECKS:
        return 1, 0
    if kind == "command":
        return 1, 3
    if kind == "keyed":
        return (4 if check is abroad else 2), 3
    return (1, 6) if kind == "cookie" else (4, 0)


def _is_code(text: str, place: int) -> bool:
    """Whether a place in a log stands in the code of a traceback's line, outside of its literals.

    That line is the one right below `File "…", line …`; what follows it may be locals, whose values are not quoted.
    """
    window = text[max(0, place - _LONGEST_CODE) : place]
    start = window.rfind("\n") + 1
    before = window[start:]
    if not start or before.count('"') % 2 or before.count("'") % 2:
        return False
    return _CALLED.search(window, 0, start) is not None


def _within_a_word(folded: Folded) -> Callable[[str, int], bool]:
    """Whether a place follows a letter of the same word: as cheaply as what is in this text allows."""
    if "\\" in folded.text or "%" in folded.text:
        return lambda text, start: text[start - 1].isalnum() and not after_an_escape(text, start)
    if folded.origin is not None:
        return lambda text, start: text[start - 1].isalnum() and not _after_a_colour(text, start)
    return lambda text, start: text[start - 1].isalnum()


def after_an_escape(text: str, start: int) -> bool:
    """Whether the letter before is not part of a word but the end of `\\n`, `%3D` or `\\u0026`."""
    before = text[max(0, start - 6) : start]
    return (
        before[-2:] in _LINE_MARKS
        or (before[-3:-2] == "%" and before[-2] in "234567")
        or before[-6:-4] in ("\\u",)
        or before[-4:-2] == "\\x"
        or _after_a_colour(text, start)
    )


def _after_a_colour(text: str, start: int) -> bool:
    """Whether the letter before is the m at the end of what is left of a colour code."""
    return text[start - 1] == "m" and "[" in text[max(0, start - 6) : start]
