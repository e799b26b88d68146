"""One pass over the text for all literals that lead to a secret, then a bounded look at each place found.

The work at a place does not grow with the text, and a place inside a span already taken is skipped, so
that the whole is linear. A check is a function of (text, start, end of the literal) to the spans to hide.
"""

import base64
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from operator import itemgetter

from ahocorasick_rs import AhoCorasick, Implementation

from kintsugi.telemetry.redact.addresses import before_host, encoded_user_information, user_information
from kintsugi.telemetry.redact.alone import Told, is_secret_here, leads, word_at
from kintsugi.telemetry.redact.arguments import (
    BETWEEN_ARGUMENTS,
    CALLS,
    FLAGS,
    FLAGS_OF_NAMES,
    GLUED,
    SLASHES,
    STRUCTS,
    USER_FLAGS,
    Call,
    called,
    flagged,
    flagged_user,
    glued,
    handed_over,
    in_a_struct,
    slashed,
)
from kintsugi.telemetry.redact.blocks import encoded_key, private_key
from kintsugi.telemetry.redact.budget import USUAL, Budget
from kintsugi.telemetry.redact.commands import COMMANDS, LINES, Command
from kintsugi.telemetry.redact.disguise import in_disguise
from kintsugi.telemetry.redact.fold import Folded
from kintsugi.telemetry.redact.headers import bare_scheme, cookies
from kintsugi.telemetry.redact.keyed import is_right_behind, keyed, parameter, shortly
from kintsugi.telemetry.redact.keys import ABROAD, ROOTS, SHORT, VARIABLES, Grade
from kintsugi.telemetry.redact.languages import CODES, KEYS, announced, code
from kintsugi.telemetry.redact.notations import drawn_local, key_of_json, repeated_input
from kintsugi.telemetry.redact.personal import personal_spans
from kintsugi.telemetry.redact.values import is_secret
from kintsugi.telemetry.redact.vendors import (
    ADDRESSES,
    ALPHABETS,
    AMBIGUOUS,
    MARKED,
    MARKERS,
    PREFIXES,
    REACH,
    REACH_BASE64,
    REACH_DIGITS,
    REACH_DOTS,
    REACH_LINE,
    SHAPES,
)
from kintsugi.telemetry.redact.weighing import ACTS, SERVICES, acted, served

Span = tuple[int, int]
Found = tuple[int, int, str]
Place = tuple[int, int, int]  # the number of a rule, and where its literal starts and ends
Check = Callable[[str, int, int], Iterable[Span]]

# What secrets are found by, as they are counted. `own`: of this process; `flood`: a stretch with more places to look
# at than an honest text has.
KINDS = (
    "vendor", "address", "command", "marked", "keyed", "url", "cookie", "scheme", "private_key", "discord",
    "own", "flood", "personal", "alone", "argument",
)  # fmt: skip

# What is hidden also in code, outside of its literals.
KNOWN = frozenset(("vendor", "address", "marked", "discord", "own", "command"))
_AFTER_A_CALL = '", line '  # of a traceback
_CALLED = re.compile(r'\\?", line \d+(?:, in [^\n\\]{0,300})?\r?(?:\n|\\n)$')
_LONGEST_CODE = 600
_END = itemgetter(2)

_WORD = "abcdefghijklmnopqrstuvwxyz0123456789"
_LINE_MARKS = ("\\n", "\\r", "\\t", "\\v", "\\f", "\\b")
_DISCORD = re.compile(r"[MNO][\w-]{17,28}\.[\w-]{5,8}(?:\.[\w-]{0,60})?")
_RUN_BEFORE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

_COMMAND_LENGTH, _MOST = 200, 6  # how far a command is read, and how many secrets are looked for in it
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LONG_PREFIX = 6  # characters of a prefix that no word has by chance, even in base64
_ENDS_OF_WORDS = ("sk_", "rk_", "ak_", "nfo_")  # of task_prod_…, park_live_…, info_file_…
_RUNS = {
    REACH: _RUN_BEFORE,
    REACH_BASE64: _RUN_BEFORE + "+/",
    REACH_DIGITS: "0123456789",
    REACH_DOTS: _RUN_BEFORE + ".",
}
_DIGIT = re.compile(r"\d")
_STRETCH, _LITTLE_WORK = 512, 40

# A look costs as much as several, unless it ends at the first character that does not fit.
_COST, _CHEAP = 4, KNOWN - {"command"} | {"url", "argument"}
_LAST_PLACES, _MOST_LAST_PLACES = 10, 40  # of a hidden stretch: what they lead to may stand behind it
_MOST_SHAPES = 16
# Characters of a run that tell whether it is a token; the rest of a run is read only when it is.
_ENOUGH = 64


