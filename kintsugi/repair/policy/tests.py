"""Tests that a patch takes away, skips or empties; those whose assertions change are shown to a human."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from kintsugi.repair.languages.found import Loosened
from kintsugi.repair.languages.go import tests as go
from kintsugi.repair.languages.loosening import loosened_tests
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
_NODE = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")
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


def is_test_path(path: str) -> bool:
    return bool(_TEST_PATH.search(path))


def test_findings(changes: Sequence[Change]) -> Iterator[tuple[str, str, bool]]:
    """(path, sentence, whether it refuses)."""
    tests = [change for change in changes if is_test_path(change.path)]
    sources = {change.path: source for change in tests if (source := _touched(change)) is not None}
    for change in tests:
        readable = change.path in sources
        for sentence in _taken_away(change, readable) if change.before is not None else ():
            yield change.path, sentence, True
        pattern = _LEFT_OUT if readable else _SKIP
        if pattern.count(change.added_text) > pattern.count(change.removed_text):
            yield change.path, "Tests are skipped or left out that were not.", True
        if _LEAVES.count(change.added_text) > _LEAVES.count(change.removed_text):
            yield change.path, "A test ends the whole run, so that what comes after it is never asked.", True
        if _REPLACED.count(change.added_text) > _REPLACED.count(change.removed_text):
            yield change.path, "It changes the test runner itself.", True
    yield from _read(sources)
    yield from _read_others([change for change in tests if change.before is not None and change.after is not None])


def _touched(change: Change) -> tuple[Source, Source] | None:
    """The touched statements of a Python file before and after; None where its syntax cannot be read."""
    if change.after is None or not change.path.endswith(".py"):
        return None
    both = change.whole if _SKIP.search(change.added_text) else change.touched
    return both if all(source.tree is not None for source in both) else None


def _taken_away(change: Change, readable: bool) -> Iterator[str]:
    if change.after is None:
        if _count_tests(change.path, change.old):
            yield "A file of tests is removed."
        return
    if _TRIVIAL.count(change.added_text) > _TRIVIAL.count(change.removed_text):
        yield "An assertion is added that holds whatever the code does."
    if not change.removed or readable:
        return
    before, after = _count_tests(change.path, change.old), _count_tests(change.path, change.new)
    if after < before:
        yield f"Of its {before} tests {before - after} are gone."
    if _ASSERTION.count(change.removed_text) and not _ASSERTION.count(change.added_text):
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


def _read_others(tests: Sequence[Change]) -> Iterator[tuple[str, str, bool]]:
    """The same for JavaScript, TypeScript and Go."""
    for change in tests:
        if change.path.endswith(_NODE):
            yield from _told(
                loosened_tests(
                    {change.path: node.tests_of(change.path, change.old)},
                    {change.path: node.tests_of(change.path, change.new)},
                    {
                        change.path: node.skipped_around(change.path, change.new)
                        - node.skipped_around(change.path, change.old)
                    },
                )
            )
        elif change.path.endswith(".go"):
            yield from _told(
                loosened_tests(
                    {change.path: go.tests_of(change.old)},
                    {change.path: go.tests_of(change.new)},
                    {change.path: go.skipped_around(change.new) - go.skipped_around(change.old)},
                )
            )


def _count_uncollected(source: Source) -> int:
    """Tests in classes that have neither the name nor the parents of a test."""
    if source.text.isascii() and not _STRANGER.search(source.text):
        return 0
    classes = [node for node in source.nodes if isinstance(node, ast.ClassDef)]
    strangers = [node for node in classes if not node.name.startswith("Test") and not node.bases]
    return sum(_is_test(child) for node in strangers for child in node.body)


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
