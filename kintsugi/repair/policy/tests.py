"""Tests that a patch takes away, skips or empties; those whose assertions change are shown to a human."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kintsugi.repair.languages.found import Loosened
from kintsugi.repair.languages.go import tests as go
from kintsugi.repair.languages.loosening import Written, loosened_tests
from kintsugi.repair.languages.node import tests as node
from kintsugi.repair.languages.python.tests import loosened_sources
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.screen import Screened
from kintsugi.repair.syntax import Source

_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__)/|(?:^|/)tests?[_.][^/]*$|[_.](?:test|spec)s?\.\w+$|(?:^"
    r"|/)test[^/]*\.py$"
    r"|Tests?\.(?:java|kt|cs|swift)$|(?:^|/)conftest\.py$",
    re.IGNORECASE,
)
_PYTHON_TEST = Screened(r"^[ \t]*(?:async[ \t]+)?def[ \t]+test\w*", re.MULTILINE)
_OTHER_TEST = Screened(
    r"^[ \t]*(?:(?:it|test|specify|describe|context)(?:\.\w+)?[ \t]*[(\"' ]|func[ \t]+Test\w+"
    r"|#\[(?:\w+::)?test|@Test\b|\[Test)",
    re.MULTILINE,
)
_SKIP = Screened(
    r"\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|\bskip(?:If|Unless|Test)?\b\s*\(|\bSkipTest\b"
    r"|@(?:unittest\.)?skip\b"
    r"|\bexpectedFailure\b|__test__\s*=\s*False|\bcollect_ignore(?:_glob)?\b|\b(?:it|test|describe"
    r"|context)\.(?:skip|only|todo|failing)\b"
    r"|\b[xf](?:it|describe|context)\s*\(|\bt\.Skip(?:f|Now)?\(|#\[ignore|@(?:Ignore|Disabled)\b"
    r"|\bpytest\.exit\b|\bos\._exit\b"
    r"|pytest\.mark\.(?:skip|xfail)|--deselect|\bpytestmark\b"
)
_LEFT_OUT = Screened(
    r"__test__\s*=\s*False|\bcollect_ignore(?:_glob)?\b|\bpytest\.exit\b|\bos\._exit\b|\bsys\.exit\b|--deselect"
    r"|\bdef\s+load_tests\b"
)
_ASSERTION = Screened(
    r"\bassert\w*\b|\bexpect\(|\.should\b|\braises\b|\bself\.fail\w*\b|\bt\.(?:Error|Fatal)\w*\(|\bwarns\b"
)
_LEAVES = Screened(r"\bprocess\.(?:exit|abort|kill)\s*\(|\bos\.Exit\s*\(|\bsyscall\.Exit\s*\(|\bruntime\.Goexit\s*\(")
_REPLACED = Screened(
    r"^[ \t]*(?:_pytest|pytest|unittest|pluggy|builtins)(?:\.\w+)+[ \t]*=(?!=)"
    # Of `sys` and `builtins` only for good: what `monkeypatch.setattr` sets is set back after the test.
    r"|\bsetattr\(\s*(?:_pytest|pytest|unittest|pluggy)\b|(?<![.\w])setattr\(\s*(?:builtins|sys)\b",
    re.MULTILINE,
)
_STRANGER = re.compile(r"\bclass\b(?!\s+Test)")
_TRIVIAL = Screened(
    r"^\s*(?:assert\s+(?:True|1|not\s+False|not\s+None)\s*(?:$|[#,])|self\.assertTrue\(\s*True\s*\)"
    r"|expect\(true\)\.)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class _Others:
    """How the tests of another language than Python are read, of a path and its source."""

    endings: tuple[str, ...]
    tests_of: Callable[[str, str], Mapping[str, Written]]
    skipped_around: Callable[[str, str], int]


_NODE = _Others((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"), node.tests_of, node.skipped_around)
_GO = _Others((".go",), lambda _, source: go.tests_of(source), lambda _, source: go.skipped_around(source))


def is_test_path(path: str) -> bool:
    return bool(_TEST_PATH.search(path))


def test_findings(changes: Sequence[Change]) -> Iterator[tuple[str, str, bool]]:
    """(path, sentence, whether it refuses)."""
    tests = [change for change in changes if is_test_path(change.path)]
    sources = {change.path: source for change in tests if (source := _touched(change)) is not None}
    others = [change for change in tests if change.before is not None and change.after is not None]
    read = [_read_others(others, language) for language in (_NODE, _GO)]
    moved = [one for found in read for one in found.renamed.items()]
    for change in tests:
        readable = change.path in sources
        left = [_text_before(change, name) for (path, name), (to, _) in moved if path == change.path != to]
        for sentence in _taken_away(change, readable, left) if change.before is not None else ():
            yield change.path, sentence, True
        if _skips_more(change, _LEFT_OUT if readable else _SKIP):
            yield change.path, "Tests are skipped or left out that were not.", True
        if _LEAVES.count(change.added_text) > _LEAVES.count(change.removed_text):
            yield change.path, "A test ends the whole run, so that what comes after it is never asked.", True
        if _REPLACED.count(change.added_text) > _REPLACED.count(change.removed_text):
            yield change.path, "It changes the test runner itself.", True
    yield from _read(sources)
    for found in read:
        yield from _told(found)


def _skips_more(change: Change, pattern: Screened) -> bool:
    """Whether a test is left out that was asked before. A new test of Go may leave itself out."""
    more = pattern.count(change.added_text) - pattern.count(change.removed_text)
    if more <= 0 or not change.path.endswith(_GO.endings):
        return more > 0
    before = go.tests_of(change.old)
    come = [test for name, test in go.tests_of(change.new).items() if name not in before]
    return more > sum(pattern.count("\n".join(test.lines)) for test in come)


def _touched(change: Change) -> tuple[Source, Source] | None:
    """The touched statements of a Python file before and after; None where its syntax cannot be read."""
    if change.after is None or not change.path.endswith(".py"):
        return None
    both = change.whole if _SKIP.search(change.added_text) else change.touched
    return both if all(source.tree is not None for source in both) else None


def _taken_away(change: Change, readable: bool, moved: Sequence[str]) -> Iterator[str]:
    """`moved`: the tests that stand in another file of the patch now. They are not gone."""
    if change.after is None:
        if _count_tests(change.path, change.old):
            yield "A file of tests is removed."
        return
    if _TRIVIAL.count(change.added_text) > _TRIVIAL.count(change.removed_text):
        yield "An assertion is added that holds whatever the code does."
    if not change.removed or readable:
        return
    before, after = _count_tests(change.path, change.old), _count_tests(change.path, change.new)
    gone = before - after - sum(_count_tests(change.path, text) for text in moved)
    if gone > 0:
        yield f"Of its {before} tests {gone} are gone."
    removed = _ASSERTION.count(change.removed_text) - sum(map(_ASSERTION.count, moved))
    if removed > 0 and not _ASSERTION.count(change.added_text):
        yield "Assertions are removed and none comes in their place."


def _count_tests(path: str, text: str) -> int:
    return (_PYTHON_TEST if path.endswith(".py") else _OTHER_TEST).count(text)


def _read(sources: Mapping[str, tuple[Source, Source]]) -> Iterator[tuple[str, str, bool]]:
    """What the tests' syntax shows: which one asserts less, is skipped or never run, and which assertions changed."""
    for path, (old, new) in sources.items():
        if _count_uncollected(new) > _count_uncollected(old):
            yield path, "Tests stand in a class that no test runner collects.", True
    before = {path: old for path, (old, _) in sources.items() if old.text}
    found = loosened_sources(before, {path: new for path, (_, new) in sources.items()}) if before else None
    yield from _told(found) if found else ()


