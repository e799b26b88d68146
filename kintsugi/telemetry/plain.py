"""Text of others, fit to be shown to people."""

from __future__ import annotations

import re
import unicodedata

from kintsugi.telemetry.redact import redact

_COLOURS = re.compile(r"(?:\x1b\[|\x9b)[0-9;:?]{0,24}[A-Za-z]")
_HIDDEN = ("Cc", "Cf", "Cs")


def plain(text: str) -> str:
    """Redacted, and without colour codes, control, direction and invisible characters.

    Redacted before, as the rest of a colour code within a token would hide it, and after, as its parts have come
    together.
    """
    kept = _COLOURS.sub("", redact(text))
    shown = (letter for letter in kept if letter in "\n\t" or unicodedata.category(letter) not in _HIDDEN)
    return redact("".join(shown))
