"""A further look at a text in which something was hidden: where nothing changed near by, nothing is found again."""

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from kintsugi.telemetry.redact.budget import STRETCH, USUAL, Budget

Span = tuple[int, int]

REACH = 2_000  # characters: nearly all that a look at a place reads. What reads further is looked at each time.
_MASKED = 3


class Work:
    """What is left of a text's budget for further looks, and where the look before found nothing.

    The first look has the budget. What is hidden asks for another one, at the places that are left: all that follow the
    first have as much together, so that unkind texts are not looked at six times. A place that the look before knows
    costs none of that.
    """

    left = math.inf
    vain: Mapping[tuple[int, int], int] = MappingProxyType({})  # by rule and place: what it cost beyond the look
    _text = ""  # as it is now
    _starts: Sequence[int] = ()  # of what was hidden, in that
    _shifts: Sequence[int] = (0,)  # how far what follows moved by it

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def was_looked_at(self, signs: int, left: float, vain: dict[tuple[int, int], int]) -> None:
        """After a look at a text of so many signs."""
        whole = self.budget.first + self.budget.each * (signs // STRETCH)
        self.left = max(left, 0) if self.left < math.inf else whole
        self.vain = vain

    def was_hidden(self, spans: list[Span], text: str) -> None:
        """After that: what is hidden now, by what the text is with that."""
        self._text = text
        shift = 0
        starts, shifts = [], [0]
        for start, stop in spans:
            starts.append(start - shift)
            shift += stop - start - _MASKED
            shifts.append(shift)
        self._starts, self._shifts = starts, shifts

    def knows(self, text: str) -> bool:
        """Whether this is the text that was looked at, with what was hidden."""
        return bool(self.vain) and text == self._text

    def found_nothing_at(self, rule: int, start: int, end: int) -> int | None:
        """What the look before cost there beyond itself, where it found nothing and nothing changed near by; else None,
        and that place is to be looked at."""
        before = bisect_right(self._starts, start)
        if before and start - self._starts[before - 1] < REACH:
            return None
        if before < len(self._starts) and self._starts[before] - end < REACH:
            return None
        return self.vain.get((rule, start + self._shifts[before]))


def work_on(text: str, budget: Budget = USUAL) -> Work:
    """What a text may take. Nothing is kept of a short one, so that all of them share theirs."""
    return _OF_A_LINE if len(text) <= REACH and budget is USUAL else Work(budget)


_OF_A_LINE = Work(USUAL)
