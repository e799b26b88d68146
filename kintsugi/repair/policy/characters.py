"""Characters that make text look like something it is not."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

from kintsugi.telemetry import lazy_re as re

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset("\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064")
_INVISIBLE |= frozenset("\u206a\u206b\u206c\u206d\u206e\u206f\u2800\u3164\ufeff\uffa0\ufff9\ufffa\ufffb")
_ALLOWED_CONTROLS = frozenset("\t\r\f")
_CODE = re.compile(
    r"\.(?:py|pyi|pyw|pyx|js|mjs|cjs|jsx|ts|tsx|go|rs|java|kt|kts|rb|php|c|h|cc|cpp|hpp|cs|swift|scala|sh|bash|zsh|ps1|lua"
    r"|pl|sql|html|htm|vue|svelte|css|toml|ya?ml|json|cfg|ini|xml|jinja2?|j2)$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d]\w*")
_STRINGS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|#.*|//.*")
_TEXTS = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'")  # whose ends stand in one line
_INVISIBLE_SAYS = "which is invisible"
_UNITS = ("\u00b5s", "\u00b5m", "\u00b5g")  # whose first sign Python alone takes for another letter
_TWINS = frozenset(
    "\u0131\u0251\u0261\u0269\u0237\u029f\u017f\u1d00\u1d04\u1d07\u1d0f\u1d1c\u1d20\u1d21\u1d22"
    "\ua731\u01c3\u2215\u2044\u2024\u201a\uff3f"
)
_LIKE_LATIN = frozenset("аеорсухіјѕԁһԛԝӏьАВЕКМНОРСТУХЅІЈαονρυικΑΒΕΖΗΙΚΜΝΟΡΤΥΧօսհո")


def hidden_characters(added: Sequence[str], old: str, *, may_be_said: bool) -> Iterator[tuple[str, bool]]:
    """A sentence for each kind of character that turns or hides text, in added lines and not in the old file, and
    whether it refuses. `may_be_said`: what is only invisible may stand in a text, as in a test of what removes it.
    """
    lines = [line for line in added if not line.isascii() or _has_control(line)]
    beside = {character for line in lines for character in _TEXTS.sub("", line)} if may_be_said else set()
    for character in sorted({character for line in lines for character in line}):
        what = _what(character)
        if what and character not in old:
            refuses = not may_be_said or character in beside or what != _INVISIBLE_SAYS
            yield f"A line has U+{ord(character):04X}, {what}: what is shown is not what runs.", refuses


def look_alikes(path: str, added: Sequence[str], old: str, *, may_be_said: bool) -> Iterator[tuple[str, bool]]:
    """The same for each word in code that looks like another one."""
    lines = [line for line in added if not line.isascii()]
    if not lines or not _CODE.search(path):
        return
    known = set(_WORD.findall(old))
    names = {word for line in lines for word in _WORD.findall(_STRINGS.sub(" ", line))}
    for word in sorted({word for line in lines for word in _WORD.findall(line)} - known):
        if word.isascii() or (word in _UNITS and not path.endswith((".py", ".pyi", ".pyw"))):
            continue
        if (reason := _deceives(word, is_name=word in names)) is not None:
            yield f"The word {word!a} {reason}.", not may_be_said or word in names


def deceiving_path(path: str) -> str | None:
    """What is wrong with a path of which a folder or the file's name looks like another one; None where nothing is."""
    if any(character in _TWINS for character in path):
        return "has a letter that looks like another of the same alphabet"
    words = [] if path.isascii() else [word for word in _WORD.findall(path) if not word.isascii()]
    return next((reason for word in words if (reason := _deceives(word, is_name=True)) is not None), None)


def _what(character: str) -> str | None:
    if character in _BIDI:
        return "which turns the direction of text"
    if character in _INVISIBLE or 0xE0000 <= ord(character) <= 0xE0FFF or 0xFE00 <= ord(character) <= 0xFE0E:
        return _INVISIBLE_SAYS
    if unicodedata.category(character) in ("Cc", "Co", "Cs", "Zl", "Zp") and character not in _ALLOWED_CONTROLS:
        return "a control character"
    return None


def _has_control(line: str) -> bool:
    return not line.isprintable()


def _deceives(word: str, *, is_name: bool) -> str | None:
    scripts = {_script(character) for character in word if character.isalpha()}
    if "LATIN" in scripts and scripts & {"CYRILLIC", "ARMENIAN", "CHEROKEE"}:
        return "mixes letters of two alphabets that look alike"
    if not is_name:
        return None
    if "LATIN" in scripts and "GREEK" in scripts:
        return "mixes letters of two alphabets that look alike"
    if unicodedata.normalize("NFKC", word) != unicodedata.normalize("NFC", word):
        return "is written in letters that Python takes for others"
    if all(character in _LIKE_LATIN for character in word if character.isalpha()):
        return "is in another alphabet and looks like a Latin one"
    return None


def _script(character: str) -> str:
    return unicodedata.name(character, "UNKNOWN").partition(" ")[0]
