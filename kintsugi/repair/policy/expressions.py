"""What an expression of Python is by itself: the names in it, a number, how much, what limits by its name."""

from __future__ import annotations

import ast

from kintsugi.repair.syntax import children
from kintsugi.telemetry import lazy_re as re

_BITS = 63
_HUGE = 1e15
_PLAIN = re.compile(r"\d[\d_]*(?:\.\d+)?")
_AT_LEAST = re.compile(r"min|round|cost|iter|interval|window|per|cooldown|delay|salt|least", re.IGNORECASE)


def words(node: ast.AST) -> str:
    """The names within an expression, as they are written: an object before what is asked of it."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{words(value)} {name}".strip()
    return " ".join(filter(None, map(words, children(node))))


def chained(node: ast.AST) -> str:
    """The names of a chain of calls, without what each is given: `query where all` of `query.where(x).all`."""
    match node:
        case ast.Call(func=called):
            return chained(called)
        case ast.Attribute(value=value, attr=name):
            return f"{chained(value)} {name}".strip()
    return words(node)


def is_number(node: ast.expr) -> bool:
    """A number, or a product of numbers."""
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return is_number(node.left) and is_number(node.right)
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, int | float) and not isinstance(value, bool)


def amount_of(node: ast.AST) -> float | None:
    """What a number, or numbers put together, amount to: `15 * 60`, `1 << 20`."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number) if abs(number) < _HUGE else None
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return None if (one := amount_of(operand)) is None else -one
        case ast.BinOp(left=left, op=op, right=right):
            one, other = amount_of(left), amount_of(right)
            return None if one is None or other is None else _together(one, op, other)
    return None


def _together(one: float, op: ast.operator, other: float) -> float | None:
    match op:
        case ast.Mult():
            return one * other
        case ast.Add():
            return one + other
        case ast.Sub():
            return one - other
        case ast.LShift() if 0 <= other < _BITS:
            return float(one * 2 ** int(other))
    return None


def is_stricter(about: str, was: str, now: str) -> bool:
    """Whether what limits how much, how long or how often is a smaller number now."""
    if _AT_LEAST.search(about) or not (_PLAIN.fullmatch(was) and _PLAIN.fullmatch(now)):
        return False
    return float(now.replace("_", "")) < float(was.replace("_", ""))


def is_small(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return is_small(node.operand)
    return isinstance(node, ast.Constant) and node.value in (0, 1, 2)
