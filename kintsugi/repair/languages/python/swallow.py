"""Finding what a patch added that makes an exception disappear, and taking it away again.

A patch that only swallows removes the crash and keeps the fault. Two questions are answered here on the syntax
tree: is anything left of the patch without its swallowing, and what does the patch look like without it? The proof
runs the regression test on the latter: if it fails there, the swallowing is what made it pass.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Mapping, Sequence

from kintsugi.parsing import parsed
from kintsugi.repair.languages.found import Swallow, Swallowing
from kintsugi.telemetry import lazy_re as re

_BROAD = {"Exception", "BaseException"}
_LOGGING = {"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "print_exc"}
_LOGGER = re.compile(r"log|traceback", re.IGNORECASE)


def swallowing(before: Mapping[str, str], after: Mapping[str, str]) -> Swallowing:
    """Compare the source files of a patch, both by path; a file that is not in `before` is new.

    Files that cannot be parsed are left out.
    """
    places: list[Swallow] = []
    without: dict[str, str] = {}
    left = False
    for path, source in after.items():
        old, new = parsed(before.get(path, "")), parsed(source)
        if old is None or new is None:
            left = True
            continue
        stripper = _Stripper(path, old, new)
        stripped = stripper.visit(new)
        places += stripper.found
        if stripper.found:
            without[path] = ast.unparse(ast.fix_missing_locations(stripped))
        left = left or essence(stripped, imports=False) != essence(old, imports=False)
    return Swallowing(tuple(places), without, is_all=bool(places) and not left)


def essence(tree: ast.Module, *, imports: bool = True) -> str:
    """What a module does, leaving out what does nothing: docstrings, `pass`, log lines, layout, and maybe imports."""
    return ast.dump(_Essence(imports=imports).visit(copy.deepcopy(tree)))


class _Essence(ast.NodeTransformer):
    def __init__(self, *, imports: bool) -> None:
        self._imports = imports

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) or _is_logging(node) else node

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_Import(self, node: ast.Import) -> ast.AST | None:
        return node if self._imports else None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return node if self._imports else None


class _Stripper(ast.NodeTransformer):
    """Takes away what swallows and is not in the old tree."""

    def __init__(self, path: str, old: ast.Module, new: ast.Module) -> None:
        self._path = path
        self._known = Counter(_key(node) for node in ast.walk(old) if isinstance(node, ast.withitem))
        were, are = _handlers(old), _handlers(new)
        self._same = were & are
        self._moved = Counter(key for _, key in (were - are).elements())  # what they try was changed
        handlers = {_key(node): _body(node) for node in ast.walk(old) if isinstance(node, ast.ExceptHandler)}
        gone = Counter(key for _, key in were.elements()) - Counter(key for _, key in are.elements())
        self._widened = Counter(handlers[key] for key in gone.elements())
        tries = [node for node in ast.walk(old) if isinstance(node, ast.Try | ast.TryStar)]
        self._tried = {(_block(node.body), _body(handler)) for node in tries for handler in node.handlers}
        self._suppressing = _names_of_suppress(new)
        self.found: list[Swallow] = []

    def visit_Try(self, node: ast.Try | ast.TryStar) -> ast.AST | list[ast.stmt]:
        tried = _block(node.body)
        self.generic_visit(node)
        kept = [handler for handler in node.handlers if not self._swallows(handler, tried)]
        if len(kept) == len(node.handlers):
            return node
        if kept or node.finalbody:
            orelse = node.orelse if kept else []
            body = node.body if kept else node.body + node.orelse
            return type(node)(body=body, handlers=kept, orelse=orelse, finalbody=node.finalbody)
        return node.body + node.orelse

    visit_TryStar = visit_Try  # noqa: N815  # the name that ast gives it

    def visit_With(self, node: ast.With) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        kept = [item for item in node.items if not self._suppresses(item)]
        if len(kept) == len(node.items):
            return node
        return ast.With(items=kept, body=node.body) if kept else node.body

    def _swallows(self, handler: ast.ExceptHandler, tried: str) -> bool:
        if self._is_known(handler, tried) or not _drops(handler):
            return False
        if not is_broad(handler.type) and self._is_widened(_body(handler), tried):
            return False
        self._find(handler.lineno, handler.type)
        return True

    def _is_widened(self, body: str, tried: str) -> bool:
        """Whether a handler that was there catches more than it did, or one that does the same came beside it."""
        if self._widened[body] > 0:
            self._widened[body] -= 1
            return True
        return (tried, body) in self._tried

    def _suppresses(self, item: ast.withitem) -> bool:
        call = item.context_expr
        self._known[_key(item)] -= 1
        if not isinstance(call, ast.Call) or _name(call.func) not in self._suppressing or self._known[_key(item)] >= 0:
            return False
        self._find(call.lineno, *call.args)
        return True

    def _is_known(self, handler: ast.ExceptHandler, tried: str) -> bool:
        """Whether it was there: around the same, or else around something that was changed.

        Its like around something else does not make it known: a program may have many that drop a KeyError.
        """
        key = _key(handler)
        if self._same[tried, key] > 0:
            self._same[tried, key] -= 1
            return True
        self._moved[key] -= 1
        return self._moved[key] >= 0

    def _find(self, line: int, *types: ast.expr | None) -> None:
        catches = ", ".join(ast.unparse(one) if one is not None else "everything" for one in types)
        self.found.append(Swallow(self._path, line, catches))


def _names_of_suppress(tree: ast.Module) -> set[str]:
    """`contextlib.suppress`, by whatever name it was imported or bound to."""
    found = {"suppress"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "contextlib":
            found |= {one.asname for one in node.names if one.name == "suppress" and one.asname}
        elif isinstance(node, ast.Assign) and _name(node.value) == "suppress":
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _key(node: ast.AST) -> str:
    return ast.dump(node)


def _handlers(tree: ast.Module) -> Counter[tuple[str, str]]:
    """Every handler with what it is tried for."""
    tries = [node for node in ast.walk(tree) if isinstance(node, ast.Try | ast.TryStar)]
    return Counter((_block(node.body), _key(handler)) for node in tries for handler in node.handlers)


def _body(handler: ast.ExceptHandler) -> str:
    return _block(handler.body)


def _block(statements: Sequence[ast.stmt]) -> str:
    return "\n".join(ast.dump(statement) for statement in statements)


def is_broad(caught: ast.expr | None) -> bool:
    """Whether it catches everything, or as good as everything."""
    if caught is None:
        return True
    return any(_name(part) in _BROAD for part in (caught.elts if isinstance(caught, ast.Tuple) else [caught]))


def _drops(handler: ast.ExceptHandler) -> bool:
    """Whether the handler goes on as if nothing had happened.

    A broad one does unless it raises or calls for something else; a narrow one only if it puts nothing in the
    place of what failed, as answering a foreseen error with a value is what many true fixes do.
    """
    if is_broad(handler.type):
        return not any(_acts(node) for statement in handler.body for node in ast.walk(statement))
    return all(_is_nothing(statement) for statement in handler.body)


def _acts(node: ast.AST) -> bool:
    return isinstance(node, ast.Raise) or (isinstance(node, ast.Call) and not _is_log_call(node))


def _is_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Return):
        return statement.value is None or (isinstance(statement.value, ast.Constant) and statement.value.value is None)
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) or _is_logging(statement)
    return isinstance(statement, ast.Pass | ast.Continue | ast.Break)


def _is_logging(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call) and _is_log_call(statement.value)


def _is_log_call(call: ast.Call) -> bool:
    """`log.error(…)` and its like, by name: `console.print(…)` may be what a program is for."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr in _LOGGING and bool(_LOGGER.search(_name(call.func.value)))
    return _name(call.func) == "print"


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
