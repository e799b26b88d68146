"""Whether a patch loosens the tests that were there: compared test by test, whatever language they are in."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from kintsugi.repair.languages.found import Loosened
from kintsugi.telemetry import lazy_re as re

_WORDS = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[^\W\d]\w*|\d+")
_ASSERTING = re.compile(
    r"(?:assert|expect|should|equal|strict|deep|same|is|to[A-Z]|not|ok|throws|raises|match)\w*|t|self|if|err|be"
    r"|(?:Error|Fatal)f?|nil|null|undefined|true|false|None|True|False|[01]"
)
_NOT_LOOKED_AT = re.compile(
    r"(?:^|/)(?:testdata|tap-snapshots|vendor|node_modules|build|dist|venv|CVS|_darcs|\.[^/]*|[^/]*\.egg)/|(?:^|/)_[^/]*(?:/.*)?\.go$|(?:^|/)\."
)
"""Folders that pytest, Go or the runners of Node pass over, whatever is in them."""
_OF_TESTS = re.compile(r"(?:^|/)(?:tests?|__tests__|specs?|testing|e2e)/")
_SYSTEMS = re.compile(
    r"_(aix|android|darwin|dragonfly|freebsd|illumos|ios|js|linux|netbsd|openbsd|plan9|solaris|wasip1|windows"
    r"|386|amd64|arm|arm64|loong64|mips\w*|ppc64\w*|riscv64|s390x|wasm)_test\.go$"
)
_ALIKE = 0.8  # how much of a removed test must be in a new one for it to be the same test renamed
_OF_THE_SAME = 0.6  # how many of a removed test's words must be in a new one for that to stand in its place


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
    def whole(self) -> Sequence[str]:
        """The same with what belongs to it: the table that it is handed."""
        ...

    @property
    def asserts(self) -> Counter[str]: ...

    @property
    def guards(self) -> Mapping[str, int]:
        """By assertion, how much stands around it that may keep the test from coming to it, or hide that it failed."""
        ...

    @property
    def exact(self) -> int: ...

    @property
    def skips(self) -> int: ...

    @property
    def around(self) -> int:
        """How much of what stands around it leaves it out, or may: a suite, a condition, a function, a whole file."""
        ...


def loosened_tests(
    old: Mapping[str, Mapping[str, Written]],
    new: Mapping[str, Mapping[str, Written]],
    skipped_around: Mapping[str, int],
    cases: Mapping[tuple[str, str], Written] | None = None,
) -> Loosened:
    """Compare the tests of a patch's files, by path and name: `new` holds the files that stay.

    `skipped_around`: by path, also of new files, how many more skips stand outside of the tests than did.
    `cases`: tests that are gone, and the table that may have a case of their very name. Whether it has, and whether the
    test as it was no longer holds, only a run tells.
    """
    refusals: list[str] = []
    flags: list[str] = []
    changed: set[tuple[str, str]] = set()
    dropped: set[tuple[str, str]] = set()
    guarded: set[tuple[str, str]] = set()
    left_out = {path for path, more in skipped_around.items() if more > 0 and path not in old}
    pairs = _pairs(old, {path: tests for path, tests in new.items() if path not in left_out})
    renamed = {was: (where, now.name) for was, (where, now) in pairs.items()}
    tables = {was: table for was, table in (cases or {}).items() if was not in pairs}
    renamed |= {was: was for was in tables}
    for path, tests in old.items():
        for name, test in tests.items():
            now = new.get(path, {}).get(name)
            if now is None and (pair := pairs.get((path, name))):
                now = pair[1]
            if now is None and (now := tables.get((path, name))):
                flags.append(f"{path}: {name} is gone, for a case that {now.name} is to have")
                changed.add((path, name))
                dropped.add((path, name))
            if now is not None and now.lines is not None and now.lines == test.lines and now.around <= test.around:
                continue
            reason = "is removed" if now is None else _looser(test, now)
            if now is not None and (path, name) not in tables and _is_asked_sometimes(test, now):
                guarded.add(renamed.get((path, name), (path, name)))
            if reason is not None:
                refusals.append(f"{path}: {name} {reason}")
            elif now is not None and now.asserts != test.asserts and test.asserts - now.asserts:
                flags.append(f"{path}: the assertions of {name} are changed")
                changed.add((path, name))
                dropped.update([(path, name)] if _drops_one(test, now) else ())
            elif now is not None and _is_asked_sometimes(test, now):
                flags.append(f"{path}: {name} may no longer come to what it asserts")
            elif now is not None and _has_fewer_values(test, now):
                flags.append(f"{path}: {name} is asked with fewer values than it was")
            if reason is None and now is not None and _is_another(test, now):
                changed.add((path, name))
                dropped.add((path, name))
        if skipped_around.get(path, 0) > 0:
            refusals.append(f"{path}: tests are skipped that were not")
    return Loosened(tuple(refusals), tuple(flags), renamed, frozenset(changed), frozenset(dropped), frozenset(guarded))


_Test = tuple[str, Written]  # with its path


def _pairs(
    old: Mapping[str, Mapping[str, Written]], new: Mapping[str, Mapping[str, Written]]
) -> dict[tuple[str, str], _Test]:
    """The tests that are gone, by path and name, and the new one that each has become.

    A new test takes the place of one. It takes that of others as well where it has a row for each, as a table has.
    """
    come = [(path, one) for path, found in new.items() for one in found.values() if one.name not in old.get(path, {})]
    gone = [(path, one) for path, found in old.items() for one in found.values() if one.name not in new.get(path, {})]
    found: dict[tuple[str, str], _Test] = {}
    rows: dict[int, Counter[str]] = {}
    alike = [
        (likeness, at, to)
        for at, (path, one) in enumerate(gone)
        for to, likeness in _likeness(one, come)
        if is_run_as(path, come[to][0])
    ]
    for _, at, to in sorted(alike, reverse=True):
        path, test = gone[at]
        if (path, test.name) in found:
            continue
        if to not in rows:
            rows[to] = _rows(test, come[to][1])
        elif not _takes_row(rows[to], test, come[to][1]):
            continue
        found[path, test.name] = come[to]
    for path, tests in _by_path(one for one in gone if (one[0], one[1].name) not in found).items():
        found |= _in_tables(path, tests, old.get(path, {}), new.get(path, {}))
    taken = set(rows)
    for path, test in gone:
        anew = _written_anew(path, test, come, taken) if (path, test.name) not in found else None
        if anew is not None:
            found[path, test.name] = come[anew]
            taken.add(anew)
    return found


def _by_path(tests: Iterable[_Test]) -> dict[str, list[Written]]:
    found: dict[str, list[Written]] = {}
    for path, test in tests:
        found.setdefault(path, []).append(test)
    return found


def _in_tables(
    path: str, gone: Sequence[Written], old: Mapping[str, Written], new: Mapping[str, Written]
) -> dict[tuple[str, str], _Test]:
    """The tests that have become rows of another test of their file, which has become a table."""
    grown = [now for name, now in new.items() if name in old and now.asserts != old[name].asserts]
    rows = {now.name: Counter(_words_of(now.whole)) - Counter(_words_of(old[now.name].whole)) for now in grown}
    found: dict[tuple[str, str], _Test] = {}
    for test in gone:
        tables = (now for now in grown if any(_likeness(test, [("", now)])) and _takes_row(rows[now.name], test, now))
        if table := next(tables, None):
            found[path, test.name] = (path, table)
    return found


def _rows(test: Written, one: Written) -> Counter[str]:
    """The words that a new test has beside those of the test that it is."""
    shared, own = _shared(test, one)
    return Counter(_words_of(one.whole)) - shared - own


def _takes_row(rows: Counter[str], test: Written, one: Written) -> bool:
    """Whether there is a row for what this test has of its own. It is taken out."""
    _, own = _shared(test, one)
    if not own or own - rows:
        return False
    rows.subtract(own)
    return True


def _shared(test: Written, one: Written) -> tuple[Counter[str], Counter[str]]:
    """The words that both have in the same places, and the others of the first."""
    blocks = difflib.SequenceMatcher(None, test.body, one.body, autojunk=False).get_matching_blocks()
    shared = Counter(_words_of([part for at, _, size in blocks for part in test.body[at : at + size]]))
    return shared, Counter(_words_of(test.body)) - shared


def _words_of(parts: Iterable[str]) -> list[str]:
    return [word for part in parts for word in _WORDS.findall(part)]


def is_run_as(path: str, other: str) -> bool:
    """Whether runners find the tests of another file as they find those of this one: by its name and its folder."""
    if path == other:
        return True
    found = _found_by(path)
    if found != _found_by(other) or (_NOT_LOOKED_AT.search(other) and not _NOT_LOOKED_AT.search(path)):
        return False
    is_near = path.partition("/")[0] == other.partition("/")[0]
    return is_near or (bool(found) and (found == "go" or "/" not in path or _OF_TESTS.search(other) is not None))


def _found_by(path: str) -> str:
    """What in a file's name tells a runner that it has tests."""
    name = path.rpartition("/")[2]
    if name.endswith(".py"):
        return "pytest" if re.fullmatch(r"test_.*\.py|.*_test\.py", name) else ""
    if name.endswith("_test.go"):
        system = _SYSTEMS.search(name)
        return f"go for {system[1]}" if system else "go"
    marked = re.search(r"([._-])(?:test|spec)(s?)\.\w+$", name, re.IGNORECASE)
    return "".join(marked.groups(default="")) + "test" if marked else ""


