"""A file that was sent in full, held against the one that is there: only lines that differ change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

from kintsugi.repair.applying.building import Built, Matched, is_python, spliced
from kintsugi.repair.applying.changes import Refused, WholeFile
from kintsugi.repair.applying.matching import Level
from kintsugi.repair.applying.readings import (
    TYPOGRAPHIC_QUOTES,
    are_barred,
    are_numbered,
    straight,
    straight_quotes,
    without_numbers,
)
from kintsugi.repair.applying.reindent import reindent, rounded
from kintsugi.repair.applying.splices import Splice, refuse_lazy_lines
from kintsugi.repair.applying.text import Text
from kintsugi.telemetry import lazy_re as re

_FRAGMENT = 0.3  # of the old lines must be left for it to be the same file
_CUT_OFF = 0.3  # of the old lines may be missing at the end
_NEAR = 4  # lines: this near to a change, blanks at the end of a line are taken off on purpose
_TEXT = re.compile(r"\.(?:md|markdown|rst|txt)$")  # here blanks at the end of a line mean something
_SLIPS = 2  # lines of a file of code that lost such blanks by carelessness; more are tidied up on purpose
_MARK = "\ufeff"  # of the order of bytes: nobody sees it, so nobody sends it
_FEW = 4  # lines: a file this short may be another one
_SHORTEST = 10  # lines: a shorter file may be rewritten


def build_whole(path: str, wanted: WholeFile, text: Text) -> Built:
    """The file as sent, in the file's own endings and indentation. Raises Refused for parts and placeholders."""
    new, level = _read(wanted.text, text)
    key = _as_it_is if _means_trailing_blanks(path, text, new) else _ended
    indented, straightened = _as_indented(path, new, text), level is Level.ALIKE
    made = _splices(text, indented, key, straightened=straightened)
    if not made:  # then the blanks at the ends of lines are all that it is about
        made = _splices(text, indented, _as_it_is, straightened=straightened)
    for one in made:
        refuse_lazy_lines(one.lines, text.lines[one.start : one.end], text)
    _refuse_fragment(path, text, made)
    built = Built(spliced(text, made, path), (Matched(path, 1, level),))
    if level is not Level.EXACT and path.endswith(".py") and is_python(text.string) and not _is_whole(built):
        raise Refused(f"{path}: as sent, the file is not valid Python.")
    return built


def likeness(wanted: WholeFile, text: Text) -> float:
    """How much of the two files, from 0 to 1, is in both."""
    new = Counter(line.strip() for line in wanted.text.split("\n") if line.strip())
    old = Counter(line.strip() for line in text.lines if line.strip())
    return 2 * (new & old).total() / ((new.total() + old.total()) or 1)


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
    if lines and text.lines and text.lines[0].startswith(_MARK) and not lines[0].startswith(_MARK):
        lines[0] = _MARK + lines[0]
    level = Level.EXACT
    if (len(lines) > 3 or are_barred(lines)) and are_numbered(lines) and not are_numbered(text.lines):
        lines, level = without_numbers(lines), Level.SPACED
    if any(mark in string for mark in TYPOGRAPHIC_QUOTES) and not any(
        mark in text.string for mark in TYPOGRAPHIC_QUOTES
    ):
        lines, level = _straightened(lines, text), Level.ALIKE
    return lines, level


def _as_indented(path: str, new: list[str], text: Text) -> list[str]:
    """The lines in the file's indentation, where that explains most lines that differ. Raises Refused."""
    old = set(text.keyed(Level.TRAILING, str.rstrip))
    indented = [line.rstrip() for line in new if line.strip() and line[0].isspace()]
    if not indented or sum(line in old for line in indented) * 2 > len(indented):
        return new
    stripped = [line.strip() for line in new]
    blocks = SequenceMatcher(
        None, stripped, text.keyed(Level.INDENTED, str.strip), autojunk=False
    ).get_matching_blocks()
    pairs = [(block.a + n, block.b + n) for block in blocks for n in range(block.size)]
    carry = reindent([(new[theirs], text.lines[ours]) for theirs, ours in pairs], new, text)
    if carry is not None:
        blank = {theirs: text.lines[ours] for theirs, ours in pairs if not new[theirs].strip()}
        return [blank.get(number, carry(line)) for number, line in enumerate(new)]
    if (made := rounded(pairs, new, text)) is not None:
        return made
    if len(pairs) * 2 > len(new):
        raise Refused(
            f"{path}: its lines are set in otherwise than in the file, and in no one way. Keep its indentation."
        )
    return new


def _straightened(lines: Sequence[str], text: Text) -> list[str]:
    """With quotes as typed; dashes too, where lines of the file show that they are typeset."""
    old = set(text.lines)
    typed = [straight_quotes(line) for line in lines]
    full = [straight(line) for line in lines]
    is_full = any(one != other and one not in old and other in old for one, other in zip(typed, full, strict=True))
    return full if is_full else typed


def _splices(text: Text, new: Sequence[str], key: Callable[[str], str], *, straightened: bool) -> list[Splice]:
    old = [key(straight(line) if straightened else line) for line in text.lines]
    sent = [key(straight(line) if straightened else line) for line in new]
    codes = SequenceMatcher(None, old, sent, autojunk=False).get_opcodes()
    made = [Splice(start, end, tuple(new[from_:to])) for tag, start, end, from_, to in codes if tag != "equal"]
    near = {at for one in made for at in range(one.start - _NEAR, one.end + _NEAR)}
    kept = [(start + n, from_ + n) for tag, start, end, from_, _ in codes if tag == "equal" for n in range(end - start)]
    return made + [
        Splice(at, at + 1, (new[to],))
        for at, to in kept
        if at in near and new[to] == text.lines[at].rstrip() != text.lines[at]
    ]


def _means_trailing_blanks(path: str, text: Text, new: Sequence[str]) -> bool:
    """Whether a reply leaves out blanks at the end of lines on purpose: it keeps others, or takes off many in code."""
    present = [line for line in text.lines if line != line.rstrip()]
    sent = [line for line in new if line != line.rstrip()]
    if sent:
        return any(line in present for line in sent) and len(sent) * 2 < len(new)
    return len(present) > _SLIPS and not _TEXT.search(path)


def _as_it_is(line: str) -> str:
    return line


def _ended(line: str) -> str:
    return line.rstrip()


def _refuse_fragment(path: str, text: Text, made: Sequence[Splice]) -> None:
    count = len(text.lines)
    gone = sum(one.end - one.start for one in made)
    sent = count - gone + sum(len(one.lines) for one in made)
    if gone == count and sent * 2 < count and (count >= _FEW or not sent):
        raise Refused(f"{path}: nothing is left of its {count} lines. Send the whole file, or edits.")
    if count < _SHORTEST:
        return
    if count - gone < _FRAGMENT * count:
        raise Refused(f"{path}: of its {count} lines only {count - gone} are left. Send the whole file, or edits.")
    cut = next((one.end - one.start - len(one.lines) for one in made if one.end == count), 0)
    if cut > _CUT_OFF * count:
        raise Refused(f"{path}: its last {cut} lines are missing, as if the reply were cut off. Send the whole file.")


def _is_whole(built: Built) -> bool:
    return is_python(built.content.decode("utf-8", errors="replace").replace("\r\n", "\n"))
