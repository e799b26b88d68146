"""Reading hunks: the bodies that unified diffs and `*** Begin Patch` have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kintsugi.repair.applying.changes import Hunk, HunkLine, Op
from kintsugi.telemetry import lazy_re as re

_HEADER = re.compile(r"^@@+\s*(?:-(\d+)(?:,\d+)?(?:\s+\+\d+(?:,\d+)?)?\s*(?:@@+)?)?\s*(.*?)\s*(?:@@+)?\s*$")
_COUNTS = re.compile(r"^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_NO_NEWLINE = re.compile(r"^\\ ?no newline", re.IGNORECASE)
_OPS = {op.value: op for op in Op}


def is_header(line: str) -> bool:
    return line.startswith("@@")


def read_hunks(lines: Sequence[str], *, ends_file: bool = False) -> tuple[Hunk, ...]:
    """The hunks of one file's section. Numbers and counts are kept as claims; the lines speak for themselves."""
    hunks = []
    headings: list[str] = []
    for header, body in _sections(lines):
        start, heading = _claims(header)
        headings += [heading] if heading else []
        if hunk := _hunk(_without_prose(body), start, tuple(headings)):
            hunks.append(hunk)
            headings = []
    if hunks and ends_file:
        hunks[-1] = replace(hunks[-1], ends_file=True)
    return tuple(hunks)


def with_missing(hunk: Hunk, lines: Sequence[str]) -> Hunk:
    """The last hunk of these lines with how many old and new lines its header counts that it does not have.

    None where it has more on one side: then the header is wrong, or prose follows. A blank line at its end may be an
    unchanged one that lost its space.
    """
    heads = [at for at, line in enumerate(lines) if is_header(line)]
    counts = _COUNTS.match(lines[heads[-1]]) if heads else None
    if counts is None:
        return hunk
    body = [line for line in lines[heads[-1] + 1 :] if not _NO_NEWLINE.match(line)]
    said = len(body)
    while said and not body[said - 1].strip("\r"):
        said -= 1
    old = int(counts[1] or 1) - sum(line[:1] != Op.ADD for line in body[:said])
    new = int(counts[2] or 1) - sum(line[:1] != Op.DROP for line in body[:said])
    is_whole = min(old, new) < 0 or old == new <= len(body) - said
    return replace(hunk, short=(0, 0) if is_whole else (old, new), blank=len(body) - said)


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    header, body = "@@", list[str]()
    for line in lines:
        if is_header(line):
            yield header, body
            header, body = line, []
        else:
            body.append(line)
    yield header, body


def _claims(header: str) -> tuple[int | None, str]:
    """The claimed first line and the heading."""
    found = _HEADER.match(header.rstrip("\r"))
    if not found:
        return None, ""
    heading = found[2].strip()
    return int(found[1]) if found[1] else None, "" if set(heading) <= set(".… @-+,0123456789") else heading


def _without_prose(body: list[str]) -> list[str]:
    """The body without what follows the hunk: a blank line, then text that no hunk would hold."""
    last = max((at for at, line in enumerate(body) if line[:1] in ("+", "-")), default=-1)
    for at in range(last + 1, len(body) - 1):
        if not body[at].strip() and body[at + 1][:1] not in ("", " ", "\t", "\\", "\r"):
            return body[:at]
    return body


def _hunk(body: list[str], start: int | None, headings: tuple[str, ...]) -> Hunk | None:
    lines: list[HunkLine] = []
    unprefixed = False
    newline: dict[Op, bool] = {}
    while body and not body[-1].strip("\r"):
        body = body[:-1]
    for line in body:
        if _NO_NEWLINE.match(line):
            newline[lines[-1].op if lines else Op.KEEP] = False
        elif line[:1] in _OPS:
            lines.append(HunkLine(_OPS[line[0]], line[1:]))
        else:
            unprefixed = unprefixed or bool(line.strip())
            lines.append(HunkLine(Op.KEEP, line))
    if not any(line.op is not Op.KEEP for line in lines):
        return None
    return Hunk(tuple(lines), start, headings, final_newline=_final_newline(newline), unprefixed=unprefixed)


def _final_newline(missing: dict[Op, bool]) -> bool | None:
    """What the marks for a missing newline say of the new file's end."""
    if Op.ADD in missing or Op.KEEP in missing:
        return False
    return True if Op.DROP in missing else None