def _likeness(test: Written, come: Sequence[_Test]) -> Iterator[tuple[int, float]]:
    """The new tests that are this one renamed or moved, by their numbers, and how much of it each has."""
    matcher = difflib.SequenceMatcher(None, autojunk=False)
    matcher.set_seq2(test.body)
    for number, (_, one) in enumerate(come):
        matcher.set_seq1(one.body)
        is_near = matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE
        likeness = matcher.ratio() if is_near else 0
        if likeness >= _ALIKE or one.short_name == test.short_name:
            yield number, likeness


def _written_anew(path: str, test: Written, come: Sequence[_Test], taken: set[int]) -> int | None:
    """The new test of the same file that speaks of the same and asserts as much, as one may that keeps its name."""
    words = _named(test)
    best, number = 0.0, None
    for at, (where, one) in enumerate(come):
        if where != path or at in taken or not words or _asserts_fewer(one, test):
            continue
        same = len(words & _named(one)) / len(words)
        if same > best:
            best, number = same, at
    return number if best >= _OF_THE_SAME else None


def _asserts_fewer(one: Written, test: Written) -> bool:
    are_fewer = one.asserts.total() < test.asserts.total() or one.exact < test.exact
    return are_fewer or one.skips + one.around > test.skips + test.around


def _named(test: Written) -> set[str]:
    """The names and texts in a test, but for those that any test has."""
    found = {word for part in test.body for word in _WORDS.findall(part)}
    return {word for word in found if not _ASSERTING.fullmatch(word) and not word.isdigit()}


