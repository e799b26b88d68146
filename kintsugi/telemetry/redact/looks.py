"""What a value looks like by itself: how little can it be anything but a secret?

Counted in 180,000 lines of the logs of forty programs: a word of each look stands on so many lines of a thousand, and a
secret is hardly ever among them. So a look alone hides nothing; `weighing` adds what the line says.
"""

from enum import IntEnum
from functools import lru_cache

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.alone import OF_DOCUMENTS, RARE_PAIR, is_made_up, is_unspeakable
from kintsugi.telemetry.redact.keys import Grade, grade
from kintsugi.telemetry.redact.values import is_file, looks_random


class Look(IntEnum):
    """How much a value alone tells."""

    NOTHING = 0  # a word, a number, a path, a version, the name of a class
    NAMED = 2  # words and a number with dashes, as hosts, jobs and weak passwords are called
    FAINT = 4  # letters and digits: 290 of 1,000 lines have such a word
    HEX = 6  # digits in hexadecimal, as digests have them
    LIKELY = 8  # as people make passwords: 30 of 1,000, nearly all of them names of devices
    STRONG = 14  # with a sign within, or long and mixed as only chance mixes: 6 of 1,000


_SHORTEST, _LONG, _LONGEST = 6, 16, 200
_STRONG = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])\S{6,}")
_PRODUCT = "1password"
_OF_CLASSES = ("Key", "Keys", "Token", "Tokens")  # Ed25519PublicKey
_MIXED = re.compile(r"(?=\D*\d)(?=[^a-z]*[a-z])(?=[^A-Z]*[A-Z])[^\s/\\.:=<>()\[\]{}\"'`,;|]{8,200}")
WITH_SIGN = re.compile(r"[!#$%&*^~]\w")  # within a word of a sentence
_LETTERS, _VOWEL = re.compile(r"[A-Za-z]{8,40}"), re.compile("[aeiou]")
# What is written like a password and is none. No part may be read in two ways: a word is up to 200 signs long.
_OF_THINGS = re.compile(
    r"""
      0[xX][0-9A-Fa-f]+|[0-9a-fA-F:.+-]+|S-\d(?:-\w+)+                         # numbers, addresses, ids of Windows
    | \d+(?:[.,]\d+)*[A-Za-z]{1,5}(?:/\w+)?|v?\d+(?:\.\d+){1,3}[-+.]?\w*      # with a unit; versions
    | \W*\d+(?:[.,]\d+)*\W*|~?\d{1,3}[A-Z]?-[a-z]+                         # marked, counted
    | [a-z]{2}_[A-Z]{2}(?:\.[\w-]+)?                                          # of a language
    | .*%[0-9A-Fa-f]{2}.*|&.*|.*&\#?\w+|.*\#0\d\d.*|[^+]*\+[^+]*\+[^+]*\+.*       # encoded, in an address or a log
    | .*(?:A-Z|a-z|0-9).*|.*[<>].*                                            # a pattern, a placeholder
    | .*[A-Za-z]\$[A-Z$].*|.*[A-Za-z]{3}\$\d+|\*[a-z]\w*\.\w+                 # classes within classes, pointers
    | (?:[a-z]\w*\.)+\w*\$\w+|\$(?:\.\w+)+|(?:\w+\.)+(?:[A-Z][a-z]+){2,}    # and within modules; paths in JSON
    | (?:[A-Za-z]{1,6}[-_]){0,2}\w{0,6}\*{3,}[\w-]{0,4}                      # hidden for the most part
    | [\w.-]+\#\d+|[A-Z]{3,6}(?:-[0-9a-z]{4}){3}                     # users of Discord, issues, advisories
    | [\w.+-]+@(?:[\w-]+(?:\.[\w-]+)+|[a-z][a-z\d-]*)                          # mail
    | (?:[\w$]+\.)*(?:[A-Z]+[a-z]+\d?@[0-9a-f]{5,16}|(?:[A-Z]+[a-z]+){2,}\d?@[0-9a-f]+)  # objects
    | [A-Z0-9_.-]+|(?i:pk|fk|uq|uk|ix|idx)_\w+                                # constants, keys of a table
    | [a-z_]+(?:[A-Z][a-z]+)*(?:\.[a-z_]+(?:[A-Z][a-z]+)*\d{0,3})+|[a-z_][a-z0-9_]*(?:\.[a-z0-9_]+)+
    | [a-z]{2,}[A-Z][A-Za-z]+(?:\d[A-Z][A-Za-z]*)*\d?                         # names in programs
    | (?:[A-Z][a-z]+){2,}V\d
    | [A-Z]?[a-z]+\d[a-z]{0,2}|[A-Z]{2,}(?:[-_/][A-Z]{2,})*[-_/]?v?\d[a-z]?|[A-Z]?[a-z]+[-_:.\#]\d{1,3}|[a-z]+@\d{1,3}
    """,
    re.VERBOSE,
)
# Standards, formats and machines whose names have a number: `base64-encoded`, `i18n-title`, `cargo-arm64-Linux`.
_OF_STANDARDS = re.compile(
    r"(?<![A-Za-z])(?:[a-z]\d{1,2}n(?![A-Za-z])|b64|s3|x86(?:_64)?)"
    r"|(?:rfc|cve|sha|md|utf|iso|https?|ipv|oauth|tls|ssl|aes|rsa|pbkdf|argon|base|pkcs|socks|arm|amd|win|windows|x(?=509)|"
    r"office|python)[-_#]?\d{1,4}",
    re.IGNORECASE,
)
_LEAST_JUMBLED, _MANY_RARE, _CHUNK = 10, 3, re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_DIGIT_OR_SIGN, _HUMPS = re.compile(r"[\d!#$%&*^?]"), re.compile(r"[a-z]{0,12}(?:[A-Z][a-z]{2,12})+")
_WORD_WITH_DIGITS = re.compile(r"[a-z]{4,20}\d{1,2}")
_WORD_AND_NUMBER = re.compile(r"[A-Z][a-z]{3,12}[-_#]\d{2,4}|[a-z]{3,12}\.[a-z]{3,12}\d{2,4}")
_NAMED = re.compile(r"(?:v?\d+[a-z]*|[A-Za-z][a-z]*|[A-Z]+)(?:[-_.#](?:v?\d+[a-z]*|[A-Z]?[a-z]+|[A-Z]+\d?))+")
_HEX = re.compile(r"[0-9a-f]{24,64}|[0-9A-F]{24,64}")
_PART_OF_NAME = re.compile(r"(?:^|\.)(?:[A-Za-z][a-z]{2,}|[A-Z]{2,}|\d+)(?:\.|$)")
_SYLLABLES = re.compile(r"[A-Z]?[a-z]{3,}")

