"""How much work a text is given, so that the time it takes does not depend on who wrote it."""

import math
from typing import NamedTuple


class Budget(NamedTuple):
    """So much work for each stretch of text, and more for the first: an honest text may be dense for a while, as a list
    of names with `key` in them is. Where none is left, the stretch is taken for an attack and hidden; after so many of
    them the text is one, and every stretch with more than a little work is hidden, unlooked at."""

    first: float = 1_024
    each: int = 64
    patience: float = 4


class Work:
    """What is left of a text's budget. The first look has all of it. What is hidden asks for another look, and all that
    follow have as much together: honest texts are looked at twice, unkind ones were up to six times."""

    def __init__(self, budget: Budget) -> None:
        self.left, self.most, self.each, self.patience = budget.first, budget.first, budget.each, budget.patience
        self._budget = budget
        self._is_first = True

    def was_looked_at(self, signs: int, left: float) -> None:
        """After a look at a text of so many signs that left so much."""
        whole = self._budget.first + self._budget.each * (signs // STRETCH)
        self.left = whole if self._is_first else max(left, 0)
        self.most, self.each, self._is_first = math.inf, 0, False


STRETCH = 512
USUAL = Budget()
# What a program printed may be dense all the way, as the names of tests are, and no thread of a bot waits for it.
GENEROUS = Budget(each=1_024, patience=math.inf)
