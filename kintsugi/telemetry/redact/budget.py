"""How much work a text is given, so that the time it takes does not depend on who wrote it."""

import math
from typing import NamedTuple


class Budget(NamedTuple):
    """So much work for each stretch of text, and more for the first: an honest text may be dense for a while, as a list
    of names with `key` in them is. Where none is left, the stretch is taken for an attack and hidden; after so many
    more the text is one, every stretch with many places to look at is hidden, and the others are given half of it."""

    first: float = 900
    each: int = 76
    patience: float = 1


STRETCH = 512
VAIN = (0, 0)  # no span: a word was weighed, or a cookie read, and is no secret. That took time, and is to be counted.
USUAL = Budget()
BESIEGED = Budget(first=48, each=48, patience=math.inf)
# What a program printed may be dense all the way, as the names of tests are, and no thread of a bot waits for it.
GENEROUS = Budget(each=1_024, patience=math.inf)


class Allowance:
    """How much is left for the texts that are written within a text: signs that are written out, and looks at places.
    What is beyond is not looked at as it is within; it is looked at from without in any case."""

    def __init__(self, length: int, looks: float = 200) -> None:
        self.signs = max(1_000, 400 + length // 8)
        self.looks = looks + 12 * (length // STRETCH)