class Scanner:
    """Finds what to hide. `own` are the secrets of this very process, in all the forms they may take; `personal` the
    kinds of personal data that are to be hidden, too."""

    def __init__(self, own: Iterable[str] = (), personal: frozenset[str] = frozenset()) -> None:
        self._personal = personal
        self.rules: list[tuple[Check, bool, str]] = []  # check, needs a word's start, kind
        literals: list[str] = []
        for kind, literal, check, bounded in (*_all_rules(), *(("own", form, _exactly(form), False) for form in own)):
            literals.append(literal.lower() if literal.isascii() else literal)
            self.rules.append((check, bounded, kind))
        self._has_asterisks = any("*" in literal for literal in literals)
        self.alone = len(literals)  # from this number on they lead to what stands by itself
        literals += leads()
        automaton = AhoCorasick(literals, implementation=Implementation.DFA)
        self.find = automaton.find_matches_as_indexes  # as `places`, of ASCII alone

    def leaves_nothing(self, places: list[Place], text: str, spans: list[Span]) -> bool:
        """Whether a second look at the text, with these spans hidden, would find nothing: each of the places is in what
        was hidden, or is a key right before it. (No literal reaches over a mask, as none has an asterisk in it.)"""
        if self._has_asterisks:
            return False
        begins = [begin for begin, _ in spans]
        for rule, start, end in places:
            if rule >= self.alone:
                continue  # it was judged by its own looks
            after = bisect_left(begins, end)  # the first span that begins behind the place
            if after and start < spans[after - 1][1]:
                continue
            if after == len(spans) or self.rules[rule][0] is not keyed or not is_right_behind(text, end, spans[after]):
                return False
        return True

    def are_no_shapes(self, places: list[Place], text: str) -> bool:
        """Whether these are all beginnings of known shapes, and not too many, and none goes on as its shape does."""
        return len(places) <= _MOST_SHAPES and all(
            not is_secret_here(text, word_at(text, start), Told(text.lower()))
            if rule >= self.alone
            else self.rules[rule][2] == "vendor" and not any(self.rules[rule][0](text, start, end))
            for rule, start, end in places
        )

    def spans(self, folded: Folded) -> list[Found]:
        """The places to hide, in order, and by what each was found; they may touch or overlap."""
        return self.spans_at(self.places(folded.lowered), folded)

    def spans_at(self, places: list[Place], folded: Folded, budget: Budget = USUAL) -> list[Found]:
        """The same, of what `places` found in `folded.lowered`."""
        found = self.personal(folded.text)
        if not places:
            return found
        text = folded.text
        done = begin = attacks = judged = 0
        left, has_code = budget.first, _AFTER_A_CALL in text
        told: Told | None = None
        within_a_word = _within_a_word(folded)
        for rule, start, end in places:
            if end <= done:
                continue
            if rule >= self.alone:
                if end > judged:
                    word = word_at(text, start)
                    judged = word.end
                    told = told or Told(folded.lowered)
                    if is_secret_here(text, word, told) and not (has_code and _is_code(text, word.start)):
                        found.append((*word, "alone"))
                        done = max(done, judged)
                continue
            if end > begin + _STRETCH:
                left, begin = min(left + budget.each, budget.first), start
            check, bounded, kind = self.rules[rule]
            if bounded and start and within_a_word(text, start):
                continue
            left -= 1 if kind in _CHEAP else _COST
            if left < 0:
                left, attacks = 0, attacks + 1
                if attacks > budget.patience:
                    return self._besieged(places, folded)
                stop = min(begin + _STRETCH, len(text))
                floods = (begin, stop, "flood"), *self._across(places, folded, stop)
                done = max(done, *(last for _, last, _ in floods))
                found += floods
                continue
            for span in check(text, start, end):
                if has_code and kind not in KNOWN and _is_code(text, span[0]):
                    continue
                found.append((*span, kind))
                done = max(done, span[1])
        found.sort()
        return found

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
            counted[(end - 1) // _STRETCH] += 1 if self.rules[rule][2] in _CHEAP else _COST
        dense = {stretch for stretch, count in counted.items() if count > _LITTLE_WORK}
        rest = [place for place in places if (place[2] - 1) // _STRETCH not in dense]
        found = self.spans_at(rest, folded, Budget(_COST * len(rest)))
        for at in dense:
            stop = min((at + 1) * _STRETCH, len(folded.text))
            found.append((at * _STRETCH, stop, "flood"))
            if at + 1 not in dense:
                found += self._across(places, folded, stop)
        return sorted(found)

    def personal(self, text: str) -> list[Found]:
        """Where personal data stands, if any is to be hidden."""
        return [(*span, "personal") for span in personal_spans(text, self._personal)] if self._personal else []

    def places(self, lowered: str) -> list[Place]:
        """Every literal in a text in lower case. None, and there is nothing to hide but personal data."""
        try:
            return self.find(lowered, overlapping=True)
        except UnicodeEncodeError:  # lone surrogates: each stands for one character of one code unit
            plain = re.sub("[\ud800-\udfff]", "?", lowered)
            return self.find(plain, overlapping=True)


def _is_code(text: str, place: int) -> bool:
    """Whether a place in a log stands in the code of a traceback's line, outside of its literals.

    That line is the one right below `File "…", line …`; what follows it may be locals, whose values are not quoted.
    """
    window = text[max(0, place - _LONGEST_CODE) : place]
    start = max(window.rfind("\n") + 1, window.rfind("\\n") + 2)
    before = window[start:]
    if start < 2 or before.count('"') % 2 or before.count("'") % 2:
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


@cache
def _all_rules() -> tuple[tuple[str, str, Check, bool], ...]:
    return tuple(_rules())


def _rules() -> Iterator[tuple[str, str, Check, bool]]:
    """(kind, literal, check, whether a word must begin there), from the general to the particular."""
    for alphabet, prefixes in PREFIXES.items():
        for prefix in prefixes.split():
            distinct = len(prefix) >= 4 and not prefix[-1].isalnum()
            bounded = not distinct or prefix.startswith(_ENDS_OF_WORDS)
            yield "vendor", prefix, _prefixed(prefix, alphabet, 10 if distinct else 16), bounded
            if distinct or len(prefix) >= _LONG_PREFIX:
                yield from (("vendor", *rule) for rule in in_disguise(prefix))
    for shape in ("eyJhbGciOi", "eyJ0eXAiOi", "AKIA", "AIza", "npm_", "ATATT3", "access_token$", "ghs_"):
        yield from (("vendor", *rule) for rule in in_disguise(shape))
    for literal, back, pattern in SHAPES:
        yield "vendor", literal, _shaped(pattern, back), back == 0 and literal[0].isalnum()
    for literal, pattern in ADDRESSES:
        yield "address", literal, _shaped(pattern, 0), False
    for command in COMMANDS:
        yield from (("command", lead, _command(command), False) for lead in command.leads)
    for literal, back, pattern in LINES:
        yield "command", literal, _shaped(pattern, back), back == 0 and literal[0].isalnum()
    for call in CALLS:
        yield from (("command", name, _called(call), False) for name in call.names)
    for flags, check in (((*FLAGS, *FLAGS_OF_NAMES), flagged), (USER_FLAGS, flagged_user), (GLUED, glued)):
        yield from (("command", flag, check, False) for flag in flags)
    for signs, between in ((BETWEEN_ARGUMENTS, handed_over), (STRUCTS, in_a_struct), (SLASHES, slashed)):
        yield from (("argument", sign, between, False) for sign in signs)
    for marker in MARKERS:
        yield "marked", marker, _marked, False
    yield from _structural()


def _structural() -> Iterator[tuple[str, str, Check, bool]]:
    for root in ROOTS:
        yield "keyed", root, parameter if root.endswith("=") else keyed, False
    yield "keyed", "_api=", keyed, False
    for variable in VARIABLES:
        yield "keyed", variable, keyed, True
    for words, check in ((ABROAD, _abroad), (KEYS, announced), (ACTS, acted), (SERVICES, served), (SHORT, shortly)):
        yield from (("keyed", word, check, False) for word in words)
    for word in CODES:
        yield "command", word, code, False
    for mark in ("://", ":\\/\\/", ":\\u002f\\u002f"):
        yield "url", mark, user_information, False
    for depth in range(3):
        sign = "%" + "25" * depth
        yield "url", f"{sign}3a{sign}2f{sign}2f", encoded_user_information, False
    yield "url", "@", before_host, False
    yield "cookie", "cookie", cookies, False
    for scheme in ("bearer", "basic ", "basic%20"):
        yield "scheme", scheme, bare_scheme, True
    yield "keyed", '"kty', key_of_json, False
    yield "keyed", 'kty\\"', key_of_json, False
    for echoed in ("input_value", '"input"', "'input'"):
        yield "keyed", echoed, repeated_input, False
    for drawn in ("\u2514", "\u2570"):
        yield "keyed", drawn, drawn_local, False
    yield "private_key", "private key", private_key, False
    yield "private_key", "ls0tls1crudjti", encoded_key, False
    for begin in _discord_beginnings():
        yield "discord", begin, _discord, True


def _discord_beginnings() -> Iterator[str]:
    """A bot's token begins with its id in base64: the forms that three digits of it can take."""
    seen = {base64.b64encode(str(number).encode()).decode().lower() for number in range(100, 1000)}
    yield from sorted(seen)


def _discord(text: str, start: int, end: int) -> Iterable[Span]:
    found = _DISCORD.match(text, start)
    if not found:
        return ()
    stem = found[0].partition(".")[0]
    return (found.span(),) if _is_snowflake(stem) else ()


def _is_snowflake(stem: str) -> bool:
    try:
        return base64.urlsafe_b64decode(stem + "=" * (-len(stem) % 4)).isdigit()
    except ValueError:
        return False


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _prefixed(prefix: str, alphabet: str, least: int) -> Check:
    pattern = ALPHABETS[alphabet] % least

    def check(text: str, start: int, end: int) -> Iterable[Span]:
        if not text.startswith(prefix, start):
            return ()
        found = _compiled(pattern).match(text, end, end + _ENOUGH)
        if not found or not _is_mixed(found[0]):
            return ()
        whole = found if found.end() < end + _ENOUGH else _compiled(pattern).match(text, end)
        return ((start, (whole or found).end()),)

    return check


def _is_mixed(body: str) -> bool:
    return _DIGIT.search(body) is not None or not (body.islower() or body.isupper())


def _shaped(pattern: str, back: int) -> Check:
    """A whole shape, beginning at the literal, `back` characters away from it, or with the run before it."""
    run = _RUNS.get(back, "")

    def check(text: str, start: int, end: int) -> Iterable[Span]:
        if back == REACH_LINE:
            begin = _begin_of_line(text, start)
        else:
            begin = _begin_of_run(text, start, run) if run else start + back
        found = _compiled(pattern).match(text, begin) if begin >= 0 else None
        if run and not found and text[begin - 1 : begin] == "\\":
            found = _compiled(pattern).match(text, begin + 1)  # the run begins with the n of a line end written out
        return _secret_in(found) if found and found.end() > start else ()

    return check


def _begin_of_line(text: str, start: int) -> int:
    """Where the line begins; -1 where that is too far away."""
    begin = text.rfind("\n", max(0, start - 100), start) + 1
    return begin if begin or start <= 100 else -1


def _begin_of_run(text: str, start: int, characters: str) -> int:
    run = text[max(0, start - 100) : start]
    return start - len(run) + len(run.rstrip(characters))


def _command(command: Command) -> Check:
    def check(text: str, start: int, end: int) -> Iterable[Span]:
        window = text[end : end + _COMMAND_LENGTH]
        if command.signs and not any(sign in window for sign in command.signs):
            return ()
        stop = text.find("\n", end, end + _COMMAND_LENGTH)
        stop = stop if stop >= 0 else end + _COMMAND_LENGTH
        pattern = _compiled(command.secret)
        anywhere = islice(pattern.finditer(text, end, stop), _MOST)
        found = anywhere if command.signs else filter(None, [pattern.match(text, end, stop)])
        return [one.span("secret") for one in found if is_secret(one["secret"], True, Grade.PASSWORD, prose=False)]

    return check


def _called(call: Call) -> Check:
    return lambda text, start, end: called(call, text, end)


def _secret_in(found: re.Match[str]) -> Iterable[Span]:
    named = "secret" in found.re.groupindex and found["secret"] is not None
    return (found.span("secret" if named else 0),)


def _marked(text: str, start: int, end: int) -> Iterable[Span]:
    if text[max(0, start - 2) : start + 1].lower().startswith("pk"):
        return ()
    found = MARKED.match(text, end)
    if found and _SHA.fullmatch(found[0]) and text[start:end] in AMBIGUOUS:
        return ()
    before = text[max(0, start - 24) : start]
    return ((start - len(before) + len(before.rstrip(_WORD)), found.end()),) if found else ()


def _abroad(text: str, start: int, end: int) -> Iterable[Span]:
    return keyed(text, start, end) or announced(text, start, end)


def _exactly(form: str) -> Check:
    def check(text: str, start: int, end: int) -> Iterable[Span]:
        return ((start, end),) if text[start:end] == form else ()

    return check
