"""What is typed with a command, read in one way for Discord, the pages and the command line. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from kintsugi.workflow.asking import Takes
from kintsugi.workflow.errors import BadInput
from kintsugi.workflow.severity import Severity
from kintsugi.workflow.wishes import wish_of

_LONGEST = 1000
_MOST_DIGITS = 18  # what a database counts to


def given(takes: Takes, typed: Callable[[str], str], now: datetime) -> dict[str, Any]:
    """The fields of the command, from what stands in its fields by their names. Raises BadInput.

    The names are those of Takes; a wish has `for` and `until`.
    """
    if takes is Takes.NOTHING:
        return {}
    if takes is Takes.WISH:
        return {"wish": wish_of(typed("for"), typed("until"), now)}
    text = typed(takes).strip()[:_LONGEST]
    match takes:
        case Takes.LEVEL:
            return {"level": severity_of(text)}
        case Takes.OTHER:
            return {"of": number_of(text)}
        case Takes.PERSON | Takes.TEXT:
            return {takes.value: _something(takes, text)}
        case _:
            return {takes.value: text}


def severity_of(typed: str) -> Severity | None:
    """A severity as it is typed; None for `auto`, which is the rule's. Raises BadInput."""
    word = typed.strip().lower()
    if word == "auto":
        return None
    try:
        return Severity(word)
    except ValueError:
        known = ", ".join(Severity)
        raise BadInput(f"{typed.strip()[:40]!r} is not a severity. Use {known}, or auto for the rule.") from None


def number_of(text: str) -> int:
    """7, INC-7, inc-7 or #7. Raises BadInput."""
    digits = text.strip().upper().removeprefix("INC-").removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MOST_DIGITS:
        raise BadInput(f"{text.strip()[:40]!r} is not an incident. Give its number, such as 7 or INC-7.")
    return int(digits)


def _something(takes: Takes, text: str) -> str:
    if not text:
        raise BadInput("The note is empty. Write what you did or saw." if takes is Takes.TEXT else "Say who has it.")
    return text
