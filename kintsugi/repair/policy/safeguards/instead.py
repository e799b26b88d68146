"""A part of a statement that something laxer stands for now: it asks less, is no longer cleaned, or nobody waits."""

from __future__ import annotations

import ast
import re
from collections import Counter
from itertools import pairwise

from kintsugi.repair.policy.conditions import only_asks_whether_there
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.asked import turns_away
from kintsugi.repair.policy.safeguards.exchanged import Exchange, same, statements
from kintsugi.repair.policy.safeguards.functions import kept, short
from kintsugi.repair.policy.vocabulary import (
    ANSWERS,
    CHECKING,
    CLEANED,
    FINDING,
    MADE,
    OF_ORG,
    OF_SOMEBODY,
    REFUSAL,
    SECRET,
    STRONG,
    UNSAFE,
    WHO,
    WHOSE,
)
from kintsugi.repair.syntax import Source

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_EMPTY = (ast.Constant, ast.List, ast.Tuple, ast.Dict)  # what is there where nothing else is
_SILENT = (ast.Pass, ast.Break, ast.Continue)
_STARTS = frozenset(("go", "create_task", "ensure_future", "start_soon", "spawn", "run_coroutine_threadsafe"))
_FOR_WHOM = re.compile(r"(?:^|[ _])(?:for|by|of)_(\w+)$")


def asks_only_whether_there(one: Exchange) -> str:
    """`x.owner == me` → `x.owner`, `x.n > 3` → `True`"""
    if not (one.decides and isinstance(one.old, ast.expr) and isinstance(one.new, ast.expr)):
        return ""
    is_exact = _is_exact(one.old) or (isinstance(one.old, ast.Call) and _is_switch(one.new))
    if (is_exact and _asks_nothing_more(one.new, one.old)) or _only_says_not_no(one.old, one.new):
        return short(str(one))
    return ""


def is_for_another(one: Exchange) -> str:
    """`add(name, Role.USER)` → `add(name, asked.role)`"""
    if isinstance(one.old, ast.Compare) and isinstance(one.new, ast.Compare) and WHO.search(words(one.old)):
        return short(str(one))
    match one.within:
        case ast.Assign(targets=[target], value=value) if one.old is value and WHO.search(words(target)):
            if isinstance(value, ast.Attribute) and isinstance(one.new, ast.Attribute):
                return short(f"{ast.unparse(target)}: {one}")
        case ast.Return(value=value) if one.old is value and isinstance(one.new, ast.Attribute | ast.Name):
            if isinstance(value, ast.Attribute) and WHO.search(words(value)) and not same(value.value, one.new):
                return short(str(one))
        case ast.Compare(left=left, ops=[ast.In()]) if WHO.search(words(left)) and _has_all(one.new, one.old):
            return short(str(one))
    is_given = isinstance(one.within, ast.Call | ast.keyword) and one.field in ("args", "value") and one.alone
    is_given = is_given and not isinstance(one.statement, ast.Raise)  # where it is only said
    if not is_given or not isinstance(one.old, ast.Attribute | ast.Name):
        return ""
    if WHO.search(words(one.old).rpartition(" ")[2]) and words(one.old) not in words(one.new):
        return short(str(one))
    return ""


def _has_all(more: ast.AST, less: ast.AST) -> bool:
    """`("admin", "owner", "member")` of `("admin", "owner")`"""
    listed = (ast.List, ast.Tuple, ast.Set)
    if not (isinstance(more, listed) and isinstance(less, listed)):
        return False
    return {ast.unparse(part) for part in less.elts} <= {ast.unparse(part) for part in more.elts}


def decides_nothing(one: Exchange) -> str:
    """`can_write = not x.read_only` → `True`"""
    match one.old, one.new:
        case ast.IfExp(body=ast.Constant(value=yes), orelse=ast.Constant(value=no)), ast.Constant(value=now):
            if now in (yes, no):
                return short(str(one))
    asked = isinstance(one.old, ast.Compare | ast.BoolOp | ast.UnaryOp)
    is_kept = isinstance(one.within, ast.Assign | ast.Return | ast.Call | ast.keyword)
    if asked and _is_switch(one.new) and is_kept and not _is_decided_later(one):
        return short(str(one))
    return ""


def _is_decided_later(one: Exchange) -> bool:
    """`found = True`, and a loop sets it to something else."""
    match one.within:
        case ast.Assign(targets=[ast.Name(id=name)]):
            was, now = (sum(_sets(part, name) for part in source.nodes) for source in one.sources)
            return now > was
    return False


