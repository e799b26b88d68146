"""Text of others, made fit to be shown: redacted, harmless to Discord's markdown, and never too long."""

from __future__ import annotations

import re
import unicodedata

from telemetry.redact import redact

_MARKDOWN = re.compile(r"([\\*_~|`>#\[\]<]|^[ \t]*[-+](?=\s)|^[ \t]*\d+(?=\.\s)|(?<=\w):(?=//))", re.MULTILINE)
_COLOURS = re.compile(r"(?:\x1b\[|\x9b)[0-9;:?]{0,24}[A-Za-z]")
_NO_NAME = re.compile(r"[^\w.*-]")
_CUT = " …"


def plain(text: str) -> str:
    """Redacted, and without colour codes, control, direction and invisible characters.

    Redacted before, as the rest of a colour code within a token would hide it, and after, as its parts have come
    together.
    """
    kept = _COLOURS.sub("", redact(text))
    shown = (letter for letter in kept if letter in "\n\t" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))
    return redact("".join(shown))


def quiet(text: str) -> str:
    """The same, and nothing in it is markdown, a link or a mention."""
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


def short(name: str) -> str:
    """The beginning of the name of a commit or a tree, for a piece of code. Cut after it was redacted, never before."""
    return _NO_NAME.sub("", plain(name))[:12]
