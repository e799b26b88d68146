"""What no rule can judge and a human has to see in one line: an inverted comparison, a lifted limit, another default.

Facts of the touched statements are compared, before and after, so that moved and renamed code is silent. A flag never
refuses. Python alone; other languages are read by patterns elsewhere.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.syntax import Source, children, walked

_WHO = re.compile(
    r"admin|owner|permission|(?:\b|_)perms?(?:\b|_)|(?:\b|_)roles?(?:\b|_)|auth(?!or)|staff|superuser|moderator|allowed"
    r"|whitelist|blacklist|allowlist|denylist|blocklist|banned|(?:\b|_)scopes?(?:\b|_)|guild_only|is_nsfw",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:^|_)(?:max|min|limit|limits|most|least|timeout|rate|cooldown|quota|burst|retries|attempts|ttl|expir\w*|lifetime"
    r"|max_\w+|min_\w+|\w+_limit|days|hours|minutes|seconds|max_age|per|threshold|capacity|max(?:length|size|age|_age)|cap)(?:$|_)",
    re.IGNORECASE,
)
_SECRET = re.compile(
    r"passw|passphrase|secret|token|api_?key|credential|authori[sz]ation|cookie|private_?key|session_?id", re.IGNORECASE
)
_LOGGING = re.compile(r"^(?:log|logger|logging|_log|_logger|LOG|LOGGER|print|warnings|console|sentry_sdk)$")
_SETTINGS = re.compile(r"(?:\b|_)(?:config|configs|conf|settings|options|opts|env|environ|prefs)$", re.IGNORECASE)
_SETTINGS_CLASS = re.compile(r"(?:Settings|Config|Configuration|Options)$")
_CHECKS = re.compile(r"_*(?:check|is_|can_|may_|has_|valid|verify|allow|ensure|authori[sz]e)")
_MAKERS = frozenset(name for name in dir(builtins) if name.islower()) | {
    "namedtuple",
    "partial",
    "field",
    "get_logger",
    "getlogger",
}
_MAIN = re.compile(r"__name__|TYPE_CHECKING|version_info|sys\.platform")
_ON_IMPORT = (ast.For, ast.While, ast.With, ast.AsyncFor, ast.AsyncWith)


def flags(change: Change) -> Iterator[tuple[str, str]]:
    """(path, sentence) for each kind of thing that a human should look at."""
    if not change.path.endswith((".py", ".pyw")) or change.before is None or change.after is None:
        return
    before, after = change.touched
    if before.tree is None or after.tree is None:
        return
    old, new = _Facts(before), _Facts(after)
    for name, sentence in (
        ("who", "It touches who may."),
        ("limit", "It changes a limit."),
        ("default", "It changes the default of a setting."),
        ("check", "It changes what is let through by a check."),
    ):
        if told := _changed(old.told[name], new.told[name]):
            yield change.path, f"{sentence} ({told})"
    for name, sentence in (
        ("limit value", "It changes a limit."),
        ("default value", "It changes the default of a setting."),
    ):
        is_told = name == "limit value" and _changed(old.told["limit"], new.told["limit"])
        if not is_told and (told := _altered(old.told[name], new.told[name])):
            yield change.path, f"{sentence} ({told})"
    if told := _come(old.told["logged"], new.told["logged"]):
        yield change.path, f"It changes what is logged about a secret. ({told})"
    if told := _come(old.told["on import"], new.told["on import"]):
        yield change.path, f"It runs on import. ({told})"
    if told := _turned(old.comparisons, new.comparisons):
        yield change.path, f"It turns a comparison. ({told})"


class _Facts:
    """What a piece of Python says of each kind: (what it is about, how it stands), counted."""

    def __init__(self, source: Source) -> None:
        self.told: dict[str, Counter[tuple[str, str]]] = {
            name: Counter()
            for name in ("who", "limit", "limit value", "default", "default value", "check", "logged", "on import")
        }
        self.comparisons: Counter[tuple[str, str]] = Counter()
        for node in source.nodes:
            self._look(node)
        for statement in source.tree.body if source.tree else []:
            self._look_at_top(statement)

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.If(test=test, body=body):
                self._condition(test, _refuses(body))
            case ast.Assert(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                self._condition(test, refuses=isinstance(node, ast.Assert))
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                for decorator in node.decorator_list:
                    if _WHO.search(_words(decorator)):
                        self._tell("who", node.name, ast.unparse(decorator))
                if isinstance(node, ast.ClassDef):
                    self._class(node)
                else:
                    self._function(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._named(name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._named(name, value)
            case ast.Call():
                self._call(node)
            case ast.Slice(upper=ast.expr() as upper) if _is_number(upper) and not _is_small(upper):
                self._tell("limit", "a slice", ast.unparse(upper))
            case ast.Compare():
                self._comparison(node)

    def _condition(self, test: ast.expr, refuses: bool) -> None:
        text = ast.unparse(test)
        if _WHO.search(_words(test)):
            self._tell("who", _subject(test), text)
        if refuses:
            self._tell("check", _subject(test), text)

    def _named(self, name: str, value: ast.expr) -> None:
        if _LIMIT.search(name) and (_is_number(value) or _is_none(value)):
            self._tell("limit", name, ast.unparse(value))
        elif name.isupper() and _WHO.search(name):
            self._tell("who", name, ast.unparse(value))
        elif name.isupper() and isinstance(value, ast.Constant) and isinstance(value.value, bool):
            self._tell("default", name, ast.unparse(value))

    def _call(self, node: ast.Call) -> None:
        name = _words(node.func)
        last = name.rpartition(" ")[2]
        for keyword in node.keywords:
            if keyword.arg and _LIMIT.search(keyword.arg):
                self._tell("limit value", f"{last}({keyword.arg})", ast.unparse(keyword.value))
                if _is_number(keyword.value):
                    self._tell("limit", f"{last}({keyword.arg})", ast.unparse(keyword.value))
            if keyword.arg == "default" and last in ("add_argument", "option", "Option", "Field", "config", "getenv"):
                about = ast.unparse(node.args[0]) if node.args else last
                self._tell("default", about, ast.unparse(keyword.value))
        of_settings = isinstance(node.func, ast.Attribute) and _SETTINGS.search(_words(node.func.value))
        if last in ("min", "max", "range", "timedelta") and (
            numbers := [ast.unparse(one) for one in node.args if _is_number(one)]
        ):
            self._tell("limit", last, " ".join(numbers))
        if last == "getenv" or (last in ("get", "setdefault", "getboolean", "getint") and of_settings):
            self._tell(
                "default", ast.unparse(node.args[0]) if node.args else "", " ".join(map(ast.unparse, node.args[1:]))
            )
        if _LOGGING.match(name.partition(" ")[0]) and (names := _secrets_in(node)):
            self._tell("logged", " ".join(sorted(names)), "")

    def _comparison(self, node: ast.Compare) -> None:
        if len(node.ops) != 1:
            return
        left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
        self.comparisons[(f"{left} ? {right}", type(node.ops[0]).__name__)] += 1
        if _is_number(node.comparators[0]) and not _is_small(node.comparators[0]):
            self._tell("limit", left, f"{type(node.ops[0]).__name__} {right}")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """The defaults of what it takes, and where a function that checks something says no."""
        given = node.args.posonlyargs + node.args.args
        defaults = [*zip(given[::-1], node.args.defaults[::-1], strict=False)]
        defaults += [
            (one, value) for one, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value
        ]
        for one, value in defaults:
            if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
                self._tell("default value", f"{node.name}({one.arg})", ast.unparse(value))
        if _CHECKS.match(node.name):
            for inner in (one for statement in node.body for one in walked(statement) if isinstance(one, ast.If)):
                if _says_no(inner.body[-1]):
                    self._tell("check", _subject(inner.test), ast.unparse(inner.test))

    def _class(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                self._tell("on import", ast.unparse(statement).partition("\n")[0], "")
        for statement in node.body if _SETTINGS_CLASS.search(node.name) else ():
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                self._tell("default", f"{node.name}.{ast.unparse(statement.target)}", ast.unparse(statement.value))

    def _look_at_top(self, node: ast.stmt) -> None:
        if _runs(node) or isinstance(node, _ON_IMPORT):
            self._tell("on import", ast.unparse(node).partition("\n")[0], "")

    def _tell(self, kind: str, about: str, how: str) -> None:
        self.told[kind][(about, how)] += 1


def _runs(node: ast.stmt) -> bool:
    """Whether a statement at the top of a file calls something for what it does, or a function of the file's own."""
    match node:
        case ast.Expr(value=ast.Call() | ast.Await()):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id=name))):
            return name.islower() and name not in _MAKERS
        case ast.If(test=test, body=body):
            return not _MAIN.search(ast.unparse(test)) and any(map(_runs, body))
        case ast.Try(body=body):
            return any(map(_runs, body))
    return False


