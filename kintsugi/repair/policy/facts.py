"""What a piece of Python says of what a human has to see: who may, limits, defaults, checks, what is logged."""

from __future__ import annotations

import ast
import builtins
from collections import Counter, defaultdict
from collections.abc import Iterable

from kintsugi.repair.policy.calls import Told, secrets_told, told_of_call
from kintsugi.repair.policy.expressions import words
from kintsugi.repair.policy.safeguards.texts import is_query
from kintsugi.repair.policy.vocabulary import (
    CHOICE,
    GUARDING,
    HEADER,
    KEYED,
    PROTECTING,
    SECRET,
    SET_APART,
    SETTINGS,
    STRONG_SECRET,
    WHO,
)
from kintsugi.repair.syntax import Source
from kintsugi.telemetry import lazy_re as re

_REQUIRED = re.compile(f"{SECRET.pattern}|_(?:URL|HOST)$", re.IGNORECASE)
_ASKED_FIRST = ("Depends", "Security")  # before a route is answered
_ASKING = re.compile(
    rf"{WHO.pattern}|{GUARDING.pattern}|user|account|session|token|api_?key|valid|verif|check|limit|sign|secur",
    re.IGNORECASE,
)
_CLAIMS = ("exp", "nbf", "aud", "iss")
_LABEL = re.compile(r"(?:^|_)(?:id|name|description|help|brief|usage|aliases)$|^help_")
_OF_LOOKS = re.compile(r"_(?:COLOU?R|LANGUAGE|LOCALE|THEME|FONT|TIME_?ZONE|UNIT|SORT|ORDER(?:ING)?|ALIGNMENT)S?$")
_LONG = 200  # of a decorator that does more than to say who may
_REGISTERING = re.compile(
    r"^(?!atexit|signal|codecs|sys|os).*\.(?:include_router|(?:un)?register|register_blueprint|add_url_rule|add_typer|add_command"
    r"|add_middleware|append|extend|insert|update|setdefault)$",
    re.DOTALL,
)
_SETTINGS_CLASS = re.compile(r"(?:Settings|Config|Configuration|Options|Limits|Policy)$")
_MAKERS = frozenset(name for name in dir(builtins) if name.islower()) | {
    "namedtuple",
    "partial",
    "field",
    "get_logger",
    "getlogger",
}
_MAIN = re.compile(r"__name__|TYPE_CHECKING|version_info|sys\.platform")
_ON_IMPORT = (ast.For, ast.While, ast.With, ast.AsyncFor, ast.AsyncWith)


