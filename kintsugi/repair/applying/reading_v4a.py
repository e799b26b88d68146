"""Reading `*** Begin Patch`, the format some models were taught (V4A)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kintsugi.repair.applying.changes import Change, FilePatch, Refused, Removal, WholeFile
from kintsugi.repair.applying.reading_hunks import read_hunks
from kintsugi.telemetry import lazy_re as re

_BEGIN, _END = "*** Begin Patch", "*** End Patch"
_STARS = " ***"  # behind a marker too, as some models write it
_FILE = re.compile(r"^\*\*\* (Update|Add|Delete) File: *(.+?)(?: \*\*\*)? *$")
_MOVE = re.compile(r"^\*\*\* Move to: *(.+?) *$")
_FENCE = re.compile(r"^`{3,}\w*\s*$")
_END_OF_FILE = "*** End of File"


def looks_like_v4a(text: str) -> bool:
    return any(line.startswith(_BEGIN) or _FILE.match(line) for line in text.split("\n"))


def read_v4a(lines: Sequence[str], *, closed: bool) -> tuple[Change, ...]:
    """The changes of the patches in these lines. `closed`: the reply is known to go on after them. Raises Refused.

    Several are one patch if each speaks of other files, or says the same again.
    """
    made: list[Change] = []
    for patch in _patches(lines, closed):
        changes = list(_changes(patch))
        if all(change in made for change in changes):
            continue
        if {change.path for change in changes} & {change.path for change in made}:
            raise Refused("The reply holds two patches for a file. Send one, from *** Begin Patch to *** End Patch.")
        made += changes
    return tuple(made)


def outside_v4a(text: str) -> str:
    """The text without its patches of this format."""
    kept, within = list[str](), False
    for line in text.split("\n"):
        marker = line.strip().removesuffix(_STARS)
        within = within or marker == _BEGIN or _FILE.match(marker) is not None
        if not within or _FENCE.match(line):
            kept.append(line)
        within = within and marker != _END and not _FENCE.match(line)
    return "\n".join(kept)


def _patches(lines: Sequence[str], closed: bool) -> Iterator[list[str]]:
    """The lines of each patch."""
    patch: list[str] | None = None
    for line in lines:
        marker = line.strip().removesuffix(_STARS)
        if marker == _BEGIN or (patch is None and _FILE.match(marker)):
            if patch is not None:
                raise Refused(f"A patch begins within a patch. End the first one with {_END}.")
            patch = [] if marker == _BEGIN else [line]
        elif marker == _END and patch is not None:
            yield patch
            patch = None
        elif patch is not None:
            patch.append(line)
    if patch is not None:
        if not closed:
            raise Refused(f"The reply is cut off: {_END} is missing.")
        yield patch


def _changes(lines: list[str]) -> Iterator[Change]:
    heads = [at for at, line in enumerate(lines) if _FILE.match(line.strip())]
    if not heads and any(line.strip() for line in lines):
        raise Refused("The patch names no file. Begin each file with *** Update File: path.")
    for start, end in zip(heads, [*heads[1:], len(lines)], strict=True):
        found = _FILE.match(lines[start].strip())
        assert found
        yield _change(found[1], found[2].strip("`\"'"), lines[start + 1 : end])


def _change(verb: str, path: str, body: list[str]) -> Change:
    if verb == "Delete":
        return Removal(path)
    if verb == "Add":
        return _new_file(path, body)
    moved_to = next((move[1] for line in body[:2] if (move := _MOVE.match(line.strip()))), None)
    ends = any(line.strip() == _END_OF_FILE for line in body)
    kept = [line for line in body if not _MOVE.match(line.strip()) and line.strip() != _END_OF_FILE]
    hunks = read_hunks(_bare(kept, path), ends_file=ends)
    if not hunks and moved_to is None:
        raise Refused(f"The patch changes nothing in {path}: no line begins with + or -.")
    return FilePatch(path, hunks, moved_to=moved_to)


def _bare(body: list[str], path: str) -> list[str]:
    """The lines without a fence around them, and without a diff's headers that name the file once more."""
    said = [at for at, line in enumerate(body) if line.strip()]
    if len(said) > 1 and _FENCE.match(body[said[0]]) and _FENCE.match(body[said[-1]]):
        body = body[said[0] + 1 : said[-1]]
    headers = [line[4:].strip().removeprefix(prefix) for line, prefix in zip(body, ("a/", "b/"), strict=False)]
    is_headed = body[:1] and body[0].startswith("--- ") and body[1:2] and body[1].startswith("+++ ")
    return body[2:] if is_headed and headers == [path, path] else body


def _new_file(path: str, body: list[str]) -> WholeFile:
    while body and not body[-1].strip():
        body = body[:-1]
    if any(line.strip() and not line.startswith("+") for line in body):
        raise Refused(f"{path} is to be added, but its lines do not all begin with +.")
    return WholeFile(path, "".join(f"{line[1:]}\n" for line in body), is_new=True)
