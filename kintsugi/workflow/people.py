"""What people are called. Pure."""

from __future__ import annotations

import re

_PERSON = re.compile(r"discord:(?P<name>.+) \(\d+\)", re.DOTALL)


def name_of_person(actor: str) -> str:
    """An actor as people know each other: `discord:alice (4001)` is alice."""
    found = _PERSON.fullmatch(actor)
    return found["name"] if found else actor
