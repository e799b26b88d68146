"""The failing call as far as a report shows it: its frame's values, where these are literals, and nothing else.

A report and a log show values as Python prints them. Nothing of that is run: it is read as syntax, and what is neither
a literal nor a plain value of the standard library is told to be missing to whoever uses it. So it is the call in part.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from kintsugi.parsing import parsed, parsed_expression
from kintsugi.telemetry.capsule.helpers import HELPERS
from kintsugi.telemetry.capsule.names import Names
from kintsugi.telemetry.capsule.text import Written, file_of
from kintsugi.telemetry.redact import MASK, redact_field
from kintsugi.workflow.payload import Capsule, Failure, Frame

Lines = Callable[[str], Sequence[str]]
"""The lines of a file of the project; none where there is no such file."""

_LARGEST = 8_000  # characters of a value
_CUT_AT = 10  # Sentry's SDKs show no more than so many items, and do not always say that there were more
_HIDDEN = (MASK, "[Filtered]", "[redacted]")
_PLAIN: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(("datetime.datetime", "datetime"), ("datetime", "datetime")),
    "datetime.date": ("datetime", "date"),
    "datetime.time": ("datetime", "time"),
    "datetime.timedelta": ("datetime", "timedelta"),
    "datetime.timezone": ("datetime", "timezone"),
    "Decimal": ("decimal", "Decimal"),
    "UUID": ("uuid", "UUID"),
    **dict.fromkeys(("PosixPath", "WindowsPath"), ("pathlib", "Path")),
    **{name: ("collections", name) for name in ("OrderedDict", "Counter", "deque")},
    **{name: ("builtins", name) for name in ("set", "frozenset", "bytearray", "range")},
}
"""What the standard library prints as the call that makes it."""

_AS_IT_IS = frozenset(("staticmethod", "classmethod", "override", "abstractmethod", "overload"))
_ASKED = frozenset(("property", "cached_property"))
_OF_A_PROPERTY = {"setter": "fset", "deleter": "fdel"}  # which bear the property's name
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class _NotShown(Exception):
    """The value is no literal, or only a part of it."""


class _Hidden(Exception):
    """Something of it was masked."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A function in its module. `owner`: its class; `classes`: those of the module that print what they are made of."""

    module: str
    owner: str
    node: _Function
    classes: frozenset[str]

    @property
    def name(self) -> str:
        return f"{self.owner}.{self.node.name}" if self.owner else self.node.name

    @property
    def decorators(self) -> frozenset[str]:
        return frozenset(ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in self.node.decorator_list)

    @property
    def takes_itself(self) -> bool:
        return bool(self.owner) and "staticmethod" not in self.decorators


def shown_call(failure: Failure | None, lines: Lines) -> Capsule | None:
    """The call at the outermost frame of the project whose values a report shows; None where none does.

    The frames of the failure are located. Never raises.
    """
    if failure is None or failure.language != "python":
        return None
    own = [frame for frame in failure.final.frames if frame.in_project]
    for frame in own:
        found = _found(frame, lines)
        if found is not None and frame.variables and (found.takes_itself or _names(found.node)):
            return _written(found, frame, failure.final.type)
    return None


def _found(frame: Frame, lines: Lines) -> _Found | None:
    """The function of a frame, where it has a name in its module."""
    name = frame.function.rpartition(".")[2]
    tree = parsed("\n".join(lines(frame.path))) if name.isidentifier() else None
    if tree is None:
        return None
    for owner, node in _functions(tree):
        if node.name == name and node.lineno <= frame.line <= (node.end_lineno or 0):
            return _Found(_module(frame, lines), owner, node, frozenset(_records(tree)))
    return None


def _functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    """Those of the module and of its classes; what is inside of a function has no name by which it could be called."""
    waiting: list[tuple[str, ast.stmt]] = [("", node) for node in tree.body]
    while waiting:
        owner, node = waiting.pop()
        if isinstance(node, _Function):
            yield owner, node
        elif isinstance(node, ast.ClassDef):
            waiting += [(f"{owner}.{node.name}" if owner else node.name, one) for one in node.body]
        elif isinstance(node, ast.If | ast.Try):
            waiting += [(owner, one) for one in [*node.body, *node.orelse]]


