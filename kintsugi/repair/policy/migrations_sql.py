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
_MARK = re.compile(r"--.*(?:\+[ \t]*\w+[ \t]+|migrate:[ \t]*)(?:up|down)\b", re.IGNORECASE)
_READ = re.compile(r"--[ \t][^\n]*|--$|/\*(?![!+])[^*]*\*/|'[^'\\]*'|\"\w*\"|`\w*`", re.MULTILINE)
_QUOTED = re.compile(r"\"\w*\"|`\w*`")
_PLAIN = re.compile(
    r"create\s+(?:table|type|(?:unique\s+)?index)\b|alter\s+(?:table|type)\b|drop\s+(?:table|type|index|view)\b"
    r"|insert\s+into\b(?!.*\([^()]*\()|update\s+[\w.]+\s+set\b(?!.*\()|comment\s+on\b|(?:begin|commit)(?:\s+(?:transaction|work))?$",
    re.IGNORECASE | re.DOTALL | re.ASCII,
)
"""How statements begin that leave it at that where names lead: `SET search_path`, `USE` and what calls do not."""
_DOUBTFUL = re.compile(
    r"['\\#$\"`]|[^\x00-\x7f]|/\*|\*/|--"
    r"|\b(?:rename|change|exchange|partition|move|switch|swap|transfer|schema|owned|search_path|set_config|select"
    r"|set(?!\s+(?:not\s+)?(?:null|default|data\s+type)\b)|if(?!\s+(?:not\s+)?exists\s+\w)|begin|end|while|return|goto"
    r"|throw|rollback|use|exec|execute|procedure|function|trigger)\b",
    re.IGNORECASE,
)
"""What some database reads otherwise, what gives a name or rows to another table, and what decides whether the next
statement runs: in T-SQL it may follow without a semicolon.
"""
_NAME = r"((?:[\w.]|\"\w*\"|`\w*`)+)"
"""As it is written: which quotes and capitals make it another name differs."""
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
    at = 0 if there else _where_back_begins(text)
    if at is None:
        return text
    way_there, way_back = _bare(there or text[:at]), _bare(text[at:])
    if way_there is None or way_back is None:
        return text
    made = Counter(kept for _, _, one in _statements(way_there) if (kept := _named(_MAKES, one, whole=False)))
    for start, end, one in _statements(way_back):
        dropped = _named(_DROPS, one, whole=True)
        if made[dropped] > 0:
            made[dropped] -= 1
            text = f"{text[: at + start]}{' ' * (end - start)}{text[at + end :]}"
    return text


def _where_back_begins(text: str) -> int | None:
    """Of a file that has both ways; None where that is not sure."""
    up, down = list(_UP.finditer(text)), list(_DOWN.finditer(text))
    is_sure = len(up) == len(down) == 1 and len(_MARK.findall(text)) == 2 and up[0].end() < down[0].start()
    return down[0].start() if is_sure and not text[: up[0].start()].strip() else None


def _bare(text: str) -> str | None:
    """The text with blanks for its comments and noughts for its strings; None where it may be read otherwise."""
    bare = _READ.sub(_without_what_it_says, text)
    return bare if all(_is_plain(_QUOTED.sub("q", one)) for _, _, one in _statements(bare)) else None


def _without_what_it_says(found: re.Match[str]) -> str:
    if found[0][0] in '"`':
        return found[0]
    return "0" * len(found[0]) if found[0][0] == "'" else re.sub(r"[^\n]", " ", found[0])


def _is_plain(statement: str) -> bool:
    begins = _PLAIN.match(statement)
    return begins is not None and not _DOUBTFUL.search(statement[begins.end() :])


def _statements(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each stands, and its words."""
    for found in re.finditer(r"[^;]+", text):
        if words := found[0].strip():
            yield found.start(), found.end(), words


def _named(patterns: tuple[tuple[str, re.Pattern[str]], ...], statement: str, *, whole: bool) -> _Kept:
    """What a statement makes or drops; () where it does something else. `whole`: and it does nothing more."""
    for what, pattern in patterns:
        if found := pattern.fullmatch(statement) if whole else pattern.match(statement):
            return (what, *found.groups())
    return ()
