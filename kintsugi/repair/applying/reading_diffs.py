"""Reading unified diffs, as git, diff, people and models write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from kintsugi.repair.applying.changes import Change, FilePatch, Hunk, Op, Refused, Removal, WholeFile
from kintsugi.repair.applying.reading_hunks import is_header, read_hunks, with_missing
from kintsugi.telemetry import lazy_re as re

_COUNTS = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_NOTHING = "/dev/null"
_GIT = re.compile(r'^diff --git ("?[^"]+"?) ("?.+"?)$')
_EXTENDED = re.compile(
    r"^(old mode|new mode|deleted file mode|new file mode|copy from|copy to|rename from|rename to|similarity index"
    r"|dissimilarity index|index|Index:|={20,})\b ?(.*)$"
)
_VERSION = re.compile(r"\d+\.\d+")
_OCTAL = re.compile(r"\\([0-7]{3}|.)")
_TIMESTAMP = re.compile(r"(\t.*|\s+\([a-z ]+\)|\s+\d{4}-\d\d-\d\d[ T].*)$")
_PREFIX_PAIRS = {("a", "b"), ("i", "w"), ("c", "i"), ("c", "w"), ("o", "w"), ("old", "new"), ("b", "a")}


@dataclass
class _Section:
    """What a diff says of one file."""

    old: str | None = None
    new: str | None = None
    extended: dict[str, str] = field(default_factory=dict)
    body: list[str] = field(default_factory=list)
    binary: bool = False


def looks_like_diff(text: str) -> bool:
    """Whether there are a diff's headers, or a hunk's."""
    lines = text.split("\n")
    return any(
        _GIT.match(line.rstrip("\r"))
        or (line.startswith("--- ") and following.startswith("+++ "))
        or (is_header(line) and following[:1] in ("+", "-", " "))
        for line, following in pairwise([*lines, ""])
    )


def names_files(lines: Sequence[str]) -> bool:
    """Whether a diff says which files it is for."""
    return any(_GIT.match(line.rstrip("\r")) or _is_file_header(lines, at) for at, line in enumerate(lines))


def read_diff(lines: Sequence[str], path: str = "") -> tuple[Change, ...]:
    """The changes a diff makes, one or more for each file. `path` is that of a diff without headers. Raises Refused."""
    lines = lines[:-1] if lines and not lines[-1] else lines
    sections = [replace(section, new=section.new or path) for section in _sections(lines)]
    if sections:
        _refuse_cut_off(sections[-1])
    return tuple(change for section in sections for change in _changes(section, is_last=section is sections[-1]))


def _refuse_cut_off(last: _Section) -> None:
    """Raises Refused where a diff ends in the middle of a file's headers, or before its last hunk changes anything."""
    heads = [at for at, line in enumerate(last.body) if is_header(line)]
    changes = any(line[:1] in ("+", "-") for line in last.body[heads[-1] if heads else 0 :])
    says_more = last.binary or set(last.extended) - {"index"}
    if not changes and (last.body or not says_more):
        path = _without_prefixes(last.old, last.new)[1] or last.old or "a file"
        raise Refused(f"The diff is cut off: its last hunk, for {path}, changes nothing. Send all of it.")


def _sections(lines: Sequence[str]) -> Iterator[_Section]:
    section: _Section | None = None
    at = 0
    while at < len(lines):
        line = lines[at].rstrip("\r")
        if git := _GIT.match(line):
            if section:
                yield section
            section = _Section(_unquoted(git[1]), _unquoted(git[2]))
        elif _is_file_header(lines, at):
            if section and (section.body or section.old is None):
                yield section
                section = None
            section = section or _Section()
            section.old, section.new = _unquoted(line[4:]), _unquoted(lines[at + 1].rstrip("\r")[4:])
            at += 1
        elif section and not section.body and (extended := _EXTENDED.match(line)):
            section.extended[extended[1]] = extended[2]
        elif line.startswith(("GIT binary patch", "Binary files ")):
            section = section or _Section()
            section.binary = True
        elif section or is_header(line):
            section = section or _Section()
            end = _counted_end(lines, at) if is_header(line) else at + 1
            section.body += lines[at:end] if section.body or line.strip() else []
            at = len(lines) if end > at + 1 and _signs_off(lines, end) else end - 1
        at += 1
    if section:
        yield section


def _signs_off(lines: Sequence[str], at: int) -> bool:
    """Whether what follows a whole hunk is git's name at the end of a mail: dashes and a blank, then its version."""
    said = [line for line in lines[at:] if line.strip()]
    return len(said) == 2 and said[0].rstrip("\r") == "-- " and bool(_VERSION.match(said[1]))


