"""Conditions of Python in one form, so that what only asks the same in other words is no change."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.vocabulary import OF_SOMEBODY

_OF_PATHS = {"isdir": "is_dir", "isfile": "is_file", "exists": "exists", "islink": "is_symlink", "isabs": "is_absolute"}
_PATHS = ("Path", "PurePath", "pathlib")
_SAME = {ast.Is: ast.Eq, ast.IsNot: ast.NotEq}
_TURNED = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}
_EACH = ("readlines", "keys")  # what a loop over the thing itself gives
_CONSTANT_TIME = ("compare_digest", "timing_safe_equal", "constant_time_compare")
_OPPOSITE = {ast.Eq: ast.NotEq, ast.Is: ast.IsNot, ast.In: ast.NotIn}
_OPPOSITE |= {other: one for one, other in _OPPOSITE.items()}
_OTHERWISE = {**_OPPOSITE, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt}


def operator(node: ast.cmpop) -> str:
    """How two things are compared; `is` counts as `==`."""
    return _SAME.get(type(node), type(node)).__name__


def plain(node: ast.expr) -> ast.expr:
    """A condition in one form: `os.path.isdir(x)` as `x.is_dir()`, `a == b or a == c` as `a in (b, c)`."""
    node = _as_compared(node)
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return opposite(plain(operand))
        case ast.BoolOp(op=op, values=values):
            return _joined(op, [plain(one) for one in values])
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _TURNED:
            if isinstance(left, ast.Constant) or (isinstance(op, ast.Eq | ast.NotEq) and _by_text(left, right)):
                return ast.Compare(right, [_TURNED[type(op)]()], [left])
        case ast.Call(func=ast.Attribute(value=on, attr=name), args=args, keywords=[]):
            return _asked(node, on, name, args)
        case ast.Call(func=ast.Name(id=name), args=[path]) if name in _PATHS:
            return plain(path)
        case ast.Call(func=ast.Name(id="range") as called, args=[ast.Constant(value=0), end]):
            return ast.Call(called, [end], [])
    return node


def _asked(node: ast.Call, on: ast.expr, name: str, args: list[ast.expr]) -> ast.expr:
    if ast.unparse(on) in ("os.path", "path") and name in _OF_PATHS and len(args) == 1:
        return ast.Call(ast.Attribute(plain(args[0]), _OF_PATHS[name]), [], [])
    if name in _OF_PATHS.values() and not args:
        return ast.Call(ast.Attribute(plain(on), name), [], [])
    if name in _EACH and not args:
        return plain(on)
    return node


def opposite(node: ast.expr) -> ast.expr:
    """What holds where a condition in that form does not."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return operand
        case ast.Compare(ops=[op], left=left, comparators=others) if type(op) in _OPPOSITE:
            return ast.Compare(left, [_OPPOSITE[type(op)]()], others)
    return ast.UnaryOp(ast.Not(), node)


def are_opposite(one: ast.expr, other: ast.expr) -> bool:
    """`a and b < 3` and `not a or b >= 3`"""
    return said(one, turned=True) == said(other)


def said(node: ast.expr, *, turned: bool = False) -> str:
    """A condition, or what holds where it does not, with each `not` at the smallest part."""
    asked = plain(node)
    match asked:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return said(operand, turned=not turned)
        case ast.BoolOp(op=op, values=values):
            way = " and " if isinstance(op, ast.And) != turned else " or "
            return f"({way.join(said(one, turned=turned) for one in values)})"
        case ast.Compare(left=left, ops=[op], comparators=others) if turned and type(op) in _OTHERWISE:
            return ast.unparse(ast.Compare(left, [_OTHERWISE[type(op)]()], others))
    return f"not {ast.unparse(asked)}" if turned else ast.unparse(asked)


