"""What stands in a reply beside the patch that was read from it. Half of a reply is never done."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from kintsugi.repair.applying.changes import Change, FilePatch, Op, Refused, Removal, Shown, WholeFile, differing
from kintsugi.repair.applying.fences import blocks
from kintsugi.repair.applying.headings import path_above, path_alone, path_in_info
from kintsugi.repair.applying.showing import SOME, unlisted, within
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.patch import Edit

_PATCH = ("diff", "patch", "tool_code")
_BEGINS = ("diff --git ", "--- ", "*** Begin Patch", "*** Update File", "*** Add File", "*** Delete File")
_SENDS = re.compile(
    r"\b(?:new|add|create|updated?|rewritten|revised|modified|corrected|fixed|complete|full|entire|whole|final"
    r"|replace|overwrite|becomes)\b",
    re.IGNORECASE,
)

# What a shell does to files of the program: a path with a folder or an ending must be among its words.
_COMMAND = re.compile(
    r"(?:^\s*(?:\$ )?|[\"'`>]\s*|&& |; )"
    r"(?P<said>(?:git (?:rm|mv)|rm|mv|chmod|tee|(?:sed|perl) (?:\S+ )*?-\w*i\w*|cat (?:<<-?\s*\S+ )?>>?) "
    r"(?P<words>[^\"'<>`\n]*(?:'[^'\n]*' )?[^\"'<>`\n]*))"
)
_OF_PROGRAM = re.compile(r"(?:^|\s)(?:\./)?\w[\w@+-]*(?:/[\w@+.-]+)*\.\w{1,5}(?=\s|$)")
_GONE = re.compile(
    r"<(?:invoke name=[\"'])?(?:delete|remove|rename|move)_(?:file|path)\b.*"
    r"|<file\b[^>\n]*\b(?:action|operation|op|delete|deleted|remove)=[\"'](?:delete|remove|rename|move|true)[\"'].*"
)


def refuse_acts(text: str, changes: Sequence[Change]) -> None:
    """Raises Refused where a command or a tag does something to a file that none of the changes does or quotes."""
    said = "\n".join(text for one in changes for text in _texts(one))
    for line in text.split("\n"):
        acts = [one["said"] for one in _COMMAND.finditer(line) if _OF_PROGRAM.search(one["words"])]
        acts += [one[0] for one in _GONE.finditer(line)]
        if act := next((one.strip() for one in acts if one.strip() not in said), None):
            raise Refused(
                f"The reply asks for {act[:80]!r} beside its patch, which is not done. Send all of it in one format."
            )


def refuse_others(changes: Sequence[Change], others: Iterable[Change]) -> None:
    """Raises Refused where another reader finds in the reply what none of these changes says."""
    for other in others:
        if not _is_told(other, changes):
            raise Refused("The reply holds two patches, in two formats. Send one.")


def begins_beside(lines: Sequence[str], changes: Sequence[Change]) -> bool:
    """Whether a diff or *** Begin Patch begins in these lines that none of the changes quotes."""
    there = {line for one in changes for text in _texts(one) for line in _plain(text)}
    return any(line.startswith(_BEGINS) and line.strip() not in there for line in lines)


def unquoted(text: str, changes: Sequence[Change]) -> str:
    """The text without the lines that changes quote or write, with a sign or without: `+x = {"path": "a"}` is code."""
    there = {line for one in changes for text in _texts(one) for line in _plain(text)}
    return "\n".join(line for line in text.split("\n") if line.strip() not in there and line[1:].strip() not in there)


def shown_beside(
    text: str, changes: Sequence[Change], has_all: Callable[[str], bool], is_patch: Callable[[str], bool]
) -> tuple[Shown, ...]:
    """Files that the reply shows, with lines that its changes do not have: whether they agree, the tree must tell.

    Raises Refused where a block is headed by the path of a file, and the patch does not make that file of it. What
    only shows the file that the patch changes may stand before it, and after it as it becomes, which the tree tells.
    `has_all` tells whether the whole patch is in a part of the text, `is_patch` whether one could be read from a block.
    """
    lines = text.split("\n")
    files = list(_files(lines, is_patch))
    shown: list[Shown] = []
    for end, file in files:
        same, is_told = _same(file, changes), _is_told(file, changes)
        tells = bool(same) and _tells(file, same[0])
        closing = not (same and has_all("\n".join(lines[end:])))
        if closing and not tells and not is_told:
            raise Refused(f"Beside its patch the reply has {file.path} as a whole. Send all of it in one format.")
        if tells:
            shown.append(Shown(same[0].path, file.text, closing))
    return tuple(shown)


def _tells(file: WholeFile, change: Change) -> bool:
    """Whether some lines of a file are none that the change of it quotes."""
    lines = _plain(file.text)
    return (
        len(lines) >= SOME
        and not isinstance(change, WholeFile | Removal)
        and not any(within(lines, side) for pair in _pairs(change) for side in pair)
    )


def _files(lines: Sequence[str], is_patch: Callable[[str], bool]) -> Iterator[tuple[int, WholeFile]]:
    """The blocks headed by nothing but a path, or by words that say the file is new or changed, and where each ends."""
    after = 0
    for block in blocks(lines):
        above = [line for line in lines[after : block.start - 1] if line.strip()]
        path = path_in_info(block.info) or (_path(above[-1]) if above else None)
        body, after = lines[block.start : block.end], block.end + 1
        if path and block.info.split(" ")[0] not in _PATCH and not is_patch("\n".join(body)):
            yield after, WholeFile(path, "\n".join(unlisted(body)))


def _path(line: str) -> str | None:
    if line.lstrip().startswith("<"):
        return None  # a tag
    return path_alone(line) or (path_above(line) if _SENDS.search(line) else None)


def _is_told(other: Change, changes: Sequence[Change]) -> bool:
    """Whether the changes say the same, or quote it in what they write."""
    same = _same(other, changes)
    match other:
        case Removal():
            return any(isinstance(one, Removal) for one in same)
        case FilePatch() if other.moved_to or other.mode:
            return other in changes
        case WholeFile(text=text) if not text.strip():
            return bool(same)
        case WholeFile(text=text) if same and _shows(_plain(text), same):
            return True
    if same and not isinstance(other, WholeFile) and _repeats(other, same):
        return True
    said = [text for one in changes for text in _texts(one)]
    there = {line for text in said for line in _plain(text)}
    return any(other.path in text for text in said) and all(
        line in there for text in _texts(other) for line in _plain(text)
    )


def _same(other: Change, changes: Sequence[Change]) -> list[Change]:
    """Those for the same file. What is only shown may have its path from another folder; changes may be of twins."""
    return [one for one in changes if _is_path_of(one.path, other.path, is_shown=isinstance(other, WholeFile))]


def _is_path_of(one: str, other: str, *, is_shown: bool) -> bool:
    one, other = (path.removeprefix("./").removeprefix("/") for path in (one, other))
    is_part = one.endswith(other) or other.endswith(one)
    return is_part if is_shown else one == other or (is_part and not ("/" in one and "/" in other))


def _shows(shown: Sequence[str], changes: Sequence[Change]) -> bool:
    """Whether lines are of the file as it was or as it becomes, perhaps not all of what changes."""
    pairs = [pair for one in changes for pair in _pairs(one)]
    return any(all(within(pair[side], shown) or within(shown, pair[side]) for pair in pairs) for side in (0, 1))


def _repeats(other: Change, changes: Sequence[Change]) -> bool:
    """Whether all that one change takes out and puts in is taken out and put in by others."""
    old, new = ({line for one in changes for pair in _pairs(one) for line in pair[side]} for side in (0, 1))
    is_whole = any(isinstance(one, WholeFile) for one in changes)
    lines = [line for was, becomes in _pairs(other) for line in differing(was, becomes)]
    dropped, added = ({line.text for line in lines if line.op is op} for op in (Op.DROP, Op.ADD))
    return added <= new and ((bool(added) or not dropped & new) if is_whole else dropped <= old)


def _pairs(change: Change) -> Iterator[tuple[list[str], list[str]]]:
    """Old and new lines of each place, without what sets them in."""
    match change:
        case Edit(search=search, replace=wanted):
            yield _plain(search), _plain(wanted)
        case FilePatch(hunks=hunks):
            yield from ((_stripped(hunk.old), _stripped(hunk.new)) for hunk in hunks)
        case WholeFile(text=text):
            yield _plain(text), _plain(text)


def _texts(change: Change) -> Iterator[str]:
    """What a change quotes and writes, hunks also with their signs."""
    match change:
        case Edit(search=search, replace=wanted):
            yield from (search, wanted)
        case WholeFile(text=text):
            yield text
        case FilePatch(hunks=hunks):
            yield "\n".join(line.text for hunk in hunks for line in hunk.lines)


def _plain(text: str) -> list[str]:
    return _stripped(text.split("\n"))


def _stripped(lines: Iterable[str]) -> list[str]:
    return [line.strip() for line in lines if line.strip()]
