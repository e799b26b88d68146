"""One reading of who announces a secret and one of what a word looks like, weighed together.

What announces is a key (`password`), an act that takes a secret (`login`) or what one logs in to; how a word is linked
to it tells more or less, and so does the word itself. There is no rule for one notation or one program: where the three
together are heavy enough, the word is hidden. In 330,000 lines of logs and samples, three such words are no secret; in
320,000 others, all about keys and log-ins, about ten.
"""

from collections.abc import Iterable, Iterator
from enum import IntEnum
from functools import lru_cache
from itertools import islice

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.alone import is_open
from kintsugi.telemetry.redact.budget import VAIN
from kintsugi.telemetry.redact.candidates import Word, words_between
from kintsugi.telemetry.redact.keys import Grade, grade, words
from kintsugi.telemetry.redact.looks import Look, looks

Span = tuple[int, int]

ENOUGH = 20


class Said(IntEnum):
    """How heavily something announces a secret."""

    SERVICE = 4  # something that one logs in to
    WEAK = 3
    TOKEN = 6
    ACT = 8  # that one logs in
    KEY = 12


SAID = {Grade.WEAK: Said.WEAK, Grade.TOKEN: Said.TOKEN, Grade.SECRET: Said.KEY, Grade.PASSWORD: Said.KEY}


class Link(IntEnum):
    """How what announces and a word are linked."""

    BLOCKED = -12  # the word before tells what it is: `on host db01x`, `user=…`
    FAR = -4  # in another sentence, or before what announces it
    NONE = 0
    LED = 4  # a sign or a word leads to it: `is`, `with`, `->`
    DIRECT = 8  # nothing but signs and words without a meaning between, or a name: `login bob …`
    PAIRED = 10  # a name and a sign: `bob / …`, `('bob', '…')`


class Owned(IntEnum):
    """Whether a name of its own stands right before a value."""

    NO = 0
    LOOSELY = 1  # `path: …`, where a password may be meant all the same
    BY_KEY = 2  # `password=…`, which judges any word itself; what a lesser key passes over may be a secret to others
    SURELY = 3  # `user=…`


# What is done with a secret, and what is called so in many languages of programs.
ACTS = (
    "login", "logon", "log in", "logged in", "logging in", "sign in", "signed in", "signing in", "signin", "unlock",
    "unseal", "decrypt", "kinit", "runas", "connecting as", "connect as", "_bind", "/register", "securestring",
)  # fmt: skip
# What one logs in to.
SERVICES = ("vpn", "wi-fi", "wifi", "wlan", "ssh", "ftp", "smtp", "imap", "ldap", "account", "user")

_OF_PERSONS = ("account", "accounts", "user", "users")

_BEHIND, _BEFORE, _NEAR, _CLOSE, _LONGEST_NAME = 100, 60, 48, 32, 60
_MOST_WORDS, _MOST_BEHIND, _MOST_BEFORE = 8, 3, 2  # of a line with more of them nobody knows which one is meant
_PARTS = re.compile(r"[\s\"'`,;()\[\]{}|=\\]")
_REST_OF_WORD = re.compile(r"[^\s\"'`,;()\[\]{}|=\\]{0,200}")
# A quick look: a digit beside what no number has, in any script, or capitals where no word has them and few names do.
# It begins with no small letter, of which texts are full, and so is twice as fast.
_NOT_OF_NUMBERS = r"[A-Za-z_!#$%&*+@^~?\x80-\U0010ffff-]"
_BESIDE = re.compile(
    rf"[\dA-Z](?:(?<={_NOT_OF_NUMBERS}\d)|(?<=\d)(?={_NOT_OF_NUMBERS})"
    r"|(?<=[a-z][A-Z])(?![a-z]{2})|(?<=[A-Z]{2})(?=[a-z])|(?<=[A-Z][a-z][A-Z]))"
)
_REST_OF_NAME = re.compile(
    r"(?:s|ed|ing|_?(?:args|arguments|attempts?|commands?|requests?|params|users?|with))?(?![A-Za-z0-9_])",
    re.IGNORECASE,
)