def _records(tree: ast.Module) -> Iterator[str]:
    """Dataclasses and the like, which print the attributes that they have."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not any(getattr(one, "name", "") == "__repr__" for one in node.body):
            about = {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in node.decorator_list}
            if about & {"dataclass", "define", "frozen", "mutable", "attrs"}:
                yield node.name


def _module(frame: Frame, lines: Lines) -> str:
    """As a report names it, where that is the end of the file's path; else by the packages that the file lies in."""
    stem = frame.path.removesuffix(".py").removesuffix("/__init__").removesuffix("/__main__")
    if frame.module and f"/{stem}".endswith("/" + frame.module.replace(".", "/")):
        return frame.module
    parts = stem.split("/")
    start = len(parts) - 1
    while start and lines("/".join([*parts[:start], "__init__.py"])):
        start -= 1
    return ".".join(parts[start:])


def _written(found: _Found, frame: Frame, kind: str) -> Capsule:
    try:
        return _file(found, frame, kind)
    except _Hidden:
        return Capsule(module=found.module, function=found.name, why_not="a secret: a value")
    except RecursionError:
        return Capsule(module=found.module, function=found.name, why_not="its values are nested too deeply")


def _file(found: _Found, frame: Frame, kind: str) -> Capsule:
    test = f"test_{found.node.name.strip('_').lower() or 'call'}"
    names = Names((), taken=(test, "NotRebuilt", *HELPERS))
    values = _Values(names, found, frame.variables)
    call = _call(found, names, values)
    title = f"{found.name} of {found.module}, when it failed with {kind}, as far as the report shows the call."
    source = "".join(file_of(title, test, Written((), call), names, way=_way(found.node)))
    missing = ", ".join(values.missing)
    return Capsule(
        module=found.module,
        function=found.name,
        source=source,
        in_part="as far as the report shows the call" + (f", which is without {missing}" if missing else ""),
    )


def _call(found: _Found, names: Names, values: _Values) -> str:
    top, _, rest = found.name.partition(".")
    names.imported[top] = found.module, top
    itself = [values.itself(found)] if found.takes_itself else []
    if found.decorators & _ASKED:
        return f"{itself[0]}.{found.node.name}"
    arguments = ", ".join([*itself, *values.arguments()])
    for decorator in found.decorators & _OF_A_PROPERTY.keys():
        return f"{found.name}.{_OF_A_PROPERTY[decorator]}({arguments})"
    if not found.decorators <= _AS_IT_IS:
        return f'undecorated({found.name}, "{found.node.name}")({arguments})'
    if "classmethod" in found.decorators:
        return f"{found.name}({', '.join(values.arguments())})"
    return f"{top}.{rest}({arguments})" if rest else f"{top}({arguments})"


def _way(node: _Function) -> str:
    if isinstance(node, ast.AsyncFunctionDef):
        each = "async def to_its_end():\n    async for _ in {call}:\n        pass\n\nasyncio.run(to_its_end())"
        return each if _yields(node) else "asyncio.run({call})"
    return "for _ in {call}:\n    pass" if _yields(node) else "{call}"


def _yields(node: _Function) -> bool:
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(one)
    return False


def _names(node: _Function) -> list[str]:
    given = node.args
    return [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]


