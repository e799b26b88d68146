"""Numbers that bound something: how often, how much, how long, and who may read a file."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.expressions import is_limit, is_none, is_number, words
from kintsugi.repair.policy.safeguards.exchanged import Exchange
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.vocabulary import OF_SOMEBODY, OPENS_FILES

_BITS = 63
_MANY = 5  # times as much, where nothing but the number tells that it bounds something
_OTHERS = 0o077
_MODES = range(0o100, 0o10000)
_FEW = 2


def bounds_less(one: Exchange) -> str:
    return short(str(one)) if _is_looser(one) else ""


def opens_files(one: Exchange) -> str:
    """`0o600` → `0o644`: more people read what is written."""
    call = next((of for of in reversed(one.around) if isinstance(of, ast.Call)), None)
    was, now = _whole(one.old), _whole(one.new)
    if call is None or was is None or now is None or not OPENS_FILES.search(_of_mode(call, one)):
        return ""
    if was in _MODES and now in _MODES and now & ~was & _OTHERS:
        return short(f"{words(call.func).rpartition(' ')[2]}: {was:#o} → {now:#o}")
    return ""


def _of_mode(call: ast.Call, one: Exchange) -> str:
    named = next((keyword.arg or "" for keyword in call.keywords if keyword in one.around), "")
    return f"{words(call.func).rpartition(' ')[2]} {named}"


def _is_looser(one: Exchange) -> bool:
    match one.within:
        case ast.While() if one.alone:  # no bound at all
            return isinstance(one.new, ast.Constant) and one.new.value is True and _bounds(one.old)
        case ast.BoolOp(op=ast.Or(), values=values) if one.old is values[-1]:  # what holds where nothing is given
            return _is_much_more(one)
        case ast.Compare() if isinstance(one.statement, ast.While | ast.For):
            both = isinstance(one.old, ast.expr) and isinstance(one.new, ast.expr)
            return both and (_number(one.old) is not None or _lets_go(one)) and _number(one.new) is not None
        case ast.Assign(targets=[ast.Name(id=name)]) if name.isupper() and one.alone:
            return _is_much_more(one, times=1)
        case ast.Call() as call if one.field == "args":
            to_nothing = (
                isinstance(one.new, ast.Constant) and one.new.value == 0 and not isinstance(one.new.value, bool)
            )
            if to_nothing and one.alone and isinstance(one.old, ast.Attribute | ast.BinOp):
                return isinstance(call.args[0], ast.Name) or one.old is call.args[0]
            return _is_much_more(one) or _lets_go(one)
        case ast.Compare(left=left) if OF_SOMEBODY.search(ast.unparse(left)):  # of a password, how long
            return _lets_go(one) or (_number(one.old) is not None and _number(one.new) is not None and one.alone)
        case ast.keyword():
            return _lets_go(one) or (one.alone and _is_much_more(one, times=2 * _MANY))
        case ast.Compare() | ast.Dict():
            return _lets_go(one)
    return False


def _bounds(test: ast.AST) -> bool:
    """A comparison, or one of several conditions."""
    return any(isinstance(part, ast.Compare) for part in ast.walk(test))


def _lets_go(one: Exchange) -> bool:
    """What is a limit by its name, and a number or nothing now."""
    if not isinstance(one.old, ast.expr) or not isinstance(one.new, ast.expr) or not is_limit(one.old):
        return False
    return is_number(one.new) or is_none(one.new)


def _is_much_more(one: Exchange, times: float = _MANY) -> bool:
    was, now = _number(one.old), _number(one.new)
    if was is None or now is None or max(abs(was), abs(now)) <= _FEW:
        return False
    less, more = sorted((abs(was), abs(now)))
    return more > less if times == 1 else less == 0 or more / less >= times


def _number(node: ast.AST) -> float | None:
    if not isinstance(node, ast.expr) or not is_number(node):
        return None
    try:
        return float(ast.literal_eval(node)) if isinstance(node, ast.Constant | ast.UnaryOp) else _worked_out(node)
    except (ValueError, OverflowError):
        return None


def _worked_out(node: ast.expr) -> float | None:
    """`15 * 60`, `1 << 20`"""
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _number(left), _number(right)
            if one is None or other is None:
                return None
            match op:
                case ast.Mult():
                    return one * other
                case ast.LShift() if other < _BITS:
                    return float(one * 2 ** int(other))
                case ast.Add():
                    return one + other
    return None


def _whole(node: ast.AST) -> int | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None
