"""Whether a file still is what its name says: what could be parsed before can be parsed after."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath

from kintsugi.parsing import parse as parse_python
from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.applying.newer_python import in_older_words
from kintsugi.repair.syntax import read_source


class Broken(Refused):
    """What a reply would make of a file cannot be parsed."""


_NEW_TOO = {".py", ".pyi", ".toml"}  # of JSON there are dialects, with comments


def refuse_broken(path: str, before: bytes | None, after: bytes) -> None:
    """Raises Refused where the old file could be parsed, or there was none, and the new one cannot be."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in _PARSERS or not (before or suffix in _NEW_TOO):
        return
    name, parse = _PARSERS[suffix]
    fault = _fault(parse, after)
    if fault is None or (before and _fault(parse, before) is not None):
        return
    raise Broken(
        f"{path}: what this would make of the file is not valid {name} ({fault}). Send the change whole, at its place."
    )


def _fault(parse: Callable[[bytes], object], content: bytes) -> str | None:
    """What is wrong with it, in the parser's words; None where nothing is."""
    try:
        parse(content)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return str(error)[:100] or type(error).__name__
    return None


def _python(content: bytes) -> object:
    """A program may be written for a newer Python than the one that runs us."""
    try:
        return parse_python(content)
    except SyntaxError:
        older = in_older_words(source := read_source(content))
        if older == source:
            raise
        try:
            return parse_python(older)
        except (SyntaxError, ValueError):
            pass
        raise


def _toml(content: bytes) -> object:
    return tomllib.loads(content.decode())


_PARSERS: dict[str, tuple[str, Callable[[bytes], object]]] = {
    ".py": ("Python", _python),
    ".pyi": ("Python", _python),
    ".json": ("JSON", json.loads),
    ".toml": ("TOML", _toml),
}
