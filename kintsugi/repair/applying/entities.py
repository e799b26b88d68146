"""Replies whose code is escaped as HTML throughout: `if a &lt; b` for `if a < b`."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import replace

from kintsugi.repair.applying.changes import Change
from kintsugi.workflow.patch import Edit

_ENTITY = re.compile(r"&(?:lt|gt|amp|quot|apos|#39|#x27);")
_BARE = re.compile(r"[<>]|&(?!(?:lt|gt|amp|quot|apos|#39|#x27);)")


def without_entities(changes: Sequence[Change]) -> list[Change] | None:
    """The edits as they are meant; None where the reply has other changes, or is not escaped throughout."""
    edits = [change for change in changes if isinstance(change, Edit)]
    text = "\n".join(f"{edit.search}\n{edit.replace}" for edit in edits)
    if len(edits) < len(changes) or not _ENTITY.search(text) or _BARE.search(text):
        return None
    return [replace(edit, search=html.unescape(edit.search), replace=html.unescape(edit.replace)) for edit in edits]