MADE_UP = (
    r"(?:(?!(?:rfc|cve|sha)\d)[a-z]{4,20}\d{4,6}(?=[\s.,;)]|$)"
    r"|(?=[A-Za-z!#$%&*+@^~?_-]{0,30}\d)(?=[a-z\d!#$%&*+@^~?_-]{0,30}[A-Z])(?=[A-Z\d!#$%&*+@^~?_-]{0,30}[a-z])"
    r"[0-9A-Za-z!#$%&*+@^~?_-]{8,60}(?=[\s.,;)\"']|$))"
)
MADE_UP_WORD = re.compile(MADE_UP)

_OF_A_PERSON = re.compile(
    r"(?!(?i:rfc|cve|sha|utf|http|ipv|oauth|node|host|user|server|web|app|mail|test|build|line|port|step|page|item|job|"
    r"task|worker|thread|shard|room|group|team|client|agent|device|release|version|error|code)s?[_-]?\d)"
    r"[A-Za-z]{4,20}\d{3,6}[!#$%&*@]?"
)
# Words, numbers and signs in one: two digits or a sign within, and a capital or a sign that names lack. Versions and
# dates are none, nor what is called by a number.
_OF_PEOPLE = re.compile(
    r"(?!(?i:rfc|cve|sha|md5|utf|iso|http|ipv|oauth|tls|ssl|aes|rsa|pbkdf|argon|base|version|release|build|python|node)"
    r"[-_.]?\d)(?!.*\d\.\d)(?!.*\d[-_.](?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}[-_.]\d)"
    r"(?!.*\.(?:[a-z]{2,6}|[A-Za-z]+Error|[A-Za-z]+Exception)$)"
    r"(?=\D*\d{2}|(?:\D*\d){3}|(?=\D*\d)[^!#$%&*^~]*[!#$%&*^~]\S)(?=[^a-z]*[a-z])(?=[^A-Z!#$%&*@^~?+]*[A-Z!#$%&*@^~?+])"
    r"[A-Za-z0-9!#$%&*@^~?+_.-]+"
)


