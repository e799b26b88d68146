"""Patches that stand in the call of a tool: as the text of a field, as a script for a shell, or as a call in Python."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from typing import Any

from kintsugi.parsing import parsed
from kintsugi.repair.applying.names import COMMAND, DIFF, PATH, REPLACE, SEARCH, WRAPPERS
from kintsugi.telemetry import lazy_re as re

PATCHES = ("*** Begin Patch", "diff --git ", "--- ")
_SHELL = (*COMMAND, "cmd")
_SCRIPT = re.compile(
    r"\s*(?:cd [^\s;&|]+ && )?(?:apply_patch|git apply|patch -p1)(?: -)? <<-?\s*(['\"]?)(\w+)\1\n(.*?\n)\2\s*",
    re.DOTALL,
)
_ARGUMENT = re.compile(r"<arg_key>\s*(\w+)\s*</arg_key>\s*<arg_value>((?:(?!<arg_key>).)*?)</arg_value>", re.DOTALL)


def patches_in(values: Sequence[Any]) -> list[str]:
    """The patches that are the text of a field, as in {"input": "*** Begin Patch …"}, each once."""
    texts = (one for value in values for one in _texts(value))
    found = (_SCRIPT.sub(r"\3", one) if _SCRIPT.fullmatch(one) else one for one in texts)
    return list(dict.fromkeys(one for one in found if one.lstrip().startswith(PATCHES)))


def commands_beside(value: Any) -> str | None:
    """A command for a shell that holds no patch, as a call beside the one that does."""
    match value:
        case list():
            return next((found for one in value if (found := commands_beside(one)) is not None), None)
        case dict():
            words = [word for name in _SHELL if isinstance(value.get(name), list) for word in value[name]]
            if words and not patches_in([value]):
                return " ".join(map(str, words))[:80]
            return commands_beside([value[name] for name in WRAPPERS if name in value])
    return None


def calls_in_python(source: str) -> str:
    """The fields of each call as JSON, if the source is nothing but calls that name texts: `replace(path="…", …)`."""
    tree = parsed(source)
    calls = [_fields(node) for node in tree.body] if tree is not None else []
    return "\n".join(json.dumps(fields) for fields in calls if fields) if calls and all(calls) else ""


def in_parameters(text: str) -> str:
    """Arguments whose name and value are in a tag each, with the name in the tag of the value."""
    return _ARGUMENT.sub(r"<parameter=\1>\2</parameter>", text)


def _texts(value: Any) -> Iterator[str]:
    """The texts in the fields of an object where calls carry a patch."""
    match value:
        case str():
            yield value
            if value.lstrip().startswith("{"):
                yield from _texts(_loaded(value))
        case list():
            yield from (one for inner in value for one in _texts(inner))
        case dict():
            yield from (one for name in (*WRAPPERS, *DIFF, *_SHELL) for one in _texts(value.get(name)))


def _loaded(text: str) -> Any:
    try:
        return json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _fields(node: ast.stmt) -> dict[str, Any] | None:
    """What a call names, if it names a path and both texts and nothing that is worked out. It may be printed."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print" and call.args:
        call = call.args[0]
    if not isinstance(call, ast.Call) or call.args:
        return None
    fields = {
        one.arg: one.value.value for one in call.keywords if one.arg is not None and isinstance(one.value, ast.Constant)
    }
    is_edit = all(any(name in fields for name in names) for names in (PATH, SEARCH, REPLACE))
    return fields if is_edit and len(fields) == len(call.keywords) else None
