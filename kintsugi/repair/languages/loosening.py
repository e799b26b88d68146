"""Whether a patch loosens the tests that were there: compared test by test, whatever language they are in."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol

from kintsugi.repair.languages.found import Loosened

_WORDS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^\W\d]\w*|\d+")
_ASSERTING = re.compile(
    r"(?:assert|expect|should|equal|strict|deep|same|is|to[A-Z]|not|ok|throws|raises|match)\w*|t|self|if|err|be"
    r"|(?:Error|Fatal)f?|nil|null|undefined|true|false|None|True|False|[01]"
)
_ALIKE = 0.8  # how much of a removed test must be in a new one for it to be the same test renamed


class Written(Protocol):
    """One test as it is written. `exact`: how many of its assertions ask for one value; `skips`: how often it says
    that it is not to be run.
    """

    @property
    def name(self) -> str: ...

    @property
    def short_name(self) -> str: ...

    @property
    def lines(self) -> Sequence[str] | None:
        """As they stand, with all that belongs to the test; None where that is not known."""
        ...

    @property
    def body(self) -> Sequence[str]:
        """Without its name, in one layout."""
        ...

    @property
    def asserts(self) -> Counter[str]: ...

    @property
    def exact(self) -> int: ...

    @property
    def skips(self) -> int: ...


def loosened_tests(
    old: Mapping[str, Mapping[str, Written]],
    new: Mapping[str, Mapping[str, Written]],
    skipped_around: Mapping[str, int],
) -> Loosened:
    """Compare the tests of a patch's files, by path and name: `new` holds the files that stay.

    `skipped_around`: by path, how many more skips stand outside of the tests than did.
    """
    refusals: list[str] = []
    flags: list[str] = []
    renamed: dict[tuple[str, str], tuple[str, str]] = {}
    changed: set[tuple[str, str]] = set()
    dropped: set[tuple[str, str]] = set()
    for path, tests in old.items():
        added = [
            (where, test)
            for where, found in new.items()
            for test in found.values()
            if test.name not in old.get(where, {})
        ]
        for name, test in tests.items():
            now = new.get(path, {}).get(name)
            if now is None and (pair := _same_renamed(test, added)):
                now = pair[1]
                renamed[path, name] = (pair[0], now.name)
            if now is not None and now.lines is not None and now.lines == test.lines:
                continue
            reason = "is removed" if now is None else _looser(test, now)
            if reason is not None:
                refusals.append(f"{path}: {name} {reason}")
            elif now is not None and now.asserts != test.asserts and test.asserts - now.asserts:
                flags.append(f"{path}: the assertions of {name} are changed")
                changed.add((path, name))
                dropped.update([(path, name)] if _drops_one(test, now) else ())
        if skipped_around.get(path, 0) > 0:
            refusals.append(f"{path}: tests are skipped that were not")
    return Loosened(tuple(refusals), tuple(flags), renamed, frozenset(changed), frozenset(dropped))


def _same_renamed(test: Written, added: list[tuple[str, Written]]) -> tuple[str, Written] | None:
    """The new test that holds most of a removed one, if any holds enough."""
    if not added:
        return None
    likeness = [
        (difflib.SequenceMatcher(None, test.body, one.body).ratio(), number) for number, (_, one) in enumerate(added)
    ]
    best, number = max(likeness)
    return added[number] if best >= _ALIKE or added[number][1].short_name == test.short_name else None


def _looser(test: Written, now: Written) -> str | None:
    if now.skips > test.skips:
        return "is skipped"
    gone, come = test.asserts - now.asserts, now.asserts - test.asserts
    if gone and not come:
        return "asserts less than it did"
    if test.exact > now.exact and now.asserts.total() <= test.asserts.total():
        return "asserts less exactly than it did"
    are_some_kept = gone != test.asserts  # else it is a test written anew
    if are_some_kept and come.total() > gone.total() and not all(_has_partner(one, test, come) for one in gone):
        return "asserts something less than it did"
    return None


def _drops_one(test: Written, now: Written) -> bool:
    """Whether an assertion is gone for another one that has nothing to do with it. A test written anew is another."""
    gone, come = test.asserts - now.asserts, now.asserts - test.asserts
    if test.asserts.total() == 1:
        return not any(_said(one) & _said(other) for one in gone for other in come)
    return gone != test.asserts and not all(_has_partner(one, test, come) for one in gone)


def _said(assertion: str) -> set[str]:
    """What an assertion is about, without the words that all of them have."""
    return {word for word in _words(assertion) if not _ASSERTING.fullmatch(word)}


def _has_partner(gone: str, test: Written, come: Counter[str]) -> bool:
    """Whether a new assertion may be the one that is gone, changed: it speaks of the same, or of what only that did."""
    often = Counter(word for one in test.asserts for word in _words(one))
    own = _words(gone)
    fewest = min((often[word] for word in own), default=0)
    special = {word for word in own if often[word] == fewest}
    return any(_names(gone) == _names(one) or special & _words(one) for one in come)


def _words(assertion: str) -> set[str]:
    return set(_WORDS.findall(assertion))


def _names(assertion: str) -> set[str]:
    return {word for word in _words(assertion) if word.isidentifier()}
