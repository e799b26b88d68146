"""Branches and handlers that left and go on now, answers that nobody asks for, and what nobody comes to any more."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from kintsugi.repair.policy.conditions import only_asks_whether_there, opposite, plain
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.about import decides_by_name, refuses
from kintsugi.repair.policy.safeguards.exchanged import same
from kintsugi.repair.policy.safeguards.functions import Function, short
from kintsugi.repair.policy.safeguards.pieces import key_of, names, statements
from kintsugi.repair.policy.safeguards.quiet import bound_by
from kintsugi.repair.policy.safeguards.talk import is_talk
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
IS_ERROR = re.compile(r"(?:\w+_)?(?:err|errors?|problems?|denied|refusal|failure)")
_CHECKER = re.compile(r"_*(?:validate|check|ensure|require|verify|assert|authori[sz]e|authenticate|guard)(?:_\w+)?$")
_TAKES = re.compile(r"(?:^|_)(?:withdraw|charge|debit|deduct|spend|reserve|claim|redeem|consume)(?:$|_)")
_SILENT = (*_LEAVING, ast.Pass, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def goes_on(before: Function, after: Function) -> Iterator[str]:
    """`if not x.open: raise No` → `if not x.open: log(x)`, and so for `else` and `except`"""
    was, now = _branches(before), _branches(after)
    for asked, body in was.items():
        if not isinstance(body[-1], _LEAVING) or asked not in now or _leaves_somewhere(now[asked]):
            continue
        if any(same(body[-1], one) for one in _follows(after, now[asked])):
            continue  # what it left by stands behind it now
        if asked in _of_presence(before) and not all(is_talk(one) or isinstance(one, ast.Pass) for one in now[asked]):
            continue  # what was not there is made there
        if not is_asked_later(now[asked], before, after):
            yield short(asked)


def _follows(function: Function, body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """What comes next after a branch or a handler."""
    for one in walked(function):
        for block in (getattr(one, name, []) for name in ("body", "orelse", "finalbody")):
            for statement, following in pairwise(block if isinstance(block, list) else []):
                held = [statement, *getattr(statement, "handlers", [])]
                if any(body in (getattr(each, "body", []), getattr(each, "orelse", [])) for each in held):
                    yield following


def is_asked_later(body: list[ast.stmt], before: Function, after: Function) -> bool:
    """`error = "no such thing"`, and then `if error: return error`"""
    made = {name for one in body for name in bound_by(one)} - names(before)
    return bool(made) and any(
        isinstance(one, ast.If) and isinstance(one.body[-1], _LEAVING) and not made.isdisjoint(names(one.test))
        for one in statements(after)
    )


def _branches(function: Function) -> dict[str, list[ast.stmt]]:
    """What is done, by what was asked; where several ask the same, none of them."""
    found, last = list[tuple[str, list[ast.stmt]]](), ""
    for one in statements(function):
        if isinstance(one, ast.If):
            asked = ast.unparse(one.test)
            asked = f"{last} {asked}" if _is_of_error(one.test) else asked
            found.append((asked, one.body))
            if one.orelse and not isinstance(one.orelse[0], ast.If):
                found.append((f"else of {asked}", one.orelse))
        if isinstance(one, ast.Try):
            found += [
                (f"except {ast.unparse(each.type) if each.type else ''}".strip(), each.body) for each in one.handlers
            ]
        last = key_of(one)
    counted = Counter(asked for asked, _ in found)
    return {asked: body for asked, body in found if counted[asked] == 1}


def _of_presence(function: Function) -> set[str]:
    """The branches that only ask whether there is anything; of errors that decides."""
    tests = (one.test for one in statements(function) if isinstance(one, ast.If))
    return {ast.unparse(test) for test in tests if only_asks_whether_there(test) and not _is_of_error(test)}


def _is_of_error(test: ast.expr) -> bool:
    """`err != nil`, which many ask, and `if problem`."""
    left = test.left if isinstance(test, ast.Compare) else test
    return isinstance(left, ast.Name) and IS_ERROR.fullmatch(left.id) is not None and only_asks_whether_there(test)


def _leaves_somewhere(body: list[ast.stmt]) -> bool:
    return any(isinstance(one, _LEAVING) for statement in body for one in ast.walk(statement))


def answers_instead(before: Function, after: Function) -> Iterator[str]:
    """`if err: raise err` → `if err: return err`, `except No as e: raise e` → `return e`

    Whoever called goes on with the answer. Where a function only checks, any answer lets it through.
    """
    was, now = _branches(before), _branches(after)
    name = before.name.rpartition(".")[2]
    for asked, body in was.items():
        if not isinstance(body[-1], ast.Raise) or asked not in now or refuses(now[asked]):
            continue
        last = now[asked][-1]
        if not isinstance(last, ast.Return) or any(isinstance(one, ast.Raise) for one in ast.walk(last)):
            continue
        error = ast.unparse(body[-1].exc) if body[-1].exc else ""
        told = ast.unparse(last.value) if last.value else "None"
        is_of_error = IS_ERROR.fullmatch(error) is not None and told in (error, "None")
        if told == "True" or is_of_error or (_CHECKER.match(name) and _is_plain(last.value)):
            yield short(f"{ast.unparse(last)} for {ast.unparse(body[-1])}")


def _is_plain(value: ast.expr | None) -> bool:
    """Nothing, or what the function was given: no sentence of what is wrong."""
    return value is None or isinstance(value, ast.Name) or (isinstance(value, ast.Constant) and value.value is None)


def decides_no_more(before: Function, after: Function) -> Iterator[str]:
    """`if x: a()`, `else: b()` → `if x: a()`, `else: a()`; `ok, why = go()` → `ok = go()`, which always holds a pair"""
    pairs = {ast.unparse(value) for names_, value in _assigned(before) if isinstance(names_, ast.Tuple | ast.List)}
    whole = {one.id for one, value in _assigned(after) if isinstance(one, ast.Name) and ast.unparse(value) in pairs}
    for one in statements(after) if whole else ():
        if isinstance(one, ast.If) and ast.unparse(one.test).removeprefix("not ") in whole:
            yield short(ast.unparse(one.test))
    known = {ast.unparse(one.test) for one in statements(before) if isinstance(one, ast.If) and _decides(one)}
    for one in statements(after):
        if not isinstance(one, ast.If) or not one.orelse or _decides(one):
            continue
        if not known.isdisjoint((ast.unparse(one.test), ast.unparse(opposite(plain(one.test))))):
            yield short(ast.unparse(one.test))


def _decides(one: ast.If) -> bool:
    """Whether it has an `else` that does something else."""
    return bool(one.orelse) and [*map(ast.unparse, one.body)] != [*map(ast.unparse, one.orelse)]


def _assigned(function: Function) -> Iterator[tuple[ast.expr, ast.expr]]:
    return ((one.targets[0], one.value) for one in statements(function) if isinstance(one, ast.Assign))


def answers_to_nobody(before: Function, after: Function) -> Iterator[str]:
    """`wrong = check(x)`, `if check(x): …` → `check(x)`, and nobody asks what it says."""
    dropped = {ast.unparse(one.value) for one in statements(after) if isinstance(one, ast.Expr)}
    dropped -= {ast.unparse(one.value) for one in statements(before) if isinstance(one, ast.Expr)}
    if not dropped:
        return
    named = Counter(one.id for one in ast.walk(before) if isinstance(one, ast.Name))
    for one in statements(before):
        if (made := bound_by(one)) and all(named[name] == 1 for name in made):
            continue  # nobody read it before either
        asked = one.value if isinstance(one, ast.Assign) else one.test if isinstance(one, ast.If) else None
        asked = asked.operand if isinstance(asked, ast.UnaryOp) else asked
        if isinstance(asked, ast.Call) and words(asked.func).rpartition(" ")[2] == "done":
            continue  # a channel that is waited for
        if isinstance(one, ast.Assign) and not _is_decided_by(one, before):
            continue  # a value, and no answer to a question
        if isinstance(asked, ast.Call | ast.Await) and ast.unparse(asked) in dropped:
            yield short(ast.unparse(asked))


def _is_decided_by(one: ast.Assign, function: Function) -> bool:
    """Whether a branch goes by it, or the call checks by its name."""
    called = next((node.func for node in walked(one.value) if isinstance(node, ast.Call)), None)
    name = words(called).rpartition(" ")[2] if called is not None else ""
    if decides_by_name(name) or _TAKES.search(name):
        return True
    made = bound_by(one)
    tests = (each.test for each in walked(function) if isinstance(each, ast.If | ast.While | ast.IfExp | ast.Assert))
    return any(isinstance(part, ast.Name) and part.id in made for test in tests for part in walked(test))


def comes_no_further(before: Function, after: Function) -> Iterator[str]:
    """What stands behind a `return` now, and did not before."""
    if come := _unreached(after) - _unreached(before):
        yield short(next(iter(come)))


def _unreached(function: Function) -> Counter[str]:
    blocks = [function, *statements(function)]
    lists = (getattr(one, name, []) for one in blocks for name in ("body", "orelse", "finalbody"))
    return Counter(
        ast.unparse(after)
        for block in lists
        if isinstance(block, list)
        for one, after in pairwise(block)
        if isinstance(one, _LEAVING) and not isinstance(after, _SILENT) and not _yields(after)
    )


def _yields(node: ast.stmt) -> bool:
    return any(isinstance(one, ast.Yield | ast.YieldFrom) for one in ast.walk(node))