_EMPTY = (
    r"(?:is|was|are|be|been|has|have|now|to|with|using|via|set|reset|changed|rotated|updated|like|it|it's|its|the|a|"
    r"an|my|your|our|this|new|old|temporary|initial|current|following|value|string|token|key|secret|password|code|pin|"
    r"given|used|provided|supplied|specified|received|got|entered|typed|tried|generated|created)"
)
_DIRECT = re.compile(rf"[^\w,;)\]|]{{0,6}}(?:{_EMPTY}[^\w,;)\]|]{{1,4}}){{0,5}}", re.IGNORECASE)
_KEY_BETWEEN = re.compile(r"(?i:token|key|secret|password|code|pin)\W{1,4}$")
_GIVEN_WITH = re.compile(r"(?i:with|using|via)\W{1,4}$")  # no program and no method is called by a digest
_LED = re.compile(
    r"(?:^|\W)(?:is|now|was|(?:set|reset|changed|updated|back|it|bound|from \S{1,40}) to|with|using|use|via)$",
    re.IGNORECASE,
)
_OPENINGS, _SIGNS_THAT_LEAD, _ENDS_OF_LEADS = "\"'`([", (":", "=", ">"), ("s", "w", "o", "h", "g", "e", "a")
# A name and what parts it from a password: a sign; in the arguments of a call, and a blank right behind an act.
_NAME = r"[\"']?(?P<name>[A-Za-z][\w.@\\+-]{1,60})[\"']?"
_PAIRED = re.compile(rf"(?:^|[\s\"'(\[=:,]){_NAME}(?:[/|:%]|\ [/|]\ |\ (?:with|and|using|via)\ )[\"']?$")
_IN_A_CALL = re.compile(
    r"[\"']?(?:(?:->|::)\w{1,24}|[\s:=]{1,3}|[^()\n]{1,30}\s?)?[(\[](?:[^()\[\]\n]{0,60},\s?)??"
    r"(?:(?P<quote>[\"'])(?P<literal>[^\"'\n]{1,80})(?P=quote)|(?P<name>[\w.@\\+-]{2,60})),\s?[bu]?[\"']?$"
)
_IN_A_TUPLE = re.compile(r"[(\[]\s?[bu]?[\"'](?P<name>[A-Za-z][\w.@\\+-]{1,60})[\"'],\s?[bu]?[\"']$")
_BEHIND_A_NAME = re.compile(
    rf"\W{{1,3}}(?:(?:attempt|as|for|(?i:with)|user|username|name|account|of|by|are|is)\W{{1,3}}){{0,2}}{_NAME}(?P<comma>,?)\s{{1,3}}[\"']?"
)
_WITH_A_NAME = re.compile(r"(?i: with:? )")  # Login with bob …
_WORDS_OF_LOGS = re.compile(
    r"(?i:error|line|port|code|login|at|in|on|to|from|the|an?|is|was|for|with|and|or|not|no|fail|failed|failure|succeeded|"
    r"success|successful|attempts?|request|session|server|client|host|service|module|method|class|type|version|status|"
    r"id|uid|pid|via|by|page|form|flow|reason|user|account|names?|expired|denied|invalid|required|handler|url|event)"
)
# Behind these stands a name where a blank parts them (`profile prod17`); with a sign, they may be a user's.
_BEFORE_NAMES = re.compile(r"(?i:profile|role|realm|project|tenant|database|region|registry)")
# A name of its own: the nearest one announces.
_BEHIND_OWNER = re.compile(r"(?:[ \t]|\\[nrt]|#0\d\d){0,6}[\[{(]?(?:\\{0,3}[\"']){0,2}")
_OWNER, _LONGEST_OWNER = re.compile(r"(?<![\w.-])(?P<name>[\w.-]{1,48})(?P<quote>\\{0,3}[\"'])?$"), 48
_LONGEST_LEAD, _ENDS_OF_OWNERS = 100, ("=", ":", '"', "'", "= ", ": ", "  ")
_NO_OWNERS = ("value", "string", "is", "now", "it", "to", "with", "new")
_LAST_OF_LINE = re.compile(r"\S{1,100}[ \t\r]*(?=\n|$)")
_OF_NAMES_OF_USERS = (Look.NOTHING, Look.NAMED, Look.HEX)
_LAST_WORD = re.compile(r"([^\W\d_]\w*)[\s\"'`(\[\\]{1,4}$")
_NO_LINKS = words(
    """
    to pour für para von dla voor för для user username account host for by of client in class function method module
    and or import def const let var return on at see sha256 md5 node server id uid device version commit request session
    pool thread table file folder bucket release build job task model image container pod ticket nonce as not
    """
)
_OF_NAMES = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@+-"
_OF_TWO = ("creds", "credentials")  # a name and a password
# `log in with bob and …`, and of a key that stands for two things `credentials: bob and …`
_NAME_AND = re.compile(rf"(?:\bwith|\bas|(?P<list>[,:]|\bare)) {_NAME} and [\"']?$", re.IGNORECASE)
_END_OF_SENTENCE = re.compile(r"[.!?] +[A-Z]")
_PIPED = re.compile(r"[\"']?\s?\|\s{0,2}(?:[\w./:-]{1,30}\s){0,2}[\w./:-]{0,30}")
# A password that is wanted, and not given: what stands before is something else.
_IS_WANTED = re.compile(
    r"(?i:\b(?:requires?|needs?|wants?|asks?|asked|expects?|enter|without|lacks?|no)(?: for)?(?: an?| the| your)? $)"
)
_END_OF_TUPLE = re.compile(r"[\"']\s?[)\]]:?\s(?:[A-Za-z]+\s){0,6}")


