"""What a function is about: whether it decides who or what is let through, by its name, its file and its answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.functions import Function
from kintsugi.repair.policy.safeguards.pieces import statements
from kintsugi.repair.policy.vocabulary import CHECKING, DENIAL, REFUSAL, SECRET, WHO
from kintsugi.repair.syntax import walked
from kintsugi.telemetry import lazy_re as re

_SPEAKS = re.compile(
    "|".join(f"(?:{one.pattern})" for one in (WHO, SECRET, CHECKING))
    + r"|quota|cooldown|limiter|(?:\b|_)blocke?d|restrict|approv|privileg|suspicious|sandbox|trusted",
    re.IGNORECASE,
)
_DECIDES = re.compile(
    f"{_SPEAKS.pattern}|valid|verif|access|privileg|guard|secur|saniti|cors|ssrf|sign(?!al)|login|logout|session|regulat"
    r"|throttl|limit|policy|protect|ban(?:$|_|s|n)|(?:^|[_/.])(?:check|is_|can_|may_|has_|allow|ensure|require|restrict"
    r"|deny|block)",
    re.IGNORECASE,
)
_OF_BUILD = re.compile(
    r"(?:^|/)(?:build|scripts?|extra|docs?|tools?|i18n|locales?|examples?|benchmarks?|migrations?)/"
    # Only what a browser reads looks like something: `components/lock/api.py` does not.
    r"|(?:^|/)(?:styles?|themes?|assets|static|public|components?)/(?!.*\.(?:py|go)$)|\.config\.|webpack|rollup|gulp",
    re.IGNORECASE,
)
_OF_LOGS = re.compile(r"log_?level", re.IGNORECASE)  # no level of rights
_REFUSING = range(400, 500)  # statuses of HTTP: `return {"error": why}, 409`
_MANY = 4  # one statement in so many refuses
_LONG = 300  # characters of a statement that are read for what it speaks of
_TAIL = 3  # statements at the end of a branch


def speaks_of_rights(text: str) -> bool:
    return _SPEAKS.search(_OF_LOGS.sub("", text[:_LONG])) is not None


def decides_by_name(name: str) -> bool:
    """`validate_email`, `can_modify`, `throttle`"""
    return _DECIDES.search(name) is not None


@dataclass(frozen=True)
class About:
    """A function, or the top of a file, with what each difference in it has in common."""

    name: str
    path: str
    block: ast.AST
    is_page: bool

    def signs(self) -> Iterator[str]:
        if _DECIDES.search(self.name):
            yield "in a function that decides"
        if _DECIDES.search(self.path.replace("tests", "")):
            yield "in a file that decides"
        if _OF_BUILD.search(self.path):
            yield "in a file of the build or of looks"
        if self._mostly_refuses():
            yield "in a function that mostly refuses"
        if self.is_page:
            yield "in a page"

    def _mostly_refuses(self) -> bool:
        if not isinstance(self.block, Function):
            return False
        refusing = sum(map(_refuses, walked(self.block)))
        return _MANY * refusing >= sum(1 for _ in statements(self.block))


def _refuses(node: ast.AST) -> bool:
    match node:
        case ast.Raise() | ast.Return(value=ast.Constant(value=bool())):
            return True
        case ast.Return(value=ast.expr() as value):
            return decides(value)
        case ast.Call(func=called):
            return DENIAL.search(words(called)) is not None
    return False


def decides(node: ast.AST) -> bool:
    """Whether it is a condition by its form: `a < b`, `a and b`, `not a`."""
    match node:
        case ast.Compare() | ast.BoolOp(op=ast.And()) | ast.UnaryOp(op=ast.Not()):
            return True
    return False


def refuses(body: list[ast.stmt]) -> bool:
    """Whether a branch turns somebody away: it raises, answers no, or with a status that says so."""
    match body[-1]:
        case ast.Raise() | ast.Return(value=ast.Constant(value=False)):
            return True
        case ast.Return(value=ast.Tuple(elts=[_, ast.Constant(value=int() as status), *_])):
            return status in _REFUSING
    text = " ".join(map(ast.unparse, body[-_TAIL:]))
    return REFUSAL.search(text) is not None or DENIAL.search(text) is not None
