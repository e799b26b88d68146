"""What stands behind a key: whether it is a secret, and where it begins and ends."""

from collections.abc import Iterable, Iterator

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.looks import MADE_UP_WORD, Look, is_of_people, is_strong, looks
from kintsugi.telemetry.redact.notations import bound_to, is_record
from kintsugi.telemetry.redact.others import is_something_else
from kintsugi.telemetry.redact.values import (
    OF_SENTENCES,
    PHRASE,
    PHRASES,
    Value,
    is_of_base64,
    is_phrase,
    is_secret,
    items,
    literal_in_call,
    looks_random,
    read,
    to_end_of_word,
    whole,
)

Span = tuple[int, int]
_LINE_START = re.compile(r"[ \t]{0,8}(?:export |set |setx |ENV |ARG |- )?[A-Za-z_][\w.-]{0,60}=$")
_ALONE = re.compile(r"[^\s\"']\S{3,400}(?<![:,{}\[\]])[ \t]*(?=\r?\n|$)")
_SECOND = re.compile(
    r"\(?\s{0,8}[bu]?(?P<first>[\"'])(?:(?!(?P=first))[^\n]){0,80}(?P=first)(?:>>)?\s{0,8},\s{0,8}"
    r"(?:<<)?[bu]?(?P<quote>[\"'])(?P<secret>[^\n\"']{3,300})(?P=quote)"
)
_OF_STRUCTS = ("&", "{", "[")
_STRUCT = re.compile(r"&?[{\[](?P<body>[^{}\[\]\n\"'=:]{8,200})[}\]]")  # as Go prints one: &{bob … db01 5432}
_WORD_OF_STRUCT = re.compile(r"\S{8,100}")
_ITEM_OF_YAML, _MOST_ITEMS = (
    re.compile(r"[ \t]{0,8}\r?\n[ \t]{0,12}-[ \t]{1,3}(?P<value>[^\s\"',:]{4,300})(?=\s|$)"),
    20,
)
_MORE_WORDS = re.compile(
    r"[\"'] ?, ?[bu]?(?P<quote>[\"'])[A-Za-z_]{2,30}(?P=quote)\s?[,)\]]|[\"']\s?[)\]] ?, ?[(\[][\"']\*\*\*"
)
_NAME_OF_ANOTHER = re.compile(
    r"[A-Za-z_][\w.-]{1,60}=(?=[bu]?[\"'])|(?i:user(?:name)?|login)=\S"
)  # credentials: secret_key='…'
_OF_PLACEHOLDERS = ("@", "$", ":", "%", "?")
_BLOCKS = ("|", ">")
# What stands in braces in connection strings; and the new value of what a plan says is to change.
_BRACED = re.compile(r"\{(?P<secret>[^{}\s]{6,200})\}(?=[;\"']|$)")
_NO_VALUES = frozenset(
    ("expire", "default", "defaults", "temporary", "random", "something", "another", "whatever", "disabled", "enabled",
     "nothing", "undefined", "generated", "automatic", "required", "optional", "hidden", "match")
)  # fmt: skip
_OF_TWO_THINGS, _SHORTEST_SECRET = ("creds", "credential", "credentials", "auth", "userpwd", "userpass"), 3
_NAME_OF_USER = re.compile(r"[A-Za-z][\w.@-]{0,40}")
_IN_BRACKETS = re.compile(r"\[(?P<secret>[^\s\[\]\"'`,=:]{3,200})\](?![\w.\[(*+?{])")  # password=[…]
_FURTHER_CODES = re.compile(r"(?:[,;] ?(?=[a-z-]{0,20}\d)[\w-]{4,20}){1,19}")
_HASH = re.compile(r"\$[a-z0-9-]{1,12}\$(?:[a-z0-9=,]{1,40}\$){0,3}[\w+/=.$]{0,300}")  # its parameters hold commas
# What goes on with the name of a field, or names one.
_OF_A_FORM = re.compile(
    r"(?:is|must|may|should|does|has|needs|can(?:not|'t)) |does(?: not|n't) match|"
    r"[A-Z][a-z]{1,8} (?:[\w']{1,20} ){0,6}(?:password|field|value|character)s?\b"
)
_COMPARISONS, _LISTS = ("==", "===", "!=", "!=="), ("['", '["', "[\\", "[b'", '[b"')