def acted(text: str, start: int, end: int) -> Iterable[Span]:
    """What is handed over to an act, in whose name `text[start:end]` stands."""
    return _near_to(text, start, end, Said.ACT)


def served(text: str, start: int, end: int) -> Iterable[Span]:
    """The same of what one logs in to."""
    return _near_to(text, start, end, Said.SERVICE)


def _near_to(text: str, start: int, end: int, said: Said) -> Iterable[Span]:
    rest = _REST_OF_NAME.match(text, end)
    return weighed(text, start, rest.end(), said) if rest and may_be_near(text, end, end) else ()


def may_be_near(text: str, at: int, end: int) -> bool:
    """A quick look for `weighed`; the quickest is whether anything parts words."""
    start, stop = max(0, at - _BEFORE), end + _BEHIND + _NEAR  # the last word may go on: see `_end_of_line`
    return _PARTS.search(text, start, stop) is not None and _BESIDE.search(text, start, stop) is not None


def weighed(text: str, at: int, end: int, said: Said) -> Iterator[Span]:
    """The words on the line of `text[at:end]`, which announces a secret, that can hardly be anything else."""
    name, stop = text[at:end], _end_of_line(text, end)
    again = text.find(f" {name}", end, stop)  # the nearest one announces
    for word, begin, value, look in islice(_candidates(text, end, stop if again < 0 else again, said), _MOST_BEHIND):
        if said + look + _link(text, (at, end), word, said) >= ENOUGH:
            yield begin, begin + len(value)
        else:
            yield VAIN
    start = max(text.rfind("\n", max(0, at - _BEFORE), at) + 1, at - _BEFORE, 0)
    if said is Said.SERVICE and text.find(",", start, at) < 0:
        return
    other = text.rfind(f"{name} ", start, at)
    start = max(start, other + len(name) if other >= 0 else 0)
    for _, begin, value, look in [*_candidates(text, start, at, said)][-_MOST_BEFORE:]:
        before = text[max(0, begin - _NEAR) : begin].rpartition("\n")[2]
        yield VAIN  # also where one is found: to look back takes twice as long
        if said + look + _link_back(before, text[begin + len(value) : at], said) >= ENOUGH:
            yield begin, begin + len(value)


def _candidates(text: str, start: int, stop: int, said: Said) -> Iterator[tuple[Word, int, str, Look]]:
    """The words there that would be heavy enough with the closest link."""
    for word in islice(words_between(text, start, stop), _MOST_WORDS):
        skipped, value, look = word[2]
        if look and said + look + Link.PAIRED >= ENOUGH and not _is_of_a_key(text, start, word[0], said):
            yield word, word[0] + skipped, value, look


