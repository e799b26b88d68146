"""Reading a reply: from what a model or a human wrote to changes, whatever the format and the wrapping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from kintsugi.repair.applying.beside import begins_beside, refuse_acts, refuse_others, shown_beside, unquoted
from kintsugi.repair.applying.changes import Change, Refused, Shown
from kintsugi.repair.applying.fences import Block, blocks, outside, set_out
from kintsugi.repair.applying.headings import path_in_info, path_in_prose
from kintsugi.repair.applying.options import refuse_options
from kintsugi.repair.applying.reading_blocks import EMPTY, looks_like_blocks, outside_blocks, read_blocks
from kintsugi.repair.applying.reading_diffs import looks_like_diff, names_files, read_diff
from kintsugi.repair.applying.reading_edits import is_cut_off, patch_in_call, read_edits
from kintsugi.repair.applying.reading_files import read_files
from kintsugi.repair.applying.reading_hunks import is_header
from kintsugi.repair.applying.reading_tags import read_tags
from kintsugi.repair.applying.reading_v4a import looks_like_v4a, outside_v4a, read_v4a
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.patch import ReplyFormat

LARGEST = 8_000_000  # characters
_CRLF_SHARE = 0.9
_THOUGHT = re.compile(
    r"^[ \t]*(?:<(?P<tag>think|thinking|thoughts?|reasoning|scratchpad|analysis|reflection|plan|antThinking|seed:think)"
    r"(?: [^>\n]*)?>|\[THINK\]|\u25c1think\u25b7)",
    re.MULTILINE | re.IGNORECASE,
)
_THOUGHT_ENDS = re.compile(r"^</think(?:ing)?>[ \t]*$", re.MULTILINE)
_FINAL = "<|channel|>final<|message|>"  # what stands before it is a model's thought too
_OF_PATCH = re.compile(r"^[ \t]*(?:[`~]{3}|[<{[]|--- |\*\*\* |diff --git |-{5})", re.MULTILINE)


def read_reply(text: str, format: ReplyFormat = ReplyFormat.AUTO) -> tuple[Change, ...]:
    """The changes a reply asks for, at least one. Raises Refused where it cannot be read or contradicts itself."""
    if len(text) > LARGEST:
        raise Refused(f"The reply has {len(text):,} characters; at most {LARGEST:,} are read.")
    text = _without_thoughts(_with_plain_lines(text))
    if format is not ReplyFormat.AUTO:
        changes = _READERS[format](text)
        if not changes:
            raise Refused(f"The reply holds nothing in the format {format}.")
        return changes
    return _recognised(text)


def _recognised(text: str) -> tuple[Change, ...]:
    """The changes of the first format that the text holds. Raises Refused where there is more in another one."""
    changes = _first(text)
    if not changes:
        raise Refused("The reply holds no patch: no edits, no diff, no *** Begin Patch, no file headed by its path.")
    refuse_acts(text, changes)
    refuse_options(text, changes, _first)
    refuse_others(changes, _found_by_each(text, changes))
    rest, all_of_it = text, changes
    if looks_like_blocks(text):  # a path above them heads nothing else
        rest = outside_blocks(text, EMPTY)
        all_of_it = read_blocks(rest)
    _refuse_unread(unquoted(rest, changes), changes)
    shown: list[Shown] = []
    for source in filter(None, (rest, "\n".join(set_out(rest.split("\n")) or ()))):
        shown += shown_beside(
            source,
            changes,
            lambda part: _first(part) == all_of_it,
            lambda body: next(_found_by_each(body), None) is not None,
        )
    return (*changes, *dict.fromkeys(shown))


def _first(text: str) -> tuple[Change, ...]:
    """A patch in a call, else edits, then V4A, then a diff, then whole files."""
    if called := patch_in_call(text):
        return _recognised(called)
    found = _edits(text, anywhere=False) or (_v4a(text) if looks_like_v4a(text) else _diff(text))
    found = found or read_edits(text) or ()
    if not found and (called := patch_in_call(text, anywhere=True)):
        return _recognised(called)
    if not found and not (found := _files(text)) and (at_margin := set_out(text.split("\n"))):
        return _first("\n".join(at_margin))
    return found


def _found_by_each(text: str, told: Sequence[Change] = ()) -> Iterator[Change]:
    """What each reader of patches finds in a text. What it cannot read is none if the changes `told` quote it."""
    rest = _without_blocks(text)
    unfenced = "\n".join(outside(rest.split("\n"), blocks(rest.split("\n"))))
    if rest != text:
        yield from read_blocks(text)
    yield from read_tags(rest)
    if told and (at_margin := set_out(rest.split("\n"))):
        yield from _found_by_each("\n".join(at_margin), told)
    values: list[Callable[[str], tuple[Change, ...] | None]] = [read_edits, _called]
    readings = [(read, unquoted(source, told)) for read in values for source in dict.fromkeys((rest, unfenced))]
    for read, source in [*readings, (_v4a, rest), (_diff, outside_v4a(rest))]:
        try:
            yield from read(source) or ()
        except Refused:
            if begins_beside(source.split("\n"), told):
                raise


def _refuse_unread(rest: str, changes: Sequence[Change]) -> None:
    """Raises Refused where, beside a patch, another one is cut off, or is set in so that nobody reads it."""
    if is_cut_off(rest):
        raise Refused("The reply is cut off: beside its patch, it ends within edits. Send all of it again.")
    lines = rest.split("\n")
    for line, following in pairwise(lines):
        is_header = line.lstrip().startswith("--- ") and following.lstrip().startswith("+++ ")
        if is_header and line[:1].isspace() and not any(change.path in line + following for change in changes):
            raise Refused("Beside its patch the reply has a diff that is set in. Begin all of it at the margin.")


def _without_blocks(text: str) -> str:
    return outside_blocks(text) if looks_like_blocks(text) else text


def _called(text: str) -> tuple[Change, ...]:
    called = patch_in_call(text, anywhere=True)
    return _recognised(called) if called else ()


def _edits(text: str, *, anywhere: bool = True) -> tuple[Change, ...]:
    """Edits in SEARCH/REPLACE blocks, in tags or in JSON."""
    if looks_like_blocks(text):
        return read_blocks(text)
    return read_tags(text) or read_edits(text, anywhere=anywhere) or ()


def _v4a(text: str) -> tuple[Change, ...]:
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    is_bare = first.startswith("*** Begin Patch")  # its fences are lines of the files
    fenced = [] if is_bare else [one for one in blocks(lines) if looks_like_v4a("\n".join(_within(lines, one)))]
    if not fenced:
        return read_v4a(lines, closed=False)
    _refuse_rest(looks_like_v4a("\n".join(outside(lines, fenced))))
    return _of_one_patch([read_v4a(lines[block.start : block.end], closed=block.closed) for block in fenced])


def _diff(text: str) -> tuple[Change, ...]:
    """The diff of a text, from its fenced blocks where these hold one."""
    lines = text.split("\n")
    fenced = [] if _is_bare_diff(lines) else [block for block in blocks(lines) if _is_diff(lines, block)]
    if not fenced:
        return read_diff(lines) if looks_like_diff(text) else ()
    _refuse_rest(looks_like_diff("\n".join(outside(lines, fenced))))
    if not fenced[-1].closed:
        raise Refused("The reply is cut off: its last block is not closed.")
    headed = [read_diff(_within(lines, block)) for block in fenced if names_files(_within(lines, block))]
    return _of_one_patch([*headed, _headed_by_prose(lines, fenced)])


def _is_bare_diff(lines: Sequence[str]) -> bool:
    """Whether the reply begins as a diff, and no fenced block of it names a file: its fences are lines of the files."""
    first = next((at for at, line in enumerate(lines) if line.strip()), len(lines))
    if not (
        lines[first : first + 1] and lines[first].startswith(("diff --git ", "--- ")) and names_files(lines[first:])
    ):
        return False
    return not any(_opens_diff(_within(lines, block), block.info) for block in blocks(lines))


def _opens_diff(lines: Sequence[str], info: str) -> bool:
    first = next((line for line in lines if line.strip()), "")
    return info.split(" ", maxsplit=1)[0] in ("diff", "patch") or first.startswith(("diff --git ", "--- "))


def _headed_by_prose(lines: Sequence[str], fenced: Sequence[Block]) -> tuple[Change, ...]:
    """The diffs of blocks that name no file: each is for the one named above it, or beside its fence."""
    bodies: dict[str, list[str]] = {}
    path, after = "", 0
    for block in fenced:
        body = _within(lines, block)
        if not names_files(body) and not looks_like_blocks("\n".join(body)):
            named = path_in_info(block.info.partition(" ")[2]) or path_in_prose(lines[after : block.start - 1])
            path = named or path
            bodies[path] = [*bodies.get(path, ()), *([] if body and is_header(body[0]) else ["@@"]), *body]
        after = block.end + 1
    return tuple(change for path, body in bodies.items() for change in read_diff(body, path))


def _within(lines: Sequence[str], block: Block) -> Sequence[str]:
    return lines[block.start : block.end]


def _is_diff(lines: Sequence[str], block: Block) -> bool:
    body = "\n".join(_within(lines, block))
    return not looks_like_v4a(body) and (looks_like_diff(body) or block.info.split(" ")[0] in ("diff", "patch"))


def _refuse_rest(is_patch: bool) -> None:
    if is_patch:
        raise Refused("Some of the patch is in a fenced block and some is not. Put all of it in one block.")


def _of_one_patch(parts: Sequence[tuple[Change, ...]]) -> tuple[Change, ...]:
    """Several blocks are one patch when each speaks of other files, or says the same again. Raises Refused."""
    changes: list[Change] = []
    for part in parts:
        paths = {change.path for change in changes}
        if part and all(change in changes for change in part):
            continue
        if twice := next((change.path for change in part if change.path in paths), None):
            raise Refused(f"The reply holds two patches for {twice or 'the same file'}. Send one.")
        changes += part
    return tuple(changes)


def _files(text: str) -> tuple[Change, ...]:
    return read_files(text.split("\n"))


def _without_thoughts(text: str) -> str:
    """A reply without what the model thought before its patch: a first try in there is none of it. Raises Refused."""
    if text.lstrip().startswith("<|channel|>") and _FINAL in text:
        return text.rpartition(_FINAL)[2]
    opening, end = _THOUGHT.search(text), _THOUGHT_ENDS.search(text)
    if end and not (opening and opening.start() < end.start()) and not _is_open(text[: end.start()]):
        return text[end.end() :]  # a template wrote the tag that opens it
    if not opening or _OF_PATCH.search(before := text[: opening.start()]):
        return text
    tag = opening[0].strip()
    closing = f"</{opening['tag']}>" if opening["tag"] else f"{tag[0]}/{tag[1:]}"
    rest = text[opening.end() :]
    if (at := rest.find(closing)) < 0:
        raise Refused(f"The reply is cut off: it is all thought, and {closing} is missing.")
    return before + rest[at + len(closing) :]


def _is_open(text: str) -> bool:
    """Whether a text ends within a fence or a SEARCH block: what follows belongs to a file."""
    return text.count("```") % 2 == 1 or len(re.findall("^<{5,9}", text, re.M)) != len(
        re.findall("^>{5,9}", text, re.M)
    )


def _with_plain_lines(text: str) -> str:
    """A reply that was written with CRLF throughout, with LF; one that only quotes some CRLF stays as it is."""
    ends = text.count("\n")
    crlf = text.count("\r\n")
    return text.replace("\r\n", "\n") if crlf and crlf >= _CRLF_SHARE * ends else text


_READERS: dict[ReplyFormat, Callable[[str], tuple[Change, ...]]] = {
    ReplyFormat.EDITS: _edits,
    ReplyFormat.UDIFF: _diff,
    ReplyFormat.V4A: _v4a,
    ReplyFormat.WHOLE: _files,
}
