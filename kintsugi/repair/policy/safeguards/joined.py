"""What was done to conditions that are joined by `and` and `or`: one part of them is gone, or another came."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.conditions import only_asks_whether_there, plain
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.about import refuses, speaks_of_rights
from kintsugi.repair.policy.safeguards.constants import is_dict, is_for_nothing
from kintsugi.repair.policy.safeguards.exchanged import Exchange
from kintsugi.repair.policy.safeguards.pieces import names
from kintsugi.repair.policy.vocabulary import SECRET
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_EVERYBODY = re.compile(r"(?:^|[_ ])(?:all|any|every\w*)(?:[_ ]|$)", re.IGNORECASE)


def of_joined(one: Exchange, old: ast.expr, new: ast.expr, place: str) -> str:
    """`a or b` → `a`, `a` → `a and b`"""
    joined = next((node for node in (new, old) if isinstance(node, ast.BoolOp)), None)
    if joined is None:
        return ""
    was, now = (parts_joined(node, type(joined.op)) for node in (old, new))
    turns_away = (
        isinstance(one.statement, ast.If | ast.While) and place != "in a branch" and not _says_yes(one.statement)
    )
    if now < was and isinstance(old, ast.BoolOp):
        was, now = (parts_joined(node, type(old.op)) for node in (old, new))
        gone = [part for part in old.values if ast.unparse(plain(part)) not in now]
        is_needed = place == "in a refusal" and isinstance(old.op, ast.Or) and any(map(_is_empty, gone))
        is_said = not is_needed and all(isinstance(part, ast.Compare) and _is_there(part, now) for part in gone)
        if is_said or _are_defaults(old, gone):
            return "the same otherwise"
        if isinstance(old.op, ast.Or) and _is_let_through(one.statement):
            return "asks more"
        if isinstance(old.op, ast.And) and _leaves_by_error(one.statement, new):
            return "asks more"
        is_looser = isinstance(old.op, ast.Or) == turns_away or not isinstance(one.statement, ast.If | ast.While)
        return "asks less" if is_looser else "asks less of what turns away"
    if was < now:
        come = [part for part in joined.values if ast.unparse(plain(part)) not in was]
        if isinstance(joined.op, ast.Or):
            if all(map(is_for_nothing, come)):
                return _of_nothing(one, old)
            if any(_EVERYBODY.search(words(part)) for part in come):
                return "lets in all"
            if turns_away:
                return "asks more" if place == "in a refusal" else "another condition"
            return "lets in more" if _decides_by(one, come) else "another condition"
        return (
            "turns away less"
            if turns_away and not all(_is_there(part, was) and _is_of_same_error(part, was) for part in come)
            else "asks more"
        )
    return ""


def _is_let_through(statement: ast.AST) -> bool:
    """`if x: go()`, `else: raise No`"""
    match statement:
        case ast.If(body=body, orelse=[*_, _] as others):
            return refuses(others) and not refuses(body)
    return False


def _leaves_by_error(statement: ast.AST, test: ast.expr) -> bool:
    """`if err != nil && !gone(err) { return err }` → `if err != nil { return err }`"""
    match statement:
        case ast.If(body=[*_, ast.Return() | ast.Raise() as last]):
            return ast.unparse(test) == "err != None" and (isinstance(last, ast.Raise) or "err" in names(last))
    return False


def _is_empty(node: ast.expr) -> bool:
    """`x == ""`, which turns away whoever gives nothing"""
    match node:
        case ast.Compare(ops=[ast.Eq()], comparators=[ast.Constant(value="")]):
            return True
    return False


def _are_defaults(node: ast.BoolOp, parts: list[ast.expr]) -> bool:
    """`9` of `x.most or 9`"""
    plain_ = ast.Constant | ast.List | ast.Dict | ast.Tuple
    return isinstance(node.op, ast.Or) and all(isinstance(part, plain_) or is_dict(part) for part in parts)


def _of_nothing(one: Exchange, old: ast.expr) -> str:
    """`y = x.listed or []` says the same, but where `y is None` is asked, or where nothing given equals a secret."""
    if isinstance(one.within, ast.Compare) and SECRET.search(words(old)):
        return "lets in more"
    asked = {*map(ast.unparse, one.within.targets if isinstance(one.within, ast.Assign) else [])}
    is_known = any(
        isinstance(node, ast.Compare) and _is_none(node.comparators[0]) and ast.unparse(node.left) in asked
        for node in walked(one.blocks[1])
    )
    return "emptied" if is_known else "the same otherwise"


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _says_yes(statement: ast.AST) -> bool:
    match statement:
        case ast.If(body=[*_, ast.Return(value=ast.Constant(value=True))]):
            return True
    return False


def _decides_by(one: Exchange, come: list[ast.expr]) -> bool:
    """Whether it is a condition, and not what stands where there is nothing: `x or []`."""
    if isinstance(one.within, ast.Compare):
        return False
    is_asked = isinstance(one.statement, ast.If | ast.While | ast.Return) or speaks_of_rights(str(one))
    return is_asked and not all(isinstance(part, ast.Constant | ast.List | ast.Dict | ast.Tuple) for part in come)


def _is_of_same_error(part: ast.expr, others: set[str]) -> bool:
    """`err != nil && err != io.EOF` narrows what error it is; `!ok && err != nil` lets who is not ok through."""
    return "err" not in names(part) or any("err" in other for other in others)


def _is_there(part: ast.expr, others: set[str]) -> bool:
    """`x is not None`, `x` of `x and x.open`: whether there is what the others speak of; which error it is."""
    if "err" in names(part):
        return True
    match part:
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[ast.Constant(value="")]):
            asked = ast.unparse(left)
            if any(other.startswith(f"{asked} != ") or other.endswith(f" != {asked}") for other in others):
                return False  # who gives nothing is let through
    match part:
        case ast.Compare(left=left, comparators=[ast.Constant(value=None)]):
            return any(ast.unparse(left) in other for other in others)
    if not only_asks_whether_there(part):
        return False
    bare = part.operand if isinstance(part, ast.UnaryOp) else part
    text = ast.unparse(bare)
    if bare is part and any(other.startswith(f"{text} != ") or other.endswith(f" != {text}") for other in others):
        return False  # of `given and given != x.key`: who gives nothing is let through
    return isinstance(bare, ast.Compare) or any(text in other for other in others)


def parts_joined(node: ast.expr, way: type[ast.boolop]) -> set[str]:
    values = node.values if isinstance(node, ast.BoolOp) and isinstance(node.op, way) else [node]
    return {ast.unparse(plain(one)) for one in values}
