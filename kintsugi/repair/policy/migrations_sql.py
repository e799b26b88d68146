"""Migrations in SQL: what the way back of a new one drops of what its way there makes is no loss that it brings.

Only plain statements are believed. Where one database may read the text otherwise than another does, all of it counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

_UP = re.compile(r"--[ \t]*(?:\+goose[ \t]+Up|\+migrate[ \t]+Up|migrate:up)[ \t]*$", re.IGNORECASE | re.MULTILINE)
_DOWN = re.compile(
    r"--[ \t]*(?:\+goose[ \t]+Down|\+migrate[ \t]+Down|migrate:down)[ \t]*$", re.IGNORECASE | re.MULTILINE
)
_READ = re.compile(r"--[ \t][^\n]*|--$|'[^'\\]*'|/\*(?![!+])[^*]*\*/|(\"[\w.]*\"|`[\w.]*`)", re.MULTILINE)
_DOUBTFUL = re.compile(r"['\\#$\"`]|/\*|\*/|--|\brename\b", re.IGNORECASE)
_PLAIN = re.compile(r"(?:create|alter|drop|insert|update|comment|begin|commit)\b", re.IGNORECASE)
"""How statements begin that leave it at that where names lead: `SET search_path`, `USE` and what calls do not."""
_NAME = r"([\w.\"`]+)"
_MAKES = (
    ("table", re.compile(rf"create\s+table\s+(?!if\b){_NAME}", re.I)),
    ("type", re.compile(rf"create\s+type\s+(?!if\b){_NAME}\s+as\b", re.I)),
    (
        "column",
        re.compile(rf"alter\s+table\s+{_NAME}\s+add\s+(?:column\s+)?(?!if\b|constraint\b|column\b){_NAME}", re.I),
    ),
    ("constraint", re.compile(rf"alter\s+table\s+{_NAME}\s+add\s+constraint\s+(?!if\b){_NAME}", re.I)),
)
_DROPS = (
    ("table", re.compile(rf"drop\s+table\s+(?:if\s+exists\s+)?{_NAME}", re.I)),
    ("type", re.compile(rf"drop\s+type\s+(?:if\s+exists\s+)?{_NAME}", re.I)),
    (
        "constraint",
        re.compile(rf"alter\s+table\s+{_NAME}\s+drop\s+constraint\s+(?:if\s+exists\s+)?(?!if\b){_NAME}", re.I),
    ),
    ("column", re.compile(rf"alter\s+table\s+{_NAME}\s+drop\s+(?:column\s+)?(?:if\s+exists\s+)?(?!if\b){_NAME}", re.I)),
)
_Kept = tuple[str, ...]
"""What it is, the table of a column, and its name."""


def without_way_back(text: str, there: str = "") -> str:
    """A new migration without the statements of its way back that drop what its way there made.

    `there`: the way there, where that is a file of its own; then all of `text` is the way back.
    """
    if not there:
        up, down = list(_UP.finditer(text)), list(_DOWN.finditer(text))
        if len(up) != 1 or len(down) != 1 or not up[0].end() < down[0].start() or text[: up[0].start()].strip():
            return text
        at = down[0].start()
        there, text, before = text[:at], text[at:], text[:at]
    else:
        before = ""
    way_there, way_back = _bare(there), _bare(text)
    if way_there is None or way_back is None:
        return before + text
    made = Counter(kept for _, _, one in _statements(way_there) if (kept := _named(_MAKES, one, whole=False)))
    kept_text = text
    for start, end, one in _statements(way_back):
        dropped = _named(_DROPS, one, whole=True)
        if made[dropped] > 0:
            made[dropped] -= 1
            kept_text = kept_text[:start] + " " * (end - start) + kept_text[end:]
    return before + kept_text


def _bare(text: str) -> str | None:
    """The text with blanks for its comments and strings; None where something in it may be read otherwise."""
    bare = _READ.sub(lambda found: found[1] or re.sub(r"[^\n]", " ", found[0]), text)
    if _DOUBTFUL.search(re.sub(r"\"[\w.]*\"|`[\w.]*`", "", bare)):
        return None
    return bare if all(_PLAIN.match(one) for _, _, one in _statements(bare)) else None


def _statements(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each stands, and its words."""
    for found in re.finditer(r"[^;]+", text):
        if words := found[0].strip():
            yield found.start(), found.end(), words


def _named(patterns: tuple[tuple[str, re.Pattern[str]], ...], statement: str, *, whole: bool) -> _Kept:
    """What a statement makes or drops; () where it does something else. `whole`: and it does nothing more."""
    for what, pattern in patterns:
        if found := pattern.fullmatch(statement) if whole else pattern.match(statement):
            return (what, *(re.sub(r"[\"`]", "", name).lower() for name in found.groups()))
    return ()
