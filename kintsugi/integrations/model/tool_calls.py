"""Steps of looking as calls of tools: the five as a server is offered them, and calls as servers and models write them.

A call and a JSON reply say the same, so a step is kept as the reply and made a call of only on its way to a server.
Many servers leave calls in the text of the message, in the form that their model learnt; these are read as well. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from kintsugi.integrations.model.near_json import objects_in
from kintsugi.integrations.model.port import Tool

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer"}


def _object(*required: str, **properties: Any) -> dict[str, Any]:
    """With nothing but what every server takes: many refuse nulls, references, limits and `additionalProperties`."""
    return {"type": "object", "properties": properties, "required": list(required)}


_EDIT = _object("path", "search", "replace", path=_TEXT, search=_TEXT, replace=_TEXT, occurrence=_WHOLE)
_FIX = {
    "edits": {"type": "array", "items": _EDIT},
    "regression_test": _object("path", "content", path=_TEXT, content=_TEXT),
    "branch": _TEXT,
    "title": _TEXT,
    "body": _TEXT,
    "probability": {"type": "number"},
}

TOOLS = (
    Tool("find", "The lines that hold a piece of text, in any file.", _object("text", text=_TEXT)),
    Tool("read", "Lines of a file.", _object("path", path=_TEXT, first=_WHOLE, last=_WHOLE)),
    Tool("list", 'The names in a folder; "" is the root.', _object("path", path=_TEXT)),
    Tool("run", "The tests of a file, with the change proposed last or without any.", _object("path", path=_TEXT)),
    Tool("propose", "A change and its test, to be proven.", _object("edits", "regression_test", "probability", **_FIX)),
)

_NAMES = "|".join(tool.name for tool in TOOLS)
_LONGEST = 200_000  # characters that are searched for calls
_MOST = 32  # calls that are read of them
_ARGUMENTS = ("arguments", "parameters", "input", "args", "params")
_MARK = r"json|ARGS|\d+|(?:tool|call|argument|begin|sep|constrain|message)\w*"
_NAMED = re.compile(rf"\b({_NAMES})\b(?:[^\w{{}}]++(?:{_MARK})?+){{0,8}}+\{{")
_AS_XML = re.compile(rf"""<[^<>\w]*(?:DSML[^<>\w]*)?(?:function=|invoke name=)["']?({_NAMES})\b["']?[^<>]*>""")
_XML = re.compile(
    r"""<[^<>\w/]*(?:DSML[^<>\w]*)?parameter(?:=|\s+name=)["']?(\w+)["']?[^<>]*>(.*?)</[^<>]*parameter>""", re.DOTALL
)
_XML_END, _GLM_END = re.compile(r"</[^<>]*parameter>"), re.compile(r"</arg_value>")
_GLM_NAME = re.compile(rf"<tool_call>\s*({_NAMES})\b\s*(?=<arg_key>)")
_GLM = re.compile(r"<arg_key>\s*(\w+)\s*</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)


def as_reply(name: str, arguments: str) -> str:
    """The JSON reply that says the same as a call. Names come with a prefix, a number or a template's marks around."""
    given = _decoded(arguments)
    if not isinstance(given, dict):  # told to the model as it is
        return f'{{"tool": {json.dumps(name)}, "arguments": {arguments}'
    return json.dumps(_step(_our_name(name) or name, given), ensure_ascii=False)


def as_call(reply: str) -> tuple[str, str] | None:
    """Name and arguments of the call that says the same as a step's JSON; None where redacting has left none."""
    try:
        step = json.loads(reply)
        name = step.pop("tool")
    except (ValueError, KeyError, AttributeError, TypeError):
        return None
    given = step.get("fix") if name == "propose" and step.get("fix") else step
    if not isinstance(name, str) or not isinstance(given, dict):
        return None
    return name, json.dumps({key: value for key, value in given.items() if value is not None}, ensure_ascii=False)


def step_in(told: dict[str, Any]) -> dict[str, Any] | None:
    """The step that an object in a text is the call of; None where it is none: `{"name": …, "arguments": …}` and its
    kin, with a `function` in between."""
    inner = told.get("function")
    if isinstance(inner, dict):
        return step_in({key: told[key] for key in _ARGUMENTS if key in told} | inner)
    named = told.get("name") or told.get("recipient_name") or inner or told.get("tool")
    given = next((told[key] for key in _ARGUMENTS if key in told), None)
    given = _decoded(given) if isinstance(given, str) else given
    return _step(_our_name(named) or named, given) if isinstance(named, str) and isinstance(given, dict) else None


def steps_in(text: str) -> Iterator[dict[str, Any]]:
    """Calls whose name stands before their arguments: Kimi's, DeepSeek's, gpt-oss's, Groq's, Mistral's, and the XML of
    Qwen, GLM and MiniMax."""
    text = text[:_LONGEST]
    for found in islice(_NAMED.finditer(text), _MOST):
        given = next(objects_in(text[found.end() - 1 :]), None)
        if given is None:
            break  # none comes after it, so no later name is looked at: that would take minutes
        if "tool" not in given and step_in(given) is None:
            yield _step(found[1], given)
    for name, pairs, closing in ((_AS_XML, _XML, _XML_END), (_GLM_NAME, _GLM, _GLM_END)):
        closed = text[: max((found.end() for found in closing.finditer(text)), default=0)]  # what is open is no value
        starts = list(name.finditer(closed))
        for at, found in enumerate(starts):
            end = starts[at + 1].start() if at + 1 < len(starts) else len(closed)
            if given := {key: _bare(value) for key, value in pairs.findall(closed[found.end() : end])}:
                yield _step(found[1], given)


def _step(name: str, given: dict[str, Any]) -> dict[str, Any]:
    if name == "propose" and "fix" not in given:
        given = {"fix": given}
    return {"tool": name, **{key: value for key, value in given.items() if key != "tool"}}


def _our_name(name: object) -> str:
    """`functions.read:0`, `default_api:read` and `read_file` are `read`; empty where no tool of ours is in it."""
    ours = [word for word in re.findall(r"[a-z]+", str(name).lower()) if word in _NAMES.split("|")]
    return ours[0] if len(set(ours)) == 1 else ""


def _decoded(arguments: str) -> Any:
    """What was encoded, also where it was so twice; nothing for none."""
    value: Any = arguments if arguments.strip() else "{}"
    for _ in range(2):
        if isinstance(value, str):
            try:
                value = json.loads(value, strict=False)
            except (ValueError, RecursionError):
                return next(objects_in(value), None)
    return {} if value is None else value


def _bare(value: str) -> Any:
    """A value of XML: a number or an object where it is one, else text without the line breaks around it."""
    text = value.removeprefix("\n").removesuffix("\n")
    if text.strip().startswith(("{", "[")) or text.strip().isdecimal():
        try:
            return json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return text
    return None if text.strip() == "null" else text
