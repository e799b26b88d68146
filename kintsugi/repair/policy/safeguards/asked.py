"""Conditions: a part that is no longer asked, one more that has to hold, and a branch that left and goes on now."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from kintsugi.parsing import parsed_expression
from kintsugi.repair.policy.conditions import only_asks_whether_there, opposite, plain
from kintsugi.repair.policy.safeguards.functions import short
from kintsugi.repair.policy.vocabulary import CHECKING, OF_SOMEBODY, REFUSAL, WHO
from kintsugi.repair.syntax import Source

_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_BOUND = re.compile(r"[<>]=? -?\d")
_SIMPLE = (ast.Expr, ast.Return, ast.Raise)
_FEW = 3  # statements at the end of a branch
_Parts = frozenset[str]


def turns_away_less(old: Source, new: Source) -> str:
    """What turned somebody away does so only where something else holds, too."""
    before, after = _asked(old), _asked(new)
    for more, parts in _shrunk(after.turning, before.turning):
        come = sorted(more - parts)
        about = " ".join(parts)
        matters = WHO.search(about) or OF_SOMEBODY.search(about) or _BOUND.search(about)
        if matters and (part := next(filter(_of_other(about), come), "")):
            return short(f"only if {part}")
    return ""


def lets_in_more(old: Source, new: Source) -> str:
    """One more condition under which the answer is yes."""
    before, after = _asked(old), _asked(new)
    found = (sorted(more - parts)[0] for more, parts in _shrunk(after.saying_yes, before.saying_yes))
    return next((short(f"also if {part}") for part in found), "")


def asks_for_the_opposite(old: Source, new: Source) -> str:
    """A condition whose opposite is asked now, and its branch is the same."""
    before, after = _asked(old), _asked(new)
    turned = [text for text, other in before.alone.items() if _is_turned(text, other, before.alone, after.alone)]
    turned += [
        text
        for text, (other, body) in before.there.items()
        if _is_turned(text, other, before.there, after.there) and after.there[other][1] == body
    ]
    return next(map(short, turned), "")


def _is_turned(text: str, other: str, before: Mapping[str, object], after: Mapping[str, object]) -> bool:
    return text not in after and other in after and other not in before


def answers_otherwise(old: Source, new: Source) -> str:
    """The same condition, and its branch answers yes where it answered no."""
    before, after = _asked(old), _asked(new)
    both = (test for test in before.answers if test in after.answers and before.answers[test] != after.answers[test])
    return next((short(f"{test}: {before.answers[test]} → {after.answers[test]}") for test in both), "")


def _shrunk(was: Iterable[_Parts], now: Iterable[_Parts]) -> Iterable[tuple[_Parts, _Parts]]:
    """Each with what is a part of it now, of those that only one side has."""
    old, new = dict.fromkeys(was), dict.fromkeys(now)
    by_part = defaultdict[str, list[_Parts]](list)
    for less in (one for one in new if one not in old):
        for part in less:
            by_part[part].append(less)
    for parts in (one for one in old if one not in new):
        for part in sorted(parts):
            yield from ((parts, less) for less in by_part.get(part, ()) if less < parts)


class _Asked:
    """The conditions of a piece of Python by their parts: any of them leaves, or all of them let in.

    `turning`: what has to hold, all of it, for a branch to leave. `strict`: parts of what refuses somebody.
    """

    def __init__(self, source: Source) -> None:
        self.leaving: dict[_Parts, None] = {}  # in the order of the code
        self.entering: dict[_Parts, None] = {}
        self.turning: dict[_Parts, None] = {}
        self.strict: set[str] = set()
        self.saying_yes: dict[_Parts, None] = {}
        self.alone: dict[str, str] = {}  # conditions without an else, with their opposites
        self.there: dict[str, tuple[str, str]] = {}  # what only asks whether there is something, with its branch too
        self.answers: dict[str, str] = {}
        self.left: set[str] = set()
        self.staying: set[str] = set()
        for node in source.nodes:
            self._look(node)
        self.parts = frozenset[str]().union(*self.leaving, *self.entering)

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=other):
                self._take(test, turns_away(body[-1]))
                self._refused(test, body)
                text, turned = ast.unparse(plain(test)), ast.unparse(opposite(plain(test)))
                if not only_asks_whether_there(test):
                    if not other:
                        self.alone[text] = turned
                    self._branch(ast.unparse(test), body, goes_on=not other)
                elif not other:
                    self.there[text] = (turned, "\n".join(map(ast.unparse, body)))
                if not other:
                    self.staying.add(f"else of {ast.unparse(test)}")
                elif not (len(other) == 1 and isinstance(other[0], ast.If)):
                    self._branch(f"else of {ast.unparse(test)}", other, goes_on=True)
            case ast.ExceptHandler(type=kind, body=body):
                self._branch(f"except {ast.unparse(kind) if kind else ''}", body, goes_on=True)
            case ast.IfExp(test=test) | ast.While(test=test):
                self._take(test, False)
            case ast.Return(value=ast.BoolOp() | ast.Compare() | ast.UnaryOp() as test):
                self._take(test, False)
            case ast.Assign(value=ast.BoolOp(op=ast.Or()) as test) if CHECKING.search(ast.unparse(test)):
                self.saying_yes[_texts(test.values)] = None
            case ast.comprehension(ifs=[_, *_] as tests):
                self.entering[_texts([part for test in tests for part in _parts(test, ast.And)])] = None

    def _take(self, test: ast.expr, turns_away: bool | None) -> None:
        """Any part turns away, or all of them let in; None: nobody can tell which."""
        if turns_away is not False:
            self.leaving[_texts(_parts(test, ast.Or))] = None
        if not turns_away:
            self.entering[_texts(_parts(test, ast.And))] = None

    def _refused(self, test: ast.expr, body: list[ast.stmt]) -> None:
        if not isinstance(body[-1], _LEAVING):
            return
        self.turning[_texts(_parts(test, ast.And))] = None
        simple = [one for one in body[-_FEW:] if isinstance(one, _SIMPLE)]
        if any(REFUSAL.search(ast.unparse(one)) for one in simple):
            self.strict |= _texts(_parts(test, ast.Or))
        match body[-1]:
            case ast.Return(value=ast.Constant(value=bool() as answer)):
                self.answers[ast.unparse(test)] = str(answer)
                if answer:
                    self.saying_yes[_texts(_parts(test, ast.Or))] = None

    def _branch(self, test: str, body: list[ast.stmt], goes_on: bool) -> None:
        if _leaves(body[-1]):
            self.left.add(test)
        elif goes_on:
            self.staying.add(test)


def _leaves(last: ast.stmt) -> bool:
    """Whether a branch goes no further, or answers that it won't: `answer = Response(status=405)`."""
    says_no = isinstance(last, ast.Expr | ast.Assign) and REFUSAL.search(ast.unparse(last))
    return isinstance(last, _LEAVING) or bool(says_no)


