"""Tests that a patch takes away, skips or empties; those whose assertions change are shown to a human."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kintsugi.repair.languages import Language
from kintsugi.repair.languages.found import Loosened
from kintsugi.repair.languages.go import tests as go
from kintsugi.repair.languages.go.language import Go
from kintsugi.repair.languages.loosening import Written
from kintsugi.repair.languages.node import tests as node
from kintsugi.repair.languages.node.calls import tree_of_file
from kintsugi.repair.languages.node.language import JavaScript
from kintsugi.repair.languages.python import tests as python
from kintsugi.repair.languages.syntax import tree_of
from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.screen import Screened
from kintsugi.repair.syntax import Source
from kintsugi.telemetry import lazy_re as re

_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__|(?:integration|functional|acceptance|system|e2e)[_-]?tests|storetests?"
    r"|cypress/(?:e2e|integration|component|support|fixtures|plugins))/|(?:^|/)tests?[_.][^/]*$|[_.](?:test|spec)s?\.\w+$|(?:^"
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
    r"|\bpytest\.exit\b|\bos\._exit\b|\bSet\(\s*[\"`]test\."
    r"|pytest\.mark\.(?:skip|xfail)|--deselect|\bpytestmark\b"
)
_LEFT_OUT = Screened(
    r"__test__\s*=\s*False|\bcollect_ignore(?:_glob)?\b|\bpytest\.exit\b|\bos\._exit\b|\bsys\.exit\b|--deselect"
    r"|\bdef\s+load_tests\b"
)
_ASSERTION = Screened(
    r"\bassert\w*\b|\bexpect\(|\.should\b|\braises\b|\bself\.fail\w*\b|\bt\.(?:Error|Fatal)\w*\(|\bwarns\b"
)
_LEAVES = Screened(
    r"\bprocess\.(?:exit|abort|kill|reallyExit)\s*(?:\?\.|\.(?:call|apply|bind))?\s*\("
    r"|\bprocess(?:\?\.)?\[\s*(?!['\"](?!exit|abort|kill|reallyExit))|\bprocess\?\.(?:exit|abort|kill|reallyExit)\b"
    r"|\b(?:exit|abort|kill|reallyExit)\b[^{}]*\}\s*=\s*(?:await\s+)?(?:process\b|require\(['\"](?:node:)?process|import\(['\"](?:node:)?process)"
    r"|\b(?:exit|abort|kill|reallyExit)\b[^{}]*\}\s*from\s*['\"](?:node:)?process"
    # By another name that is called.
    r"|\b(\w+)\s*=\s*process\.(?:exit|abort|kill|reallyExit)\b(?=(?s:.*?)(?<![\w.$])\1\s*(?:\(|\.(?:call|apply|bind)\())"
    r"|\bos\.Exit\b|\bsyscall\.Exit\b|\bruntime\.Goexit\b"
)
_WHICH = Screened(
    r"\b__(?:init|new)__\b|^[ \t]*del\b.*\btest|^[ \t]*test\w*\b[^(\n]*=|^[ \t]*from\b.*\bimport\b.*\btest|^class\b",
    re.MULTILINE,
)
"""What makes tests of Python go uncollected, wherever they stand."""
_MAIN = Screened(r"^func TestMain\(", re.MULTILINE)
_REPLACED = Screened(
    r"^[ \t]*(?:_pytest|pytest|unittest|pluggy|builtins)(?:\.\w+)+[ \t]*=(?!=)"
    # Of `sys` and `builtins` only for good: what `monkeypatch.setattr` sets is set back after the test.
    r"|^(?:function|const|let|var)\s+(?:test|it|describe|expect)\b\s*(?:\(|=\s*(?:\(|\w+\s*=>|function|async))"
    r"|\bsetattr\(\s*(?:_pytest|pytest|unittest|pluggy)\b|(?<![.\w])setattr\(\s*(?:builtins|sys)\b",
    re.MULTILINE,
)
_STRANGER = re.compile(r"\bclass\b(?!\s+Test)")
_IMPORTS = re.compile(r"^.*\bimport\b.*$|^.*\brequire\(.*$|^[ \t]*(?:[\w.]+[ \t]+)?\"[^\"\n]+\"[ \t]*$", re.MULTILINE)
_TRIVIAL = Screened(
    r"^\s*(?:assert\s+(?:True|1|not\s+False|not\s+None)\s*(?:$|[#,])|self\.assertTrue\(\s*True\s*\)"
    r"|expect\(true\)\.)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class _Language:
    """How the tests of a language are read, of a path and its source. `is_read`: whether the source can be."""

    endings: tuple[str, ...]
    is_read: Callable[[str, str], bool]
    tests_of: Callable[[str, str], Mapping[str, Written]]


_PYTHON = _Language(
    (".py",),
    lambda _, source: Source(source).tree is not None,
    lambda _, source: python.tests_of(Source(source)),
)
_NODE = _Language(
    (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx"),
    lambda path, source: tree_of_file(path, source) is not None,
    node.tests_of,
)
_GO = _Language(
    (".go",),
    lambda _, source: tree_of("go", source) is not None,
    lambda _, source: go.tests_of(source),
)
_OTHERS = (JavaScript(), Go())


def is_test_path(path: str) -> bool:
    return bool(_TEST_PATH.search(path))


def test_findings(changes: Sequence[Change]) -> Iterator[tuple[str, str, bool]]:
    """(path, sentence, whether it refuses)."""
    tests = [change for change in changes if is_test_path(change.path)]
    sources = {change.path: source for change in tests if (source := _touched(change)) is not None}
    for change in tests:
        for sentence, refuses in _taken_away(change) if change.before is not None else ():
            yield change.path, sentence, refuses
        if _skips_more(change, _LEFT_OUT if change.path in sources else _SKIP):
            yield change.path, "Tests are skipped or left out that were not.", True
        if _leaves_more(change):
            yield change.path, "A test ends the whole run, so that what comes after it is never asked.", True
        if _MAIN.search(change.added_text) and not _MAIN.search(change.old):
            yield change.path, "It says how all tests of a package are run. A human has to look.", False
        if _REPLACED.count(change.added_text) > _REPLACED.count(change.removed_text):
            yield change.path, "It changes the test runner itself.", True
    yield from _read(sources, [change for change in tests if change.after is None and _is_python(change)])
    for language in _OTHERS:
        yield from _told(_read_others(tests, language))


def _leaves_more(change: Change) -> bool:
    if not _LEAVES.search(change.added_text):
        return False
    if change.path.endswith("_test.go"):
        old, new = map(go.without_exit_of_main, (change.old, change.new))
        return _LEAVES.count(new) > _LEAVES.count(old)
    return _LEAVES.count(change.added_text) > _LEAVES.count(change.removed_text)


def _skips_more(change: Change, pattern: Screened) -> bool:
    """Whether a test is left out that was asked before. A new test of Go may leave itself out."""
    more = pattern.count(change.added_text) - pattern.count(change.removed_text)
    if more <= 0 or not change.path.endswith(_GO.endings):
        return more > 0
    before = go.tests_of(change.old)
    come = [test for name, test in go.tests_of(change.new).items() if name not in before]
    return more > sum(pattern.count("\n".join(test.lines)) for test in come)


def _is_python(change: Change) -> bool:
    return change.path.endswith(_PYTHON.endings)


def _touched(change: Change) -> tuple[Source, Source] | None:
    """The touched statements of a Python file before and after; None where its syntax cannot be read."""
    if change.after is None or not _is_python(change):
        return None
    added = change.added_text
    is_about_all = (
        _SKIP.search(added) or _WHICH.search(added) or (_PYTHON_TEST.search(added) and _SKIP.search(change.new))
    )
    both = change.whole if is_about_all else change.touched
    return both if all(source.tree is not None for source in both) else None


def _taken_away(change: Change) -> Iterator[tuple[str, bool]]:
    language = _language_of(change)
    if change.after is None:
        tests = language.tests_of(change.path, change.old) if language is not None else {}
        asserts = _ASSERTION.search(_beside_tests(change.old, tests)) is not None
        if asserts or (not tests and _count_tests(change.path, change.old)):
            yield "A file of tests is removed.", True
        return
    if _TRIVIAL.count(change.added_text) > _TRIVIAL.count(change.removed_text):
        yield "An assertion is added that holds whatever the code does.", True
    if not change.removed:
        return
    comes = _ASSERTION.count(change.added_text) > 0
    if language is not None:
        yield from _taken_from_all(change, language, comes=comes)
        return
    before, after = _count_tests(change.path, change.old), _count_tests(change.path, change.new)
    if before > after:
        yield f"Of its {before} tests {before - after} are gone.", True
    if _ASSERTION.count(change.removed_text) and not comes:
        yield "Assertions are removed and none comes in their place.", True


def _taken_from_all(change: Change, language: _Language, *, comes: bool) -> Iterator[tuple[str, bool]]:
    """What tests share: a new test of its own asserts nothing for the others."""
    old, new = (_beside_tests(text, language.tests_of(change.path, text)) for text in (change.old, change.new))
    fewer = _ASSERTION.count(old) > _ASSERTION.count(new)
    if fewer and not comes:
        yield "Assertions are removed that its tests share, and none comes in their place.", True
    elif fewer:
        yield "Assertions are removed that its tests share.", False


def _language_of(change: Change) -> _Language | None:
    """The language whose tests are read one by one; None where the file is not of such a one, or cannot be read."""
    known = (one for one in (_PYTHON, _NODE, _GO) if change.path.endswith(one.endings))
    language = next(known, None)
    texts = (change.old, change.new) if change.after is not None else (change.old,)
    return language if language is not None and all(language.is_read(change.path, one) for one in texts) else None


def _beside_tests(text: str, tests: Mapping[str, Written]) -> str:
    """What a file has beside its tests and imports: what they share."""
    for one in tests.values():
        text = text.replace("\n".join(one.lines or ()), "")
    return _IMPORTS.sub("", text)


def _count_tests(path: str, text: str) -> int:
    return (_PYTHON_TEST if path.endswith(".py") else _OTHER_TEST).count(text)


def _read(sources: Mapping[str, tuple[Source, Source]], gone: Sequence[Change]) -> Iterator[tuple[str, str, bool]]:
    """What the tests' syntax shows: which one asserts less, is skipped or never run, and which assertions changed.

    `gone`: the files of tests that are removed. Their tests may stand in another one.
    """
    for path, (old, new) in sources.items():
        if _count_uncollected(new) > _count_uncollected(old):
            yield path, "Tests stand in a class that no test runner collects.", True
        if python.shared_assertions(old) - python.shared_assertions(new):
            yield path, "What its tests share asserts something else than before.", False
        if python.set_for_all(new) > python.set_for_all(old):
            yield path, "It sets something for all tests of the file. A human has to look.", False
    before = {path: old for path, (old, _) in sources.items() if old.text}
    before |= {change.path: Source(change.old) for change in gone}
    found = python.loosened_sources(before, {path: new for path, (_, new) in sources.items()}) if before else None
    yield from _told(found) if found else ()


def _told(found: Loosened) -> Iterator[tuple[str, str, bool]]:
    for refuses, sentences in ((True, found.refusals), (False, found.flags)):
        for sentence in sentences:
            path, _, says = sentence.partition(": ")
            yield path, f"{says[:1].upper()}{says[1:]}.", refuses


def _read_others(tests: Sequence[Change], language: Language) -> Loosened:
    """The same for JavaScript and TypeScript, and for Go."""
    own = [change for change in tests if language.reads(change.path)]
    return language.loosened(
        {change.path: change.old for change in own if change.before is not None},
        {change.path: change.new for change in own if change.after is not None},
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
