"""A file that was sent in full, held against the one that is there: only lines that differ change."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from repair.building import Built, Matched, is_python, spliced
from repair.changes import Refused, WholeFile
from repair.matching import Level
from repair.readings import are_numbered, straight, without_numbers
from repair.reindent import Reindent, reindent
from repair.splices import Splice, refuse_lazy_lines
from repair.text import Text

_FRAGMENT = 0.3  # of the old lines must be left for it to be the same file
_CUT_OFF = 0.3  # of the old lines may be missing at the end
_SHORTEST = 10  # lines: a shorter file may be rewritten
_TYPOGRAPHIC = "\u201c\u201d\u2018\u2019"


def build_whole(path: str, wanted: WholeFile, text: Text) -> Built:
    """The file as sent, in the file's own endings and indentation. Raises Refused for parts and placeholders."""
    new, level = _read(wanted.text, text)
    made = _splices(text, _as_indented(new, text), straightened=level is Level.ALIKE)
    for one in made:
        refuse_lazy_lines(one.lines, text.lines[one.start : one.end], text)
    _refuse_fragment(path, text, made)
    built = Built(spliced(text, made, path), (Matched(path, 1, level),))
    if level is not Level.EXACT and path.endswith(".py") and is_python(text.string) and not _is_whole(built):
        raise Refused(f"{path}: as sent, the file is not valid Python.")
    return built


def likeness(wanted: WholeFile, text: Text) -> float:
    """The share of the old lines, from 0 to 1, that the new file has as well."""
    new = {line.strip() for line in wanted.text.split("\n")}
    old = [line.strip() for line in text.lines if line.strip()]
    return sum(line in new for line in old) / len(old) if old else 0.0


def new_content(wanted: WholeFile) -> bytes:
    """What a new file holds."""
    lines = wanted.text.split("\n")
    refuse_lazy_lines([line for line in lines if line.strip() != "..."], [], Text((), ()))
    string = "\n".join(without_numbers(lines)) if len(lines) > 3 and are_numbered(lines) else wanted.text
    if wanted.path.endswith(".py") and not is_python(string) and is_python(straight(string)):
        string = straight(string)
    try:
        return string.encode()
    except UnicodeEncodeError as error:
        raise Refused(f"{wanted.path}: {string[error.start]!r} is no character that can be written.") from error


def _read(string: str, text: Text) -> tuple[list[str], Level]:
    """The lines without what copying added."""
    lines = [line.rstrip("\r") for line in string.split("\n")]
    if not lines[-1]:
        lines.pop()
    level = Level.EXACT
    if len(lines) > 3 and are_numbered(lines) and not are_numbered(text.lines):
        lines, level = without_numbers(lines), Level.SPACED
    if any(mark in string for mark in _TYPOGRAPHIC) and not any(mark in text.string for mark in _TYPOGRAPHIC):
        lines, level = [straight(line) for line in lines], Level.ALIKE
    return lines, level


def _as_indented(new: list[str], text: Text) -> list[str]:
    """The lines in the file's indentation, where that explains most lines that differ."""
    old = set(text.keyed(Level.TRAILING, str.rstrip))
    full = [line.rstrip() for line in new if line.strip()]
    if not full or sum(line in old for line in full) * 2 > len(full):
        return new
    stripped = [line.strip() for line in new]
    blocks = SequenceMatcher(
        None, stripped, text.keyed(Level.INDENTED, str.strip), autojunk=False
    ).get_matching_blocks()
    pairs = [(new[b.a + n], text.lines[b.b + n]) for b in blocks for n in range(b.size)]
    carry: Reindent | None = reindent(pairs, new, text.lines)
    return new if carry is None else [carry(line) for line in new]


def _splices(text: Text, new: Sequence[str], *, straightened: bool) -> list[Splice]:
    old = text.keyed(Level.TRAILING, str.rstrip)
    if straightened:
        old = [straight(line) for line in old]
    matcher = SequenceMatcher(None, old, [line.rstrip() for line in new], autojunk=False)
    return [
        Splice(start, end, tuple(new[from_:to]))
        for tag, start, end, from_, to in matcher.get_opcodes()
        if tag != "equal"
    ]


def _refuse_fragment(path: str, text: Text, made: Sequence[Splice]) -> None:
    count = len(text.lines)
    gone = sum(one.end - one.start for one in made)
    if count < _SHORTEST:
        return
    if count - gone < _FRAGMENT * count:
        raise Refused(f"{path}: of its {count} lines only {count - gone} are left. Send the whole file, or edits.")
    cut = next((one.end - one.start - len(one.lines) for one in made if one.end == count), 0)
    if cut > _CUT_OFF * count:
        raise Refused(f"{path}: its last {cut} lines are missing, as if the reply were cut off. Send the whole file.")


def _is_whole(built: Built) -> bool:
    return is_python(built.content.decode("utf-8", errors="replace").replace("\r\n", "\n"))