def _looser(test: Written, now: Written) -> str | None:
    if now.skips + now.around > test.skips + test.around:
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


def _is_asked_sometimes(test: Written, now: Written) -> bool:
    """Whether something it asserted has more conditions around it, or all that has come in its place."""
    if any(now.guards[one] > test.guards[one] for one in test.asserts if one in now.asserts):
        return True
    gone, come = test.asserts - now.asserts, now.asserts - test.asserts
    least, most = (
        min(map(now.guards.__getitem__, come), default=0),
        max(map(test.guards.__getitem__, gone), default=0),
    )
    return bool(gone) and least > most


def _is_another(test: Written, now: Written) -> bool:
    """Whether what stands in its place has another name and lacks some of its words: it may be a test of its own, and
    this one be gone. Whether that was needed shows when it is run as it was.
    """
    lost = Counter(_words_of(test.body)) - Counter(_words_of(now.whole))
    return now.short_name != test.short_name and any(not _ASSERTING.fullmatch(word) for word in lost)


def _has_fewer_values(test: Written, now: Written) -> bool:
    """Whether some of its values are gone, and none has come for them: the rows of a table."""
    was, has = (Counter(word for word in _words_of(one.whole) if not word.isidentifier()) for one in (test, now))
    return bool(was - has) and not has - was


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
