"""What a test asks for: a value that is written down, or less."""

from __future__ import annotations

import ast

_EXACT = {"assertEqual", "assertEquals", "assertListEqual", "assertDictEqual", "assertTupleEqual", "assertSetEqual"}
_EXACT |= {"assertSequenceEqual", "assertMultiLineEqual", "assertCountEqual", "assertIs", "assertIsNone", "assertTrue"}
_EXACT |= {
    "assertFalse",
    "assertRegex",
    "assertIn",
    "assert_equal",
    "assertJSONEqual",
    "assertContains",
    "assertRedirects",
}
_RAISES = {"raises", "assertRaises", "assertRaisesRegex"}
_ROUGH = {"abs", "rel", "delta", "places"}
_HELPS = ("assert", "check", "verify", "expect")


def asks_little(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str | None:
    """What is to be said of a test that does not ask for one value, as the words after its name."""
    asserted = [node.test for node in ast.walk(function) if isinstance(node, ast.Assert)]
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    made = _made(function)
    if any(_is_rough(call) for call in calls):
        return "asks for a value only roughly"
    if any(_is_exact(test, made) for test in asserted) or any(_is_exact_call(call, made) for call in calls):
        return None
    if any(_name(call) in _RAISES for call in calls):
        return "asks only that something is raised"
    if asserted or any(_name(call).startswith("assert") for call in calls):
        return "asks for no exact value"
    return None


def _made(function: ast.AST) -> dict[str, str]:
    """What names of the test stand for, where they are bound once."""
    found: dict[str, list[str]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(ast.dump(node.value))
    return {name: values[0] for name, values in found.items() if len(values) == 1}


def _is_exact(test: ast.expr, made: dict[str, str]) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(_is_exact(one, made) for one in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return True  # that something is empty, or false
    if isinstance(test, ast.Call):
        return _name(test) not in ("isinstance", "callable", "hasattr", "bool", "any") and bool(
            isinstance(test.func, ast.Attribute)
        )
    if not isinstance(test, ast.Compare):
        return False
    sides = [test.left, *test.comparators]
    pairs = zip(sides, test.ops, sides[1:], strict=False)
    return any(isinstance(op, ast.Eq | ast.Is | ast.In) and _differ(left, right, made) for left, op, right in pairs)


def _is_exact_call(call: ast.Call, made: dict[str, str]) -> bool:
    name = _name(call)
    if name in _EXACT:
        return len(call.args) < 2 or _differ(call.args[0], call.args[1], made)
    return not name.startswith(("assert", "raises")) and name.startswith(_HELPS)


def _differ(left: ast.expr, right: ast.expr, made: dict[str, str]) -> bool:
    """Whether they are not the same thing twice, and none is a range of values or a class."""
    vague = any(isinstance(side, ast.Call) and _name(side) in ("range", "type") for side in (left, right))
    return not vague and _stands_for(left, made) != _stands_for(right, made)


def _stands_for(node: ast.expr, made: dict[str, str]) -> str:
    return made.get(node.id, ast.dump(node)) if isinstance(node, ast.Name) else ast.dump(node)


def _is_rough(call: ast.Call) -> bool:
    return _name(call) in ("approx", "isclose", "assertAlmostEqual", "allclose") and any(
        word.arg in _ROUGH for word in call.keywords
    )


def _name(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
