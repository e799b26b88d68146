"""JSON that others wrote, read field by field: what does not fit becomes nothing, and is named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from kintsugi.capture.limits import cut_roughly

_HIGHEST = 2**31 - 1
_MOST_UNREAD = 50  # names that are kept
_LONGEST = 64_000  # characters of a text that is read
MANY = 500
_Many = list[tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class Fields:
    """One object. `unread` gathers where a field did not fit, such as `exception.0.stacktrace.frames.2.lineno`.

    A field with a set meaning (a name, an id, a number) has to be of its type. One that holds words may be any JSON,
    which is then kept as text.
    """

    given: Mapping[str, Any]
    unread: list[str] = field(default_factory=list)
    where: str = ""

    def text(self, name: str) -> str | None:
        """A name or an id: text, or a number."""
        value = self.given.get(name)
        if value is None or isinstance(value, str):
            return value
        return str(value) if _is_number(value) else self._unfit(name)

    def words(self, name: str) -> str:
        """What somebody wrote, whatever JSON it is; "" for nothing. Of a very long text its beginning."""
        return cut_roughly(as_words(self.given.get(name)), _LONGEST)

    def number(self, name: str) -> int:
        """A whole number that is not negative; 0 for none."""
        value = self.given.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 11:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is not None and not (isinstance(value, int) and not isinstance(value, bool)):
            self._unfit(name)
            return 0
        return min(max(value or 0, 0), _HIGHEST)

    def flag(self, name: str) -> bool | None:
        value = self.given.get(name)
        return value if value is None or isinstance(value, bool) else self._unfit(name)

    def object(self, name: str) -> Fields:
        """The object in a field; one without fields where there is none."""
        value = self.given.get(name)
        if isinstance(value, dict):
            return self._inner(value, name)
        if value is not None and value != []:  # PHP writes an empty object so
            self._unfit(name)
        return self._inner({}, name)

    def objects(self, name: str, first: int = MANY, last: int = MANY) -> list[Fields]:
        """Many: a list, `{"values": […]}`, or one alone; nulls among them are passed over.

        Of very many only the first and the last are read, and what lies between is named.
        """
        return [
            self._inner(each, f"{name}.{at}")
            for at, each in self._ends(name, list(self._many(name)), first, last)
            if isinstance(each, dict) or self._unfit(f"{name}.{at}")
        ]

    def _ends(self, name: str, many: _Many, first: int, last: int) -> _Many:
        if len(many) <= first + last:
            return many
        left_out = many[first : len(many) - last]
        self._unfit(f"{name}.{left_out[0][0]}-{left_out[-1][0]}")
        return many[:first] + many[len(many) - last :]

    def texts(self, name: str) -> list[str]:
        """Lines of text, in their places."""
        value = self.given.get(name)
        if value is not None and not isinstance(value, list):
            self._unfit(name)
        return [as_words(each) for each in value] if isinstance(value, list) else []

    def named(self, name: str) -> dict[str, Any]:
        """Values by name: an object, or a list of pairs. Of very many the first."""
        named = self._named(name)
        if len(named) <= MANY:
            return named
        self._unfit(f"{name}.{MANY}-{len(named) - 1}")
        return dict(islice(named.items(), MANY))

    def _named(self, name: str) -> dict[str, Any]:
        value = self.given.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        if not isinstance(value, list):
            self._unfit(name)
            return {}
        pairs = [each for each in value if isinstance(each, list | tuple) and len(each) == 2]
        if len(pairs) < len(value):
            self._unfit(name)
        return {as_words(each[0]): each[1] for each in pairs}

    def _many(self, name: str) -> Iterator[tuple[int, Any]]:
        value = self.given.get(name)
        if isinstance(value, dict):
            value = value.get("values", [value] if value else None)
        if value is not None and not isinstance(value, list):
            self._unfit(name)
        listed = value if isinstance(value, list) else []
        return ((at, each) for at, each in enumerate(listed) if each is not None)

    def _inner(self, value: Mapping[str, Any], name: str) -> Fields:
        return Fields(value, self.unread, self._path(name))

    def _unfit(self, name: str) -> Any:
        """Nothing, in place of what did not fit."""
        if len(self.unread) < _MOST_UNREAD and self._path(name) not in self.unread:
            self.unread.append(self._path(name))
        return None

    def _path(self, name: str) -> str:
        return f"{self.where}.{name}" if self.where else name


def as_words(value: Any) -> str:
    """Any JSON as text; "" for null."""
    if value is None or isinstance(value, str):
        return value or ""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "…"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