def _told(found: Loosened) -> Iterator[tuple[str, str, bool]]:
    for refuses, sentences in ((True, found.refusals), (False, found.flags)):
        for sentence in sentences:
            path, _, says = sentence.partition(": ")
            yield path, f"{says[:1].upper()}{says[1:]}.", refuses


def _read_others(tests: Sequence[Change], language: _Others) -> Loosened:
    """The same for JavaScript and TypeScript, and for Go."""
    own = [change for change in tests if change.path.endswith(language.endings)]
    return loosened_tests(
        {change.path: language.tests_of(change.path, change.old) for change in own},
        {change.path: language.tests_of(change.path, change.new) for change in own},
        {
            change.path: language.skipped_around(change.path, change.new)
            - language.skipped_around(change.path, change.old)
            for change in own
        },
    )


def _text_before(change: Change, name: str) -> str:
    language = _GO if change.path.endswith(_GO.endings) else _NODE
    return "\n".join(language.tests_of(change.path, change.old)[name].lines or ())


def _count_uncollected(source: Source) -> int:
    """Tests in classes that have neither the name nor the parents of a test."""
    if source.text.isascii() and not _STRANGER.search(source.text):
        return 0
    classes = [node for node in source.nodes if isinstance(node, ast.ClassDef)]
    strangers = [node for node in classes if not node.name.startswith("Test") and not node.bases]
    return sum(_is_test(child) for node in strangers for child in node.body)


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
