"""Finds code by the words of a report: which functions speak of what a person speaks of. Nothing is run.

The units of a tree are indexed by SQLite's FTS5, which Python brings along: BM25 with a weight for each column,
stems of words, and phrases, by which `open_issue`, `openIssue` and "open issue" are the same. Beside its own words, a
unit gains by those of its file, of the tests that call it, of commits that changed its file, and of log lines that
speak of the report's words too.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from kintsugi.repair.context.code import Ranked
from kintsugi.repair.context.index import Unit, parse
from kintsugi.repair.context.sources import Commit, Sources, is_test
from kintsugi.telemetry import lazy_re as re

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W_]+")
_PROSE = re.compile(  # strings and comments, as most languages write them
    r"(?s:\"\"\".*?\"\"\"|'''.*?''')|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|(?:#|//)[^\n]*"
)
_COMMON_WORDS = """
    a about after all also always an and any are as at be because been before but by can could did do does due each
    every fix fixed fixes for from get gets got had has have how i if in incorrect incorrectly into is issue issues it
    its just like my never no not now of on only or our out please problem proper properly seem seems should show
    shows so some still than that the their them then there these they this those to too up us was we were what when
    where which while who will with wrong wrongly you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_MOST_CHARACTERS = 12_000_000  # of source indexed: some seconds
_LONG, _PIECE = 80, 40  # lines: of a function longer than the first, pieces of the second are found by themselves
_MOST_WORDS, _LONGEST_WORD = 60, 40  # of a report
_TESTS_FOLLOWED, _FEW = 12, 3
_LOG_LINES, _LOG_WORDS = 12, 40


@dataclass(frozen=True, slots=True)
class WordWeights:
    """What each sign is worth, beside 1 for the best unit's own words. Chosen on one half of the bench's fixes."""

    path: float = 3
    name: float = 6
    prose: float = 2  # strings, docstrings, comments
    code: float = 1
    file: float = 0.5
    tested: float = 0.25
    changed: float = 0.5
    logged: float = 0.3
    no_function: float = 0.8  # of the weight, for constants and class heads


class WordIndex:
    """The units of `sources` by their words, and commits by theirs. Made once, asked often, by one thread at a time."""

    def __init__(self, sources: Sources, commits: Sequence[Commit] = (), weights: WordWeights | None = None) -> None:
        self._weights = weights or WordWeights()
        self._units: list[Unit] = []
        self._tests: list[Unit] = []
        self._files: list[str] = []
        self._commits = commits
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        weakref.finalize(self, self._database.close)
        for table in ("unit", "test", "file", "said"):
            self._database.execute(_TABLE.format(table))
        for path in _within_reach(sources):
            self._take(path, sources)
        for commit in commits:
            self._add("said", "", "", "", commit.subject)
        self._named = Counter(unit.name for unit in self._units)

    def ranked(self, report: str, log: Sequence[str] = ()) -> list[Ranked]:
        """The units that speak of it, best first, tests left out. `log`: lines as they were written around it."""
        asked = _query(report)
        found, w = self._found("unit", asked), self._weights
        in_file = {self._files[row]: score for row, score in self._found("file", asked).items()}
        tested, changed = self._tested(asked), self._changed(asked)
        logged = self._found("unit", _query(_told_by(log, report), _LOG_WORDS))
        rows = {*found, *logged, *(row for row, unit in enumerate(self._units) if unit.name in tested)}
        ranked = []
        for row in rows:
            unit = self._units[row]
            weight = found.get(row, 0.0) + w.file * in_file.get(unit.path, 0.0) + w.logged * logged.get(row, 0.0)
            weight += w.tested * tested.get(unit.name, 0.0) + w.changed * changed.get(unit.path, 0.0)
            weight *= 1 if unit.kind == "function" else w.no_function
            ranked.append(Ranked(unit, weight, f"{unit.kind} {unit.name}".strip() + ", by the words of the report"))
        return sorted(ranked, key=lambda one: (-one.weight, one.unit.path, one.unit.start))

    def places(self, report: str, *, most: int = 3) -> list[str]:
        """The functions that it is most likely about, best first, as `place_of` names them."""
        functions = (one.unit for one in self.ranked(report) if one.unit.kind == "function")
        return list(dict.fromkeys(map(place_of, functions)))[:most]

    def _take(self, path: str, sources: Sources) -> None:
        of_test = is_test(path)
        if not of_test:
            self._files.append(path)
            self._add("file", path, "", "", sources.texts[path])
        for unit in _pieces(path, sources.texts[path]):
            body = "\n".join(sources.lines(path)[unit.start - 1 : unit.end])
            (self._tests if of_test else self._units).append(unit)
            prose = " ".join(_PROSE.findall(body))
            self._add("test" if of_test else "unit", path, f"{unit.owner} {unit.name}", prose, body)

    def _add(self, table: str, *columns: str) -> None:
        self._database.execute(f"INSERT INTO {table} VALUES (?, ?, ?, ?)", [_apart(text) for text in columns])  # noqa: S608  # names of ours

    def _found(self, table: str, query: str) -> dict[int, float]:
        """The rows that fit, counted from 0, with 1 for the best one."""
        if not query:
            return {}
        w = self._weights
        ask = f"SELECT rowid - 1, -bm25({table}, ?, ?, ?, ?) FROM {table} WHERE {table} MATCH ?"  # noqa: S608  # as above
        found = dict(self._database.execute(ask, (w.path, w.name, w.prose, w.code, query)).fetchall())
        best = max(found.values(), default=0.0)
        return {row: score / best for row, score in found.items()} if best > 0 else {}

    def _tested(self, query: str) -> dict[str, float]:
        """What the tests that speak of it call: names that few functions have."""
        found = self._found("test", query)
        called: dict[str, float] = {}
        for row in sorted(found, key=lambda row: (-found[row], row))[:_TESTS_FOLLOWED]:
            for name in self._tests[row].calls:
                if 0 < self._named[name] <= _FEW:
                    called[name] = max(called.get(name, 0.0), found[row])
        return called

    def _changed(self, query: str) -> dict[str, float]:
        """The files of commits that speak of it; less for each where a commit has many."""
        changed: dict[str, float] = {}
        for row, score in self._found("said", query).items():
            paths = self._commits[row].paths
            for path in paths:
                changed[path] = max(changed.get(path, 0.0), score / len(paths) ** 0.5)
        return changed


