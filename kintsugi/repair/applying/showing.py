"""Whether a file that a reply shows beside its edits is the file as it was, as it becomes, or another one."""

from __future__ import annotations

from collections.abc import Mapping

from kintsugi.repair.applying.changes import Refused, Shown
from kintsugi.repair.applying.lazy import is_elision
from kintsugi.repair.applying.locating import named, plain
from kintsugi.repair.applying.masks import has_mask
from kintsugi.repair.applying.readings import are_numbered, straight, without_numbers
from kintsugi.repair.trees import Tree
from kintsugi.telemetry import lazy_re as re

_MOST = 0.6  # of the lines of a file: what has so many of them is meant to be all of it
_REMARK = re.compile(r"\s*(?:#|//|/\*|<!--|--\s|;).*$")


def refuse_shown(shown: Shown, tree: Tree, files: Mapping[str, bytes | None]) -> None:
    """Raises Refused where nearly all of a file is shown, with lines that it neither has nor gets.

    Parts of a file are only shown, with what is wrong in them or with an idea. Remarks are no lines of their own.
    """
    path = named(plain(shown.path), tree) or plain(shown.path)
    before, after = (
        _lines((content or b"").decode("utf-8", "replace")) for content in (tree.read(path), files.get(path))
    )
    lines = _lines(shown.text)
    strange = [line for line in lines if line not in before | after and not is_elision(line) and not has_mask(line)]
    if strange and after and len(set(lines) & after) >= _MOST * len(after):
        raise Refused(
            f"Beside its edits the reply has {path} as a whole, and the two differ: {strange[0][:80]!r}. "
            "Send the edits alone, or the whole file alone."
        )


def _lines(text: str) -> set[str]:
    lines = text.split("\n")
    lines = without_numbers(lines) if are_numbered(lines) else lines
    return {bare for line in lines if (bare := _REMARK.sub("", straight(line)).strip())}