def _end_of_line(text: str, end: int) -> int:
    """Where what belongs to an announcement ends: with its line, and with the word that stands so far from it."""
    stop = text.find("\n", end, end + _BEHIND)
    if stop >= 0:
        return stop
    rest = _REST_OF_WORD.match(text, min(len(text), end + _BEHIND))
    return rest.end() if rest else len(text)


def _link(text: str, name: Span, word: Word, said: Said) -> Link:
    """How the value in a word is linked to the name that announces it."""
    (at, end), begin = name, word[0] + word[2].skipped
    before = text[end:begin]
    if before == "[":
        return Link.BLOCKED  # a case of a test
    if said is not Said.SERVICE and _DIRECT.fullmatch(before):
        is_digest = looks(text[word[0] : word[1]]) is Look.HEX and _GIVEN_WITH.search(before)
        return Link.DIRECT if said is not Said.ACT or is_digest or _KEY_BETWEEN.search(before) else Link.LED
    within = word[0]
    if _has_an_owner(text, end, begin, said) or (end < within < begin and _has_an_owner(text, end, within, said)):
        return Link.BLOCKED
    is_led = _is_led(before)
    last = None if is_led else _LAST_WORD.search(before, max(0, len(before) - 24))
    if last and last[1].lower() in _NO_LINKS and not _is_linked(text[at:end], before, last[1]):
        return Link.BLOCKED
    if said is not Said.TOKEN and (paired := _pair(text, end, word, before, said)):
        return paired
    if said is Said.SERVICE and _GIVEN_WITH.fullmatch(before, 1) and text[at:end].lower() not in _OF_PERSONS:
        return Link.DIRECT  # vpn with …
    if said in (Said.ACT, Said.SERVICE, Said.WEAK):
        return Link.FAR
    if _END_OF_SENTENCE.search(before):
        return Link.FAR
    return Link.LED if is_led else Link.NONE


def _is_linked(name: str, before: str, last: str) -> bool:
    """Whether a word that links nothing does so here: as a part of the name itself, or behind `with bob`."""
    is_part = before.strip() == last and bool(grade(f"{name}_{last}"))
    and_ = None if is_part else _NAME_AND.search(before, max(0, len(before) - _NEAR))
    return is_part or (and_ is not None and (not and_["list"] or name.lower().endswith(_OF_TWO)))


def _has_an_owner(text: str, end: int, begin: int, said: Said) -> bool:
    """Whether a name of its own, which announces nothing, stands between `end` and a value that begins at `begin`."""
    owned, back = _owner(text[max(0, begin - _LONGEST_LEAD) : begin])
    if owned in (Owned.NO, Owned.BY_KEY) or begin - back <= end:
        return False
    return owned is Owned.SURELY or (said is not Said.KEY and text[begin - 1].isspace())


def _is_of_a_key(text: str, end: int, begin: int, said: Said) -> bool:
    """Whether a key that judges any word stands between `end` and the value: what announces less does not weigh it."""
    if said not in (Said.ACT, Said.SERVICE, Said.WEAK) or not text.endswith(_ENDS_OF_OWNERS, 0, begin):
        return False
    owned, back = _owner(text[max(0, begin - _LONGEST_LEAD) : begin])
    return owned is Owned.BY_KEY and begin - back > end


@lru_cache(maxsize=4096)
def _owner(lead: str) -> tuple[Owned, int]:
    """Whose the value behind `lead` is, and how far back its name ends: told once, for all that announce the value."""
    at = max(lead.rfind("=", -_NEAR), lead.rfind(":", -_NEAR))
    if at < 0 or not _BEHIND_OWNER.fullmatch(lead, at + 1):
        return Owned.NO, 0
    sign, end = lead[at], at - (lead[at - 1 : at + 1] == " :")
    begin = max(0, end - _LONGEST_OWNER)
    owner = _OWNER.search(lead[begin:end])
    if not owner or (not owner["quote"] and owner["name"].lower() in _NO_OWNERS):
        return Owned.NO, 0
    back = len(lead) - begin - owner.end("name")
    if level := grade(owner["name"]):
        return (Owned.BY_KEY, back) if level >= Grade.SECRET else (Owned.NO, 0)
    if sign == "=" or owner["quote"] or lead.endswith((':"', ":'")) or not is_open(owner["name"]):
        return Owned.SURELY, back
    return Owned.LOOSELY, back