class Facts:
    """What a piece of Python says of each kind: (what it is about, how it stands), counted."""

    def __init__(self, source: Source) -> None:
        self.told: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self.defined: set[str] = set()
        self.handlers: list[ast.ExceptHandler] = []
        for node in source.nodes:
            self._look(node)
        for statement in source.tree.body if source.tree else []:
            self._look_at_top(statement, is_python=bool(source.text))

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._decorated(node)
                self._function(node)
            case ast.ClassDef():
                self._decorated(node)
                self._class(node)
            case ast.Assign(targets=[target], value=value):
                self._assigned(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assigned(target, value)
            case ast.Call():
                self._tell_all(told_of_call(node))
            case ast.Subscript(value=on, slice=ast.Constant(value=str(key))) if _REQUIRED.search(key):
                if SETTINGS.search(words(on)):
                    self._tell("default", repr(key), "required")
            case _:
                self._branch(node)

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        match target:
            case ast.Name(id=name):
                self._named(name, value)
            case ast.Attribute():
                self._set(target, value)
            case ast.Subscript(value=on, slice=ast.Constant(value=str(key))):
                if SET_APART.search(key) or key in _CLAIMS:
                    self._tell("set", f"{words(on)} {key}", "")

    def _branch(self, node: ast.AST) -> None:
        """Where the code decides how it goes on."""
        match node:
            case ast.Raise(exc=ast.expr() as raised):
                self._tell_all(secrets_told(raised, STRONG_SECRET))
            case _:
                self._small_thing(node)

    def _small_thing(self, node: ast.AST) -> None:
        match node:
            case ast.ExceptHandler():
                self.handlers.append(node)
            case ast.Constant(value=str(text)) if HEADER.fullmatch(text):
                self._tell("header", text, "")

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.defined.add(node.name)
        for decorator in node.decorator_list:
            if KEYED.search(words(decorator)) and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._tell("keyed", node.name, ast.unparse(node.args))
            guards = WHO.search(words(decorator)) or GUARDING.search(words(decorator))
            if guards and not _is_hook(decorator) and len(text := _without_labels(decorator)) < _LONG:
                self._tell("who", node.name, text)
            elif isinstance(decorator, ast.Call):
                for one in decorator.keywords:
                    if WHO.search(one.arg or ""):
                        self._tell("who", f"{node.name}({one.arg})", ast.unparse(one.value))

    def _named(self, name: str, value: ast.expr) -> None:
        if name.isupper() and WHO.search(name) and not _OF_LOOKS.search(name) and not is_query(value):
            self._tell("who", name, ast.unparse(value))
        elif name.isupper() and isinstance(value, ast.Constant) and isinstance(value.value, bool):
            self._tell("default", name, ast.unparse(value))

    def _set(self, target: ast.Attribute, value: ast.expr) -> None:
        """`user.token = ""`, `cookie.secure = False`"""
        if SET_APART.search(target.attr) and "self" not in words(target):
            self._tell("set", words(target), "")
        if isinstance(value, ast.Constant) and PROTECTING.fullmatch(target.attr):
            self._tell("setting", words(target), ast.unparse(value))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """The defaults of what it takes."""
        given = node.args.posonlyargs + node.args.args
        defaults = [*zip(given[::-1], node.args.defaults[::-1], strict=False)]
        defaults += [
            (one, value) for one, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value
        ]
        for one, value in defaults:
            asked_first = isinstance(value, ast.Call) and words(value.func).rpartition(" ")[2] in _ASKED_FIRST
            if asked_first and _ASKING.search(words(value)):
                self._tell("who", f"{node.name}({one.arg})", ast.unparse(value))
            told = ast.unparse(value).removesuffix(".0").strip("'")
            number_or_choice = isinstance(value, ast.Constant) and (
                isinstance(value.value, int | float) or (isinstance(value.value, str) and CHOICE.search(one.arg))
            )
            if number_or_choice or isinstance(value, ast.Name):
                self._tell("default value", f"{node.name}({one.arg})", told)

    def _class(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                self._tell("on import", ast.unparse(statement).partition("\n")[0], "")
        for statement in node.body if _SETTINGS_CLASS.search(node.name) else ():
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                self._tell("default", f"{node.name}.{ast.unparse(statement.target)}", ast.unparse(statement.value))

    def _look_at_top(self, node: ast.stmt, *, is_python: bool) -> None:
        """In other languages a module is made of calls: only one for what it does counts."""
        if (is_python or isinstance(node, ast.Expr)) and (_runs(node) or isinstance(node, _ON_IMPORT)):
            self._tell("on import", ast.unparse(node).partition("\n")[0], "")

    def _tell_all(self, told: Iterable[Told]) -> None:
        for kind, about, how in told:
            self._tell(kind, about, how)

    def _tell(self, kind: str, about: str, how: str) -> None:
        self.told[kind][(about, how)] += 1


def _without_labels(decorator: ast.expr) -> str:
    """A decorator without what it is only called by: `cooldown_id=`, `description=`."""
    if not isinstance(decorator, ast.Call):
        return ast.unparse(decorator)
    keywords = [one for one in decorator.keywords if not _LABEL.search(one.arg or "")]
    return ast.unparse(ast.Call(decorator.func, decorator.args, keywords))


def _is_hook(decorator: ast.expr) -> bool:
    """`useEffect(…, [user])`: the list only says when it is done again."""
    match decorator:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.List()]):
            return name.startswith("use_")
    return False


def _runs(node: ast.stmt) -> bool:
    """Whether a statement at the top of a file calls something for what it does, or a function of the file's own."""
    match node:
        case ast.Expr(value=ast.Call(func=called)):
            return _REGISTERING.search(ast.unparse(called)) is None
        case ast.Expr(value=ast.Await()):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id=name))):
            return name.islower() and name not in _MAKERS and not name.endswith("logger")
        case ast.If(test=test, body=body):
            return not _MAIN.search(ast.unparse(test)) and any(map(_runs, body))
        case ast.Try(body=body):
            return any(map(_runs, body))
    return False
