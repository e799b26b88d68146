"""The Clock port on the machine's own clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """Now, aware, in UTC."""

    def now(self) -> datetime:
        return datetime.now(UTC)
