"""Text of others, made fit to be shown: redacted, harmless to Discord's markdown, and never too long."""

from __future__ import annotations

import re

from kintsugi.telemetry.plain import plain

_MARKDOWN = re.compile(r"([\\*_~|`>#\[\]<]|^[ \t]*[-+](?=\s)|^[ \t]*\d+(?=\.\s)|(?<=\w):(?=//))", re.MULTILINE)
_NO_NAME = re.compile(r"[^\w.*-]")
_CUT = " …"


def quiet(text: str) -> str:
    """Plain, and nothing in it is markdown, a link or a mention."""
    escaped = _MARKDOWN.sub(_escaped, plain(text))
    return escaped.replace("@", "@\u200b")


def _escaped(found: re.Match[str]) -> str:
    mark = found[0]
    return f"{mark}\\" if mark.strip().isdigit() else f"{mark[:-1]}\\{mark[-1]}"


def length(text: str) -> int:
    """As Discord's client counts: a character outside the basic plane is two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """At most so long; what is cut ends with a mark and with no half escape."""
    if length(text) <= most:
        return text
    raw = text.encode("utf-16-le", "surrogatepass")[: (most - len(_CUT)) * 2]
    return raw.decode("utf-16-le", "ignore").rstrip("\\") + _CUT


def one_line(text: str, most: int) -> str:
    """The first line of somebody's text, quiet and at most so long."""
    return cut(quiet(next(iter(text.strip().splitlines()), "")), most)


def as_code(text: str, most: int) -> str:
    """Somebody's text as a piece of code on one line, which nothing in it ends. Code needs no marks escaped."""
    inside = " ".join(plain(text).replace("`", "'").replace("@", "@\u200b").split())
    return f"`{cut(inside, most)}`" if inside else ""


def short(name: str) -> str:
    """The beginning of the name of a commit or a tree, for a piece of code. Cut after it was redacted, never before."""
    return _NO_NAME.sub("", plain(name))[:12]
