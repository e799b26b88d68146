"""Replies that leave a choice: several ways to do one thing, of which only one is meant."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kintsugi.repair.applying.beside import unquoted
from kintsugi.repair.applying.changes import Change, Refused
from kintsugi.telemetry import lazy_re as re

_DRESS = r"[ \t>#*_\-\d.)(]*"
_HEADING = re.compile(
    rf"^{_DRESS}(?:(?P<word>option|alternative|approach|variant)\s+(?P<label>[a-d1-4]|one|two|three)\b"
    r"|(?P<other>alternatively\b|another (?:option|way|approach|fix)\b|or,? (?:alternatively|instead)\b))",
    re.IGNORECASE,
)


def refuse_options(text: str, changes: Sequence[Change], read: Callable[[str], Sequence[Change]]) -> None:
    """Raises Refused where parts of a reply that are headed as alternatives have a patch each. `read` reads a part."""
    prose = set(unquoted(text, changes).split("\n"))
    lines = text.split("\n")
    heads = [at for at, line in enumerate(lines) if line in prose and _HEADING.match(line)]
    if not heads:
        return
    parts = ["\n".join(lines[start:end]) for start, end in zip([0, *heads], [*heads, len(lines)], strict=True)]
    found = [patch for part in parts if (patch := _read(part, read))]
    if len(found) > 1 and any(set(one) != set(found[0]) for one in found):
        raise Refused("The reply has a patch for each of several options. Send one.")


def _read(part: str, read: Callable[[str], Sequence[Change]]) -> Sequence[Change]:
    try:
        return read(part)
    except Refused:
        return ()
