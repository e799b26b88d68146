"""The second reading of a text: as source code. What stands in a literal or a comment may be hidden, and nothing else.

A line of code is no line of a log: behind `token =` stands an expression far more often than a token. So a key of the
code hides only a literal that follows it; within a literal the rules for logs hold; names, annotations, expressions and
line ends stay, so that each line is still in its place and can be found again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.fold import Folded, lower
from kintsugi.telemetry.redact.hiding import merged
from kintsugi.telemetry.redact.keyed import NAME_CHARACTERS
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.lists import in_lists
from kintsugi.telemetry.redact.literals import Kind, Region, Regions, regions
from kintsugi.telemetry.redact.rules import Check, Span
from kintsugi.telemetry.redact.scan import KNOWN, Found, Scanner, after_an_escape
from kintsugi.telemetry.redact.values import MASK, is_phrase_of_header, is_secret, looks_random

# What leads from a name of the code, or from a literal that is a name, to the literal that is its value.
_LEAD = re.compile(
    r"""
    (?:["'`]?\]?)
    (?:
        [ \t]{0,4}\??:[ \t]{0,4}&?[A-Za-z][\w.\[\]|<>,\ ?*&]{0,60}?[ \t]{0,4}=(?!=)\s{0,40}
      | [ \t]{0,8}(?P<sign>:=|=>|={1,3}|!==?|\?\?=|\|\|=|\?=|:)\s{0,40}(?:[|>][-+]?\s{1,40})?
      | [ ](?:or|\|\||\?\?|\?:)[ ]\s{0,40}
      | [ \t]{1,4}\*?(?:string|String|str|\[\]byte)[ \t]{0,4}:?=\s{0,40}
      | [ \t]{0,2}(?P<call>\()\s{0,40}
      | ,?\s{1,40}["']?value["']?[ \t]{0,4}[:=]\s{0,40}
      | (?P<pair>,)\s{0,40}
    )
    (?:\(\s{0,40})?
    (?:(?:new[ ])?[\w.]{0,40}(?:Secret\w{0,10}|Password|Token|Key|Text|[Bb]ytes?|[Ss]tring|[Ss]tr|from|(?<!\.)encode)
        \((?:value[ ]?=[ ]?)? | \[\]byte\()?
    (?:[\w.$\[\]"'()-]{1,80}[ ](?:or|\|\||\?\?|\?:)[ ]\s{0,40})?
    (?:[bBrRuUfF@$]{0,2}(?:\"\"\"|\'\'\'|["'`]))?
    """,
    re.VERBOSE,
)
_TAIL, _TAIL_OF_A_LITERAL = re.compile(r"\w{0,40}"), re.compile(r"[\w-]{0,40}")
_JOINED = re.compile(r"[\"'`]{1,3}\s{0,40}[+\\.]?\s{0,40}(?:[bBrRuUfF]{0,2})(?:\"\"\"|\'\'\'|[\"'`])")
_CLASS = re.compile(r"(?:[A-Z]{1,4}[a-z]{1,14}\d{0,5}){2,6}")
_OF_A_DICTIONARY = re.compile(r"[\"'`]\s{0,4}:")
_GLUED = re.compile(r"[\"'`]\s{0,8}\+\s{0,8}[A-Za-z_$(]")
_NEXT = re.compile(r"[\"'`]\s{0,40},\s{0,40}[bBrRuU]?[\"'`]")
_COMPARISONS = ("==", "===", "!=", "!==")
_ANYWHERE = KNOWN | {"private_key"}
_MOST_PIECES, _BACK, _WINDOW = 200, 200, 10_000
_STRETCH, _LOOKS = 512, 48
_DOCSTRING = 400  # characters within which a text of many lines shows that it is one

# Literals that are the names of things, or words, and not their values.
_NAMES = re.compile(
    r"""
      [A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*
    | [a-z][a-z0-9]*(?:[_.:/-][a-z][a-z0-9]*)+
    | [A-Za-z][a-z]{2,}(?:[A-Z][a-z]{2,}){1,6}\d{0,2}
    | (?:[A-Z][a-z]{2,14}){0,3}OAuth\d?(?:[A-Z][a-z]{2,14}\d?){0,4}
    | [A-Z]{2,12}\d?(?:-[A-Z]{2,12}\d?){0,3}:[a-z_]{3,40}
    | [./\#@~^$%&?-]+[A-Za-z][A-Za-z./_-]*
    | [A-Z][a-z]+
    | [A-Za-z]{1,3}\d{0,3} | \d{1,3}
    | .*\s.*
    | (?i:pass(?:word|wd|phrase|code)?|secrets?|tokens?|api|keys?|credentials?|auth|login|change|me|it|example|test|
        your|my|the|new|old|user|admin|root|fake|dummy|default|some|any|invalid|wrong|bad|good|valid|here|\d{1,4}|
        [-_ .])+
    """,
    re.VERBOSE | re.DOTALL,
)
_PATTERN = re.compile(r"</\w|\(\?|\[\^|\.[+*]|\\{1,2}[dwsDWSb]|[\])][+*{]|\$\{|%[sd(]|\{\w*\}")
_STRONG = re.compile(r"(?=[^\d\s]*\d)(?=[^A-Za-z\s]*[A-Za-z])\S{8,}")
_UPPER_AND_RANDOM = re.compile(r"(?=[A-Z]*\d)(?=[A-Z0-9]*\d[A-Z]+\d)[A-Z0-9]{12,}")
_PHRASE = ("passphrase", "mnemonic", "seedphrase", "seed_phrase", "recovery_phrase")
_SIGNS = ("=", ":", "@")
_ALSO_WORDS = ("pass", "passes")
_LINE = re.compile(r"[ \t]*(?P<inside>\S[^\n]*?)[ \t\r]*(?:\\[nr])*\\?(?=\n|$)")


def hidden_in_source(text: str, scanner: Scanner, path: str, *, excerpt: bool) -> tuple[str, list[str]]:
    """The source text without its secrets, line by line as it was, and what they were found by.

    An `excerpt` may begin within a literal, or be no code at all: in it known shapes are hidden wherever they stand.
    """
    literals = regions(text, path)
    whole = _of_prose(text, scanner) if literals is None else _Source(text, literals, scanner, excerpt=excerpt).found()
    found = sorted({one for start, end, kind in whole for one in _by_lines(text, start, end, kind)})
    spans = merged(found, text)
    pieces: list[str] = []
    at = 0
    for start, end in spans:
        scalar = literals.beginning_at(start) if literals else None
        if scalar is not None and scalar.kind is Kind.PLAIN:  # a scalar of YAML must not begin with an asterisk
            pieces += (text[at:start], f'"{MASK}"')
            at = scalar.end
        else:
            pieces += (text[at:start], MASK)
            at = end
    return "".join(pieces) + text[at:], [kind for _, _, kind in found]


def _of_prose(text: str, scanner: Scanner) -> Iterator[Found]:
    """Of a text that is no code, such as an environment file: as of a log, but line by line."""
    for start, end, kind in scanner.spans(Folded(text, lower(text), None)):
        line_end = text.find("\n", start, end)
        yield (start, line_end if line_end >= 0 and kind != "private_key" else end, kind)


def _by_lines(text: str, start: int, end: int, kind: str) -> Iterator[Found]:
    if "\n" not in text[start:end]:
        yield (start, end, kind)
        return
    for line in _LINE.finditer(text, start, end):
        yield (*line.span("inside"), kind)


class _Source:
    """One source text on the way to its spans."""

    def __init__(self, text: str, literals: Regions, scanner: Scanner, *, excerpt: bool) -> None:
        self._text = text
        self._literals = literals
        self._scanner = scanner
        self._anywhere = _ANYWHERE if excerpt else frozenset[str]()

    def found(self) -> Iterator[Found]:
        done = looks = begin = 0
        for start, end, kind in self._scanner.personal(self._text):
            yield from ((piece.start, piece.end, kind) for piece in self._literals.within(start, end))
        for number, start, end in self._scanner.places(lower(self._text)):
            if start < done or number >= self._scanner.alone:
                continue
            if start >= begin + _STRETCH:
                looks, begin = 0, start
            check, bounded, kind = self._scanner.rules[number]
            region = self._literals.at(start)
            if (region is None and kind != "keyed" and kind not in self._anywhere) or (
                bounded and self._is_within_a_word(start)
            ):
                continue
            looks += 1
            if looks > _LOOKS and kind not in KNOWN:
                continue
            for span in self._looked_at(kind, check, region, start, end):
                done = max(done, span[1])
                yield (*span, kind)

    def _is_within_a_word(self, start: int) -> bool:
        return start > 0 and self._text[start - 1].isalnum() and not after_an_escape(self._text, start)

    def _looked_at(self, kind: str, check: Check, region: Region | None, start: int, end: int) -> Iterable[Span]:
        if region is None and kind in self._anywhere:
            return check(self._text, start, end)
        if region is None:
            return self._behind(*self._name(start, end, _TAIL))
        if kind == "private_key":
            armoured = check(self._text, start, end)
            return [(piece.start, piece.end) for span in armoured for piece in self._literals.within(*span)]
        if kind == "keyed" and region.kind is not Kind.COMMENT:
            name, after = self._name(start, end, _TAIL_OF_A_LITERAL)
            if after == region.end:
                behind = list(self._behind(name, after, whole=after - len(name) == region.start))
                return list(self._listed(name, after)) or behind
        return self._inside(kind, check, region, start, end)

    def _name(self, start: int, end: int, rest: re.Pattern[str]) -> tuple[str, int]:
        """The name with this piece in it, and where it ends."""
        before = self._text[max(0, start - 48) : start]
        tail = rest.match(self._text, end)
        after = tail.end() if tail else end
        return before[len(before.rstrip(NAME_CHARACTERS)) :] + self._text[start:after], after

    def _inside(self, kind: str, check: Check, region: Region, start: int, end: int) -> Iterator[Span]:
        """What the rules for logs find within one literal or comment, as if there were nothing else."""
        begin = max(region.start - 1, start - _BACK, 0)
        loose = (
            region.kind is Kind.COMMENT or "\n" in self._text[region.start : min(region.end, region.start + _DOCSTRING)]
        )
        view = self._text[begin : min(region.end, end + _WINDOW)]
        for first, last in check(view, start - begin, end - begin):
            if kind in KNOWN or (last > first and self._is_told(view, first, last, loose=loose)):
                yield (begin + first, begin + last)

    @staticmethod
    def _is_told(view: str, first: int, last: int, *, loose: bool) -> bool:
        """Whether a value within a text is one, and not a word of a sentence, a pattern or a template."""
        value, before = view[first:last], view[max(0, first - 4) : first].rstrip("\\\"'")
        if _NAMES.fullmatch(value) or _PATTERN.search(value) or value[-1:] in "=:" or value[0] in "[{(<*":
            return False
        return looks_random(value) or not (loose or (value.isalpha() and before[-1:] not in _SIGNS))

    def _behind(self, name: str, after: int, *, whole: bool = True) -> Iterator[Span]:
        """The literal that is the value of this name, and those that it is joined with.

        `whole`: the name is all of its literal, so that it may be the first of a pair.
        """
        level = grade(name.strip("$.-"))
        lead = _LEAD.match(self._text, after) if level else None
        region = self._literals.beginning_at(lead.end()) if lead else None
        if lead is None or region is None or region.kind is Kind.COMMENT or (lead["pair"] and not whole):
            return
        if lead["pair"] and self._is_listed(region):
            return
        loose = bool(lead["call"] or lead["pair"] or lead["sign"] in _COMPARISONS)
        if not self._hides(region, name, level, loose=loose):
            region = self._after(_NEXT, region) if name.endswith("auth") else None
            if region is None or not self._hides(region, name, Grade.PASSWORD, loose=True):
                return
        for _ in range(_MOST_PIECES):
            yield (region.start, region.end)
            following = self._after(_JOINED, region)
            if following is None:
                return
            region = following

    def _is_listed(self, region: Region) -> bool:
        """Whether a literal behind a name is no value, but a key itself, or one more name of a list."""
        if _OF_A_DICTIONARY.match(self._text, region.end):
            return True
        is_name = _CLASS.fullmatch(self._text, region.start, region.end)
        return is_name is not None and _NEXT.match(self._text, region.end) is not None

    def _listed(self, name: str, after: int) -> Iterator[Span]:
        """The literals of other lists that stand where this name stands in its own."""
        level = grade(name)
        for start, end in in_lists(self._text, after - len(name), after, level) if level else ():
            region = self._literals.beginning_at(start)
            if region and region.end == end:
                yield start, end

    def _after(self, sign: re.Pattern[str], region: Region) -> Region | None:
        """The literal that follows another one."""
        between = sign.match(self._text, region.end) if region.kind is Kind.STRING else None
        return self._literals.beginning_at(between.end()) if between else None

    def _hides(self, region: Region, name: str, level: Grade, *, loose: bool) -> bool:
        value = self._text[region.start : region.end]
        if name[-13:].lower() == "authorization" and is_phrase_of_header(value):
            return True
        if not is_secret(value, region.kind is Kind.STRING, level, prose=False):
            return False
        if value.count(" ") >= 3 and name.lower().endswith(_PHRASE):
            return True
        if value.lower() == name.lower():
            return False
        if _NAMES.fullmatch(value) and not _UPPER_AND_RANDOM.fullmatch(value):
            return False
        if self._text[region.end : region.end + 1] in ("{", "$", "#") or _PATTERN.search(value) or "://" in value:
            return False  # a part of a text that is put together, the pattern of one, or an address
        if _GLUED.match(self._text, region.end) and not looks_random(value):
            return False
        if loose or level < Grade.PASSWORD or name in _ALSO_WORDS:
            return looks_random(value) or (level >= Grade.SECRET and _STRONG.fullmatch(value) is not None)
        return len(value) >= 4
