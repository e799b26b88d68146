"""Reading tests as text: do they assert a value, and has a patch loosened those that were there?"""

from __future__ import annotations

import ast
import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from kintsugi.repair.syntax import Source, parsed, walked

_SKIP_WORDS = ("skip", "xfail", "expectedfailure")
_SKIPS = re.compile("|".join(_SKIP_WORDS), re.IGNORECASE)
_EXACT = {"assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual"}
_EXACT |= {"assertSequenceEqual", "assertMultiLineEqual", "assertCountEqual", "assertIs", "assert_equal"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_HOLDS_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)
_ASSERTING = re.compile(r"assert|check|verif|expect|should|match|compare|fail\b|raises|warns|snapshot", re.IGNORECASE)
_ALIKE = 0.8  # how much of a removed test must be in a new one for it to be the same test renamed


@dataclass(frozen=True, slots=True)
class Loosened:
    """What a patch did to tests that were there: reasons to refuse it, what a human should look at, and which tests it
    gave another name or place: (file, name) by what they were.
    """

    refusals: tuple[str, ...]
    flags: tuple[str, ...]
    renamed: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Test:
    name: str  # with its class
    node: ast.FunctionDef | ast.AsyncFunctionDef
    source: Source

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]

    @cached_property
    def parts(self) -> list[ast.AST]:
        return walked(self.node)

    @cached_property
    def assertions(self) -> list[ast.AST]:
        return [part for part in self.parts if _is_assertion(part)]

    @cached_property
    def asserts(self) -> Counter[str]:
        return Counter(ast.dump(part) for part in self.assertions)

    @cached_property
    def exact(self) -> int:
        return sum(_is_exact(part) for part in self.assertions)

    @cached_property
    def skips(self) -> int:
        lines = self.source.lines_of(self.node)
        written = self.source if lines is None else Source("\n".join(lines))
        return _count_skips(self.parts) if written.may_have(*_SKIP_WORDS) else 0

    def is_written_as(self, other: _Test) -> bool:
        lines = self.source.lines_of(self.node)
        return lines is not None and lines == other.source.lines_of(other.node)


def loosened(before: Mapping[str, str], after: Mapping[str, str]) -> Loosened:
    """Compare the test files of a patch, by path: `before` holds those that were there, `after` those that stay."""
    old, new = ({path: Source(text) for path, text in texts.items()} for texts in (before, after))
    return loosened_sources(old, new)


def loosened_sources(before: Mapping[str, Source], after: Mapping[str, Source]) -> Loosened:
    """The same, of files or parts of files that are parsed already."""
    refusals: list[str] = []
    flags: list[str] = []
    renamed: dict[tuple[str, str], tuple[str, str]] = {}
    old = {path: _tests(source) for path, source in before.items()}
    new = {path: _tests(source) for path, source in after.items()}
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
            if now is not None and now.is_written_as(test):
                continue
            reason = "is removed" if now is None else _looser(test, now)
            if reason is not None:
                refusals.append(f"{path}: {name} {reason}")
            elif now is not None and now.asserts != test.asserts and test.asserts - now.asserts:
                flags.append(f"{path}: the assertions of {name} are changed")
        if path in after and _skips_around(after[path]) > _skips_around(before[path]):
            refusals.append(f"{path}: tests are skipped that were not")
    return Loosened(tuple(refusals), tuple(flags), renamed)


def _same_renamed(test: _Test, added: list[tuple[str, _Test]]) -> tuple[str, _Test] | None:
    """The new test that holds most of a removed one, if any holds enough."""
    if not added:
        return None
    body = ast.unparse(test.node).splitlines()[1:]
    likeness = [
        (difflib.SequenceMatcher(None, body, ast.unparse(one.node).splitlines()[1:]).ratio(), number)
        for number, (_, one) in enumerate(added)
    ]
    best, number = max(likeness)
    return added[number] if best >= _ALIKE or added[number][1].short_name == test.short_name else None


