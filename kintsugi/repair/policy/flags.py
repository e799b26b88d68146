"""What no rule can judge and a human has to see in one line: an inverted comparison, a lifted limit, another default.

Facts of the touched statements are compared, before and after, so that moved and renamed code is silent. A flag never
refuses. Python alone; other languages are read by patterns elsewhere.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter, defaultdict
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
_CLAMPING = re.compile(r"(?:^|_)(?:max|limit|most|cap)(?:$|_)")
_GUARDING = re.compile(
    r"(?:^| |_)(?:checks?|cooldown|requires?|required|login\w*|dm_only|protected|limiter|throttle)(?:$| |_)"
)
_SECRET = re.compile(
    r"passw|passphrase|secret|token|api_?key|credential|authori[sz]ation|cookie|private_?key|session_?id", re.IGNORECASE
)
_LOGGING = re.compile(r"^(?:log|logger|logging|_log|_logger|LOG|LOGGER|print|warnings|console|sentry_sdk)$")
_SAYING = (
    "send",
    "reply",
    "respond",
    "send_message",
    "edit_message",
    "edit_original_response",
    "Embed",
    "add_field",
    "set_footer",
)
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
_WORD = re.compile(r"\b(?!(?:not|and|or|is|in|None|True|False|self|cls|len)\b)[^\W\d]\w*")
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
    for sentence, told in (*_of_conditions(old, new), *_of_values(old, new), *_of_effects(old, new)):
        if told:
            yield change.path, f"{sentence} ({told})"


def _of_conditions(old: _Facts, new: _Facts) -> Iterator[tuple[str, str]]:
    """Who and what is let through, and what is no longer turned away; "" where nothing is to be said."""
    who = _changed(old.told["who"], new.told["who"])
    come = [how for name, how in new.told["who"] - old.told["who"] if name in old.defined]
    yield "It touches who may.", who or (f"{_short(come[0])} is new" if come else "")
    checked = _changed(old.told["check"], new.told["check"])
    yield "It changes what is let through by a check.", checked
    if not checked:
        yield "It goes on where it left before.", _goes_on(old, new)
        yield "It raises less than before.", _raises_less(old.told["raise"], new.told["raise"])
    yield "It turns a comparison.", _turned(old.comparisons, new.comparisons)


def _of_values(old: _Facts, new: _Facts) -> Iterator[tuple[str, str]]:
    limited = _changed(old.told["limit"], new.told["limit"])
    yield "It changes a limit.", limited or _altered(old.told["limit value"], new.told["limit value"])
    yield "It sets a limit.", _come(old.told["clamp"], new.told["clamp"])
    for name in ("default", "default value"):
        yield "It changes the default of a setting.", _altered(old.told[name], new.told[name])


def _of_effects(old: _Facts, new: _Facts) -> Iterator[tuple[str, str]]:
    yield "It catches more than before.", _widened(old.handlers, new.handlers)
    yield "It changes what is logged about a secret.", _come(old.told["logged"], new.told["logged"])
    yield "It runs on import.", _come(_by_head(old), _by_head(new))


class _Facts:
    """What a piece of Python says of each kind: (what it is about, how it stands), counted."""

    def __init__(self, source: Source) -> None:
        self.told: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self.comparisons: Counter[tuple[str, str]] = Counter()
        self.defined: set[str] = set()
        self.asked: set[str] = set()
        self.handlers: list[ast.ExceptHandler] = []
        for node in source.nodes:
            self._look(node)
        for statement in source.tree.body if source.tree else []:
            self._look_at_top(statement)

    def _look(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._decorated(node)
                self._function(node)
            case ast.ClassDef():
                self._decorated(node)
                self._class(node)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._named(name, value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._named(name, value)
            case ast.Call():
                self._call(node)
            case ast.Slice(upper=ast.Constant() | ast.BinOp() as upper) if _is_number(upper) and not _is_small(upper):
                self._tell("limit", "a slice", ast.unparse(upper))
                self._tell("clamp", f"[:{ast.unparse(upper)}]", "")
            case ast.Compare():
                self._comparison(node)
            case _:
                self._branch(node)

    def _branch(self, node: ast.AST) -> None:
        """Where the code decides how it goes on."""
        match node:
            case ast.If(test=test, body=body):
                self._condition(test, _refuses(body))
            case ast.Assert(test=ast.Call(func=ast.Name(id="isinstance"))):
                pass  # a word to the type checker
            case ast.Assert(test=test) | ast.IfExp(test=test) | ast.While(test=test):
                self._condition(test, refuses=isinstance(node, ast.Assert))
            case ast.Raise(exc=ast.expr() as raised):
                kind = _words(raised.func if isinstance(raised, ast.Call) else raised)
                if kind.rpartition(" ")[2][:1].isupper():  # else what was caught is raised again
                    self._tell("raise", kind, "")
            case ast.ExceptHandler():
                self.handlers.append(node)

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.defined.add(node.name)
        for decorator in node.decorator_list:
            if _WHO.search(_words(decorator)) or _GUARDING.search(_words(decorator)):
                self._tell("who", node.name, ast.unparse(decorator))

    def _condition(self, test: ast.expr, refuses: bool) -> None:
        text = ast.unparse(test)
        self.asked.add(text)
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
                    if _CLAMPING.search(keyword.arg) and not _is_small(keyword.value):
                        self._tell("clamp", f"{keyword.arg}={ast.unparse(keyword.value)}", "")
            if keyword.arg == "default" and last in ("add_argument", "option", "Option", "Field", "config", "getenv"):
                about = ast.unparse(node.args[0]) if node.args else last
                self._tell("default", about, ast.unparse(keyword.value))
        of_settings = isinstance(node.func, ast.Attribute) and _SETTINGS.search(_words(node.func.value))
        if last in ("min", "max", "range", "timedelta") and (
            numbers := [ast.unparse(one) for one in node.args if _is_number(one)]
        ):
            self._tell("limit", last, " ".join(numbers))
            if last in ("min", "max"):
                self._tell("clamp", ast.unparse(node), "")
        if last == "getenv" or (last in ("get", "setdefault", "getboolean", "getint") and of_settings):
            given = " ".join(map(ast.unparse, node.args[1:]))
            if not any(map(_words, node.args[1:])):
                self._tell("default", ast.unparse(node.args[0]) if node.args else "", given)
        if (_LOGGING.match(name.partition(" ")[0]) or last in _SAYING) and (names := _secrets_in(node)):
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
                self._tell("default value", f"{node.name}({one.arg})", ast.unparse(value).removesuffix(".0"))
        for first in (one for one in node.body if isinstance(one, ast.If) and _leaves(one.body) and not one.orelse):
            self._tell("early", node.name, ast.unparse(first.test))
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


def _leaves(body: list[ast.stmt]) -> bool:
    """Whether a branch goes no further, and answers nothing that it worked out."""
    match body[-1]:
        case ast.Return(value=None | ast.Constant()):
            return True
    return False


def _by_head(facts: _Facts) -> Counter[tuple[str, str]]:
    """What runs on import, by what is called: the same call with other arguments is not new."""
    return Counter({(about.partition("(")[0], ""): 1 for about, _ in facts.told["on import"]})


def _raises_less(old: Counter[tuple[str, str]], new: Counter[tuple[str, str]]) -> str:
    """What is raised at fewer places, where nothing else is raised in its stead."""
    gone, come = old - new, new - old
    return next((kind.replace(" ", ".") for kind, _ in gone), "") if gone.total() > come.total() else ""


def _goes_on(old: _Facts, new: _Facts) -> str:
    """A condition under which a function left, and that nothing asks now in other words."""
    come = set(_WORD.findall(" ".join(new.asked - old.asked)))
    for function, test in old.told["early"] - new.told["early"]:
        if function in new.defined and test not in new.asked and come.isdisjoint(_WORD.findall(test)):
            return f"{_short(test)} is gone"
    return ""


def _widened(old: list[ast.ExceptHandler], new: list[ast.ExceptHandler]) -> str:
    """A handler that stood there and takes more kinds of failures now."""
    for before, after in zip(old, new, strict=False) if len(old) == len(new) else ():
        less, more = _caught(before), _caught(after)
        if less != more and not any(isinstance(one, ast.Raise) for one in walked(after)) and _covers(more, less):
            return _short(f"{' '.join(less)} → {' '.join(more)}")
    return ""


def _caught(handler: ast.ExceptHandler) -> tuple[str, ...]:
    if handler.type is None:
        return ("BaseException",)
    listed = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return tuple(sorted(ast.unparse(one) for one in listed))


def _covers(more: tuple[str, ...], less: tuple[str, ...]) -> bool:
    """Whether each kind of the one is a kind of the other."""
    return all(any(_is_kind(one, other) for other in more) for one in less)


def _is_kind(name: str, of: str) -> bool:
    kind, wide = getattr(builtins, name, None), getattr(builtins, of, None)
    if name == of or of in ("Exception", "BaseException"):
        return True
    return isinstance(kind, type) and isinstance(wide, type) and issubclass(kind, wide)


def _says_no(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Return) else ast.Constant(True)
    return value is None or (isinstance(value, ast.Constant) and not value.value)


def _secrets_in(node: ast.Call) -> set[str]:
    found = set()
    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
        for part in ast.walk(argument):
            key = part.slice if isinstance(part, ast.Subscript) else None
            name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else ""
            key = part.args[0] if isinstance(part, ast.Call) and part.args and _is_variable(part.args[0]) else key
            name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else name
            if _SECRET.search(name):
                found.add(name)
    return found


def _is_variable(node: ast.expr) -> bool:
    """The name of a variable of the environment: `getenv("BOT_TOKEN")`."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper()


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
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
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
