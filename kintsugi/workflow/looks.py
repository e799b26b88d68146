"""What the analyst looked at, one row a call: kept as it happens, so that a crash in the middle costs nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kintsugi.workflow.incident import Cost

OPENED = "opened"  # the row 0: what was known when the looking began


@dataclass(frozen=True, slots=True)
class Look:
    """One call of a tool and its answer, both without secrets. `asked` is the call as the model gave it.

    `round` is the history's row that asked for the diagnosis, `number` counts from 1 within it; the row 0 opens it.
    """

    round: int
    number: int
    tool: str
    asked: str
    answer: str


class Looks(Protocol):
    """The looks of one diagnosis."""

    async def known(self) -> Sequence[Look]:
        """Those that an earlier try of the same diagnosis kept, in order."""
        ...

    async def keep(self, look: Look, cost: Cost) -> None:
        """Write one down, and count what the model's call for it cost. Raises LeaseLost where another took it over."""
        ...

    @property
    def round(self) -> int: ...


class Unkept:
    """Looks that live as long as the process: where there is no store. `cost` is what all of them cost."""

    round = 0

    def __init__(self) -> None:
        self.rows: list[Look] = []
        self.cost = Cost()

    async def known(self) -> Sequence[Look]:
        return tuple(self.rows)

    async def keep(self, look: Look, cost: Cost) -> None:
        self.rows.append(look)
        self.cost += cost
