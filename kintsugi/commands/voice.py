"""How commands speak where they need no colours: no terminal obeys what somebody else wrote.

Where they need them, `kintsugi.integrations.terminal.PlainConsole` holds the same.
"""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO


def say(sentence: str, *, err: bool = False, to: TextIO | None = None) -> None:
    """One sentence, redacted and plain."""
    from kintsugi.telemetry.plain import plain  # noqa: PLC0415  # whoever says nothing need not wait for it

    (to or (sys.stderr if err else sys.stdout)).write(plain(sentence) + "\n")


def say_json(value: Any, *, indent: int | None = None) -> None:
    """For programs to read, on standard output."""
    sys.stdout.write(as_json(value, indent=indent) + "\n")


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON in ASCII: what a terminal would obey is written as its number, and a reader of JSON has it whole."""
    return json.dumps(value, indent=indent)
