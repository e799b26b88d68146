"""Statements that only tell a log or a reader something, and what explains no other change."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.pieces import leaves
from kintsugi.repair.policy.safeguards.texts import text_of
from kintsugi.repair.policy.vocabulary import LOGGED_BY, LOGGING
from kintsugi.telemetry import lazy_re as re

_SAYS = re.compile(r"exception|critical|warning|success|log|capture_\w+|\w*print\w*")
_NO_TALK = re.compile(r"audit|^(?:fatal|panic)")  # kept for whoever asks later who did it; ends the program


def is_talk(statement: ast.stmt) -> bool:
    """`log.info("a")`, `print(1)`, a docstring; not `log.setLevel(9)`, `parser.error(1)`, which do something"""
    match statement:
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.Expr(value=ast.Call(func=called, args=args)):
            return _tells(words(called).split(), args)
    return False


def is_idle(statement: ast.stmt) -> bool:
    """What explains no other change: it tells a log, is given constants alone, or only asks before others that came."""
    match statement:
        case ast.Pass():
            return True
        case ast.If(body=body):
            return not leaves(body)
        case ast.Expr(value=ast.Call(args=args, keywords=keywords)):
            given = (*args, *(each.value for each in keywords))
            return is_talk(statement) or all(isinstance(one, ast.Constant) for one in given)
    return is_talk(statement)


def _tells(names: list[str], given: list[ast.expr]) -> bool:
    """A log says something by its verb, and anything else that is called like one by the text that it is given."""
    if not names or any(map(_NO_TALK.search, names)):
        return False
    says = given[:1] and _is_text(given[0])
    at = next((at for at, name in enumerate(names) if LOGGING.match(name)), None)
    if at is None:
        return bool(says) and LOGGED_BY.match(names[-1]) is not None
    return bool(says) or at == len(names) - 1 or any(map(_says, names[at + 1 :]))


def _says(name: str) -> bool:
    return LOGGED_BY.match(name) is not None or _SAYS.fullmatch(name) is not None


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.BinOp(left=left, right=right):
            return _is_text(left) or _is_text(right)
        case ast.Call(args=[first, *_]):
            return text_of(node) is not None or _is_text(first)
    return text_of(node) is not None
