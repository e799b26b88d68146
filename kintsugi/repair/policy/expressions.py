"""What an expression of Python is by itself: the names in it, a number, how much, what limits by its name."""

from __future__ import annotations

import ast
import re

from kintsugi.repair.policy.vocabulary import LIMIT
from kintsugi.repair.syntax import children, walked

_FEW = 2
_HUGE = 1e15
_PLAIN = re.compile(r"\d[\d_]*(?:\.\d+)?")
_AT_LEAST = re.compile(r"min|round|cost|iter|interval|window|per|cooldown|delay|salt|least", re.IGNORECASE)
_RATE = re.compile(r"\d+ ?(?:/|per) ?\w+")


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


def quantity(node: ast.expr) -> float | None:
    """What a number, or a product of numbers, amounts to; None for what is no number, or a small one."""
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            found: float | None = float(number) if abs(number) < _HUGE else None
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            both = (quantity(left), quantity(right))
            found = (both[0] or _small(left)) * (both[1] or _small(right)) if is_number(node) else None
        case _:
            return None
    return found if found is not None and found > _FEW else None


def _small(node: ast.expr) -> float:
    return float(node.value) if isinstance(node, ast.Constant) and isinstance(node.value, int | float) else 1.0


def amount(node: ast.expr) -> str:
    """What says how much: of a sum of dates and the like, only its numbers."""
    if is_number(node) or isinstance(node, ast.Name | ast.Attribute | ast.Constant):
        return ast.unparse(node)
    return " ".join(ast.unparse(one) for one in walked(node) if isinstance(one, ast.Constant))


def is_limit(node: ast.expr) -> bool:
    """`MAX_BET`, `self.limit`"""
    return isinstance(node, ast.Name | ast.Attribute) and LIMIT.search(words(node).rpartition(" ")[2]) is not None


def is_stricter(about: str, was: str, now: str) -> bool:
    """Whether what limits how much, how long or how often is a smaller number now."""
    if _AT_LEAST.search(about) or not (_PLAIN.fullmatch(was) and _PLAIN.fullmatch(now)):
        return False
    return float(now.replace("_", "")) < float(was.replace("_", ""))


def is_rate(node: ast.expr) -> bool:
    """`"30/minute"`"""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and _RATE.match(node.value) is not None


def is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def is_small(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return is_small(node.operand)
    return isinstance(node, ast.Constant) and node.value in (0, 1, 2)