def _sets(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Assign(targets=[ast.Name(id=target)]):
            return target == name
    return False


def is_unset(one: Exchange) -> str:
    """`x.disabled_at = now()` → `x.disabled_at = None`"""
    match one.statement, one.new:
        case ast.Assign(targets=[ast.Attribute() as target]), ast.Constant(value=None) if _matters(target):
            return short(f"{ast.unparse(target)}: {one}")
    return ""


def answers_as_a_check(one: Exchange) -> str:
    """What a function answers that says by its name whether somebody may."""
    is_other = one.alone and not (isinstance(one.new, ast.Call) and isinstance(one.old, ast.Call))
    if isinstance(one.statement, ast.Return) and ANSWERS.match(one.function) and is_other:
        return short(f"{one.function}: {one}")
    return ""


def lets_in_also(one: Exchange) -> str:
    """`may(x)` → `may(x) or x.guest`"""
    part = _one_more(one, ast.Or)
    return short(f"also if {part}") if part else ""


def turns_away_only(one: Exchange) -> str:
    """`if x.banned:` → `if x.banned and not x.vip:` before a `raise`"""
    part = (_refuses(one.statement) and _one_more(one, ast.And)) or _of_a_kind(one)
    return short(f"only if {part}") if part else ""


def _refuses(statement: ast.AST) -> bool:
    """Whether a branch says no, and does more than to go on."""
    body = statement.body if isinstance(statement, ast.If) else []
    return any(isinstance(one, ast.Raise) or REFUSAL.search(ast.unparse(one)) for one in body)


def _of_a_kind(one: Exchange) -> str:
    """`if err != nil:` → `if errors.Is(err, x):` before an error is handed on."""
    raises = isinstance(one.statement, ast.If) and isinstance(one.statement.body[-1], ast.Raise)
    match one.old, one.new:
        case ast.Compare(left=left, ops=[ast.NotEq()], comparators=[ast.Constant(value=None)]), ast.Call(args=args):
            return ast.unparse(one.new) if raises and any(same(left, given) for given in args) else ""
    return ""


def makes_it_weaker(one: Exchange) -> str:
    """What signs, hashes or compares is given something fixed, or less: `sign(key, path)` → `sign(key, "")`"""
    match one.old, one.new, one.within:
        case was, now, ast.Call(func=called) if STRONG.search(words(called)) and one.field == "args":
            if not isinstance(was, ast.Constant) and (isinstance(now, ast.Constant) or _are_constants(was, now)):
                return short(f"{words(called).rpartition(' ')[2]}: {one}")
        case ast.Call(func=was, args=args), ast.Call(func=now, args=fewer), _ if same(was, now):
            if len(fewer) != len(args) and STRONG.search(words(was)):
                return short(str(one))
    return ""


def mixes_up(one: Exchange) -> str:
    """`find(id, org)` → `find(id)`: whose it is no longer matters."""
    if isinstance(one.old, ast.Call) and isinstance(one.statement, ast.Assign | ast.Return):
        given = [part for part in one.old.args if isinstance(part, ast.Name | ast.Attribute)]
        called = [ast.Name(whom) for whom in _FOR_WHOM.findall(words(one.old.func))]
        gone = {name for part in (*given, *called) for name in _whose(part)} - _whose(one.new)
        if gone and FINDING.search(words(one.old.func)):
            return short(f"{min(gone)} is not asked for")
    return ""


def _whose(node: ast.AST) -> set[str]:
    return {name for name in words(node).split() if WHOSE.search(name) or OF_ORG.search(name)}


def _are_constants(was: ast.AST, now: ast.AST) -> bool:
    """`bcrypt.DefaultCost` → `bcrypt.MinCost`"""
    match was, now:
        case ast.Attribute(value=ast.Name(id=one)), ast.Attribute(value=ast.Name(id=other)):
            return one == other
    return False


def takes_as_it_is(one: Exchange) -> str:
    """`hashed(x)` → `x`, in what is kept, given or answered."""
    match one.old, one.new:
        case ast.Attribute(value=on, attr=was), ast.Attribute(value=other, attr=now) if same(on, other):
            if CLEANED.search(was) and not CLEANED.search(now):
                return short(str(one))
    match one.old:
        case ast.Call(func=called, args=args) if any(same(given, one.new) for given in args):
            target = next((of for of in one.around if isinstance(of, ast.Assign | ast.keyword)), called)
            if (
                MADE.search(words(called))
                or SECRET.search(_told(target))
                or _is_template(one.new)
                or UNSAFE.search(words(one.new))
            ):
                return short(str(one))
    return ""


def _told(target: ast.AST) -> str:
    """Where it is kept."""
    if isinstance(target, ast.keyword):
        return target.arg or ""
    return words(target.targets[0]) if isinstance(target, ast.Assign) else ""


def _is_template(node: ast.AST) -> bool:
    """A text that values are put into: what took it may have quoted them."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str()), attr="format")):
            return True
    return isinstance(node, ast.JoinedStr)


def waits_no_longer(one: Exchange) -> str:
    """`await check(x)` → `check(x)`, `check(x)` → `go check(x)`"""
    if not isinstance(one.statement, ast.Expr | ast.Assign | ast.If):
        return ""
    was = one.old.value if isinstance(one.old, ast.Await) else one.old
    now = one.new
    match now:
        case ast.Call(func=ast.Attribute(value=held, attr="catch")) if same(was, held):
            return short(ast.unparse(was))
    starts = isinstance(now, ast.Call) and words(now.func).rpartition(" ")[2] in _STARTS
    inner = now.args[0] if isinstance(now, ast.Call) and starts and now.args else now
    if (starts or (was is not one.old and not isinstance(now, ast.Await))) and same(was, inner):
        return short(ast.unparse(was))
    return ""


def comes_no_further(old: Source, new: Source) -> str:
    """What stands behind a `return` now, and did not before."""
    pairs: list[tuple[ast.AST, ast.AST]] = [*kept(old, new)]
    for before, after in pairs:
        was, now = _unreached(before), _unreached(after)
        if come := now - was:
            return short(next(iter(come)))
    return ""


def _unreached(function: ast.AST) -> Counter[str]:
    blocks = [function, *statements(function)]
    lists = (getattr(one, name, []) for one in blocks for name in ("body", "orelse", "finalbody"))
    return Counter(
        ast.unparse(after)
        for block in lists
        if isinstance(block, list)
        for one, after in pairwise(block)
        if isinstance(one, _LEAVING) and not isinstance(after, _SILENT) and _does(after)
    )


def _does(node: ast.stmt) -> bool:
    is_definition = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    return not is_definition and not any(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node))


def _one_more(one: Exchange, way: type[ast.boolop]) -> str:
    """The part that came to a condition; in a `not`, the other way round."""
    wanted = ({ast.Or: ast.And, ast.And: ast.Or}[way]) if one.is_turned else way
    if not isinstance(one.new, ast.BoolOp) or not isinstance(one.new.op, wanted):
        return ""
    parts = [ast.unparse(part) for part in one.new.values]
    is_joined = isinstance(one.old, ast.BoolOp) and isinstance(one.old.op, wanted)
    before = [ast.unparse(part) for part in one.old.values] if isinstance(one.old, ast.BoolOp) and is_joined else []
    before = before or [ast.unparse(one.old)]
    come = [part for part in parts if part not in before]
    answers = one.decides or isinstance(one.within, ast.Assign | ast.Return)
    if not come or not set(before) <= set(parts) or not answers or isinstance(one.new.values[-1], _EMPTY):
        return ""
    refuses = turns_away(one.statement.body[-1]) if isinstance(one.statement, ast.If) else None
    if refuses is (way is ast.Or):
        return ""
    return come[0] if _text_matters(" ".join(parts)) else ""


def _is_exact(node: ast.expr) -> bool:
    """A comparison with something, or a question to something about something."""
    match node:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _is_exact(operand)
        case ast.Compare(comparators=[ast.Constant(value=None | "" | 0 | True | False)]):
            return False
        case ast.Compare():
            return True
    return False


def _only_says_not_no(was: ast.expr, now: ast.expr) -> bool:
    """`x.accepted` → `x.accepted is not False`"""
    match now:
        case ast.Compare(left=left, ops=[ast.IsNot() | ast.NotEq()], comparators=[ast.Constant(value=False)]):
            return same(left, was)
    return False


def _asks_nothing_more(now: ast.expr, was: ast.expr) -> bool:
    bare = now.operand if isinstance(now, ast.UnaryOp) else now
    if isinstance(bare, ast.Compare):
        bare = bare.left if only_asks_whether_there(bare) else bare
    if isinstance(bare, ast.Name | ast.Attribute):
        return ast.unparse(bare) in {ast.unparse(part) for part in ast.walk(was) if isinstance(part, ast.expr)}
    return _is_switch(bare)


def _is_switch(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _matters(node: ast.AST) -> bool:
    return _text_matters(ast.unparse(node))


def _text_matters(text: str) -> bool:
    return any(sign.search(text) for sign in (WHO, OF_SOMEBODY, CHECKING))
