"""Tests with their assertions turned round: what passes then as well cannot fail, and shows nothing.

It passes whatever the code does, because it asserts nothing on its way, because what it compares with is equal to
everything, or because somebody decides in its place how it ends.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

from kintsugi.parsing import parse, parsed

_OPPOSITES = {
    "assertTrue": "assertFalse",
    "assertIn": "assertNotIn",
    "assertIsNone": "assertIsNotNone",
    "assertIsInstance": "assertNotIsInstance",
    "assertAlmostEqual": "assertNotAlmostEqual",
    "assertRegex": "assertNotRegex",
    "assertGreater": "assertLessEqual",
    "assertGreaterEqual": "assertLess",
    "assertIs": "assertIsNot",
    "assertEqual": "assertNotEqual",
}
_OPPOSITES |= {value: key for key, value in _OPPOSITES.items()}
_EQUAL = {"assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual"}
_EQUAL |= {"assertSequenceEqual", "assertMultiLineEqual", "assertCountEqual", "assertIs", "assert_equal"}
_RAISES = {"raises", "assertRaises", "assertRaisesRegex", "assertWarns", "assertWarnsRegex", "warns"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def turned_round(source: str, names: Collection[str]) -> str | None:
    """The source with each assertion in the functions of these names turned round; None where none is there.

    A function without an assertion of its own fails at its end instead.
    """
    tree = parsed(source)
    if tree is None:
        return None
    found = [node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS) and node.name in names]
    for function in found:
        turner = _Turner()
        function.body = [turner.visit(statement) for statement in function.body]
        if not turner.turned:
            function.body.append(parse("raise AssertionError('turned round')").body[0])
    return ast.unparse(ast.fix_missing_locations(tree)) if found else None


class _Turner(ast.NodeTransformer):
    def __init__(self) -> None:
        self.turned = 0

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self.turned += 1
        test = node.test
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
            left, right = _with_a_stranger(test.left, test.comparators[0])
            turned: ast.expr = ast.Compare(left=left, ops=test.ops, comparators=[right])
        else:
            turned = ast.UnaryOp(op=ast.Not(), operand=test)
        return ast.Assert(test=turned, msg=node.msg)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in _EQUAL and len(node.args) >= 2:
            self.turned += 1
            node.args[:2] = _with_a_stranger(node.args[0], node.args[1])
            node.func = _named(node.func, "assertIs" if name == "assertIs" else "assertEqual")
        elif name in _OPPOSITES:
            self.turned += 1
            node.func = _named(node.func, _OPPOSITES[name])
        elif name in _RAISES and node.args:
            self.turned += 1
            node.args[0] = parse("type('Stranger', (Warning,), {})", "eval").body
        return node


def _with_a_stranger(left: ast.expr, right: ast.expr) -> tuple[ast.expr, ast.expr]:
    """Both sides of a comparison, one of them something that nothing is equal to; what is called is still called."""
    if _calls(right) and not _calls(left):
        return _stranger(left), right
    return left, _stranger(right)


def _calls(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call | ast.Await) for part in ast.walk(node))


def _stranger(instead: ast.expr) -> ast.expr:
    made = parse("(0, object())[1]", "eval").body
    assert isinstance(made, ast.Subscript)
    assert isinstance(made.value, ast.Tuple)
    made.value.elts[0] = instead
    return made


def _named(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(value=function.value, attr=name, ctx=ast.Load())
    return function  # a helper of its own, imported by its name
