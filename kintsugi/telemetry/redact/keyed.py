"""Secrets that are known by the key before them: fields, flags, headers, cookies, parameters and sentences."""

from collections.abc import Iterable
from functools import lru_cache

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.behind import value_behind
from kintsugi.telemetry.redact.between import AFTER, grade_in_place, level_behind
from kintsugi.telemetry.redact.budget import VAIN
from kintsugi.telemetry.redact.headers import authorization, signature
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.lists import in_lists, in_tuples, is_listed
from kintsugi.telemetry.redact.looks import is_strong
from kintsugi.telemetry.redact.notations import (
    LEADS,
    LONGEST_TITLES,
    in_columns,
    in_two_columns,
    said_before,
    said_below,
    value_before,
)
from kintsugi.telemetry.redact.others import is_something_else
from kintsugi.telemetry.redact.values import (
    MASK,
    STANDS_FOR_ONE,
    Value,
    is_of_base64,
    is_secret,
    is_uuid,
    read,
)
from kintsugi.telemetry.redact.weighing import SAID, Said, may_be_near, weighed

Span = tuple[int, int]

_BEFORE = 48
NAME_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.$"
_OF_NAMES = frozenset(NAME_CHARACTERS)
_TAIL = re.compile(r"\w{0,40}(?:[.-]\w{1,30}){0,4}")
_BEFORE_A_BODY = ("", "\n", " ", '"', "'")
_FIRST_OF_QUERY = re.compile(r"[^\s&='\"]{8,400}&[\w.]{1,40}=")  # authz=…&timeout=3s
_ANDS, _OF_FIELDS = (" and ", " or ", " & ", "/", "/ ", ",", ", ", "|"), (":", "=")
_AND_BEFORE = re.compile(
    r"\b(?:user|name|username|login|log-in|e-?mail|account)(?: and | or | & |/| / |, ?|\|)$", re.IGNORECASE
)
_TWO_WORDS = re.compile(
    r"[\"']?[A-Za-z][\w.@+-]{1,60}[\"']?(?:\s{1,3}|,\s?|\s?/\s?|:|\|| and )[\"']?(?P<secret>[^\s\"',;]{4,100})"
)
_OF_PAIRS = ('"', "'", ":", "=")
_QUOTES = ('"', "'", "`", "\\")
_CHANGED = re.compile(r"(?P<quote>[\"'])(?: ?[-=]> ?| to )(?P=quote)(?P<secret>[^\"'\n]{2,400})(?P=quote)")
_FAR = 200
# A value that was hidden before, with nothing left of it: so most keys look when a text is gone through once more.
_HIDDEN = re.compile(r"\[\*\*\*\]|\*{1,3}(?=$|\s|[%&]|;\w[\w ]{1,24}=|\\[nrtu\"'`\\])|([\"'])\*\*\*\1")
# The usual one of these right behind its key: what `AFTER` leads to, for a quarter of its cost.
_COOKIE_GOES_ON = r"; (?i:httponly|secure|path=|domain=|max-age=|expires=|samesite=)"
_HIDDEN_AT_ONCE = re.compile(rf"[\"']?[=:] ?(?:\*\*\*(?=$|[\s%&]|{_COOKIE_GOES_ON})|([\"'])\*\*\*\1)")
_ATTRIBUTE = re.compile(_COOKIE_GOES_ON)
_USUAL_SIGNS = ("=", ": ", ":", "= ")
_RIGHT_BEHIND = re.compile(r"[\"']?[=:] ?(?P<quote>[\"']?)")
# What is looked for first, as it is so often there: a long run of letters and digits that nothing but blanks or its own
# quotes surround; and a word of a sentence. `AFTER` and the rest say the same, at eight times the cost.
_PLAIN_VALUE = re.compile(
    r"(?:[\"']?:|=) ?(?:(?P<bare>[0-9A-Za-z]{20,400})(?=\s|$)"
    r"|(?=([\"']))[\"'](?P<inside>[0-9A-Za-z]{20,300})(?=\2(?:[,)}\]\n]|$)))"
)
_OFTEN_OTHERWISE = ("secret", "pin")  # the names of things in the cloud, and pins of boards
_IN_A_SENTENCE = re.compile(r"[,.)] (?![vVbBrRuU\"'`\\])")
_ACT = re.compile(
    r"(?<!o)auth(?:enticat[a-z]{1,5}|ori[sz][a-z]{1,7})?(?:_?(?:attempt|args|arguments|user))?$", re.IGNORECASE
)
_OPENED = re.compile(
    r"(?i:\b(?:wi-?fi|wlan|vpn|api|webhook|service|netrc|login|log in|account|ssh|door|unlock|wireless)\b)"
)


