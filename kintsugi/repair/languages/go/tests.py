"""Reading tests of Go as text: what they assert, whether a patch loosened them, and their assertions turned round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from kintsugi.repair.languages.go.suite import TEST
from kintsugi.repair.languages.leaving import ways_out
from kintsugi.repair.languages.syntax import Node, Piece, above, nodes, text_of, tokens, tree_of, written_with
from kintsugi.telemetry import lazy_re as re

ERR = re.compile(r"^\w*[eE]rr\w*$")
_FAILS = {"Error", "Errorf", "Fatal", "Fatalf", "Fail", "FailNow"}
_SKIPS = {"Skip", "Skipf", "SkipNow"}
_CHECKERS = re.compile(r"^(?:assert|require|is|qt|c|g|expect|check|must|then|td|gomega|Expect)$")
_NOTHING_FAILED = {"NoError", "NoErrorf", "NotPanics", "NotPanicsf", "Nil", "Nilf"}
_EXACT = {"Equal", "Equalf", "EqualValues", "Exactly", "JSONEq", "Len", "ErrorIs", "ElementsMatch", "DeepEquals"}
_EXACT |= {"Empty", "Emptyf", "Zero", "Zerof"}
_OPPOSITES = {
    "Equal": "NotEqual",
    "EqualValues": "NotEqualValues",
    "True": "False",
    "NoError": "Error",
    "Nil": "NotNil",
    "Empty": "NotEmpty",
    "Contains": "NotContains",
    "Panics": "NotPanics",
    "Zero": "NotZero",
    "Same": "NotSame",
    "Greater": "LessOrEqual",
    "GreaterOrEqual": "Less",
    "ErrorIs": "NotErrorIs",
}
_OPPOSITES |= {value: key for key, value in _OPPOSITES.items()}
_OPPOSITES |= {f"{key}f": f"{value}f" for key, value in _OPPOSITES.items()}
# Another way out, and what says which tests run.
_MAY_MISS = re.compile(r"\b(?:Exit|Goexit|recover)\b|\bflag\.|\bos\.Args\b|[\"-]test\.")
_BUILT_SOMETIMES = re.compile(r"^//go:build|^// ?\+build", re.MULTILINE)
_DIRECTIVE = re.compile(r"//(?:go:|export |line |extern )|// ?\+build|/\*line ")


@dataclass(frozen=True)
class _Test:
    """One test function as it is written. `is_built_sometimes`: its file says when it is part of a build."""

    name: str
    node: Node
    is_built_sometimes: bool = False

    @property
    def short_name(self) -> str:
        return self.name

    @cached_property
    def lines(self) -> list[str]:
        return text_of(self.node).splitlines()

    @cached_property
    def body(self) -> list[str]:
        return tokens_of(self.node.child_by_field_name("body"))

    @property
    def whole(self) -> list[str]:
        return tokens_of(self.node)

    @cached_property
    def checks(self) -> list[Node]:
        """Conditions that fail the test, and calls that check something."""
        found = [node for node in nodes(self.node, "if_statement") if _fails_at_once(node) and not _is_dead(node)]
        inner = {id_of(call) for node in found for call in nodes(node.child_by_field_name("consequence"))}
        calls = [node for node in nodes(self.node, "call_expression") if id_of(node) not in inner]
        return found + [node for node in calls if _is_check(node) or _is_failing(node)]

    @cached_property
    def asserts(self) -> Counter[str]:
        return Counter(_told(node) for node in self.checks)

    @property
    def guards(self) -> Counter[str]:
        found: Counter[str] = Counter()
        recovers = "recover()" in text_of(self.node)
        ways = [way for way in ways_out(self.node, _FUNCTIONS) if not _is_told(way.jump)]
        for one in self.checks:
            within = (up for up in above(one) if up.start_byte > self.node.start_byte)
            left = sum(way.passes_by(one) for way in ways)
            found[_told(one)] += recovers + left + sum(map(_is_guard, within))
        return found

    @property
    def exact(self) -> int:
        return sum(_is_exact(node) for node in self.checks)

    @property
    def skips(self) -> int:
        skipping = sum(_is_skip(node) for node in nodes(self.node, "call_expression"))
        return skipping + self._leaves_early

    @property
    def around(self) -> int:
        return int(self.is_built_sometimes)

    @property
    def _leaves_early(self) -> bool:
        """Whether it returns, or ends the program, before it comes to its end, whatever it found."""
        body = self.node.child_by_field_name("body")
        statements = [one for block in (body.named_children if body else []) for one in _statements(block)]
        return any(
            one.type == "return_statement" or text_of(one).startswith(("os.Exit(", "runtime.Goexit("))
            for one in statements[:-1]
        )

    @property
    def asserts_a_value(self) -> bool:
        """A helper that is handed the test counts."""
        return any(not _only_that_nothing_fails(node) for node in self.checks) or any(
            _is_helper(node, self.handle) for node in nodes(self.node, "call_expression")
        )

    @property
    def handle(self) -> str:
        """What it calls its *testing.T."""
        parameters = self.node.child_by_field_name("parameters")
        return text_of(next(nodes(parameters, "identifier"), None)) or "t"


def _is_guard(node: Node) -> bool:
    """What is come to only sometimes: a condition, a loop, a function that is not handed to anybody."""
    return node.type in _SOMETIMES or (node.type == "func_literal" and node.parent.type != "argument_list")


def _is_told(jump: Node) -> bool:
    """Whether the test has failed before it leaves: `t.Error(err); return`."""
    beside = jump.parent.named_children if jump.parent is not None else []
    return any(one.type == "expression_statement" and _is_failing(one.named_children[0]) for one in beside)


_FUNCTIONS = ("func_literal", "function_declaration", "method_declaration")
_SOMETIMES = ("if_statement", "for_statement", "expression_case", "type_case", "communication_case", "default_case")


def _statements(node: Node) -> list[Node]:
    return list(node.named_children) if node.type == "statement_list" else [node]


def id_of(node: Node) -> int:
    return int(node.id)


def tests_of(source: str) -> dict[str, _Test]:
    tree = tree_of("go", source)
    if tree is None:
        return {}
    functions = [node for node in tree.named_children if node.type == "function_declaration"]
    named = [(text_of(node.child_by_field_name("name")), node) for node in functions]
    sometimes = _BUILT_SOMETIMES.search(source) is not None
    return {name: _Test(name, node, sometimes) for name, node in named if TEST.match(b"func %s(" % name.encode())}


def called(node: Node) -> tuple[str, str]:
    """What a call is made on, and the last name: ("t", "Run"), ("", "len")."""
    function = node.child_by_field_name("function")
    if function is None or function.type != "selector_expression":
        return "", text_of(function)
    return text_of(function.child_by_field_name("operand")), text_of(function.child_by_field_name("field"))


def _is_failing(node: Node) -> bool:
    on, name = called(node)
    return name in _FAILS and re.fullmatch(r"[a-z]{1,3}|\w*[tT]|tb", on) is not None


def _is_check(node: Node) -> bool:
    on, name = called(node)
    return _CHECKERS.match(on.partition("(")[0].partition(".")[0] or name) is not None and name not in ("Run", "New")


def _is_skip(node: Node) -> bool:
    on, name = called(node)
    return name in _SKIPS or (on, name) == ("testing", "Short")


def _is_helper(node: Node, handle: str) -> bool:
    arguments = node.child_by_field_name("arguments")
    given = [text_of(one) for one in arguments.named_children] if arguments else []
    return handle in given and called(node)[0] != handle and not _is_check(node)


def _fails_at_once(node: Node) -> bool:
    """Whether an `if` fails the test by itself, not by another one within it."""
    body = node.child_by_field_name("consequence")
    return any(
        _is_failing(call)
        for call in nodes(body, "call_expression")
        if next(one for one in above(call) if one.type in ("if_statement", "func_literal")).id == node.id
    )


def condition_of(node: Node) -> str:
    return " ".join(tokens_of(node.child_by_field_name("condition")))


def _told(node: Node) -> str:
    if node.type == "if_statement":
        head = node.child_by_field_name("initializer")
        return f"if {' '.join(tokens_of(head)) if head else ''}; {condition_of(node)}"
    return " ".join(tokens_of(node))


def _is_dead(node: Node) -> bool:
    """`if false && …`, `if x != x`: a check that is none any more."""
    asked, condition = node.child_by_field_name("condition"), condition_of(node)
    if asked.type == "binary_expression":
        sides = [asked.child_by_field_name("left"), asked.child_by_field_name("right")]
        if text_of(sides[0]) == text_of(sides[1]) or all(one.type.endswith("_literal") for one in sides):
            return True
    return re.search(r"(?:^|&& |! \( )false\b(?: &&|$)|&& false$", condition) is not None


def _is_exact(node: Node) -> bool:
    if node.type == "if_statement":
        return not _only_that_nothing_fails(node) and re.search(r"!=|! .*Equal|Diff", _told(node)) is not None
    return called(node)[1] in _EXACT


def _only_that_nothing_fails(node: Node) -> bool:
    if node.type == "if_statement":
        subject, _, rest = condition_of(node).partition(" ")
        return rest == "!= nil" and ERR.match(subject) is not None
    return called(node)[1] in _NOTHING_FAILED


def tokens_of(node: Node | None) -> list[str]:
    return [] if node is None else tokens(node, is_comment)


def is_comment(node: Node) -> bool:
    return bool(node.type == "comment") and _DIRECTIVE.match(text_of(node)) is None


def skipped_around(source: str) -> int:
    """Build constraints, which leave out whole files, and a TestMain that may leave before the tests."""
    has_main = re.search(r"^func TestMain\(", source, re.MULTILINE) is not None
    return len(_BUILT_SOMETIMES.findall(source)) + (has_main and without_exit_of_main(source) == source)


def without_exit_of_main(source: str) -> str:
    """The source without the exit of a TestMain that runs the tests whatever happens, and ends as they do."""
    tree = tree_of("go", source) if "func TestMain(" in source else None
    functions = [one for one in tree.named_children if one.type == "function_declaration"] if tree is not None else []
    main = [one for one in functions if text_of(one.child_by_field_name("name")) == "TestMain"]
    found = _exit_of_main(main[0]) if len(main) == 1 else None
    return source if found is None else written_with(source, [Piece.of(found, "")]) or source


def _exit_of_main(main: Node) -> Node | None:
    """`os.Exit(m.Run())`, or the same by a name, as a statement that is always reached."""
    names = [text_of(one) for one in nodes(main, "identifier")]
    name = text_of(next(nodes(main.child_by_field_name("parameters"), "identifier"), None))
    statements = [one for block in main.child_by_field_name("body").named_children for one in _statements(block)]
    by_name = {
        text_of(one).removesuffix(f" := {name}.Run()")
        for one in statements
        if text_of(one).endswith(f" := {name}.Run()")
    }
    ends = {f"os.Exit({name}.Run())", *(f"os.Exit({one})" for one in by_name if names.count(one) == 2)}
    exits = [one for one in statements if text_of(one) in ends]
    if len(exits) != 1 or names.count(name) != 2 or any(nodes(main, *_LEAVING)):
        return None
    rest = text_of(main).replace(text_of(exits[0]), "")
    return None if _MAY_MISS.search(rest) else exits[0]


_LEAVING = ("return_statement", "goto_statement", "go_statement", "labeled_statement")


def turned(test: _Test) -> list[Piece]:
    """Its assertions the other way round; those that only ask that nothing failed, where there is no other."""
    strict = [node for node in test.checks if not _only_that_nothing_fails(node)]
    pieces = [piece for node in strict or test.checks if (piece := _opposite(node)) is not None]
    if pieces:
        return pieces
    end = test.node.child_by_field_name("body").end_byte - 1
    return [Piece(end, end, f'\n{test.handle}.Fatal("turned round")\n')]


def _opposite(node: Node) -> Piece | None:
    if node.type == "if_statement":
        condition = node.child_by_field_name("condition")
        return Piece.of(condition, f"!({text_of(condition)})")
    field = node.child_by_field_name("function").child_by_field_name("field")
    other = _OPPOSITES.get(text_of(field))
    return Piece.of(field, other) if other else None


def without_lines(source: str, lines: Collection[int]) -> str | None:
    """The source without the tests that these lines, from 1, lie in, its imports for nothing where they are told.

    None where one of them lies in anything else.
    """
    tree = tree_of("go", source)
    pieces = []
    for line in lines:
        found = next((one for one in _may_go(tree) if _has_line(one, line)), None) if tree is not None else None
        if found is None:
            return None
        path = text_of(found.child_by_field_name("path")) if found.type == "import_spec" else ""
        pieces.append(Piece.of(found, f"_ {path}" if path else ""))
    return written_with(source, pieces)


def _may_go(tree: Node) -> Iterator[Node]:
    tests = nodes(tree, "function_declaration")
    yield from (one for one in tests if _TEST_FUNCTION.match(text_of(one.child_by_field_name("name"))))
    yield from nodes(tree, "import_spec")


def _has_line(node: Node, line: int) -> bool:
    return bool(node.start_point[0] < line <= node.end_point[0] + 1)


_TEST_FUNCTION = re.compile(r"(?:Test|Fuzz|Example|Benchmark)(?![a-z])")
