"""Which path a block of a reply is headed by: beside its fence, in a line of its own, or named in prose."""

from __future__ import annotations

from collections.abc import Iterable

from kintsugi.telemetry import lazy_re as re

# A folder may be called `[id]` or `(shop)`, as those of routes are.
_TOKEN = re.compile(r"(?:(?<=/)(?:\[+[\w.\-]+\]+|\([\w.\-]+\))|[^\s`'\"*<>|,;()\[\]{}=])+")
_PATH = re.compile(
    r"^(?:[A-Za-z]:)?[\w@.+~/\\\-$()\[\]]*(?:\.\w{1,12}|/[\w.+\-$]+)$|^(?:Make|Docker|Proc|Gem|Pip)file$|^LICENSE$"
)
_WITH_BLANKS = re.compile(r"[\w@.+~\-]+/[\w@+~/\-]*(?: [\w@+~/\-]+){1,3}\.\w{1,8}")
_DRESS = " #*`:\"'"
_COMMENT = re.compile(r"^\s*(?:#|//|--|;|/\*|<!--)\s*(?:file(?:name|path)?:\s*|path:\s*)?(\S+?)\s*(?:\*/|-->)?\s*$")
_BEFORE_PATH = re.compile(r"^(?:[A-Za-z]\w*:)?(?:\d+:\d+:)?")  # a language, then the lines that are shown of the file
_CLASSES = re.compile(r"^\{\s*\.\w+")  # as in {.python filename=app.py}
_SAYS_FILE = {"file", "path", "filename", "filepath", "update", "edit", "new", "create", "modify", "change", "in"}
_CALLED = re.compile(r"/|\.(?:[a-z]{1,4}|[a-z]+[0-9]|json5?|jsonl|ipynb|jinja2?|proto|scala|swift|svelte)$|file$")
_AT_MOST = 3  # words of a line that names a path without marking it as code


def path_in_info(info: str) -> str | None:
    """The path in a fence's info string, as in `python app.py`, `python:app.py`, `12:15:app.py` or `title="app.py"`."""
    bare = _BEFORE_PATH.sub("", info)
    if with_blanks := _with_blanks(bare.partition(" ")[2]):
        return with_blanks
    return _only(_paths(_CLASSES.sub("", bare)))


def path_of_comment(line: str) -> str | None:
    """The path that is all a comment says, as code blocks begin with."""
    found = _COMMENT.match(line)
    return path_in_info(found[1]) if found and "/" in found[1] else None


def path_alone(line: str) -> str | None:
    """The path that is all a line says, whatever it is dressed in."""
    if with_blanks := _with_blanks(line):
        return with_blanks
    words = [token for token in _tokens(line) if any(character.isalnum() for character in token)]
    paths = [word for word in words if _PATH.match(word)]
    rest = [word for word in words if word not in paths and word.lower() not in _SAYS_FILE]
    return paths[0] if len(set(paths)) == 1 and not rest and _CALLED.search(paths[0]) else None


def path_above(line: str) -> str | None:
    """The one path that a line above a block names. Prose must mark it as code or end in it."""
    if with_blanks := _with_blanks(line):
        return with_blanks
    tokens, paths = _tokens(line), _paths(line)
    quoted = [path for path in paths if f"`{path}`" in line]
    path = _only(quoted if len(quoted) == 1 else paths)
    if path is None or (len(tokens) > _AT_MOST and not quoted and not line.rstrip(" :*").endswith(path)):
        return None
    return path


def path_in_prose(lines: Iterable[str]) -> str | None:
    """The path that the nearest line names, the last one being nearest. One that is all of its line goes first."""
    nearest_first = [line for line in lines if line.strip()][::-1]
    alone = (path for line in nearest_first if (path := path_alone(line)))
    named = (path for line in nearest_first if (path := path_above(line)) and _CALLED.search(path))
    return next(alone, None) or next(named, None)


def _with_blanks(line: str) -> str | None:
    """The path that is all of a line, with blanks in the name of its file."""
    bare = line.strip(_DRESS)
    return bare if _WITH_BLANKS.fullmatch(bare) else None


def _paths(line: str) -> list[str]:
    return list(dict.fromkeys(token for token in _tokens(line) if _PATH.match(token)))


def _tokens(line: str) -> list[str]:
    return [token.strip(":").rstrip(".") for token in _TOKEN.findall(line.replace("title=", " "))]


def _only(paths: list[str]) -> str | None:
    return paths[0] if len(paths) == 1 else None
