"""Reading tests as text: do they assert a value, and has a patch loosened those that were there?"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kintsugi.parsing import parsed
from kintsugi.repair.languages.found import Loosened
from kintsugi.repair.languages.loosening import loosened_tests
from kintsugi.repair.syntax import Source, walked

_SKIP_WORDS = ("skip", "xfail", "expectedfailure")
_SKIPS = re.compile("|".join(_SKIP_WORDS), re.IGNORECASE)
_EXACT = {"assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual"}
_EXACT |= {"assertSequenceEqual", "assertMultiLineEqual", "assertCountEqual", "assertIs", "assert_equal"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TOKENS = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|\w+|[^\w\s]")
_HOLDS_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)
_ASSERTING = re.compile(  # xfail and expectedFailure are marks
    r"assert|check|verif|expect(?!edFail)|should|match|compare|(?<!x)fail\b|raises|warns|snapshot", re.IGNORECASE
)


@dataclass(frozen=True)
class _Test:
    name: str  # with its class
    node: ast.FunctionDef | ast.AsyncFunctionDef
    source: Source

    @property
    def short_name(self) -> str:
        return self.name.rpartition(".")[2]

    @cached_property
    def lines(self) -> list[str] | None:
        return self.source.lines_of(self.node)

    @cached_property
    def body(self) -> list[str]:
        """Token by token, without what it says about itself."""
        statements = self.node.body[ast.get_docstring(self.node) is not None :]
        return _TOKENS.findall("\n".join(map(ast.unparse, statements)))

    @property
    def whole(self) -> list[str]:
        return [*_TOKENS.findall("\n".join(map(ast.unparse, self.node.decorator_list))), *self.body]

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
        written = self.source if self.lines is None else Source("\n".join(self.lines))
        return _count_skips(self.parts) if written.may_have(*_SKIP_WORDS) else 0


def loosened(before: Mapping[str, str], after: Mapping[str, str]) -> Loosened:
    """Compare the test files of a patch, by path: `before` holds those that were there, `after` those that stay."""
    old, new = ({path: Source(text) for path, text in texts.items()} for texts in (before, after))
    return loosened_sources(old, new)


def loosened_sources(before: Mapping[str, Source], after: Mapping[str, Source]) -> Loosened:
    """The same, of files or parts of files that are parsed already."""
    old, new = ({path: tests_of(source) for path, source in sources.items()} for sources in (before, after))
    had = {path: skips_around(source) for path, source in before.items()}
    around = {path: skips_around(source) - had.get(path, 0) for path, source in after.items()}
    return loosened_tests(old, new, around)


def tests_of(source: Source) -> dict[str, _Test]:
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


def skips_around(source: Source) -> int:
    """Skips outside of the tests themselves: of whole modules and classes, in what is set up, in helpers.

    A mark that only gets a name is none until it is used, which is seen where it is.
    """
    if source.tree is None or not source.may_have(*_SKIP_WORDS):
        return 0
    body = source.tree.body
    named = [node for node in body if isinstance(node, ast.Assign) and _name(node.targets[0]) != "pytestmark"]
    own = sum(test.skips for test in _all_tests(source)) + sum(_count_skips(walked(node)) for node in named)
    return _count_skips(source.nodes) - own


def count_tests(source: str) -> int:
    """How many test functions a file has."""
    return len(tests_of(Source(source)))


def asserts_a_value(sources: Mapping[str, str], name: str) -> bool:
    """Whether the test function `name`, in any of the files, asserts more than that nothing is raised.

    A helper that it calls counts when its name says that it checks something. True for a name that is not found,
    as tests can be made in ways that cannot be read off the text.
    """
    tests = [test for text in sources.values() for test in tests_of(Source(text)).values()]
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
