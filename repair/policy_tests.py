"""Tests that a patch takes away, skips or empties; those whose assertions change are shown to a human."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from repair.policy_blocks import changed_blocks
from repair.proof_swallow import parsed
from repair.proof_tests import loosened

_TEST_PATH = re.compile(
    r"(?:^|/)(?:tests?|testing|specs?|__tests__)/|(?:^|/)tests?[_.][^/]*$|[_.](?:test|spec)s?\.\w+$|(?:^"
    r"|/)test[^/]*\.py$"
    r"|Tests?\.(?:java|kt|cs|swift)$|(?:^|/)conftest\.py$",
    re.IGNORECASE,
)
_PYTHON_TEST = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+test\w*", re.MULTILINE)
_OTHER_TEST = re.compile(
    r"^[ \t]*(?:(?:it|test|specify|describe|context)(?:\.\w+)?[ \t]*[(\"' ]|func[ \t]+Test\w+"
    r"|#\[(?:\w+::)?test|@Test\b|\[Test)",
    re.MULTILINE,
)
_SKIP = re.compile(
    r"\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|\bskip(?:If|Unless|Test)?\b\s*\(|\bSkipTest\b"
    r"|@(?:unittest\.)?skip\b"
    r"|\bexpectedFailure\b|__test__\s*=\s*False|\bcollect_ignore(?:_glob)?\b|\b(?:it|test|describe"
    r"|context)\.(?:skip|only|todo|failing)\b"
    r"|\b[xf](?:it|describe|context)\s*\(|\bt\.Skip(?:f|Now)?\(|#\[ignore|@(?:Ignore|Disabled)\b"
    r"|\bpytest\.exit\b|\bos\._exit\b"
    r"|pytest\.mark\.(?:skip|xfail)|--deselect|\bpytestmark\b"
)
_LEFT_OUT = re.compile(
    r"__test__\s*=\s*False|\bcollect_ignore(?:_glob)?\b|\bpytest\.exit\b|\bos\._exit\b|\bsys\.exit\b|--deselect"
    r"|\bdef\s+load_tests\b"
)
_ASSERTION = re.compile(
    r"\bassert\w*\b|\bexpect\(|\.should\b|\braises\b|\bself\.fail\w*\b|\bt\.(?:Error|Fatal)\w*\(|\bwarns\b"
)
_TRIVIAL = re.compile(
    r"^\s*(?:assert\s+(?:True|1|not\s+False|not\s+None)\s*(?:$|[#,])|self\.assertTrue\(\s*True\s*\)"
    r"|expect\(true\)\.)",
    re.MULTILINE,
)


class Change(Protocol):
    """One file of a patch."""

    @property
    def path(self) -> str: ...
    @property
    def before(self) -> bytes | None: ...
    @property
    def after(self) -> bytes | None: ...
    @property
    def old(self) -> str: ...
    @property
    def new(self) -> str: ...
    @property
    def removed(self) -> list[str]: ...
    @property
    def added(self) -> list[str]: ...


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
        if len(pattern.findall("\n".join(change.added))) > len(pattern.findall("\n".join(change.removed))):
            yield change.path, "Tests are skipped or left out that were not.", True
    yield from _read(sources)


def _touched(change: Change) -> tuple[str, str] | None:
    """The touched statements of a Python file before and after; None where its syntax cannot be read."""
    if change.after is None or not change.path.endswith(".py"):
        return None
    whole = change.before is None or _SKIP.search("\n".join(change.added))
    both = (change.old, change.new) if whole else changed_blocks(change.old, change.new, change.added + change.removed)
    return both if all(parsed(source) is not None for source in both) else None


def _taken_away(change: Change, readable: bool) -> Iterator[str]:
    if change.after is None:
        if _count_tests(change.path, change.old):
            yield "A file of tests is removed."
        return
    if len(_TRIVIAL.findall("\n".join(change.added))) > len(_TRIVIAL.findall("\n".join(change.removed))):
        yield "An assertion is added that holds whatever the code does."
    if not change.removed or readable:
        return
    before, after = _count_tests(change.path, change.old), _count_tests(change.path, change.new)
    if after < before:
        yield f"Of its {before} tests {before - after} are gone."
    gone, come = (len(_ASSERTION.findall("\n".join(lines))) for lines in (change.removed, change.added))
    if gone and not come:
        yield "Assertions are removed and none comes in their place."


def _count_tests(path: str, text: str) -> int:
    return len((_PYTHON_TEST if path.endswith(".py") else _OTHER_TEST).findall(text))


def _read(sources: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, str, bool]]:
    """What the tests' syntax shows: which one asserts less, is skipped or never run, and which assertions changed."""
    for path, (old, new) in sources.items():
        if _count_uncollected(new) > _count_uncollected(old):
            yield path, "Tests stand in a class that no test runner collects.", True
    before = {path: old for path, (old, _) in sources.items() if old}
    found = loosened(before, {path: new for path, (_, new) in sources.items()}) if before else None
    for refuses, sentences in ((True, found.refusals), (False, found.flags)) if found else ():
        for sentence in sentences:
            path, _, says = sentence.partition(": ")
            yield path, f"{says[:1].upper()}{says[1:]}.", refuses


def _count_uncollected(source: str) -> int:
    """Tests in classes that have neither the name nor the parents of a test."""
    tree = parsed(source)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)] if tree else []
    strangers = [node for node in classes if not node.name.startswith("Test") and not node.bases]
    return sum(_is_test(child) for node in strangers for child in node.body)


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
