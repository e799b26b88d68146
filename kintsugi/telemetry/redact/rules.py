"""Every literal that leads to a secret, the check behind it, and by what such secrets are counted."""

import base64
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.addresses import before_host, encoded_user_information, user_information
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
from kintsugi.telemetry.redact.budget import VAIN
from kintsugi.telemetry.redact.codes import code_for_people
from kintsugi.telemetry.redact.commands import COMMANDS, LINES, Command
from kintsugi.telemetry.redact.disguise import in_disguise
from kintsugi.telemetry.redact.headers import bare_scheme, cookies
from kintsugi.telemetry.redact.keyed import keyed, parameter, shortly
from kintsugi.telemetry.redact.keys import ABROAD, ROOTS, SHORT, VARIABLES, Grade
from kintsugi.telemetry.redact.languages import CODES, KEYS, announced, code
from kintsugi.telemetry.redact.notations import drawn_local, key_of_json, repeated_input
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
Check = Callable[[str, int, int], Iterable[Span]]

# What secrets are found by, as they are counted. `own`: of this process; `flood`: a stretch with more places to look
# at than an honest text has.
KINDS = (
    "vendor", "address", "command", "marked", "keyed", "url", "cookie", "scheme", "private_key", "discord",
    "own", "flood", "personal", "alone", "argument",
)  # fmt: skip

_WORD = "abcdefghijklmnopqrstuvwxyz0123456789"
_DISCORD = re.compile(r"[MNO][\w-]{17,28}\.[\w-]{5,8}(?:\.[\w-]{0,60})?")
_RUN_BEFORE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
_QUOTES = ("'", '"')  # a line end before one is the last sign of a literal
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
# Characters of a run that tell whether it is a token; the rest of a run is read only when it is.
_ENOUGH = 64


@cache
def all_rules() -> tuple[tuple[str, str, Check, bool], ...]:
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
    for words, check in ((ABROAD, abroad), (KEYS, announced), (ACTS, acted), (SERVICES, served), (SHORT, shortly)):
        yield from (("keyed", word, check, False) for word in words)
    yield "command", "code", code_for_people, False
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
    for echoed in ("input_value", '"input"', '"input\\', "'input'"):
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
    if begin and text[begin : begin + 1] in _QUOTES:
        begin = text.rfind("\n", max(0, start - 100), begin - 1) + 1
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
        if stop >= 0 and text[stop + 1 : stop + 2] in _QUOTES:
            stop = text.find("\n", stop + 1, end + _COMMAND_LENGTH)
        stop = stop if stop >= 0 else end + _COMMAND_LENGTH
        pattern = _compiled(command.secret)
        anywhere = islice(pattern.finditer(text, end, stop), _MOST)
        found = anywhere if command.signs else filter(None, [pattern.match(text, end, stop)])
        return [
            _before_quote(text, *one.span("secret"))
            for one in found
            if is_secret(one["secret"], True, Grade.PASSWORD, prose=False)
        ]

    return check


def _before_quote(text: str, start: int, end: int) -> Span:
    """Without the backslashes before the quote that ends the string in which a command stands."""
    return start, start + len(text[start:end].rstrip("\\")) if text[end : end + 1] in _QUOTES else end


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


def abroad(text: str, start: int, end: int) -> Iterable[Span]:
    found = [span for span in keyed(text, start, end) if span != VAIN]
    return found or announced(text, start, end)


def exactly(form: str) -> Check:
    def check(text: str, start: int, end: int) -> Iterable[Span]:
        return ((start, end),) if text[start:end] == form else ()

    return check
