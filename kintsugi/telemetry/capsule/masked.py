"""What had to be masked in a call: a call inside of it may be handed the same, or a part of it, by a name that says
nothing.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import CodeType
from urllib.parse import unquote

from kintsugi.telemetry.capsule.pieces import LENGTH, Pieces
from kintsugi.telemetry.redact import MASK, is_clean, redact, redact_field
from kintsugi.telemetry.redact.keys import grade

_SHORTEST = 4  # characters: less is in any text
_MOST, _MOST_CHARACTERS = 50, 10_000  # beyond that no other call is looked at
_LONGEST_NAME = 40
_MOST_OF_A_NAME = 80  # characters: more is no name, and may be cut in the middle of a secret
_LONGEST_WORD = 256  # characters of a password or a token; what is longer, such as a JWT, is known by its shape


class Masked:
    """The secrets of the calls that were looked at: the names they stand under in this call, and the texts of all."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._latest: list[str] = []  # what was held back since something was left out
        self._texts: set[str] = set()
        self._pieces, self._cut = Pieces(), set[str]()  # of these texts
        self._around = ""  # of all that the code of the calls around names, what tells most of a secret

    @property
    def is_too_much(self) -> bool:
        return len(self._texts) > _MOST or sum(map(len, self._texts)) > _MOST_CHARACTERS

    @property
    def has_any(self) -> bool:
        return bool(self._texts)

    def hold_back(self, name: str, text: str, shown: str) -> None:
        """`shown`: the text with the secret masked."""
        self.names.append(name)
        if not self.is_too_much:
            found = _gaps(text, shown)
            found += [one for each in found for one in _password_in(each)]
            self._latest += found
            self._texts.update(found)

    def leave_out(self, since: int) -> bool:
        """Whether what was held back under the names `since` can be left out: it would be found elsewhere, too.

        What is very short is in any text, and is only left out where it stands.
        """
        if self.is_too_much:
            return False
        del self.names[since:]
        known = [one for one in self._latest if len(one) >= _SHORTEST]
        self._texts.difference_update(self._latest)
        self._texts.update(known, (one.replace("+", " ") for one in known))  # as an address is read
        self._latest = []
        return True

    def tells_nothing(self, name: str) -> bool:
        """Whether it may be said whose value it is: also a key may hold a secret."""
        return 0 < len(name) < _MOST_OF_A_NAME and is_plain(name) and not self.found_in(name)

    def found_in(self, text: str) -> set[str]:
        """What is in the text, all in small letters, of any of the secrets."""
        if not self._texts:
            return set()
        lowered = text.lower()
        for one in self._texts - self._cut:
            self._pieces.add(one)
        self._cut |= self._texts
        return self._pieces.found_in(lowered) | {one.lower() for one in self._texts if self._is_short_and_in(one, text)}

    @staticmethod
    def _is_short_and_in(secret: str, text: str) -> bool:
        return _SHORTEST <= len(secret) < LENGTH and secret in text

    def is_left_in(self, source: str) -> bool:
        """Whether a secret is in the file, or in what it names. Words are in names that have nothing to do with it."""
        plain = unquote(source) if "%" in source else source
        return self.is_in(source) or any(map(tells_in_a_name, self.found_in(source + plain * (plain != source))))

    def go_on(self, around: Iterable[CodeType]) -> None:
        """To the next call. What the code of those `around` names a secret may be what that is handed."""
        self.names = []
        names = {name for code in around for name in _names_in(code)}
        self._around = max((name for name in names if grade(name)), key=grade, default="")

    def has(self, text: str, *, as_a_part: bool = True) -> bool:
        """Whether it may be a secret of a call around it. `as_a_part`: or a part of one."""
        if self._around and len(text) <= _LONGEST_WORD and redact_field(self._around, text) != text:
            return True
        if not self._texts:
            return False
        return text in self._texts or self.is_in(text) or (as_a_part and len(text) >= _SHORTEST and self._is_part(text))

    def is_in(self, text: str) -> bool:
        return any(len(one) >= _SHORTEST and one in text for one in self._texts)

    def without(self, text: str) -> str:
        """The text without the secrets that are known."""
        for one in sorted(self._texts, key=len, reverse=True):
            text = text.replace(one, MASK) if len(one) >= _SHORTEST else text
        return text

    def _is_part(self, text: str) -> bool:
        return any(text in one for one in self._texts)


@functools.lru_cache(maxsize=1024)
def is_plain(name: str) -> bool:
    """Whether nothing in a name is a secret. The names of a program are the same in each of its calls."""
    return is_clean(name) or redact(name) == name


def tells_in_a_name(piece: str) -> bool:
    return any(map(str.isdigit, piece))


def _password_in(text: str) -> Iterator[str]:
    """As it is read from basic authentication."""
    with suppress(ValueError):
        _, _, password = base64.b64decode(f"{text.rpartition(' ')[2]}==", validate=True).decode().partition(":")
        yield from [password] if password.isprintable() and password else []


def _names_in(code: CodeType) -> Iterable[str]:
    yield from (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars)
    yield from (one for one in code.co_consts if type(one) is str and len(one) <= _LONGEST_NAME and " " not in one)


def _gaps(text: str, shown: str) -> list[str]:
    """What was masked of it; all of it where that is not clear."""
    first, *others = shown.split(MASK)
    found, at = [], len(first)
    if not others or not text.startswith(first) or not text.endswith(others[-1]):
        return [text]
    for other in others[:-1]:
        ends = text.find(other, at + 1) if other else -1
        if ends < 0:
            return [text]
        found.append(text[at:ends])
        at = ends + len(other)
    return [*found, text[at : len(text) - len(others[-1])]]