def value_behind(text: str, level: Grade, name: str, after: re.Match[str]) -> Iterable[Span]:
    """The secrets behind a key of this grade that is called `name`, where `between.AFTER` led to a value."""
    begin = after.end()
    if after["below"] and not ((after["sign"] == ":" or after["below"][:2] == "<<") and _ALONE.match(text, begin)):
        return ()
    is_pair = after.lastgroup == "pair" and text.endswith("<<", 0, begin)  # {credentials,<<"bob">>,<<"…">>}
    may_be_second = is_pair or after.lastgroup == "call" or text[begin : begin + 1] == "("
    second = _SECOND.match(text, begin) if may_be_second else None
    if second and name.lower().endswith(("auth", "creds", "credentials")):
        word = second["secret"]
        named = word.isalpha() and grade(word)
        return (second.span("secret"),) if not named and is_secret(word, True, Grade.PASSWORD, prose=False) else ()
    inside = _in_a_struct(text, begin, level) if text[begin : begin + 1] in _OF_STRUCTS and after["sign"] else None
    if inside is not None:
        return inside
    if text.startswith(_LISTS, begin) and level >= Grade.TOKEN:
        return [
            (item.start, item.end)
            for item in items(text, begin)
            if _counts(text, item, level, prose=False) and not _is_told(text, item, name)
        ]
    is_alone = after.lastgroup == "part" or (after["below"] or "")[:1] in ("`", "<")
    value = to_end_of_word(text, begin) if is_alone else read(text, begin)
    if value and text[value.start : value.start + 1] in _OF_PLACEHOLDERS and not value.quoted:
        bound = bound_to(text, value.start, text[value.start : value.end], level)
        if bound:
            return bound
    if not value or is_something_else(name, text, value):
        return ()
    if level < Grade.SECRET and text.startswith("${", value.end - 1):
        return ()  # v1-${{ github.sha }}
    other = None if value.quoted else _NAME_OF_ANOTHER.match(text, value.start)
    if other and not (looks_random(other[0]) and is_of_base64(other[0])):  # base64 may end in = before a quote, too
        return ()
    if not value.quoted and level >= Grade.SECRET and after["sign"] == "=":
        value = _rest_of_line(text, begin) or value
    braced = _BRACED.match(text, begin) if after["sign"] == "=" and level is Grade.PASSWORD else None
    if braced and is_strong(braced["secret"]):
        return (braced.span("secret"),)
    called, literal = literal_in_call(text, value)
    if called:
        return [(literal.start, literal.end)] if literal and _counts(text, literal, level, prose=True) else ()
    return _judged(text, value, level, name, after)


def _in_a_struct(text: str, begin: int, level: Grade) -> list[Span] | None:
    """What stands in brackets: `password=[…]`, and of a struct of Go's the words that look like secrets. None where
    it may be something else."""
    struct = _STRUCT.match(text, begin) if level >= Grade.SECRET else None
    if struct and " " in struct["body"]:
        return [
            (struct.start("body") + word.start(), struct.start("body") + word.end())
            for word in _WORD_OF_STRUCT.finditer(struct["body"])
            if is_of_people(word[0]) or (looks_random(word[0]) and is_of_base64(word[0]))
        ]
    alone = _IN_BRACKETS.match(text, begin)
    return [alone.span("secret")] if alone and is_secret(alone["secret"], False, level, prose=True) else None


