"""Where a text has a piece of a secret: some characters of it in a row, in letters of any size, plain or encoded."""

from __future__ import annotations

from collections.abc import Iterator

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.registry import encoded, forms

LENGTH = 6  # characters of a piece: less is in any text
_STEP, _PART = 3, 4  # one part in three of a text is looked up: each piece has one that begins at such a place
_MOST_ENCODED = 300  # characters of a secret: of a longer one, what begins it
_IS_PLAIN = re.compile(r"[\w.~-]*", re.ASCII)  # it is written alike in JSON, in an address and in Python


class Pieces:
    def __init__(self) -> None:
        self._known = ""
        self._parts: set[tuple[str, ...]] = set()  # as `zip` makes them, which takes a quarter of the time of slices

    def add(self, secret: str) -> None:
        for form in {secret.lower(), *_encoded(secret[:_MOST_ENCODED])}:
            self._known += f"\n{form}"
            self._parts.update(zip(*(form[at:] for at in range(_PART)), strict=False))

    def found_in(self, text: str) -> set[str]:
        """The pieces that are in the text. They are in small letters, as it has to be."""
        found = set[str]()
        for part in self._parts.intersection(zip(*(text[at::_STEP] for at in range(_PART)), strict=False)):
            at = text.find(sought := "".join(part))
            while at >= 0:
                starts = range(max(at + _PART - LENGTH, 0), min(at, len(text) - LENGTH) + 1)
                found.update(one for start in starts if (one := text[start : start + LENGTH]) in self._known)
                at = text.find(sought, at + 1)
        return found


def _encoded(secret: str) -> Iterator[str]:
    ways = encoded(secret.encode("utf-8", "surrogatepass")) if _IS_PLAIN.fullmatch(secret) else forms([secret])
    return map(str.lower, ways)