def _changed(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    """What stood before and stands otherwise now, or no longer; what only came is no change of anything."""
    gone, come = old - new, new - old
    for about, how in gone:
        to = next((now for what, now in come if what == about), None)
        return _short(f"{how or about} → {to}" if to is not None else f"{how or about} is gone")
    return ""


def _altered(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    """What stands otherwise now; what only went is no change of it."""
    gone, come = dict(old - new), dict(new - old)
    for about, how in gone:
        for what, now in come:
            if what == about:
                return _short(f"{how} → {now}")
    return ""


def _come(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    return next((_short(about) for about, _ in new - old), "")


def _turned(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    gone, come = old - new, new - old
    for about, operator in gone:
        if any(about == other and now != operator for other, now in come):
            return _short(about.replace(" ? ", " … "))
    return ""


def _refuses(body: list[ast.stmt]) -> bool:
    """Whether a branch turns somebody or something away."""
    last = body[-1]
    if isinstance(last, ast.Raise | ast.Continue):
        return isinstance(last, ast.Raise)
    called = last.value if isinstance(last, ast.Expr) else None
    return isinstance(called, ast.Call) and _words(called.func).rpartition(" ")[2] in (
        "abort",
        "fail",
        "reject",
        "deny",
    )


def _says_no(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Return) else ast.Constant(True)
    return value is None or (isinstance(value, ast.Constant) and not value.value)


def _secrets_in(node: ast.Call) -> set[str]:
    found = set()
    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
        for part in ast.walk(argument):
            key = part.slice if isinstance(part, ast.Subscript) else None
            name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else ""
            name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else name
            if _SECRET.search(name):
                found.add(name)
    return found


def _words(node: ast.AST) -> str:
    """The names within an expression, as they are written: an object before what is asked of it."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_words(value)} {name}".strip()
    return " ".join(filter(None, map(_words, children(node))))


def _subject(test: ast.expr) -> str:
    return " ".join(sorted(set(_words(test).split())))


def _is_number(node: ast.expr) -> bool:
    """A number, or a product of numbers."""
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_small(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in (0, 1, -1, 2)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else f"{text[:89]}…"
