"""Reading tests as text: what they assert, whether a patch loosened them, and with their assertions turned round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from kintsugi.repair.languages.leaving import ways_out
from kintsugi.repair.languages.node.calls import (
    FUNCTIONS,
    Call,
    call_of,
    chain_of,
    is_suite,
    is_test,
    last_name_of,
    other_names,
    tokens_of,
    tree_of_file,
)
from kintsugi.repair.languages.syntax import Node, Piece, above, nodes, text_of
from kintsugi.telemetry import lazy_re as re

_TITLES = ("string", "template_string")
_CHECKERS = {"assert", "expect", "should", "t", "chai", "expectTypeOf", "tap", "st", "tt"}
_NO_CHECK = {"test", "plan", "end", "pass", "comment", "log", "teardown", "timeout", "after", "before", "mock", "skip"}
_NO_CHECK |= {"diagnostic", "todo", "context", "setTimeout", "beforeEach", "afterEach", "extend", "assertions", "any"}
_NO_CHECK |= {"hasAssertions", "anything", "objectContaining", "arrayContaining", "stringContaining", "stringMatching"}
_NOTHING_FAILED = {"doesNotThrow", "doesNotReject", "notThrows", "notThrowsAsync", "pass", "ifError"}
_EQUAL = {"toBe", "toEqual", "toStrictEqual", "equal", "equals", "eql", "eq", "strictEqual", "deepEqual", "is", "same"}
_EQUAL |= {"deepStrictEqual", "deepEquals", "toHaveLength", "lengthOf", "strictSame", "toBeCloseTo", "looseEqual"}
_ONE_VALUE = {"toBeNull", "toBeUndefined", "toBeNaN", "isNull", "isUndefined", "null", "undefined"}
_OPPOSITES = {"notEqual": "equal", "notStrictEqual": "strictEqual", "notDeepEqual": "deepEqual", "not": "is"}
_OPPOSITES |= {"notDeepStrictEqual": "deepStrictEqual", "doesNotMatch": "match", "notSame": "same"}
_ONE_SIDED = {"ok", "true", "false", "truthy", "falsy", "notOk", "isTrue", "isFalse", "assert", "isOk", "isNotOk"}
_THROWING = {"toThrow", "toThrowError", "throw", "rejectedWith"}
_CONSTANT = re.compile(r"true|1|!0|!false")
_HELPER = re.compile(r"assert|check|verif|expect|should|match|compare|run\b", re.IGNORECASE)
_CONSTANTS = ("number", "string", "true", "false", "null", "undefined")
_AT_TIMES = ("if_statement", "ternary_expression", "switch_statement", "function_declaration", "method_definition")
_SOMETIMES = (*_AT_TIMES, "for_statement", "for_in_statement", "while_statement", "do_statement", "try_statement")
_STRANGER = 'Symbol("turned round")'


@dataclass(frozen=True)
class WrittenTest:
    """One test as it is written. `pattern` matches the names that it can have when it runs."""

    name: str
    pattern: str
    node: Node
    may_be_left_out: bool = False

    @property
    def short_name(self) -> str:
        return _said(self.call.arguments[0])

    @cached_property
    def call(self) -> Call:
        return call_of(self.node)

    @cached_property
    def lines(self) -> list[str]:
        return text_of(self.node).splitlines()

    @cached_property
    def body(self) -> list[str]:
        return tokens_of(self.function) if self.function is not None else []

    @property
    def whole(self) -> list[str]:
        return tokens_of(self.node)

    @cached_property
    def function(self) -> Node | None:
        return next((one for one in self.call.arguments[1:] if one.type in FUNCTIONS), None)

    @cached_property
    def checks(self) -> list[Node]:
        """The outermost nodes of all chains that assert something, and what is thrown by the test itself."""
        return _checks_in(self.node)

    @cached_property
    def asserts(self) -> Counter[str]:
        return Counter(" ".join(tokens_of(node)) for node in self.checks)

    @property
    def guards(self) -> Counter[str]:
        found: Counter[str] = Counter()
        own = self.function.start_byte if self.function is not None else self.node.start_byte
        ways = ways_out(self.node, FUNCTIONS)
        for one in self.checks:
            within = (up for up in above(one) if up.start_byte > own)
            left = sum(way.passes_by(one) for way in ways)
            found[" ".join(tokens_of(one))] += left + sum(map(_is_guard, within))
        return found

    @property
    def exact(self) -> int:
        return sum(last_name_of(node) in _EQUAL | _ONE_VALUE and "not" not in chain_of(node) for node in self.checks)

    @property
    def skips(self) -> int:
        inner = (call_of(node) for node in nodes(self.node, "call_expression") if node.id != self.node.id)
        skipping = sum(
            one.last == "skip" and one.root in ("t", "this", "ctx", "context", "test", "it") for one in inner
        )
        own = self.call.is_left_out or self.may_be_left_out
        return skipping + own + self._leaves_early + _is_of_none(self.call)

    @property
    def around(self) -> int:
        around = list(above(self.node))
        suites = sum(call_of(one).is_left_out for one in around if one.type == "call_expression")
        return suites + sum(one.type in _AT_TIMES or (one.type in FUNCTIONS and not _is_handed(one)) for one in around)

    @property
    def _leaves_early(self) -> bool:
        """Whether it returns before it comes to its end, whatever it found."""
        body = self.function.child_by_field_name("body") if self.function is not None else None
        statements = body.named_children if body is not None and body.type == "statement_block" else []
        return any(one.type == "return_statement" for one in statements[:-1])

    @cached_property
    def checks_of_helpers(self) -> list[Node]:
        """The same in functions of the file that the test calls."""
        called = {call.root for call in map(call_of, nodes(self.node, "call_expression")) if not call.properties}
        found = [node for name, helper in _functions_of(self.node) if name in called for node in _checks_in(helper)]
        return [node for node in found if not _only_that_nothing_fails(node)]

    @property
    def asserts_a_value(self) -> bool:
        """A helper counts that does, or whose name says that it checks something."""
        if any(not _only_that_nothing_fails(node) for node in self.checks) or self.checks_of_helpers:
            return True
        calls = map(call_of, nodes(self.function, "call_expression") if self.function is not None else ())
        return any(_HELPER.match(call.last) for call in calls if call.root not in _CHECKERS)


def _is_guard(node: Node) -> bool:
    """What is come to only sometimes: a condition, a loop, `ready && …`, a function that somebody has to call."""
    if node.type == "binary_expression":
        return node.child_by_field_name("operator").type in ("&&", "||", "??")
    return node.type in (*_SOMETIMES, *FUNCTIONS)


def _is_handed(function: Node) -> bool:
    """`describe("till", () => {…})`, `(async () => {…})()`"""
    parent = function.parent
    return parent is not None and parent.type in ("arguments", "parenthesized_expression", "await_expression")


def _is_of_none(call: Call) -> bool:
    """`test.each([])(…)`"""
    made = call.node.child_by_field_name("function")
    return any(text_of(one).replace(" ", "") == "([])" for one in nodes(made, "arguments"))


def _checks_in(node: Node) -> list[Node]:
    found = [one for one in nodes(node, "call_expression", "member_expression") if _is_check(one)]
    found += nodes(node, "throw_statement")
    return [one for one in found if not _is_swallowed(one) and not _says_nothing(one)]


def _says_nothing(node: Node) -> bool:
    """`expect(1).toBe(1)`, `assert.equal(x, x)`"""
    calls = list(map(call_of, nodes(node, "call_expression")))
    if not calls or calls[0].last not in _EQUAL:
        return False
    expected = [one.arguments[:1] for one in calls if one.root == "expect" and not one.properties]
    given = [*(expected[0] if expected else []), *calls[0].arguments[: 1 if expected else 2]]
    return len(given) == 2 and (text_of(given[0]) == text_of(given[1]) or all(one.type in _CONSTANTS for one in given))


def _functions_of(node: Node) -> Iterator[tuple[str, Node]]:
    """The functions that a file declares by a name."""
    top = [node, *above(node)][-1]
    for one in nodes(top, "function_declaration", "variable_declarator"):
        value = one.child_by_field_name("value")
        if one.type == "function_declaration" or (value is not None and value.type in FUNCTIONS):
            yield text_of(one.child_by_field_name("name")), one


def _is_swallowed(node: Node) -> bool:
    """Whether nobody hears of it when it fails: a `catch` around it does nothing."""
    tries = [one for one in above(node) if one.type == "try_statement"]
    handlers = [handler for one in tries if (handler := one.child_by_field_name("handler")) is not None]
    bodies = [handler.child_by_field_name("body") for handler in handlers]
    inside = {int(one.id) for one in above(node)}
    return any(not body.named_children and int(body.id) not in inside for body in bodies if body is not None)


def _is_check(node: Node) -> bool:
    """Whether it is the whole of `expect(…).to.be.true`, `assert.equal(…)`, `x.should.be.ok`."""
    parent = node.parent
    if (
        parent is not None
        and parent.type in ("member_expression", "call_expression")
        and parent.children[0].id == node.id
    ):
        return False
    names = chain_of(node)
    if len(names) < 2 and names[:1] != ["assert"]:
        return False
    if node.type == "member_expression" and names[:1] != ["expect"]:
        return "should" in names[1:] and names[-1] != "should"
    return (names[0] in _CHECKERS or "should" in names[1:]) and not (len(names) > 1 and names[1] in _NO_CHECK)


def _only_that_nothing_fails(node: Node) -> bool:
    """Whether it holds whatever the code does, as long as that raises nothing."""
    if node.type == "throw_statement":
        return False
    names = chain_of(node)
    last = names[-1] if names else ""
    if last in _NOTHING_FAILED or ("not" in names and last in _THROWING):
        return True
    given = [text_of(one) for one in call_of(node).arguments] if node.type == "call_expression" else []
    if last in _ONE_SIDED and given and _CONSTANT.fullmatch(given[0]):
        return True
    calls = (call_of(one) for one in nodes(node, "call_expression"))
    expected = next((call for call in calls if call.root == "expect" and not call.properties), None)
    compared = [text_of(expected.arguments[0]), *given] if expected is not None and expected.arguments else given
    return last in _EQUAL and len(compared) > 1 and compared[0] == compared[1]


def tests_of(path: str, source: str) -> dict[str, WrittenTest]:
    tree = tree_of_file(path, source)
    if tree is None:
        return {}
    found: dict[str, WrittenTest] = {}
    others = other_names(tree)
    often: Counter[str] = Counter()
    for node in nodes(tree, "call_expression"):
        call = call_of(node)
        if not is_test(call, others):
            continue
        outer = [
            one
            for one in map(call_of, (up for up in above(node) if up.type == "call_expression"))
            if is_suite(one) or is_test(one)
        ]
        titles = [one.arguments[0] for one in (*reversed(outer), call)]
        name = " ".join(map(_said, titles))
        title = name
        while name in found:
            often[title] += 1
            name = f"{title} again {often[title]}"
        found[name] = WrittenTest(name, " ".join(map(_pattern, titles)), node, others.get(call.root, False))
    return found


def _said(title: Node) -> str:
    """A title as the runner prints it, if it is written in full."""
    text = text_of(title)
    return re.sub(r"\\(['\"`\\])", r"\1", text[1:-1]) if title.type in _TITLES else text


def _pattern(title: Node) -> str:
    if title.type not in _TITLES:
        return ".*"
    parts = re.split(r"\$\{[^}]*\}|%[a-zA-Z#%]|\$\w+(?:\.\w+)*", text_of(title)[1:-1])
    return ".*".join(re.escape(re.sub(r"\\(.)", r"\1", part)) for part in parts)


def tests_named(path: str, source: str, names: Collection[str]) -> list[WrittenTest]:
    """The tests that run under one of these names; of those written in full, only these."""
    tests = tests_of(path, source)
    exact = [tests[name] for name in names if name in tests]
    left = [name for name in names if name not in tests]
    return exact + [
        test
        for test in tests.values()
        if any(re.fullmatch(test.pattern, name, re.DOTALL) for name in left) and test not in exact
    ]


def pattern_of(name: str, source: str) -> str:
    """The pattern of the test with parameters in its title that runs under this name, alone or called by a suite."""
    patterns = _patterns(source)
    made = (one for known, one in patterns.items() if ".*" in one and name not in patterns)
    found = [one for one in made if re.fullmatch(f"(?:.* )?{one}", name, re.DOTALL)]
    return max(found, key=lambda one: len(one.replace(".*", "")), default="")


@lru_cache(maxsize=4)
def _patterns(source: str) -> dict[str, str]:
    return {name: test.pattern for name, test in tests_of("", source).items()}


def skipped_around(path: str, source: str) -> int:
    tree = tree_of_file(path, source)
    calls = [] if tree is None else [call_of(node) for node in nodes(tree, "call_expression")]
    return sum(is_suite(call) and call.is_left_out for call in calls)


def turned(test: WrittenTest) -> list[Piece]:
    strict = [node for node in test.checks if not _only_that_nothing_fails(node)] or test.checks_of_helpers
    pieces = [piece for node in strict if (piece := _opposite(node)) is not None]
    body = test.function.child_by_field_name("body") if test.function is not None else None
    if pieces or body is None or body.type != "statement_block":
        return pieces
    return [Piece(body.end_byte - 1, body.end_byte - 1, '\nthrow new Error("turned round");\n')]


def _opposite(node: Node) -> Piece | None:
    """An assertion the other way round: what is compared is compared with a stranger, or it says the opposite."""
    if node.type == "throw_statement":
        return None
    names = chain_of(node)
    if names[0] == "expect" or "should" in names:
        return _opposite_of_expect(node, names)
    call = call_of(node)
    given, last = call.arguments, names[-1]
    if last in _EQUAL and len(given) > 1:
        return Piece.of(given[1], f"[{text_of(given[1])}, {_STRANGER}][1]")
    if last in _OPPOSITES and call.properties:
        return Piece.of(node.child_by_field_name("function").child_by_field_name("property"), _OPPOSITES[last])
    if last in _ONE_SIDED and given:
        return Piece.of(given[0], f"!({text_of(given[0])})")
    if last in ("throws", "rejects", "throwsAsync") and given:
        return Piece.of(given[0], "() => {}" if last == "throws" else "async () => {}")
    if last == "match" and len(given) > 1:
        return Piece.of(given[1], "/(?!)/")
    return None


def _opposite_of_expect(node: Node, names: Sequence[str]) -> Piece | None:
    call = call_of(node) if node.type == "call_expression" else None
    if call is not None and call.arguments and names[-1] in _EQUAL and "not" not in names:
        first = call.arguments[0]
        return Piece.of(first, f"[{text_of(first)}, {_STRANGER}][1]")
    members = [one for one in nodes(node, "member_expression") if chain_of(one)[:1] == [names[0]]]
    negated = next((one for one in members if text_of(one.child_by_field_name("property")) == "not"), None)
    if negated is not None:
        return Piece.of(negated, text_of(negated.child_by_field_name("object")))
    outermost = members[0] if members else None
    if outermost is None:
        return None
    jest_like = re.match(r"to[A-Z]", text_of(outermost.child_by_field_name("property"))) is not None
    target = outermost if jest_like else members[-1]
    field = target.child_by_field_name("property")
    return Piece(field.start_byte, field.start_byte, "not.")