def place_of(unit: Unit) -> str:
    """How a person names a unit: `shop/chart.py:Chart.month`, or the file where it has no name."""
    name = ".".join(filter(None, (unit.owner if unit.owner != unit.name else "", unit.name.split(" ")[0])))
    return f"{unit.path}:{name}" if name else unit.path


def pointed_at(place: str, sources: Sources) -> list[Ranked]:
    """The units of a place that a person named (`place_of`, or with a line): its function, else all of its file."""
    path, _, what = place.strip().partition(":")
    if path not in sources.texts:
        return []
    units = [unit for unit in parse(path, sources.texts[path]).units if unit.kind != "imports"]
    line = int(what) if what.isascii() and what.isdigit() else 0
    named = [unit for unit in units if what and (place_of(unit) == f"{path}:{what}" or unit.name == what)]
    chosen = named or [unit for unit in units if unit.holds(line)] or units
    return [Ranked(unit, float("inf"), "where the report points") for unit in chosen]


_TABLE = "CREATE VIRTUAL TABLE {} USING fts5(path, name, prose, code, tokenize='porter unicode61')"


def _within_reach(sources: Sources) -> Iterator[str]:
    """The files to index, the program's before its tests, as far as there is room."""
    room = _MOST_CHARACTERS
    for path in sorted(sources.texts, key=lambda path: (is_test(path), path)):
        room -= len(sources.texts[path])
        if room < 0:
            return
        yield path


def _pieces(path: str, text: str) -> Iterator[Unit]:
    for unit in parse(path, text).units:
        if unit.kind == "imports":
            continue
        if unit.lines <= _LONG:
            yield unit
            continue
        for start in range(unit.start, unit.end + 1, _PIECE):
            yield replace(unit, start=start, end=min(start + _PIECE - 1, unit.end))


def _apart(text: str) -> str:
    """camelCase as words of their own; FTS5 parts at everything that is no letter and no digit."""
    return _HUMP.sub(" ", text)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(_apart(text)) if len(word) <= _LONGEST_WORD]


def _query(text: str, most: int = _MOST_WORDS) -> str:
    """What FTS5 is asked: each word that is not common, and each two that stand side by side; "" for none."""
    words = _words(text)[: 4 * most]
    single = dict.fromkeys(f'"{word}"' for word in words if _tells(word))
    pairs = dict.fromkeys(f'"{one} {two}"' for one, two in pairwise(words) if _tells(one) and _tells(two))
    return " OR ".join([*single, *pairs][:most])


def _tells(word: str) -> bool:
    return word not in _COMMON and len(word) > 1


def _told_by(log: Sequence[str], report: str) -> str:
    """What the newest lines say that share a word with the report: their messages and loggers."""
    wanted = {word for word in _words(report) if _tells(word)}
    said = [text for line in reversed(log) if wanted.intersection(_words(text := _said(line)))]
    return " ".join(said[:_LOG_LINES])


def _said(line: str) -> str:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line
    if not isinstance(record, dict):
        return line
    return " ".join(str(record[key]) for key in ("logger", "msg", "message", "intent") if record.get(key))