def _looser(test: _Test, now: _Test) -> str | None:
    if now.skips > test.skips:
        return "is skipped"
    gone, come = test.asserts - now.asserts, now.asserts - test.asserts
    if gone and not come:
        return "asserts less than it did"
    if test.exact > now.exact and now.asserts.total() <= test.asserts.total():
        return "asserts less exactly than it did"
    return None


def _tests(source: Source) -> dict[str, _Test]:
    return {test.name: test for test in _all_tests(source)}


def _all_tests(source: Source) -> Iterator[_Test]:
    if source.tree is not None and source.may_have("test"):
        yield from _walk_tests(source, source.tree, "")


def _walk_tests(source: Source, node: ast.AST, prefix: str) -> Iterator[_Test]:
    blocks = [value for value in vars(node).values() if isinstance(value, list)]
    for child in (child for block in blocks for child in block):
        if isinstance(child, _FUNCTIONS) and child.name.startswith("test"):
            yield _Test(prefix + child.name, child, source)
        elif isinstance(child, (ast.ClassDef, *_FUNCTIONS)):
            yield from _walk_tests(source, child, f"{prefix}{child.name}.")
        elif isinstance(child, _HOLDS_BLOCKS):
            yield from _walk_tests(source, child, prefix)


def _is_assertion(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and bool(_ASSERTING.search(_name(node.func))))


def _is_exact(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Compare) and any(isinstance(op, ast.Eq | ast.Is) for op in node.test.ops)
    return isinstance(node, ast.Call) and _name(node.func) in _EXACT


def _count_skips(parts: Iterable[ast.AST]) -> int:
    names = (_name(part) for part in parts if isinstance(part, ast.Attribute | ast.Name))
    return sum(bool(_SKIPS.search(name)) for name in names)


def _skips_around(source: Source) -> int:
    """Skips outside of the tests themselves: of whole modules and classes, in what is set up, in helpers.

    A mark that only gets a name is none until it is used, which is seen where it is.
    """
    if source.tree is None or not source.may_have(*_SKIP_WORDS):
        return 0
    body = source.tree.body
    named = [node for node in body if isinstance(node, ast.Assign) and _name(node.targets[0]) != "pytestmark"]
    own = sum(test.skips for test in _all_tests(source)) + sum(_count_skips(walked(node)) for node in named)
    return _count_skips(source.nodes) - own


def asserts_a_value(sources: Mapping[str, str], name: str) -> bool:
    """Whether the test function `name`, in any of the files, asserts more than that nothing is raised.

    A helper that it calls counts when its name says that it checks something. True for a name that is not found,
    as tests can be made in ways that cannot be read off the text.
    """
    tests = [test for text in sources.values() for test in _tests(Source(text)).values()]
    found = [test for test in tests if test.short_name == name]
    return not found or any(_asserts(test.node) for test in found)


def function_text(source: str, name: str) -> str:
    """All functions of this name in a file, in one layout; empty where there is none."""
    tree = parsed(source)
    functions = [] if tree is None else [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS)]
    return "\n".join(ast.unparse(node) for node in functions if node.name == name)


def _asserts(function: ast.AST) -> bool:
    return any(_is_assertion(node) and not _is_trivial(node) for node in ast.walk(function))


def _is_trivial(node: ast.AST) -> bool:
    """An assertion that holds whatever the code does: of constants, or of a thing with itself."""
    if isinstance(node, ast.Assert):
        return _says_nothing(node.test)
    if isinstance(node, ast.Call) and _name(node.func).startswith("assert") and node.args:
        compared = {ast.dump(argument) for argument in node.args[:2]}
        return all(_says_nothing(argument) for argument in node.args[:2]) or (len(node.args) > 1 and len(compared) == 1)
    return False


def _says_nothing(test: ast.expr) -> bool:
    if isinstance(test, ast.Compare):
        return len({ast.dump(part) for part in (test.left, *test.comparators)}) == 1
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(isinstance(part, ast.Constant) and bool(part.value) for part in test.values)
    return isinstance(test, ast.Constant)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