def _as_compared(node: ast.expr) -> ast.expr:
    """What compares in constant time, as a comparison: `compare_digest(a, b)`, `constant_time_compare(a, b) == 1`."""
    match node:
        case ast.Compare(left=ast.Call() as call, ops=[op], comparators=[ast.Constant(value=0 | 1 as number)]):
            if type(op) in (ast.Eq, ast.NotEq) and (compared := _as_compared(call)) is not call:
                return compared if isinstance(op, ast.Eq) == bool(number) else opposite(compared)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[one, other]) if name in _CONSTANT_TIME:
            return ast.Compare(_bare(one), [ast.Eq()], [_bare(other)])
    return node


def _bare(node: ast.expr) -> ast.expr:
    """Without what makes bytes of it."""
    match node:
        case ast.Call(args=[inner]) | ast.Tuple(elts=[_, inner]):
            return inner
        case ast.Call(func=ast.Attribute(value=inner, attr="encode")):
            return inner
    return node


def _by_text(left: ast.expr, right: ast.expr) -> bool:
    """Whether two sides that say the same either way stand in the other order than by their texts."""
    return not isinstance(right, ast.Constant) and ast.unparse(right) < ast.unparse(left)


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    """`a != b and a != c` as `a not in (b, c)`, `k in d and d[k]` as `d.get(k)`."""
    wanted = ast.Eq if isinstance(op, ast.Or) else ast.NotEq
    compared = [one for one in values if isinstance(one, ast.Compare) and [type(way) for way in one.ops] == [wanted]]
    if len(compared) == len(values) and len({ast.unparse(one.left) for one in compared}) == 1:
        listed = ast.Tuple([one.comparators[0] for one in compared])
        return ast.Compare(compared[0].left, [ast.In() if isinstance(op, ast.Or) else ast.NotIn()], [listed])
    match values:
        case [ast.Call(func=ast.Name(id="isinstance"), args=[of, _]), *_] if isinstance(op, ast.Or):
            kinds = [one.args[1] for one in values if isinstance(one, ast.Call) and _is_of_kind(one, of)]
            if len(kinds) == len(values):
                return ast.Call(ast.Name("isinstance"), [of, ast.Tuple(kinds)], [])
        case [ast.Call(func=ast.Attribute(attr="startswith" | "endswith") as called), *_] if isinstance(op, ast.Or):
            ends = [one.args[0] for one in values if isinstance(one, ast.Call) and _is_asked_so(one, called)]
            if len(ends) == len(values):
                return ast.Call(called, [ast.Tuple(ends)], [])
        case [ast.Compare(left=key, ops=[ast.In()], comparators=[held]), ast.Subscript(value=on, slice=index)]:
            if ast.unparse(key) == ast.unparse(index) and ast.unparse(held) == ast.unparse(on):
                return ast.Call(ast.Attribute(held, "get"), [key], [])
    return ast.BoolOp(op, values)


def _is_of_kind(node: ast.Call, of: ast.expr) -> bool:
    is_isinstance = isinstance(node.func, ast.Name) and node.func.id == "isinstance" and len(node.args) == 2
    return is_isinstance and ast.unparse(node.args[0]) == ast.unparse(of)


def _is_asked_so(node: ast.Call, called: ast.expr) -> bool:
    return len(node.args) == 1 and ast.unparse(node.func) == ast.unparse(called)


def only_asks_whether_there(node: ast.expr) -> bool:
    """`x is None`, `not x`, `x`, `len(x) == 0`: whether there is anything, and not who or what it is."""
    match node:
        case ast.BoolOp(values=values):
            return all(map(only_asks_whether_there, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return only_asks_whether_there(operand)
        case ast.Compare(left=left, comparators=[ast.Constant(value=None | "")]):
            return only_asks_whether_there(left)
        case ast.Compare(left=ast.Call(func=ast.Name(id="len"), args=[of]), comparators=[ast.Constant(value=0)]):
            return only_asks_whether_there(of)
        case ast.Call(func=ast.Name(id="len"), args=[of]):
            return only_asks_whether_there(of)
        case ast.Name() | ast.Attribute() | ast.Call(func=ast.Attribute(attr="get" | "group"), args=[ast.Constant()]):
            return OF_SOMEBODY.search(ast.unparse(node)) is None
    return False
