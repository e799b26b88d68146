"""Reading tests as text: do they assert a value, and has a patch loosened those that were there?"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property

from kintsugi.parsing import parsed
from kintsugi.repair.languages.found import Loosened
from kintsugi.repair.languages.loosening import loosened_tests
from kintsugi.repair.syntax import Source, walked
from kintsugi.telemetry import lazy_re as re

_SKIP_WORDS = ("skip", "xfail", "expectedfailure")
_SKIPS = re.compile("|".join(_SKIP_WORDS), re.IGNORECASE)
_EXACT = {"assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual"}
_EXACT |= {"assertSequenceEqual", "assertMultiLineEqual", "assertCountEqual", "assertIs", "assert_equal"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_TOKENS = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|\w+|[^\w\s]")
_ANY_FAILURE = {"Exception", "BaseException", "AssertionError"}
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_MADE_OF = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_GUARDING = (ast.If, ast.IfExp, ast.BoolOp, ast.Try, ast.Lambda, ast.match_case, *_LOOPS, *_MADE_OF, *_FUNCTIONS)
_KNOWN_MARKS = re.compile(r"\bmark\b|patch|override|freeze|parametrize|responses|vcr|given|settings|mock|time_machine")
_HOLDS_BLOCKS = (ast.stmt, ast.excepthandler, ast.match_case)
_ASSERTING = re.compile(  # xfail and expectedFailure are marks
    r"assert|check|verif|expect(?!edFail)|should|match|compare|(?<!x)fail\b|raises|warns|snapshot", re.IGNORECASE
)


@dataclass(frozen=True)
class _Test:
    name: str  # with its class
    node: ast.FunctionDef | ast.AsyncFunctionDef
    source: Source
    around: int = 0

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
        """Those that are reached and can fail."""
        return assertions_of(self.node)

    @cached_property
    def asserts(self) -> Counter[str]:
        return Counter(ast.dump(part) for part in self.assertions)

    @cached_property
    def guards(self) -> Counter[str]:
        found: Counter[str] = Counter()
        own = sum(not _KNOWN_MARKS.search(ast.unparse(one)) for one in self.node.decorator_list)
        ways = list(_ways_out(self.node, self.node, self.node))
        stack: list[tuple[ast.AST, int]] = [(one, own) for one in self.node.body]
        while stack:
            part, around = stack.pop()
            if _is_assertion(part):
                line = getattr(part, "lineno", 0)
                found[ast.dump(part)] += around + sum(max(at, begin) < line <= end for at, begin, end in ways)
            deeper = around + (isinstance(part, _GUARDING) or (isinstance(part, ast.With) and _expects(part)))
            stack += [(one, deeper) for one in ast.iter_child_nodes(part)]
        return found

    @cached_property
    def exact(self) -> int:
        return sum(_is_exact(part) for part in self.assertions)

    @cached_property
    def skips(self) -> int:
        return self.named_skips + is_generator(self.node) + sum(map(_is_of_none, self.node.decorator_list))

    @cached_property
    def named_skips(self) -> int:
        written = self.source if self.lines is None else Source("\n".join(self.lines))
        return _count_skips(self.parts) if written.may_have(*_SKIP_WORDS) else 0


def _ways_out(part: ast.AST, function: ast.AST, loop: ast.AST) -> Iterator[tuple[int, int, int]]:
    """The line of each `return`, `break` and `continue`, and the first and last one of what it leaves."""
    for one in ast.iter_child_nodes(part):
        if isinstance(one, ast.Return | ast.Break | ast.Continue):
            left = function if isinstance(one, ast.Return) else loop
            yield one.lineno, getattr(left, "lineno", 0), getattr(left, "end_lineno", 0)
        is_function = isinstance(one, _FUNCTIONS)
        yield from _ways_out(one, one if is_function else function, one if isinstance(one, _LOOPS) else loop)


def _expects(block: ast.With) -> bool:
    """`with pytest.raises(AssertionError):`, where what is asserted is to fail, or need not be come to."""
    return any(_names_in(one.context_expr) & {"raises", "suppress", "assertRaises", "warns"} for one in block.items)


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
        names = [one for one in source.nodes if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)]
        taken = Counter(one.id for one in names)
        taken.update(one.asname or one.name for one in source.nodes if isinstance(one, ast.alias))
        taken.update(one.name for one in source.tree.body if isinstance(one, ast.ClassDef))
        marks = [
            one for one in source.tree.body if isinstance(one, ast.Assign) and _name(one.targets[0]) == "pytestmark"
        ]
        around = sum(_count_skips(walked(one)) for one in marks)
        yield from _walk_tests(source, source.tree, "", around, taken)


def _walk_tests(source: Source, node: ast.AST, prefix: str, around: int, taken: Mapping[str, int]) -> Iterator[_Test]:
    """`around` counts what leaves a test out, or may: conditions, functions, marks of a class. `taken`: names that are
    given to something else, or to nothing, somewhere.
    """
    blocks = [value for value in vars(node).values() if isinstance(value, list)]
    for child in (child for block in blocks for child in block):
        if isinstance(child, _FUNCTIONS) and child.name.startswith("test"):
            yield _Test(prefix + child.name, child, source, around + taken.get(child.name, 0))
        elif isinstance(child, (ast.ClassDef, *_FUNCTIONS)):
            more = (
                _not_collected(child) + max(0, taken.get(child.name, 0) - 1) if isinstance(child, ast.ClassDef) else 1
            )
            yield from _walk_tests(source, child, f"{prefix}{child.name}.", around + more, taken)
        elif isinstance(child, _HOLDS_BLOCKS):
            yield from _walk_tests(source, child, prefix, around + isinstance(child, ast.If), taken)


def _not_collected(node: ast.ClassDef) -> int:
    """Marks that skip a class, and a way to make it that pytest does not know."""
    marks = sum(_count_skips(walked(one)) for one in node.decorator_list)
    makes = any(isinstance(one, _FUNCTIONS) and one.name in ("__init__", "__new__") for one in node.body)
    return marks + (makes and not node.bases)


def _is_assertion(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and bool(_ASSERTING.search(_name(node.func))))


def assertions_of(function: ast.AST) -> list[ast.AST]:
    """What a function asserts where it comes to it, and what can fail."""
    called = {one.id for one in walked(function) if isinstance(one, ast.Name)}
    found = [part for one in _reached(getattr(function, "body", []), called) for part in _parts_of(one, called)]
    return [part for part in found if _is_assertion(part) and not _is_trivial(part)]


def _reached(body: Sequence[ast.stmt], called: Set[str]) -> Iterator[ast.stmt]:
    for one in body:
        if not (isinstance(one, _FUNCTIONS) and one.name not in called and not one.decorator_list):
            yield one
        if isinstance(one, ast.Return | ast.Raise | ast.Continue | ast.Break):
            return


def _parts_of(node: ast.AST, called: Set[str]) -> Iterator[ast.AST]:
    """All parts of a statement, but for blocks that are never come to, or whose failures nobody hears of."""
    yield node
    dead = _dead_blocks(node)
    for name, value in ast.iter_fields(node):
        if name in dead:
            continue
        block = value if isinstance(value, list) else [value]
        if block and isinstance(block[0], ast.stmt):
            block = list(_reached(block, called))
        for child in block:
            if isinstance(child, ast.AST):
                yield from _parts_of(child, called)


def _dead_blocks(node: ast.AST) -> tuple[str, ...]:
    match node:
        case ast.If(test=ast.Constant(value=value)) | ast.While(test=ast.Constant(value=value)):
            return ("orelse",) if value else ("body",)
        case ast.Try(handlers=handlers) if any(map(_swallows, handlers)):
            return ("body",)
        case ast.With(items=items) if any(_suppresses(one.context_expr) for one in items):
            return ("body",)
    return ()


def _swallows(handler: ast.excepthandler) -> bool:
    """Whether it catches a failed assertion and does nothing."""
    assert isinstance(handler, ast.ExceptHandler)
    caught = _names_in(handler.type) if handler.type is not None else {"Exception"}
    does = all(isinstance(one, ast.Pass | ast.Continue) or _is_said(one) for one in handler.body)
    return does and not caught.isdisjoint(_ANY_FAILURE)


def _is_said(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _suppresses(context: ast.expr) -> bool:
    if not isinstance(context, ast.Call) or _name(context.func) != "suppress":
        return False
    return any(not _names_in(one).isdisjoint(_ANY_FAILURE) for one in context.args)


def _names_in(node: ast.expr) -> set[str]:
    return {_name(one) for one in walked(node) if isinstance(one, ast.expr)}


def is_generator(function: ast.AST) -> bool:
    """A test that yields is not run by pytest."""
    others = [one for one in walked(function)[1:] if isinstance(one, (*_FUNCTIONS, ast.Lambda))]
    inner = {id(part) for one in others for part in walked(one)}
    return any(isinstance(one, ast.Yield | ast.YieldFrom) and id(one) not in inner for one in walked(function))


def _is_of_none(decorator: ast.expr) -> bool:
    """`@pytest.mark.parametrize("paid", [])`: it is skipped."""
    if not isinstance(decorator, ast.Call) or _name(decorator.func) != "parametrize":
        return False
    values = [*decorator.args[1:2], *(one.value for one in decorator.keywords if one.arg == "argvalues")]
    made = [one for one in values if isinstance(one, ast.Call) and _name(one.func) in ("list", "tuple", "set")]
    return any(not one.args for one in made) or any(
        isinstance(one, ast.List | ast.Tuple | ast.Set) and not one.elts for one in values
    )


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
    own = sum(test.named_skips for test in _all_tests(source)) + sum(_count_skips(walked(node)) for node in named)
    return _count_skips(source.nodes) - own


def shared_assertions(source: Source) -> Counter[str]:
    """What functions assert that are no tests: helpers and what is set up."""
    functions = [one for one in source.nodes if isinstance(one, _FUNCTIONS) and not one.name.startswith("test")]
    found = (part for one in functions for part in assertions_of(one))
    return Counter(ast.dump(one) for one in found if isinstance(one, ast.Assert) or _is_assert_call(one))


def _is_assert_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and _name(node.func).startswith("assert")


def set_for_all(source: Source) -> int:
    """How often a file sets something for all of its tests: by a fixture that none asks for, or at once."""
    if source.tree is None:
        return 0
    fixtures = sum(
        isinstance(one, ast.keyword) and one.arg == "autouse" and not _is_no(one.value) for one in source.nodes
    )
    return fixtures + sum(map(_sets_at_once, source.tree.body))


def _is_no(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not value.value


def _sets_at_once(statement: ast.stmt) -> bool:
    """`Till.rest = …`, `patch("shop.Till").start()`"""
    match statement:
        case ast.Assign(targets=targets):
            return any(isinstance(one, ast.Attribute) for one in targets)
        case ast.Expr(value=ast.Call(func=ast.Attribute(attr="start"))):
            return True
    return False


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
    if isinstance(test, ast.Tuple | ast.List | ast.Set | ast.Dict):
        return bool(test.elts if not isinstance(test, ast.Dict) else test.keys)
    if isinstance(test, ast.Compare) and all(isinstance(one, ast.Constant) for one in (test.left, *test.comparators)):
        return True
    if isinstance(test, ast.Compare):
        return len({ast.dump(part) for part in (test.left, *test.comparators)}) == 1
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(isinstance(part, ast.Constant) and bool(part.value) for part in test.values)
    return isinstance(test, ast.Constant)


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
