"""Whether a file that a reply shows beside its edits is the file as it was, as it becomes, or another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TypeGuard

from kintsugi.repair.applying.changes import Change, Refused, Shown
from kintsugi.repair.applying.lazy import is_elision
from kintsugi.repair.applying.locating import named, plain
from kintsugi.repair.applying.masks import has_mask
from kintsugi.repair.applying.readings import are_numbered, straight, without_numbers
from kintsugi.repair.trees import Tree
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.patch import Edit

_MOST = 0.6  # of the lines of a file: what has so many of them is meant to be all of it
SOME = 4  # lines: fewer are hardly a file
_POINTER = re.compile(r"^\s*(?:>|=>|→)\s*(?=\d)")
_OF_GREP = re.compile(r"^(\d+)-")
_REMARK = re.compile(r"(?:^|\s+)(?:#|//|/\*|<!--|--\s|;).*$")


def with_shown(changes: Iterable[Change]) -> list[Change]:
    """The changes. An edit that replaces lines by themselves, before the others or after, shows that they are so."""
    told = list(changes)
    changing = [at for at, one in enumerate(told) if not isinstance(one, Shown) and not _shows(one)]
    last = max(changing, default=len(told))
    return [Shown(one.path, one.search, at > last) if _shows(one) else one for at, one in enumerate(told)]


def _shows(change: Change) -> TypeGuard[Edit]:
    return isinstance(change, Edit) and change.search == change.replace and len(_lines(change.search)) >= SOME


def refuse_shown(shown: Shown, tree: Tree, files: Mapping[str, bytes | None]) -> None:
    """Raises Refused where mostly lines are shown that a file neither has nor gets, or nearly all of it with some.

    Parts of a file are only shown, with what is wrong in them or with an idea; but what closes a reply must stand so
    in the file as it becomes. Remarks are no lines of their own.
    """
    path = named(plain(shown.path), tree) or plain(shown.path)
    before, after = (
        _lines((content or b"").decode("utf-8", "replace")) for content in (tree.read(path), files.get(path))
    )
    lines = _lines(shown.text)
    if shown.closing and not all(within(_lines(part), after) for part in _parts(shown.text)):
        raise Refused(
            f"After its edits the reply has {path} as a whole, and not as they make it. "
            "Send the edits alone, or the whole file alone."
        )
    known = {*before, *after}
    strange = [line for line in lines if line not in known and not is_elision(line) and not has_mask(line)]
    if len(strange) * 2 > len(lines):
        raise Refused(
            f"Beside its edits the reply has code for {path} that they do not make: {strange[0][:80]!r}. "
            "Send all of it as edits."
        )
    if strange and after and len({*lines} & {*after}) >= _MOST * len({*after}):
        raise Refused(
            f"Beside its edits the reply has {path} as a whole, and the two differ: {strange[0][:80]!r}. "
            "Send the edits alone, or the whole file alone."
        )


def unlisted(lines: Sequence[str]) -> Sequence[str]:
    """The lines of a listing without their numbers, and without what points at one of them."""
    listed = [_OF_GREP.sub(r"\1:", _POINTER.sub("", line)) for line in lines]
    return without_numbers(listed) if are_numbered(listed) else lines


def _parts(text: str) -> Iterator[str]:
    """What is shown of a file in one piece, without what stands for code and what is masked."""
    for left_out, lines in groupby(text.split("\n"), lambda line: is_elision(line) or has_mask(line)):
        if not left_out:
            yield "\n".join(lines)


def within(part: Sequence[str], lines: Sequence[str]) -> bool:
    return any([*lines[at : at + len(part)]] == [*part] for at in range(len(lines) - len(part) + 1))


def _lines(text: str) -> list[str]:
    return [bare for line in unlisted(text.split("\n")) if (bare := _REMARK.sub("", straight(line)).strip())]