def _is_led(before: str) -> bool:
    """Whether a sign or a word leads to what stands behind this."""
    lead = before.rstrip(_OPENINGS).rstrip()
    if lead.endswith(_SIGNS_THAT_LEAD):
        return True
    return lead[-1:].lower() in _ENDS_OF_LEADS and _LED.search(lead, max(0, len(lead) - _NEAR)) is not None


def _pair(text: str, end: int, word: Word, before: str, said: Said) -> Link:
    """How a value is linked to a name before it, which may be that of a user. A colon tells least: names and numbers
    stand behind one, too."""
    if said is Said.WEAK:
        return Link.NONE
    paired = _PAIRED.search(before, max(0, len(before) - _NEAR))
    if not paired and said is not Said.SERVICE:
        paired = _IN_A_CALL.match(before) or _BEHIND_A_NAME.fullmatch(before)
    if not paired and _is_a_line_of_its_own(text, end, word[0] + word[2].skipped):
        paired = _BEHIND_A_NAME.fullmatch(before)
    if not paired or paired.start() > _CLOSE:
        return Link.NONE
    is_behind = paired.re.pattern == _BEHIND_A_NAME.pattern
    if (name := paired["name"]) and (not _is_of_a_user(name) or (is_behind and _BEFORE_NAMES.fullmatch(name))):
        return Link.NONE
    if is_behind:
        is_of_two = said is not Said.KEY or paired["comma"] or text[max(0, end - 11) : end].lower().endswith(_OF_TWO)
        is_all = is_of_two and _WITH_A_NAME.match(before) and _LAST_OF_LINE.match(text, word[0])
        return Link.PAIRED if is_all else Link.DIRECT if is_of_two else Link.NONE
    return Link.LED if paired[0].endswith(":") and word[2].look < Look.LIKELY else Link.PAIRED


def _is_of_a_user(name: str) -> bool:
    return not _WORDS_OF_LOGS.fullmatch(name) and looks(name) in _OF_NAMES_OF_USERS and is_open(name)


def _is_a_line_of_its_own(text: str, end: int, begin: int) -> bool:
    """Whether a line has only three words: what announces, a name and the value."""
    line = text.rfind("\n", max(0, end - _LONGEST_NAME), end) + 1
    if " " in text[line:end] or (not line and end > _LONGEST_NAME):
        return False
    return _LAST_OF_LINE.match(text, begin) is not None


def _link_back(before: str, between: str, said: Said) -> Link:
    """The same of a value that stands before what announces it."""
    if said > Said.TOKEN and _PIPED.fullmatch(between):
        return Link.PAIRED
    if (
        said is not Said.WEAK
        and _END_OF_TUPLE.fullmatch(between)
        and _IN_A_TUPLE.search(before, max(0, len(before) - _NEAR))
    ):
        return Link.PAIRED
    if said is Said.SERVICE:
        return Link.FAR
    if not between:
        return Link.BLOCKED  # the start of the same word
    if before[-1:] in ("/", ":") and said >= Said.ACT:
        name = before[len(before[:-1].rstrip(_OF_NAMES)) : -1]
        if name[:1].isalpha() and _is_of_a_user(name):
            return Link.NONE if said is Said.KEY else Link.LED
    if _IS_WANTED.search(between, max(0, len(between) - _CLOSE)):
        return Link.BLOCKED
    if before[-1:] == "[" and between[:1] == " ":
        return Link.BLOCKED  # the id of an element of syslog's: [name@32473 …
    if (
        before[-1:] in ("/", "-", "_", "<")
        or between[:1] in (":", "(", "=")
        or _has_an_owner(before, 0, len(before), said)
    ):
        return Link.BLOCKED
    if _is_led(before):
        return Link.LED
    last = _LAST_WORD.search(before, max(0, len(before) - 24))
    if last and last[1].lower() in _NO_LINKS:
        return Link.BLOCKED
    return Link.NONE if said is Said.KEY else Link.FAR