def _judged(text: str, value: Value, level: Grade, name: str, after: re.Match[str]) -> Iterable[Span]:
    kind, sign = after.lastgroup, after["sign"] or ""
    if (kind == "told" or after["below"]) and not value.quoted:
        plain = text[value.start : value.end]
        block = (after["below"] or "")[:1] in _BLOCKS and level is Grade.PASSWORD
        told = kind == "told" and level is Grade.PASSWORD and plain.lower() not in _NO_VALUES
        sure = _is_no_word(plain, level) or block or (len(plain) >= 6 and (told or not plain.isalnum()))
        if not (sure and is_secret(plain, False, level, prose=False)):
            return ()
        return ((value.start, value.end), *(_more_items(text, value.end, level) if after["item"] else ()))
    # A row may be of words, and what follows `password from the file: ` may be what went wrong.
    if (after["where"] or kind in ("set", "cell")) and not (
        (kind == "set" and value.quoted)
        or _is_no_word(text[value.start : value.end], level)
        or (kind == "cell" and is_record(text, value.start))
    ):
        return ()
    if name.lower().endswith(PHRASES) or (value.quoted and (after["close"] or sign == "=")):
        phrase = PHRASE.match(text, value.start, value.end if value.quoted else value.start + 400)
        if phrase and (not value.quoted or phrase.end() == value.end) and is_phrase(phrase[0], name, level):
            return (phrase.span(),)
    if kind == "prose" and ":" in after["prose"]:
        kind = "said"  # password is: …
    if kind == "pair" and _is_of_words(text, value):
        return ()
    if kind in ("prose", "pair") or sign in _COMPARISONS:
        named = kind == "pair" or (kind == "prose" and " " not in text[value.start : value.end])
        word = text[value.start : value.end]
        made_up = level is Grade.PASSWORD and (
            MADE_UP_WORD.match(text, value.start)
            or is_of_people(word)
            or (kind == "prose" and looks(word) >= Look.NAMED)
        )
        level = level if made_up or (value.quoted and named) else min(level, Grade.TOKEN)
        if not value.quoted and not made_up and not looks_random(text[value.start : value.end]):
            return ()
    elif level is Grade.TOKEN and name.isupper() and name != "KEY" and sign == "=":
        level = Grade.SECRET
    if not _counts(text, value, level, prose=kind in ("prose", "said", "gap") or sign.startswith(":")):
        return ()
    value = _without_a_name(whole(text, value), text, name)
    if name[-5:].lower() == "codes" and (more := _FURTHER_CODES.match(text, value.end)):
        return ((value.start, more.end()),)
    hashed = _HASH.match(text, value.start) if text[value.start] == "$" else None
    return ((value.start, max(value.end, hashed.end() if hashed else 0)),)


def _without_a_name(value: Value, text: str, name: str) -> Value:
    """Of credentials that are a user's name and a password, the password."""
    user, sign, rest = text[value.start : value.end].partition(":")
    if (
        not sign
        or rest[:1] == "/"
        or ":" in rest
        or len(rest) < _SHORTEST_SECRET
        or not name.lower().endswith(_OF_TWO_THINGS)
    ):
        return value
    return value._replace(start=value.start + len(user) + 1) if _NAME_OF_USER.fullmatch(user) else value


def _more_items(text: str, at: int, level: Grade) -> Iterator[Span]:
    """The values of a list of YAML after its first one."""
    for _ in range(_MOST_ITEMS):
        found = _ITEM_OF_YAML.match(text, at)
        if not found:
            return
        if is_secret(found["value"], False, level, prose=False) and _is_no_word(found["value"], level):
            yield found.span("value")
        at = found.end()


def _is_no_word(value: str, level: Grade) -> bool:
    """Whether a value can be no word of a sentence or a table: it looks like a secret, or is a code of digits."""
    return is_strong(value) or (value.isdigit() and len(value) >= 4 and level is Grade.PASSWORD)


def _is_told(text: str, item: Value, name: str) -> bool:
    """Whether an item of a list tells what is wrong with a field of a form: `["is too short"]`. A passphrase may have
    words of sentences, too, but not as many, and none that goes on with the name."""
    words = text[item.start : item.end]
    if words.count(" ") < 2 or name.lower().endswith((*PHRASES, "phrases", "mnemonics")):
        return False
    return _OF_A_FORM.match(words) is not None or len(OF_SENTENCES.findall(words)) >= 3


def _is_of_words(text: str, value: Value) -> bool:
    """Whether what follows a name in a list is a name or a word, too, as in `["password", "user", "role"]`."""
    word = text[value.start : value.end]
    return word.isalpha() and (bool(grade(word)) or _MORE_WORDS.match(text, value.end) is not None)


def _counts(text: str, value: Value, level: Grade, prose: bool) -> bool:
    return is_secret(text[value.start : value.end], value.quoted, level, prose)


def _rest_of_line(text: str, at: int) -> Value | None:
    first = max(0, at - 90)
    start = text.rfind("\n", first, at) + 1
    if not start and first:
        return None
    return to_end_of_word(text, at) if _LINE_START.match(text, start, at) else None