def keyed(text: str, start: int, end: int) -> Iterable[Span]:
    """The secret that belongs to the key whose root is `text[start:end]`: behind it, if a sign and a value follow."""
    if text[end - 1] in "=:":
        end -= 1
    plain = _PLAIN_VALUE.match(text, end)
    if not plain and (hidden := _HIDDEN_AT_ONCE.match(text, end)):
        return _changed(text, hidden.end() - 1) if hidden[1] else ()
    stem = _stem(text, start)
    at, is_pair = start - len(stem), False
    if plain and _is_plain_value(text, at, stem, end, plain):
        return (plain.span(plain.lastgroup or 0),)
    if text.startswith("Error", end) and text[end + 5 : end + 6] in (":", "(", "\n"):
        return ()  # the class of an exception
    after = None if _IN_A_SENTENCE.match(text, end) or text[at - 3 : at] == "://" else AFTER.match(text, end)
    if after and (hidden := _HIDDEN.match(text, after.end()) or STANDS_FOR_ONE.match(text, after.end())):
        return _changed(text, hidden.end() - 1)
    if after:
        name = stem + text[start : after.end("tail")]
        if name[-13:].lower() == "authorization":
            return [*authorization(text, after.end(), after, is_line=text[at - 1 : at] in ("", "\n"))]
        if "ignature" in name and (signed := signature(text, name, after.end())):
            return signed
        level = level_behind(text, at, stem, name, after)
        if not level and after["sign"] == "=" and _FIRST_OF_QUERY.match(text, after.end()):
            level = grade(name, in_address=True)
        is_pair = after.lastgroup == "pair" and level is not Grade.NONE
        if is_pair and (listed := list(in_lists(text, at, after.end("tail"), level))):
            return listed
        if after["sign"] == "=" and level and (of_tuple := in_tuples(text, at, after.end("tail"))):
            return of_tuple
        found = list(_second_of_two(text, at, after) or value_behind(text, level, name, after)) if level else []
        if found:
            return [*found, *_changed(text, found[-1][1])]
    return [*_elsewhere(text, at, end, stem, is_in_list=not is_pair)]  # a list, also where it is empty: it took time


def _stem(text: str, start: int) -> str:
    """The beginning of a name whose root begins at `start`."""
    if text[start - 1 : start] not in _OF_NAMES:
        return ""
    before = text[max(0, start - _BEFORE) : start]
    return before[len(before.rstrip(NAME_CHARACTERS)) :]


def _second_of_two(text: str, at: int, after: re.Match[str]) -> Iterable[Span]:
    """Of `username and password: bob …` the second word."""
    is_further = after["sign"] in _OF_FIELDS and text.endswith(_ANDS, max(0, at - 5), at)
    if not is_further or not _AND_BEFORE.search(text, max(0, at - _BEFORE), at):
        return ()
    two = _TWO_WORDS.match(text, after.end())
    return (two.span("secret"),) if two and is_strong(two["secret"]) else ()


def _changed(text: str, end: int) -> Iterable[Span]:
    """The new value of what is to be changed, if one stands behind the old one, which ends at `end`."""
    changed = _CHANGED.match(text, end) if text[end : end + 1] in _QUOTES else None
    return (changed.span("secret"),) if changed and changed["secret"] != MASK else ()


def is_right_behind(text: str, end: int, span: tuple[int, int, *tuple[str, ...]]) -> bool:
    """Whether a key that ends at `end` would be passed over at once with this span hidden: see `_HIDDEN_AT_ONCE`."""
    after = text[span[1] : span[1] + 1]
    is_end = not after or after in " \t\n\r%&" or (after == ";" and _ATTRIBUTE.match(text, span[1]) is not None)
    if text[end : span[0]] in _USUAL_SIGNS:
        return is_end
    found = _RIGHT_BEHIND.fullmatch(text, end, span[0])
    if found and found["quote"]:
        return after == found["quote"] and not _changed(text, span[1])
    return found is not None and is_end


