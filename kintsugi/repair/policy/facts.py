"""What a piece of Python says of what a human has to see: who may, limits, defaults, checks, what is logged."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from kintsugi.repair.policy.conditions import essential, only_asks_whether_there, operator, opposite, plain
from kintsugi.repair.syntax import Source, children, walked

_WHO = re.compile(
    r"admin|owner|permission|(?:\b|_)perms?(?:\b|_)|(?:\b|_)roles?(?:\b|_)|auth(?!or)|staff|superuser|moderator|allowed"
    r"|whitelist|blacklist|allowlist|denylist|blocklist|banned|(?:\b|_)scopes?(?:\b|_)|guild_only|is_nsfw",
    re.IGNORECASE,
)
LIMIT = re.compile(
    r"(?:^|_)(?:max|min|limit|limits|most|least|timeout|rate|cooldown|quota|burst|retries|attempts|ttl|expir\w*|lifetime"
    r"|max_\w+|min_\w+|\w+_limit|days|hours|minutes|seconds|max_age|per|threshold|capacity|max(?:length|size|age|_age)|cap)(?:$|_)",
    re.IGNORECASE,
)
_RATE = re.compile(r"\d+ ?(?:/|per) ?\w+")
_CLAMPING = re.compile(r"(?:^|_)(?:max|limit|most|cap)(?:$|_)")
_GUARDING = re.compile(
    r"(?:^| |_)(?:checks?|cooldown|requires?|required|login\w*|dm_only|protected|limiter|throttle|before_request"
    r"|max_concurrency|csrf\w*|signed|verified)(?:$| |_)"
)
_SECRET = re.compile(
    r"passw|passphrase|secret|token|api_?key|credential|authori[sz]ation|cookie|private_?key|session_?id", re.IGNORECASE
)
_LOGGING = re.compile(r"^(?:log|logger|logging|_log|_logger|LOG|LOGGER|print|warnings|console|sentry_sdk)$")
_LIMITING = (
    "Semaphore",
    "BoundedSemaphore",
    "limit",
    "timeout",
    "Timeout",
    "wait_for",
    "cooldown",
    "Queue",
    *("token_urlsafe", "token_hex", "token_bytes", "expire", "setex"),
    "slowmode",
)
_OWNED = re.compile(r"\b(?:user|author|owner|member|creator|sender|account|tenant|guild)(?:_id|_pk)?\b")
_OF_PLACE = re.compile(r"(?:^|[ _])(?:guild|channel)(?:_| )id$")
QUERIES = (
    "count",
    "exists",
    "get",
    "filter",
    "exclude",
    "filter_by",
    "get_object_or_404",
    "get_or_create",
    "find",
    "find_one",
    "where",
)
_CHOICE = re.compile(r"(?:^|_)(?:mode|policy|level|strategy|errors|on_error|scheme|algorithm|samesite|access)$")
_REFUSAL = re.compile(r"\bstatus(?:_code)?=4\d\d\b|Forbidden|NotFound|BadRequest|Unauthorized")
_CLEANING = re.compile(
    r"(?:^|(?<!model)_)(?:mask|redact|censor|scrub|saniti[sz]e|escape|clean(?=_)|validate|verify|secure)(?:_\w+)?$"
    r"|compare_digest"
    r"|^(?:format_html|send_from_directory|safe_join|remove_markdown|raise_for_status|full_clean|is_valid|Talisman"
    r"|CSRFProtect|SeaSurf|(?:for|owned_by|visible_to|accessible_by)_?(?:user|owner|guild|member|team|tenant)?)$"
)
_ANYTHING = re.compile(r"\^?\.(?:[*+]|\{\d*,\d*\})\??\$?|")
_LEAVING = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_REGISTERING = re.compile(
    r"^(?!atexit|signal|codecs|sys|os).*\.(?:include_router|(?:un)?register|register_blueprint|add_url_rule|add_typer|add_command"
    r"|add_middleware|append|extend|insert|update|setdefault)$",
    re.DOTALL,
)
_HARMLESS = re.compile(r"_(?:dir|path|file|name|type|url|expiry|limit)s?$|number|count|max|rate|interval|used|total")
_WHOLE = ("headers", "locals", "vars", "environ", "cookies", "POST")
_STRONG = re.compile(r"passw|passphrase|secret|api_?key|credential|private_?key", re.IGNORECASE)
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
_SETTINGS_CLASS = re.compile(r"(?:Settings|Config|Configuration|Options|Limits|Policy)$")
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


class Facts:
    """What a piece of Python says of each kind: (what it is about, how it stands), counted."""

    def __init__(self, source: Source) -> None:
        self.told: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self.comparisons: Counter[tuple[str, str]] = Counter()
        self.defined: set[str] = set()
        self.asked: set[str] = set()
        self.guarded: set[str] = set()  # conditions that hold together with others for something to be done
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
            case ast.Subscript(value=on, slice=ast.Constant(value=str(key))) if _SECRET.search(key):
                if _SETTINGS.search(words(on)):
                    self._tell("default", repr(key), "required")
            case _:
                self._branch(node)

    def _branch(self, node: ast.AST) -> None:
        """Where the code decides how it goes on."""
        match node:
            case ast.If(test=test, body=body):
                self._condition(test, _refuses(body))
                if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) and not isinstance(body[-1], _LEAVING):
                    self.guarded.update(ast.unparse(plain(one)) for one in test.values)
            case ast.Assert(test=ast.Call(func=ast.Name(id="isinstance"))):
                pass  # a word to the type checker
            case ast.Assert(test=test):
                self._condition(test, refuses=False)
                denied = opposite(plain(test))
                self._tell("check", _subject(denied), ast.unparse(denied))
                self._tell("raise", "AssertionError", "")
            case ast.IfExp(test=test) | ast.While(test=test):
                self._condition(test, refuses=False)
            case ast.Raise(exc=ast.expr() as raised):
                kind = words(raised.func if isinstance(raised, ast.Call) else raised)
                if kind.rpartition(" ")[2][:1].isupper():  # else what was caught is raised again
                    self._tell("raise", kind, "")
                else:
                    self._tell("raise", "again", "")
                self._tells(node.exc, _STRONG)
            case ast.Attribute(attr="clean_content" as cleaned):
                self._tell("cleaned", cleaned, "")
            case ast.Return(value=ast.BoolOp() | ast.Compare() | ast.UnaryOp() as answer):
                self._condition(answer, refuses=False)
            case ast.BoolOp():
                self._turnable(" ? ".join(sorted(map(ast.unparse, node.values))), type(node.op).__name__)
            case ast.ExceptHandler():
                self.handlers.append(node)

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self.defined.add(node.name)
        for decorator in node.decorator_list:
            if _WHO.search(words(decorator)) or _GUARDING.search(words(decorator)):
                self._tell("who", node.name, ast.unparse(decorator))
            if _CLEANING.search(last := words(decorator).partition(" ")[0]) or "validator" in last:
                self._tell("cleaned", last, "")

    def _condition(self, test: ast.expr, refuses: bool) -> None:
        self.asked.add(ast.unparse(test))
        asks = plain(essential(test))
        if _WHO.search(words(test)) or any(map(_is_of_owner, walked(test))):
            self._tell("who", _subject(asks), ast.unparse(asks))
        if refuses and not only_asks_whether_there(asks):
            self._tell("check", _subject(asks), ast.unparse(asks))

    def _named(self, name: str, value: ast.expr) -> None:
        is_size = name.isupper() and isinstance(value, ast.BinOp) and _is_number(value)
        if is_size or (LIMIT.search(name) and (_is_number(value) or _is_none(value) or _is_rate(value))):
            self._tell("limit", name, ast.unparse(value))
        elif name.isupper() and _WHO.search(name):
            self._tell("who", name, ast.unparse(value))
        elif name.isupper() and isinstance(value, ast.Constant) and isinstance(value.value, bool):
            self._tell("default", name, ast.unparse(value))

    def _call(self, node: ast.Call) -> None:
        name = words(node.func)
        last = name.rpartition(" ")[2]
        for keyword in node.keywords:
            self._asked_for(last, keyword)
            if keyword.arg and LIMIT.search(keyword.arg):
                self._tell("limit value", f"{last}({keyword.arg})", _amount(keyword.value))
                if _is_number(keyword.value):
                    self._tell("limit", f"{last}({keyword.arg})", ast.unparse(keyword.value))
                    is_field = last.endswith(("Field", "Column", "column"))
                    if _CLAMPING.search(keyword.arg) and not _is_small(keyword.value) and not is_field:
                        self._tell("clamp", f"{keyword.arg}={ast.unparse(keyword.value)}", "")
            if keyword.arg == "default" and last in ("add_argument", "option", "Option", "Field", "config", "getenv"):
                about = ast.unparse(node.args[0]) if node.args else last
                self._tell("default", about, ast.unparse(keyword.value).strip("'"))
        of_settings = isinstance(node.func, ast.Attribute) and _SETTINGS.search(words(node.func.value))
        numbers = [ast.unparse(one) for one in node.args if _is_number(one)]
        numbers = numbers[1:] if last == "range" and numbers[:1] == ["0"] and len(node.args) == 2 else numbers
        numbers += [words(one) for one in node.args if last in ("min", "max") and _is_limit(one)]
        if last in ("min", "max", "range", "timedelta") and numbers:
            self._tell("limit", last, " ".join(numbers))
            if last in ("min", "max") and any(map(_is_number, node.args)):
                self._tell("clamp", ast.unparse(node), "")
        if last == "getenv" or (last in ("get", "setdefault", "getboolean", "getint") and of_settings):
            given = " ".join(map(ast.unparse, node.args[1:])).removesuffix("None").strip("'")
            if not any(map(words, node.args[1:])):
                self._tell("default", ast.unparse(node.args[0]) if node.args else "", given)
        if _LOGGING.match(name.partition(" ")[0]) or last in _SAYING:
            self._tells(node)
        self._limits(node, last)

    def _asked_for(self, called: str, keyword: ast.keyword) -> None:
        """Whom a query is for."""
        if called in QUERIES and _OWNED.fullmatch(keyword.arg or ""):
            self._tell("who", f"{called}({keyword.arg})", f"{keyword.arg}={ast.unparse(keyword.value)}")

    def _limits(self, node: ast.Call, last: str) -> None:
        """What holds something back by what it is called."""
        amount = next(filter(_is_number, node.args), None)
        if amount is not None and last in (*_LIMITING, "sleep"):
            self._tell("limit value" if last == "sleep" else "limit", f"{last}()", ast.unparse(amount))
        if last == "range" and isinstance(node.args[-1] if node.args else None, ast.Name):
            name = ast.unparse(node.args[-1])
            if LIMIT.search(name.lower()):
                self._tell("limit", "range", name)
        if "Intents" in words(node.func):
            self._tell("who", "Intents", ast.unparse(node))
        if last in ("basicConfig", "setLevel") and "DEBUG" in words(node):
            self._tell("logged", "DEBUG", "")
        if last == "max" and any(map(_is_small, node.args)):
            self._tell("cleaned", last, "")
        if last in ("all", "any", "min", "max"):
            self._turnable(f"{last[:1] == 'a'} of {' '.join(map(ast.unparse, node.args))}", last)
        if _CLEANING.search(last):
            self._tell("cleaned", last, "")
        if last in ("compile", "match", "fullmatch", "search") and node.args and _is_anything(node.args[0]):
            self._tell("anything", ast.unparse(node), "")

    def _comparison(self, node: ast.Compare) -> None:
        if len(node.ops) != 1:
            return
        left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
        if not only_asks_whether_there(node):
            self._turnable(f"{left} ? {right}", operator(node.ops[0]))
        if _is_number(node.comparators[0]) and not _is_small(node.comparators[0]):
            equals = isinstance(node.ops[0], ast.Eq | ast.NotEq)
            self._tell("limit value" if equals else "limit", left, f"{type(node.ops[0]).__name__} {right}")

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """The defaults of what it takes, and where a function that checks something says no."""
        given = node.args.posonlyargs + node.args.args
        defaults = [*zip(given[::-1], node.args.defaults[::-1], strict=False)]
        defaults += [
            (one, value) for one, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True) if value
        ]
        for one, value in defaults:
            told = ast.unparse(value).removesuffix(".0").strip("'")
            if isinstance(value, ast.Constant) and (
                isinstance(value.value, int | float) or (isinstance(value.value, str) and _CHOICE.search(one.arg))
            ):
                self._tell("default value", f"{node.name}({one.arg})", told)
        early = (one for one in node.body if isinstance(one, ast.If) and _leaves(one.body) and not one.orelse)
        for first in (one for one in early if not only_asks_whether_there(one.test)):
            self._tell("early", node.name, ast.unparse(first.test))
        if _CHECKS.match(node.name):
            for inner in (one for statement in node.body for one in walked(statement) if isinstance(one, ast.If)):
                if _says_no(inner.body[-1]):
                    self._tell("check", _subject(plain(inner.test)), ast.unparse(plain(inner.test)))

    def _class(self, node: ast.ClassDef) -> None:
        for statement in node.body:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                self._tell("on import", ast.unparse(statement).partition("\n")[0], "")
        for statement in node.body if _SETTINGS_CLASS.search(node.name) else ():
            if isinstance(statement, ast.AnnAssign) and statement.value is not None:
                self._tell("default", f"{node.name}.{ast.unparse(statement.target)}", ast.unparse(statement.value))
            if isinstance(statement, ast.AnnAssign) and "Secret" in (kind := ast.unparse(statement.annotation)):
                self._tell("cleaned", kind, "")

    def _look_at_top(self, node: ast.stmt) -> None:
        if _runs(node) or isinstance(node, _ON_IMPORT):
            self._tell("on import", ast.unparse(node).partition("\n")[0], "")

    def _turnable(self, about: str, how: str) -> None:
        self.comparisons[(about, how)] += 1

    def _tells(self, node: ast.expr | None, of: re.Pattern[str] | None = None) -> None:
        """Names of secrets in what is logged, sent or raised."""
        if isinstance(node, ast.Call) and (
            names := {name for name in _secrets_in(node) if of is None or of.search(name)}
        ):
            self._tell("logged", " ".join(sorted(names)), "")

    def _tell(self, kind: str, about: str, how: str) -> None:
        self.told[kind][(about, how)] += 1


def _runs(node: ast.stmt) -> bool:
    """Whether a statement at the top of a file calls something for what it does, or a function of the file's own."""
    match node:
        case ast.Expr(value=ast.Call(func=called)):
            return _REGISTERING.search(ast.unparse(called)) is None
        case ast.Expr(value=ast.Await()):
            return True
        case ast.Assign(value=ast.Call(func=ast.Name(id=name))):
            return name.islower() and name not in _MAKERS
        case ast.If(test=test, body=body):
            return not _MAIN.search(ast.unparse(test)) and any(map(_runs, body))
        case ast.Try(body=body):
            return any(map(_runs, body))
    return False


