"""Folders that a statement of Python empties, in a loop or in an expression that goes over what is in one."""

from __future__ import annotations

import ast

from kintsugi.repair.policy.effects import REMOVERS, REMOVING, called, removes
from kintsugi.repair.policy.names import Names, text_of
from kintsugi.repair.syntax import walked

_WALKERS = ("walk", "rglob", "glob", "iterdir", "scandir", "listdir", "iglob")
_APPLYING = ("map", "filter", "for_each", "starmap")
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def emptied_by(node: ast.AST, names: Names) -> str:
    """What is removed of a folder: "emptied-folder", "files-removed" where files are chosen, or ""."""
    match node:
        case ast.For(iter=over, body=body) | ast.AsyncFor(iter=over, body=body) | ast.While(test=over, body=body):
            removed, all_of_it = any(_is_removing(one, names) for one in body), _removes_all(body, names)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            over, all_of_it = node.generators[0].iter, not any(one.ifs for one in node.generators)
            removed = any(_is_removing(one, names) for one in _made(node))
        case ast.Call(args=[how, over]) if called(node) in _APPLYING:
            removed, all_of_it = _is_remover(how, names) or _is_removing(how, names), True
        case _:
            return ""
    walks = _walks(over, names) if removed else []
    if not walks:
        return ""
    return "emptied-folder" if all_of_it and not any(map(_is_of_some, walks)) else "files-removed"


def _made(node: _Comprehension) -> list[ast.expr]:
    kept = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    return [*kept, *(condition for one in node.generators for condition in one.ifs)]


def _walks(over: ast.expr, names: Names) -> list[ast.Call]:
    """The calls that say what is in a folder, also where a name was set to what they said."""
    parts = walked(over)
    values = [value for part in parts if (value := names.value(part)) is not None]
    inner = (part for value in values for part in walked(value))
    return [one for one in (*parts, *inner) if isinstance(one, ast.Call) and called(one) in _WALKERS]


def _is_remover(node: ast.expr, names: Names) -> bool:
    """A function that removes what it is handed: `os.remove`, `Path.unlink`."""
    return names.of(node) in REMOVERS or (isinstance(node, ast.Attribute) and node.attr in REMOVING)


def _is_removing(node: ast.AST, names: Names) -> bool:
    """Whether it removes, or hands on what does: `to_thread(os.remove, file)`."""
    calls = [one for one in walked(node) if isinstance(one, ast.Call)]
    return any(removes(one, names) or any(_is_remover(given, names) for given in one.args) for one in calls)


def _removes_all(body: list[ast.stmt], names: Names) -> bool:
    """Whether no condition comes before what is removed."""
    for one in body:
        if isinstance(one, ast.If) and not isinstance(one.test, ast.Constant):
            if any(isinstance(part, ast.Continue) for part in walked(one)):
                return False
        elif isinstance(one, ast.For | ast.With | ast.Try):
            if _removes_all(one.body, names):
                return True
        elif _is_removing(one, names):
            return True
    return False


def _is_of_some(walk: ast.Call) -> bool:
    """Whether it asks for files by a part of their names: `glob("*.tmp")`."""
    wanted = text_of(walk.args[0]) if walk.args and "glob" in called(walk) else ""
    return any(character.isalnum() for character in wanted.rpartition("/")[2])