@lru_cache(maxsize=4)
def _asked(source: Source) -> _Asked:
    return _Asked(source)


def turns_away(node: ast.stmt) -> bool | None:
    """Whether a branch ends without doing what was asked for; None where it answers something that may be either."""
    match node:
        case ast.Return(value=ast.Call() | ast.Await()):
            return None
        case ast.Return(value=value):
            return value is None or isinstance(value, ast.Constant)
    return isinstance(node, _LEAVING)


def _parts(test: ast.expr, way: type[ast.boolop]) -> list[ast.expr]:
    match test:
        case ast.BoolOp(op=op, values=values) if isinstance(op, way):
            return values
        case ast.UnaryOp(op=ast.Not(), operand=ast.BoolOp(op=op, values=values)) if not isinstance(op, way):
            return [ast.UnaryOp(ast.Not(), one) for one in values]
    return [test]


def _texts(tests: list[ast.expr]) -> _Parts:
    return frozenset(ast.unparse(plain(one)) for one in tests)


def _of_other(about: str) -> Callable[[str], bool]:
    """Whether a part asks for more than whether there is what the others speak of: `user and user.is_banned`."""

    def asks_for_more(part: str) -> bool:
        return _matters(part) or part.removeprefix("not ").partition(" ")[0] not in about

    return asks_for_more


def _matters(text: str) -> bool:
    node = parsed_expression(text)
    return node is None or not only_asks_whether_there(node)  # none is what another language says
