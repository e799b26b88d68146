"""The words of a text that may be secrets, and how they look: found once, for all announcements near to them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.looks import Look, looks
from kintsugi.telemetry.redact.values import is_cut


class Held(NamedTuple):
    """What a word may hold, so many signs behind its start: all of it, or what stands behind a name in it."""

    skipped: int = 0
    value: str = ""
    look: Look = Look.NOTHING


Word = tuple[int, int, Held]  # where it starts and ends in the text


_STRETCH, _LONGEST = 128, 320
_LINE = 1_000  # a text of fewer characters is read anew for each announcement, which costs less
_WORD = re.compile(r"(?<![^\s\"'`,;()\[\]{}|=\\])[^\s\"'`,;()\[\]{}|=\\]{6,300}(?:={1,2}(?=[\s\"',;)\]]|$))?")
_IS_A_NAME = re.compile(r"[(=\[]|\\{0,3}[\"'] ?:")
_BEHIND_NAMES, _BEHIND, _ESCAPES = frozenset("(=[\\\"'"), 6, 9
_ESCAPE = re.compile(r"[nrtsdw]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}")
_AROUND = ".,:;?"  # and no exclamation mark: people end passwords with one
_SIGNS, _LONGEST_NAME, _MOST_DIGITS = re.compile("[:/%]"), 60, 2
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")


class Words:
    """Those of one text, looked for a stretch at a time, where somebody asks. An announcement looks at a hundred and
    sixty characters, and where announcements are dense, each word is near to many of them."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._found: dict[int, list[Word]] = {}  # by the stretch in which they begin

    def between(self, start: int, stop: int) -> Iterator[Word]:
        for stretch in range(start // _STRETCH, (stop - 1) // _STRETCH + 1):
            words = self._found.get(stretch)
            if words is None:
                words = self._found[stretch] = list(self._within(stretch * _STRETCH))
            for word in words:
                if word[0] < start:
                    continue
                if word[1] <= stop:
                    yield word
                elif cut := _WORD.match(self._text, word[0], stop):
                    yield _looked_at(self._text, cut)

    def _within(self, start: int) -> Iterator[Word]:
        for found in _WORD.finditer(self._text, start, start + _STRETCH + _LONGEST):
            if found.start() >= start + _STRETCH:
                return
            yield _looked_at(self._text, found)


_of_a_long = lru_cache(maxsize=2)(Words)


def words_between(text: str, start: int, stop: int) -> Iterator[Word]:
    """The words that begin there; the last one may be cut."""
    if len(text) > _LINE:
        return _of_a_long(text).between(start, stop)
    return (_looked_at(text, found) for found in _WORD.finditer(text, start, stop))


def _looked_at(text: str, found: re.Match[str]) -> Word:
    start, end = found.span()
    if text.startswith("...", end - 3) and is_cut(text, start, end - len(found[0]) + len(found[0].rstrip(_AROUND))):
        return start, end, _NOTHING
    before = text[start - 1 : start] if start else ""
    if before == "\\":
        before = text[max(0, start - _ESCAPES) : start]
    elif before != " " or text[start] != "<":
        before = ""
    after = text[end : end + _BEHIND] if text[end : end + 1] in _BEHIND_NAMES else ""
    return start, end, _held(before, found[0], after)


@lru_cache(maxsize=4096)
def _held(before: str, word: str, after: str) -> Held:
    """What is called or assigned to is a name, and so is what stands behind a folder or a domain."""
    if (word.isalpha() and word[1:].islower()) or _IS_A_NAME.match(after):
        return _NOTHING
    skipped, value = 0, word.rstrip(_AROUND)
    if value.startswith("--"):
        return _NOTHING
    if before[-1:] == "\\":
        escape = _ESCAPE.match(value)
        if before.rstrip("\\")[-1:].isalnum() and not escape:
            return _NOTHING
        skipped = escape.end() if escape else 0
        value = value[skipped:]
    skipped += len(value) - len(value.lstrip(_AROUND))
    value = value.lstrip(_AROUND)
    if value[:1] == "<" and value[-1:] == ">" and before == " ":
        skipped, value = skipped + 1, value[1:-1]  # PASSWORD <…>
    signs = [] if _ENCODED.search(value) else _SIGNS.findall(value.rstrip("%"))
    if len(signs) > 1:
        return _NOTHING
    if signs:
        whole = value
        name, _, value = value.partition(signs[0])
        if signs[0] == "%" and looks(value) < Look.FAINT:
            return Held(skipped, whole, looks(whole))  # no user%password: the sign is one of a password
        if not name[:1].isalpha() or sum(map(str.isdigit, name)) > _MOST_DIGITS or len(name) >= _LONGEST_NAME:
            return _NOTHING
        skipped += len(name) + 1
    return Held(skipped, value, looks(value))


_NOTHING = Held()
