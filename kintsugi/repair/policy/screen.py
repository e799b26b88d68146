"""Patterns that look at a text only where it has a word without which they cannot match.

Python's `re` tries every alternative at every character, which for a hundred of them is a microsecond each. One pass
for all the words, whatever their number, costs a five-hundredth of that; and most texts have none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from ahocorasick_rs import AhoCorasick

_parse = import_module("re._parser").parse


class Screened:
    """A compiled pattern behind its words. The answers are the pattern's own."""

    def __init__(self, expression: str, flags: int = 0) -> None:
        self._pattern = re.compile(expression, flags)
        self.words = needed_words(expression, flags)
        self._automaton = AhoCorasick(sorted(self.words))

    def search(self, text: str) -> re.Match[str] | None:
        return self._pattern.search(text) if self.may_match(text) else None

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(text) if self.may_match(text) else iter(())

    def count(self, text: str) -> int:
        return sum(1 for _ in self.finditer(text))

    def may_match(self, text: str) -> bool:
        """Whether the text has one of the words."""
        # Beyond ASCII, letters that are no match in lower case may be one where case is ignored.
        return not self.words or not text.isascii() or bool(self._automaton.find_matches_as_indexes(text.lower()))


def first_new(pattern: Screened, added: str, removed: str) -> str | None:
    """The first match in the added text, if that has more of them than the removed one."""
    first = pattern.search(added)
    return first[0] if first and pattern.count(added) > pattern.count(removed) else None


def needed_words(expression: str, flags: int = 0) -> frozenset[str]:
    """Words, in lower case, of which every match has at least one; none where this cannot be told."""
    return _needed(_parse(expression, flags))


def _needed(parts: Iterable[Any]) -> frozenset[str]:
    """Of the places of a sequence that must all match, the one with the longest words."""
    candidates, run = list[frozenset[str]](), ""
    for kind, about in parts:
        if str(kind) == "LITERAL":
            run += chr(about).lower()
            continue
        candidates += [frozenset((run,)) if run else frozenset(), _needed_of(str(kind), about)]
        run = ""
    candidates.append(frozenset((run,)) if run else frozenset())
    return max(candidates, key=lambda words: min(map(_rarity, words), default=0))


def _rarity(word: str) -> float:
    """Long words are rare, but for two."""
    return 2.5 if word in ("true", "false") else len(word)


def _needed_of(kind: str, about: Any) -> frozenset[str]:
    if kind == "SUBPATTERN":
        return _needed(about[-1])
    if kind in ("MAX_REPEAT", "MIN_REPEAT") and about[0] > 0:
        return _needed(about[2])
    if kind == "BRANCH":
        each = [_needed(branch) for branch in about[1]]
        return frozenset().union(*each) if all(each) else frozenset()
    return frozenset()
