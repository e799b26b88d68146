"""Statements that are gone from a kept function, though nothing like them came: guards, effects, errors, answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from kintsugi.repair.policy.conditions import only_asks_whether_there
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.about import decides_by_name, refuses, speaks_of_rights
from kintsugi.repair.policy.safeguards.care import care_of
from kintsugi.repair.policy.safeguards.exchanged import Pair
from kintsugi.repair.policy.safeguards.leaving import IS_ERROR
from kintsugi.repair.policy.safeguards.pieces import heads, leaves, names, statements
from kintsugi.repair.policy.safeguards.quiet import bound_by
from kintsugi.repair.policy.safeguards.talk import is_talk
from kintsugi.repair.policy.vocabulary import SECRET
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_PAIR = 2  # `ctx, stop := context.WithTimeout(ctx, wait)`, `defer stop()`
_SMALL = 0.25  # of the statements of a function
_FAILS = re.compile(r"(?:^|_)(?:errors?|fail\w*|den(?:y|ied)|reject\w*|refuse\w*)$")
_WAITS = re.compile(r"(?:\w+_)?(?:wait|join|drain|flush|f?sync)")
SAID = {
    "a refusal is gone": "It goes on where it left before.",
    "a way out is gone": "It goes on where it left before.",
    "an answer is gone": "It answers otherwise than before.",
    "a bound is gone": "It changes a limit.",
    "a branch is gone": "It asks less than before.",
    "an effect is gone": "It no longer does this.",
    "an error is gone": "It raises less than before.",
    "something is gone": "It no longer does this.",
}


def outermost(pair: Pair) -> list[ast.stmt]:
    """What is gone, without what went with it."""
    inner = {id(one) for statement in pair.unpaired for one in statements(statement)}
    return [one for one in pair.unpaired if id(one) not in inner]


def said_of(statement: ast.stmt, kind: str) -> str:
    """By the name of what was called, if that says what it took care of."""
    if kind == "an effect is gone":
        called = [_called(node) for node in _calls(statement)]
        said = next(filter(None, map(care_of, called)), SAID[kind])
        return "It no longer waits." if any(map(_WAITS.fullmatch, called)) else said
    return SAID[kind]


def _calls(statement: ast.stmt) -> list[ast.Call]:
    return [node for head in heads(statement) for node in walked(head) if isinstance(node, ast.Call)]


def _called(node: ast.Call) -> str:
    """The name that is called; of what is kept for whoever asks later who did it, that."""
    names_ = words(node.func).split()
    return next((name for name in names_ if "audit" in name), names_[-1] if names_ else "")


def _body(statement: ast.stmt) -> list[ast.stmt]:
    """What a branch of few statements does."""
    return (
        statement.body
        if isinstance(statement, ast.If) and len(statement.body) <= _PAIR and not leaves(statement.body)
        else []
    )


def signs_of(statement: ast.stmt, pair: Pair) -> Iterator[str]:
    """The first says what is gone."""
    kind = "a refusal is gone" if _looked_up_first(statement, pair) else _kind(statement)
    yield "something is gone" if kind == "an error is gone" and _raises(pair.beside) else kind
    said = [*map(ast.unparse, heads(statement))]
    called = [_called(node) for node in _calls(statement)]
    first = 2 if called[:1] == ["use"] else 1  # `app.use(helmet())`
    inner = [words(node.func).rpartition(" ")[2] for one in _body(statement) for node in _calls(one)]
    waits = isinstance(statement, ast.Expr) and any(map(_WAITS.fullmatch, called))
    waits = waits or (isinstance(statement, ast.Delete) and SECRET.search(ast.unparse(statement)) is not None)
    if waits or any(map(decides_by_name, called)) or any(map(care_of, (*called[:first], *inner[:1]))):
        yield "asks what decides"
    if _keeps_what_was_done(statement, pair.block):
        yield "was done once"
    if not pair.beside and not pair.exchanged:
        yield "nothing came for it"
    is_alone = len(outermost(pair)) <= _PAIR and not pair.beside and not pair.exchanged
    if is_alone and isinstance(statement, ast.If) and not {*map(id, statements(statement))} & {*map(id, pair.gone)}:
        yield "what it was for is done anyway"
        said += [ast.unparse(one) for one in statement.body]
    if speaks_of_rights(" ".join(said)):
        yield "speaks of rights, secrets or limits"
    if is_alone or len(pair.gone) <= _SMALL * pair.size:
        yield "little else is gone"
    if any(
        isinstance(one, ast.Assert | ast.Raise) or (isinstance(one, ast.If) and leaves(one.body)) for one in pair.beside
    ):
        yield "another asks in its place"
    if called and any(name in pair.elsewhere for name in called):
        yield "called elsewhere now"
    if set().union(*map(names, heads(statement))).isdisjoint(pair.named):
        yield "nothing speaks of it any more"


def _looked_up_first(statement: ast.stmt, pair: Pair) -> bool:
    """`row = find(key, owner)`, `if not row: raise No`: both are gone, and the row was for nothing else."""
    if not isinstance(statement, ast.If) or not refuses(statement.body):
        return False
    made = {name for one in pair.gone if isinstance(one, ast.Assign) for name in bound_by(one)}
    asked = ast.unparse(statement.test).removeprefix("not ").partition(" ")[0]
    return asked in made and asked not in pair.named


def _keeps_what_was_done(statement: ast.stmt, block: ast.AST) -> bool:
    """`if key in seen: return` where `seen.add(key)` comes later, and that too: without it, it is done twice."""
    asked = {ast.unparse(on) for one in walked(block) if (on := _asks_whether_in(one)) is not None}
    added = {ast.unparse(on) for one in walked(block) if (on := _puts_in(one)) is not None}
    parts = [part for head in heads(statement) for part in walked(head)]
    own = [on for part in parts for on in (_asks_whether_in(part), _puts_in(part)) if on is not None]
    own += [on for on in [_puts_in(statement)] if on is not None]
    return any(ast.unparse(on) in asked & added for on in own)


def _asks_whether_in(node: ast.AST) -> ast.expr | None:
    match node:
        case ast.Compare(ops=[ast.In() | ast.NotIn()], comparators=[on]):
            return on
        case ast.Call(func=ast.Attribute(value=on, attr="has" | "includes" | "contains" | "exists"), args=[_]):
            return on
    return None


def _puts_in(node: ast.AST) -> ast.expr | None:
    match node:
        case ast.Call(func=ast.Attribute(value=on, attr="add" | "append" | "push" | "set"), args=[_, *_]):
            return on
        case ast.Assign(targets=[ast.Subscript(value=on)]):
            return on
    return None


def _raises(come: list[ast.stmt]) -> bool:
    return any(isinstance(one, ast.Raise) for one in come)


def _kind(statement: ast.stmt) -> str:
    match statement:
        case ast.Assert():
            return "a refusal is gone"
        case ast.If(test=test, body=body) if leaves(body) or refuses(body):
            refuses_ = refuses(body) or _answers_by_error(body[-1])
            if isinstance(test, ast.Name) and IS_ERROR.fullmatch(test.id):
                return "a refusal is gone"
            if only_asks_whether_there(test) and not isinstance(test, ast.Attribute):
                return "a way out is gone" if refuses_ else "something is gone"
            return "a refusal is gone" if refuses_ else "a way out is gone"
        case ast.If():
            return _kind_of_branch(statement)
        case ast.Return():
            return "an answer is gone"
        case ast.Raise():
            return "something is gone" if "NotImplementedError" in names(statement) else "an error is gone"
        case ast.Expr(value=ast.Call()) if is_talk(statement):
            return "something is gone"
        case ast.With() | ast.AsyncWith():
            is_care = any(care_of(words(one.func).rpartition(" ")[2]) for one in _calls(statement))
            return "an effect is gone" if is_care else "something is gone"
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign() | ast.Delete():
            return "an effect is gone"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]) | ast.Assign(value=ast.Call() | ast.Await()):
            return "an effect is gone"
    return "something is gone"


def _answers_by_error(last: ast.stmt) -> bool:
    """`return render_error(x)`, `return message.error("no")`"""
    value = last.value if isinstance(last, ast.Return) else None
    value = value.value if isinstance(value, ast.Await) else value
    return isinstance(value, ast.Call) and _FAILS.search(words(value.func).rpartition(" ")[2]) is not None


def _kind_of_branch(statement: ast.If) -> str:
    """One that does not leave: `if x.kind != 1: may = False`, `if n > most: n = most`"""
    match statement:
        case ast.If(body=[*_, ast.Assign(value=ast.Constant(value=False))]):
            return "a refusal is gone"
        case ast.If(test=ast.Compare(ops=[op]) as test, body=[ast.Assign(targets=[target])], orelse=[]):
            is_bound = isinstance(op, _ORDERED) and names(target) <= names(test)
            return "a bound is gone" if is_bound else "a branch is gone"
    return "a branch is gone"