def _is_plain_value(text: str, at: int, stem: str, end: int, plain: re.Match[str]) -> bool:
    """Whether the value of a key that begins at `at` with its `stem` and ends at `end` can be nothing but a token."""
    name = text[at:end]
    if not is_of_base64(plain[plain.lastgroup or 0]):
        return False
    return _is_of_tokens(name) or (
        name[-6:].lower() not in _OFTEN_OTHERWISE and grade_in_place(text, at, stem, name) >= Grade.TOKEN
    )


@lru_cache(maxsize=4096)
def _is_of_tokens(name: str) -> bool:
    return name[-6:].lower() not in _OFTEN_OTHERWISE and grade(name) >= Grade.TOKEN


def _elsewhere(text: str, at: int, end: int, stem: str, *, is_in_list: bool) -> Iterable[Span]:
    """The secret of a key that no value follows: below it in a table, or before it."""
    is_title = "\n" in text[end : end + LONGEST_TITLES] or "\n" in text[max(0, at - 10) : at]
    is_named = text[max(0, at - 4) : at].rstrip()[-1:] in _OF_PAIRS
    is_told = text.endswith(LEADS, max(0, at - 10), at)
    tail = _TAIL.match(text, end)
    stop = tail.end() if tail else end
    is_in_list = is_in_list and is_listed(text, at, stop)
    is_of_tuple = text.startswith(", ", stop) and "=" in text[stop : stop + _FAR]
    is_near = may_be_near(text, at, stop)
    if not (is_title or is_named or is_told or is_in_list or is_of_tuple or is_near):
        return ()
    name = stem + text[at + len(stem) : stop]
    level = grade_in_place(text, at, stem, name)
    if not level:
        return weighed(text, at, stop, Said.ACT) if is_near and _ACT.search(text[at:stop]) else ()
    return [
        *(in_lists(text, at, stop, level) if is_in_list else ()),
        *(in_tuples(text, at, stop) if is_of_tuple else ()),
        *(in_columns(text, at, stop, level) if is_title else ()),
        *(in_two_columns(text, at, stop, level) if is_title else ()),
        *(said_below(text, at, stop, level) if is_title else ()),
        *(value_before(text, at, level) if is_named else ()),
        *(said_before(text, at, stop, level) if is_told and level >= Grade.TOKEN else ()),
        *(_no_names(text, name, weighed(text, at, stop, _said(text, at, stop, level))) if is_near else ()),
    ]


def _no_names(text: str, name: str, spans: Iterable[Span]) -> Iterable[Span]:
    """Without the names of secrets, which may be told of by nothing but the word before."""
    if not name.lower().endswith(("secret", "secrets")):
        return spans
    return (
        VAIN if span != VAIN and is_something_else(name, text, Value(*span, quoted=False)) else span for span in spans
    )


def _said(text: str, at: int, end: int, level: Grade) -> Said:
    """How heavily a name announces what stands further on: a mere `key` more where its line says what it opens."""
    if (
        level is Grade.WEAK
        and text[end - 3 : end].lower() == "key"
        and _OPENED.search(text, max(0, at - _BEFORE), end + _FAR)
    ):
        return Said.TOKEN
    return Said.ACT if level is Grade.TOKEN and _ACT.search(text[at:end]) else SAID[level]


_BEHIND_SHORT = "=:\"'\\ "


def shortly(text: str, start: int, end: int) -> Iterable[Span]:
    """A key too short to be looked for alone, such as `pin` and `pat`, with the sign or quote that follows it."""
    end = start + len(text[start:end].rstrip(_BEHIND_SHORT).removesuffix(" for"))
    return keyed(text, start, end) if not text[start - 1 : start].isalpha() or start == 0 else ()


def parameter(text: str, start: int, end: int) -> Iterable[Span]:
    """A short name that is a secret only in an address: `?sig=…`, `&code=…`, `;sid=…`."""
    stem = _stem(text, start)
    mark = text[start - len(stem) - 1 : start - len(stem)]
    name = stem + text[start : end - 1]
    value = read(text, end)
    is_first = mark in _BEFORE_A_BODY and value and text[value.end : value.end + 1] == "&"
    if mark not in ("?", "&", "#", ";") and not (is_first or stem.startswith("u0026")):
        return ()
    level = grade(name, in_address=True)
    if value and name.lower() == "appid" and is_uuid(text[value.start : value.end]):
        return ()  # the id of an application
    if value and level and is_secret(text[value.start : value.end], value.quoted, level, prose=False):
        return ((value.start, value.end),)
    return ()
