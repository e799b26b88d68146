"""For how long what was captured is kept. A setting: whoever only reads settings loads nothing of a database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what was captured is kept after the end of its incident, and how many bytes of it in all."""

    time: timedelta | None = None
    bytes: int | None = None

    @property
    def everything(self) -> bool:
        return self.time is None and self.bytes is None
