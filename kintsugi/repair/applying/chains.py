"""Edits that build on each other: one quotes what another has just made, as tools do that apply them in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kintsugi.repair.applying.changes import EveryEdit, Refused
from kintsugi.repair.applying.edit_places import edit_hunk, exact_place
from kintsugi.repair.applying.matching import places
from kintsugi.repair.applying.text import Text
from kintsugi.workflow.patch import Edit


def of_the_file(edits: Sequence[Edit], text: Text, path: str) -> list[Edit]:
    """The edits as edits of the file as it was: what is done to new text is done within the edit that makes it.

    What the file has is meant there. Raises Refused for what the file nearly has, and an earlier edit makes; and for
    what several edits make.
    """
    made, done = list[Edit](), list[tuple[str, str]]()
    for edit in dict.fromkeys(edits):
        maker = None if edit.search in text.string or isinstance(edit, EveryEdit) else _maker(edit, made)
        home = exact_place(made[maker], text, path) if maker is not None and made[maker].search else None
        if maker is None or (home is None and made[maker].search):
            made.append(edit)
            continue
        lines = range(home.first, home.last + 1) if home else range(0)
        if near := next((one for one in places(edit_hunk(edit), text) if not {one.first, one.last} <= {*lines}), None):
            raise Refused(
                f"{path}: an edit quotes what another one makes, and nearly what stands at line {near.first + 1}. "
                "Quote the file as it is."
            )
        search, wanted = _within(edit, made[maker].replace)
        made[maker] = replace(made[maker], replace=made[maker].replace.replace(search, wanted))
        done.append((search, wanted))
    for search, wanted in done:
        if sum(one.replace.count(search) for one in made) > wanted.count(search):
            raise Refused(
                f"{path}: an edit quotes what several others make: {search.strip()[:80]!r}. Quote more of it."
            )
    return made


def _maker(edit: Edit, made: Sequence[Edit]) -> int | None:
    """Which of the edits makes what this one quotes; None where it is not exactly one, and once."""
    counts = {at: one.replace.count(_within(edit, one.replace)[0]) for at, one in enumerate(made)}
    makers = [at for at, count in counts.items() if count]
    return makers[0] if len(makers) == 1 and counts[makers[0]] == 1 and edit.search.strip() else None


def _within(edit: Edit, text: str) -> tuple[str, str]:
    """What to look for within a text and what comes there instead: a text may end without its last newline."""
    if edit.search in text:
        return edit.search, edit.replace
    return edit.search.removesuffix("\n"), edit.replace.removesuffix("\n")
