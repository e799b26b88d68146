"""What the names of a Python file stand for: full names, by its imports and what is simply called by another name.

A name that no import binds stands for nothing, but for the builtins. Modules are not followed through calls, containers
and attributes: `python.py` refuses to see them handed on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from kintsugi.repair.policy.dangers import BUILTINS
from kintsugi.telemetry import lazy_re as re

# A module that another one imported is reached by it as well: logging.os, random._os, self.os.
REACHED = (
    "os",
    "posix",
    "nt",
    "subprocess",
    "builtins",
    "importlib",
    "ctypes",
    "sys",
    "gc",
    "pickle",
    "marshal",
    "shutil",
)
_LAST_REACHED = re.compile(rf"\._*(?=(?:{'|'.join(REACHED)})(?:\.|$))")
_IMPORTS = ("importlib.import_module", "__import__", "builtins.__import__", "importlib.__import__")


class Names:
    """Full names by what is in scope anywhere in the file; a scope of its own only hides names."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self._full: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        found = list(nodes)
        for node in found:
            self._remember_import(node)
        for node in found:
            self._remember_alias(node)

    def of(self, node: ast.AST) -> str | None:
        """The full name that an expression stands for; None where nobody imported it."""
        if isinstance(node, ast.Name):
            return self._full.get(node.id, node.id if node.id in BUILTINS else None)
        if isinstance(node, ast.Attribute):
            return self._of_attribute(node)
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.Subscript) and self.of(node.value) == "sys.modules":
            return text_of(node.slice) or None
        return self.of(node.value) if isinstance(node, ast.NamedExpr | ast.Await) else None

    def text(self, node: ast.AST) -> str:
        """A text, also one that a name of the file stands for; "" where a part of it is not known."""
        return self._texts.get(node.id, "") if isinstance(node, ast.Name) else text_of(node)

    def value(self, node: ast.AST) -> ast.expr | None:
        """What a name of the file was last set to; None for anything else."""
        return self._values.get(node.id) if isinstance(node, ast.Name) else None

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Whether anything in scope is bound to a full name of the pattern."""
        return any(map(pattern.fullmatch, self._full.values()))

    def _of_attribute(self, node: ast.Attribute) -> str | None:
        base = self.of(node.value)
        if base is None and isinstance(node.value, ast.Attribute) and node.value.attr.lstrip("_") in REACHED:
            base = node.value.attr.lstrip("_")
        return None if base is None else canonical(f"{base}.{node.attr}")

    def _of_call(self, node: ast.Call) -> str | None:
        name = self.of(node.func)
        first = text_of(node.args[0]) if node.args else ""
        if name in _IMPORTS and first:
            return first if name == "importlib.import_module" or "." not in first else first.partition(".")[0]
        if name in ("sys.modules.get", "sys.modules.pop", "sys.modules.__getitem__") and first:
            return first
        if name is None and isinstance(node.func, ast.Name) and node.func.id == "getattr" and len(node.args) > 1:
            base, attribute = self.of(node.args[0]), text_of(node.args[1])
            return canonical(f"{base}.{attribute}") if base and attribute else None
        return None

    def _remember_import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                self._full[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            module = node.module if node.module and not node.level else "."  # a module of the project's own
            for alias in node.names:
                self._full[alias.asname or alias.name] = canonical(f"{module}.{alias.name}")

    def _remember_alias(self, node: ast.AST) -> None:
        """`o = os`, `run = os.system`, `(m := import_module("os"))`."""
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets, value = [node.target], node.value
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            targets, value = [node.optional_vars], node.context_expr
        else:
            return
        name = self.of(value) if isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript) else None
        self._values.update({target.id: value for target in targets if isinstance(target, ast.Name)})
        if text := text_of(value):
            self._texts.update({target.id: text for target in targets if isinstance(target, ast.Name)})
        for target in targets:
            if isinstance(target, ast.Name) and name and target.id not in self._full:
                self._full[target.id] = name


def canonical(name: str) -> str:
    """A full name from the last of the modules in it that are dangerous by themselves."""
    found = list(_LAST_REACHED.finditer(name))
    return name[found[-1].end() :] if found else name


def text_of(node: ast.AST) -> str:
    """A text, also one that is put together of pieces; "" where a part of it is not known."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = text_of(node.left), text_of(node.right)
        return left + right if left and right else ""
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        texts = [text_of(part) for part in parts]
        return "".join(texts) if all(texts) else ""
    return ""
