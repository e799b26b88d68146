"""Text of others, fit to be shown to people."""

from __future__ import annotations

import unicodedata

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact import redact, redact_diff, redact_source

# ECMA-48: control sequences (colours, movements), and control strings (titles, and links, whose address OSC 8 hides).
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-9;:<=>?]{0,64}[ -/]{0,8}[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)"
)
_HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")


def plain(text: str) -> str:
    """Redacted, and as `visible`.

    Redacted before, as the rest of a colour code within a token would hide it, and after, as its parts have come
    together.
    """
    return redact(visible(redact(text)))


def plain_diff(text: str) -> str:
    """A unified diff, redacted as source code, and as `visible`."""
    return redact_diff(visible(redact_diff(text)))


def plain_code(text: str, path: str) -> str:
    """Some lines of the file at `path`, redacted as source code, and as `visible`."""
    return redact_source(visible(redact_source(text, path, excerpt=True)), path, excerpt=True)


def visible(text: str) -> str:
    """Without escape sequences and without control, direction and invisible characters: what is left is only seen.

    Line ends and tabs stay.
    """
    if text.isprintable():
        return text
    kept = _SEQUENCES.sub("", text)
    return "".join(letter for letter in kept if letter in "\n\t" or unicodedata.category(letter) not in _HIDDEN)