def _refuses(body: list[ast.stmt]) -> bool:
    """Whether a branch turns somebody or something away."""
    last = body[-1]
    if isinstance(last, ast.Raise | ast.Continue):
        return isinstance(last, ast.Raise)
    if isinstance(last, ast.Return):
        return isinstance(last.value, ast.Call) and _REFUSAL.search(ast.unparse(last.value)) is not None
    called = last.value if isinstance(last, ast.Expr) else None
    return isinstance(called, ast.Call) and words(called.func).rpartition(" ")[2] in (
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


def _is_of_owner(node: ast.AST) -> bool:
    """`item.user_id == user.id`: whose something is, or where it belongs."""
    if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
        return False
    both = [words(one) for one in (node.left, node.comparators[0])]
    if any(map(_OF_PLACE.search, both)):
        return True
    return any(map(_OWNED.search, both)) and all(_OWNED.search(one) or one.endswith(" id") for one in both)


def _is_anything(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and _ANYTHING.fullmatch(node.value) is not None
    )


def _says_no(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Return) else ast.Constant(True)
    return value is None or (isinstance(value, ast.Constant) and not value.value)


def _secrets_in(node: ast.Call) -> set[str]:
    found = set()
    for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
        for part in _told_of(argument):
            key = part.slice if isinstance(part, ast.Subscript) else None
            name = part.id if isinstance(part, ast.Name) else part.attr if isinstance(part, ast.Attribute) else ""
            key = part.args[0] if isinstance(part, ast.Call) and part.args and _is_variable(part.args[0]) else key
            name = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else name
            if (_SECRET.search(name) and not _HARMLESS.search(name)) or name in _WHOLE:
                found.add(name)
    return found


def _told_of(node: ast.AST) -> Iterator[ast.AST]:
    """What of an expression is told: not what only its length or its truth comes from, nor what it is a part of."""
    match node:
        case ast.Call(func=ast.Name(id="len" | "bool" | "type")) | ast.Compare():
            return
        case ast.IfExp(body=body, orelse=other):
            inner: list[ast.AST] = [body, other]
        case ast.Subscript(slice=ast.Constant()):
            inner = []
        case _:
            inner = children(node)
    yield node
    for one in inner:
        yield from _told_of(one)


def _is_variable(node: ast.expr) -> bool:
    """The name of a variable of the environment: `getenv("BOT_TOKEN")`."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isupper()


def words(node: ast.AST) -> str:
    """The names within an expression, as they are written: an object before what is asked of it."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{words(value)} {name}".strip()
    return " ".join(filter(None, map(words, children(node))))


def _subject(test: ast.expr) -> str:
    return " ".join(sorted(set(words(test).split())))


def _is_number(node: ast.expr) -> bool:
    """A number, or a product of numbers."""
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    value = node.value if isinstance(node, ast.Constant) else None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _amount(node: ast.expr) -> str:
    """What says how much: of a sum of dates and the like, only its numbers."""
    if _is_number(node) or isinstance(node, ast.Name | ast.Attribute | ast.Constant):
        return ast.unparse(node)
    return " ".join(ast.unparse(one) for one in walked(node) if isinstance(one, ast.Constant))


def _is_limit(node: ast.expr) -> bool:
    """`MAX_BET`, `self.limit`"""
    return isinstance(node, ast.Name | ast.Attribute) and LIMIT.search(words(node).rpartition(" ")[2]) is not None


def _is_rate(node: ast.expr) -> bool:
    """`"30/minute"`"""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and _RATE.match(node.value) is not None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_small(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp):
        return _is_small(node.operand)
    return isinstance(node, ast.Constant) and node.value in (0, 1, 2)