@dataclass(slots=True)
class _Values:
    """What the report shows of the arguments. `missing`: the names of those that it does not show whole."""

    names: Names
    found: _Found
    shown: Mapping[str, str]
    missing: list[str]

    def __init__(self, names: Names, found: _Found, shown: Mapping[str, str]) -> None:
        self.names, self.found, self.shown, self.missing = names, found, shown, []

    def itself(self, found: _Found) -> str:
        """What a method was called on: from what it prints, else an object that has no state."""
        first = (_names(found.node) or [""])[0]
        if "classmethod" in found.decorators:
            return found.owner
        try:
            return self._source(first, only_of=frozenset((found.owner,)))
        except _NotShown:
            self.missing.append(first or "itself")
            return f"of_unknown_state({found.owner})"

    def arguments(self) -> list[str]:
        """As a call has them."""
        given = self.found.node.args
        skipped = 1 if self.found.takes_itself else 0
        plain = [one.arg for one in (*given.posonlyargs, *given.args)][skipped:]
        unnamed = len(given.posonlyargs) - skipped
        rest = self._inside(given.vararg.arg, ast.Tuple, ast.List) if given.vararg else []
        more = self._inside(given.kwarg.arg, ast.Dict) if given.kwarg else []
        count = len(plain) if rest else max(unnamed, 0)
        optional = {one.arg for one in (*given.posonlyargs, *given.args)[-len(given.defaults) :] if given.defaults}
        optional |= {one.arg for one, value in zip(given.kwonlyargs, given.kw_defaults, strict=True) if value}
        named = [*plain[count:], *(one.arg for one in given.kwonlyargs)]
        return [
            *(self._argument(name) for name in plain[:count]),
            *rest,
            *(f"{name}={self._argument(name)}" for name in named if name in self.shown or name not in optional),
            *more,
        ]

    def _argument(self, name: str) -> str:
        try:
            return self._source(name, only_of=self.found.classes)
        except _NotShown:
            self.missing.append(name)
            shown = " ".join(self.shown.get(name, "").split())[:80]
            return f"missing({f'{name}: shown as {shown}' if shown else f'{name}: not shown'!r})"

    def _inside(self, name: str, *kind: type[ast.expr]) -> list[str]:
        """The arguments that have no name of their own in the function's head."""
        node = _parsed(self.shown.get(name, ""))
        try:
            source = self._source(name, only_of=self.found.classes) if isinstance(node, kind) else ""
        except _NotShown:
            source = ""
        if not source:
            self.missing.append(name)
        stars = "**" if isinstance(node, ast.Dict) else "*"
        return [f"{stars}{source}"] if source.strip("(){}[], ") else []

    def _source(self, name: str, *, only_of: Set[str]) -> str:
        shown = self.shown.get(name, "")
        if any(mark in shown for mark in _HIDDEN) or redact_field(name, shown) != shown:
            raise _Hidden
        return self._node(_parsed(shown), only_of)

    def _node(self, node: ast.expr | None, classes: Set[str]) -> str:
        """The source that makes the same value. Raises _NotShown."""
        match node:
            case ast.Constant(value=value) if value is not ... and not _is_cut(value):
                return ast.unparse(node)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() | complex())):
                return ast.unparse(node)
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) if len(items) != _CUT_AT:
                parts = [self._node(one, classes) for one in items]
                ends = "," if isinstance(node, ast.Tuple) and len(items) == 1 else ""
                brackets = {ast.List: "[{}]", ast.Set: "{{{}}}"}.get(type(node), "({})")
                return brackets.format(", ".join(parts) + ends)
            case ast.Dict(keys=keys, values=values) if len(keys) != _CUT_AT:
                leads = [self._node(key, classes) for key in keys]
                pairs = zip(leads, values, strict=True)
                return f"{{{', '.join(f'{lead}: {self._node(one, classes)}' for lead, one in pairs)}}}"
            case ast.Attribute() if ast.unparse(node) == "datetime.timezone.utc":
                self.names.imported["timezone"] = "datetime", "timezone"
                return "timezone.utc"
            case ast.Call(func=ast.Name() | ast.Attribute() as function, args=given, keywords=named):
                return self._made(ast.unparse(function), given, named, classes)
            case _:
                raise _NotShown

    def _made(self, kind: str, given: list[ast.expr], named: list[ast.keyword], classes: Set[str]) -> str:
        own, plain = kind.rpartition(".")[2], _PLAIN.get(kind)
        arguments = [self._node(one, classes) for one in given]
        arguments += [f"{one.arg}={self._node(one.value, classes)}" for one in named if one.arg]
        if len(arguments) != len(given) + len(named):
            raise _NotShown
        if plain is not None:
            if plain[0] != "builtins":
                self.names.imported[plain[1]] = plain
            return f"{plain[1]}({', '.join(arguments)})"
        if own in self.found.classes and own in classes and not given:
            self.names.imported[own] = self.found.module, own
            return f"rebuilt({', '.join([own, *arguments])})"
        raise _NotShown


def _parsed(shown: str) -> ast.expr | None:
    return parsed_expression(shown.strip()) if len(shown) <= _LARGEST else None


def _is_cut(value: object) -> bool:
    """Whether dots stand in a long text, as printers of locals put them where they cut."""
    if isinstance(value, bytes):
        return b"..." in value and len(value) > 100
    return isinstance(value, str) and ("..." in value or "…" in value) and len(value) > 100
