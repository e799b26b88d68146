"""What names a commit for good."""

from __future__ import annotations

import re

_HASH = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)


def is_commit(name: str) -> bool:
    """Whether this is a commit's hash, or the first seven digits of one at least.

    A branch or `HEAD` is none: it names the newest commit, whatever runs. Programs do tell them, as some hosts set a
    variable to `main` or `HEAD` where a commit should be.
    """
    return _HASH.fullmatch(name) is not None


def is_same(told: str, commit: str) -> bool:
    """Whether what a program tells of itself is this commit: whole, or by its first digits."""
    return is_commit(told) and commit.lower().startswith(told.lower())


def hash_in(told: str) -> str:
    """The commit that a program tells of itself; "" where what it tells names none for good."""
    return told if is_commit(told) else ""