def _is_file_header(lines: Sequence[str], at: int) -> bool:
    """`---` and `+++`; a removed `-- x` above an added `++ y` looks alike, but is counted or followed by no hunk."""
    if not (lines[at].startswith("--- ") and at + 1 < len(lines) and lines[at + 1].startswith("+++ ")):
        return False
    return at + 2 == len(lines) or lines[at + 2][:1] in ("@", " ", "+", "-", "", "\r", "\\")


def _heads_a_hunk(lines: Sequence[str], at: int) -> bool:
    return _is_file_header(lines, at) and at + 2 < len(lines) and is_header(lines[at + 2])


def _counted_end(lines: Sequence[str], at: int) -> int:
    """Where a hunk ends by its header's counts; after the header where these do not hold."""
    if not (counts := _COUNTS.match(lines[at])):
        return at + 1
    old, new = (int(count or 1) for count in counts.groups())
    end = at + 1
    while old > 0 or new > 0:
        sign = lines[end][:1] if end < len(lines) else "end"
        if sign not in (" ", "+", "-") or _heads_a_hunk(lines, end):
            return at + 1
        old, new = old - (sign != "+"), new - (sign != "-")
        end += 1
    return end if (old, new) == (0, 0) else at + 1


def _changes(section: _Section, *, is_last: bool) -> Iterator[Change]:
    old, new = _without_prefixes(section.old, section.new)
    if section.binary:
        raise Refused(f"{new or old} is patched as binary. Only text can be patched.")
    if "copy from" in section.extended:
        raise Refused(f"{section.extended['copy from']} is copied. Send the copy as a new file.")
    hunks = read_hunks(section.body)
    if is_last and hunks:
        hunks = (*hunks[:-1], with_missing(hunks[-1], section.body))
    mode = section.extended.get("new mode") or section.extended.get("new file mode")
    if section.new == _NOTHING or "deleted file mode" in section.extended:
        yield Removal(old, _side(hunks, Op.DROP) if hunks else None)
    elif section.old == _NOTHING or "new file mode" in section.extended:
        yield _new_file(new, hunks, mode)
    elif "rename to" in section.extended:
        yield FilePatch(
            _unquoted(section.extended["rename from"]), hunks, None, _unquoted(section.extended["rename to"])
        )
    elif hunks or mode:
        yield FilePatch(new, hunks, None if old == new else old, mode=mode)


def _new_file(path: str, hunks: tuple[Hunk, ...], mode: str | None) -> WholeFile:
    if any(line.op is not Op.ADD and line.text.strip() for hunk in hunks for line in hunk.lines):
        raise Refused(f"{path} is said to be new, but its lines are not all added. Begin each with +.")
    if any(any(hunk.short) for hunk in hunks):
        raise Refused(f"The diff is cut off: {path} has fewer lines than its header says. Send all of it.")
    return WholeFile(path, _side(hunks, Op.ADD), is_new=True, mode=mode)


def _side(hunks: tuple[Hunk, ...], op: Op) -> str:
    lines = [line.text for hunk in hunks for line in hunk.lines if line.op in (op, Op.KEEP)]
    ends = op is Op.ADD and bool(hunks) and hunks[-1].final_newline is False
    return "\n".join(lines) + ("\n" if lines and not ends else "")


def _without_prefixes(old: str | None, new: str | None) -> tuple[str, str]:
    """Both paths, without a/ and b/ where the pair shows that these are prefixes."""
    old, new = old or "", new or ""
    if old == _NOTHING:
        return "", new.removeprefix("b/")
    if new == _NOTHING:
        return old.removeprefix("a/"), ""
    (first, _, rest), (second, _, other_rest) = old.partition("/"), new.partition("/")
    return (rest, other_rest) if (first, second) in _PREFIX_PAIRS and rest and other_rest else (old, new)


def _unquoted(path: str) -> str:
    """A path as git and diff write it: perhaps quoted, perhaps followed by a time."""
    path = path.strip()
    if path.startswith('"') and path.endswith('"') and len(path) > 1:
        return _unescaped(path[1:-1])
    return _TIMESTAMP.sub("", path).strip("`'\"*").strip()


def _unescaped(path: str) -> str:
    """git's C-style quoting, whose octal numbers are bytes of UTF-8."""
    escapes = {"n": "\n", "t": "\t"}
    raw = _OCTAL.sub(lambda m: chr(int(m[1], 8)) if len(m[1]) == 3 else escapes.get(m[1], m[1]), path)
    try:
        return raw.encode("latin-1").decode()
    except UnicodeError:
        return raw
