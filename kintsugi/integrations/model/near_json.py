"""JSON objects within what a model wrote: between thoughts and prose, in fences, with commas and comments too many.

Nothing is made up: an object that does not close is none, as what is missing of it could be anything.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from typing import Any

_LARGEST = 2_000_000  # characters
_MOST_LOOKS = 4  # how often, on average, each character is looked at
_THOUGHTS = re.compile(r"<(think|thinking|thought|reasoning|reflection)>.*?</\1>", re.DOTALL | re.IGNORECASE)
_UNOPENED = re.compile(r"\A.*?</(think|thinking|thought|reasoning|reflection)>", re.DOTALL | re.IGNORECASE)
_CHANNEL = re.compile(r"<\|channel\|>\s*final.*?<\|message\|>", re.DOTALL)
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*(?:[^*]|\*(?!/)){0,200}\*/|[{}\[\]]', re.DOTALL)
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrt]|u[0-9a-fA-F]{4})')
_CURLY = str.maketrans({"“": '"', "”": '"'})


def without_thoughts(text: str) -> str:
    """What was said after thinking aloud: `<think>` and its kin, with or without a beginning; gpt-oss's channels."""
    if channels := list(_CHANNEL.finditer(text)):
        text = text[channels[-1].end() :].split("<|", maxsplit=1)[0]
    text = _THOUGHTS.sub("", text)
    return _UNOPENED.sub("", text).strip()


def objects_in(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects of a text, in order; those of a list that is written around them too."""
    text = text[:_LARGEST]
    at = looked = 0
    while (at := text.find("{", at)) >= 0 and looked <= _MOST_LOOKS * len(text):
        end = _end_of(text, at)
        value = _value(text[at:end]) if end else None
        looked += (end or len(text)) - at
        if isinstance(value, dict):
            yield value
        at = end if isinstance(value, dict) and end else at + 1


def _end_of(text: str, start: int) -> int | None:
    """Behind the bracket that closes the one at `start`; None where none does."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += (token[0] in "{[") - (token[0] in "}]")
        if depth == 0:
            return token.end()
    return None


def _value(text: str) -> Any:
    """As JSON, then without what JSON does not allow, then as Python writes the same."""
    for read in (text, _tidied(text), _tidied(text.translate(_CURLY))):
        try:
            return json.loads(read, strict=False)  # line breaks within strings are read as they are
        except (ValueError, RecursionError):
            continue
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def _tidied(text: str) -> str:
    """Without comments, without commas before a closing bracket, and with backslashes that JSON knows."""
    parts: list[str] = []
    at = 0
    for token in _TOKEN.finditer(text):
        parts += text[at : token.start()]
        if token[0].startswith('"'):
            parts.append(_BAD_ESCAPE.sub(r"\\\\", token[0]))
        elif not token[0].startswith("/"):
            parts.append(token[0])
        at = token.end()
    return _without_commas([*parts, *text[at:]])


def _without_commas(parts: list[str]) -> str:
    """Drops a comma that only blanks part from a closing bracket; strings are parts of their own."""
    kept: list[str] = []
    for part in parts:
        if part in ("}", "]"):
            at = len(kept)
            while at and kept[at - 1].isspace():
                at -= 1
            if at and kept[at - 1] == ",":
                del kept[at - 1]
        kept.append(part)
    return "".join(kept)
