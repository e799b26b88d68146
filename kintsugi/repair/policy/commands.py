"""Commands and routes of Python that a patch takes away whole: nobody needs to be kept from what is not there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Set

from kintsugi.parsing import parsed
from kintsugi.repair.policy.changes import Change
from kintsugi.telemetry import lazy_re as re

_ASKED_BY_NAME = re.compile(r"(?:\w+_)?command|context_menu|group|button|route|get|post|put|patch|delete")
_MAY_STAY = 0.1
"""How much of a command may be written elsewhere: above it has moved, and what held it back is gone."""
_TELLING = 8  # characters of a line that is no bracket and no `else:`
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def without_gone_commands(change: Change, added: Set[str]) -> list[str]:
    """The removed lines but for those of such commands. `added`: all that the patch adds anywhere."""
    if change.after is None or not change.path.endswith(".py"):
        return change.removed
    old, new = parsed(change.old), parsed(change.new)
    if old is None or new is None:
        return change.removed
    left = list(change.removed)
    names = {one.name for one in _functions(new)}
    lines = change.old.split("\n")
    for one in _functions(old):
        own = lines[min([one.lineno, *(each.lineno for each in one.decorator_list)]) - 1 : one.end_lineno]
        if one.name in names or not _is_asked(one) or _stays(own, change.removed, added):
            continue
        for line in own:
            if line in left:
                left.remove(line)
    return left


def _functions(tree: ast.AST) -> Iterator[_Function]:
    return (one for one in ast.walk(tree) if isinstance(one, _Function))


def _is_asked(function: _Function) -> bool:
    """Whether somebody asks for it by a command or an address, and nothing else calls it."""
    made_by = (one.func if isinstance(one, ast.Call) else one for one in function.decorator_list)
    return any(isinstance(one, ast.Attribute) and _ASKED_BY_NAME.fullmatch(one.attr) for one in made_by)


def _stays(own: list[str], removed: list[str], added: Set[str]) -> bool:
    said = [line for line in own if len(line.strip()) > _TELLING]
    return sum(line not in removed or line.strip() in added for line in said) > _MAY_STAY * len(said)