@lru_cache(maxsize=4096)
def looks(value: str) -> Look:
    """How much a value alone tells, where nothing but its place could tell more."""
    value = value.rstrip("=")
    if not _SHORTEST <= len(value) <= _LONGEST:
        return Look.NOTHING
    if value.isalpha():
        return Look.LIKELY if _is_unspeakable(value) else Look.NOTHING
    if _HEX.fullmatch(value) and not value.isdigit():
        return Look.HEX
    if _WORD_AND_NUMBER.fullmatch(value):
        return Look.NAMED
    if value.isdigit() or grade(value) or _is_of_things(value):
        return Look.NOTHING
    if _WORD_WITH_DIGITS.fullmatch(value):
        return Look.NAMED
    if is_file(value):
        return Look.NOTHING
    if len(value) >= _LONG and is_made_up(value):
        return Look.STRONG
    is_by_people = is_of_people(value)
    if is_by_people and WITH_SIGN.search(value):
        return Look.STRONG
    if is_mixed(value) or ("." in value and not _PART_OF_NAME.search(value) and is_mixed(value.replace(".", ""))):
        return Look.STRONG if len(value) >= _LONG else Look.LIKELY
    if is_by_people or is_of_a_person(value):
        return Look.LIKELY
    if _NAMED.fullmatch(value):
        return Look.NAMED if sum(map(str.isdigit, value)) > 1 else Look.NOTHING
    return Look.FAINT if is_strong(value) else Look.NOTHING


def _is_of_things(value: str) -> bool:
    if OF_DOCUMENTS.fullmatch(value) or value.endswith(_OF_CLASSES) or _is_of_standards(value):
        return True
    return _OF_THINGS.fullmatch(value) is not None and not _is_jumbled(value)


def _is_of_standards(value: str) -> bool:
    """Whether no digit and no sign is left of it without the names of standards in it."""
    plain = _OF_STANDARDS.sub("", value)
    return plain != value and not _DIGIT_OR_SIGN.search(plain.strip("$*"))


def _is_jumbled(value: str) -> bool:
    """Whether what is written as names in programs are has no words in it."""
    if len(value) < _LEAST_JUMBLED or not value.isalnum() or value[0].isdigit() or not is_mixed(value):
        return False
    return len(_CHUNK.findall(value)) * 2 >= len(value) or len(RARE_PAIR.findall(value.lower())) >= _MANY_RARE


def _is_unspeakable(value: str) -> bool:
    """Whether letters of both cases are in an order that no name of a program or a class has, either."""
    if (
        not _LETTERS.fullmatch(value)
        or _HUMPS.fullmatch(value)
        or value.islower()
        or value.isupper()
        or not is_unspeakable(value)
    ):
        return False
    return not any(_VOWEL.search(part[1:]) and not RARE_PAIR.search(part.lower()) for part in _SYLLABLES.findall(value))


def is_strong(value: str) -> bool:
    """Whether a value that nothing but its place tells is a secret: it looks random, or has letters and digits."""
    is_strong = looks_random(value) or (_STRONG.fullmatch(value) is not None and grade(value) is Grade.NONE)
    return is_strong and not is_file(value)


def is_mixed(value: str) -> bool:
    """Whether capitals, small letters and digits are in one run, as in no name of a key or a class of keys."""
    return (
        _MIXED.fullmatch(value) is not None
        and looks_random(value)
        and not (grade(value) or value.lower().startswith(_PRODUCT) or value.endswith(_OF_CLASSES))
    )


def is_of_a_person(value: str) -> bool:
    """Whether it is a word with a number, as people make passwords, and no name of one of many things."""
    return _OF_A_PERSON.fullmatch(value) is not None and grade(value) is Grade.NONE


@lru_cache(maxsize=4096)
def is_of_people(value: str) -> bool:
    """Whether it is made of words, numbers and signs as people make passwords, where a sentence gives one."""
    return 8 <= len(value) <= 60 and _OF_PEOPLE.fullmatch(value) is not None and grade(value) is Grade.NONE


_FOLDER, _OF_THE_SHELL = re.compile(r"/[\w.@ /-]*"), ("pwd", "oldpwd", "$pwd", "$oldpwd")


def is_folder(name: str, value: str) -> bool:
    """Whether it is the shell's PWD or OLDPWD and a path, and no password that begins with a slash."""
    if name.lower() not in _OF_THE_SHELL or not _FOLDER.fullmatch(value):
        return False
    parts = value[1:].split("/")
    if name.islower() and len(parts) == 1:
        return False  # more likely a field of a form
    return max(map(looks, parts)) < (Look.STRONG if len(parts) > 1 else Look.LIKELY)
