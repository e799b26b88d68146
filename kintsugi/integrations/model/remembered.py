"""What was found out about servers, kept in a file by address and model, so that each is found out once.

What was kept a week ago is found out again: servers are updated, and their windows set anew.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kintsugi.integrations.model.manners import Form, Manner

log = logging.getLogger("kintsugi.model")

_KEPT_FOR = timedelta(days=7)


class Manners:
    """The manners of all servers that were asked. Without a `path`, for as long as the process lives."""

    def __init__(self, path: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._known: dict[str, Manner] = {}

    def of(self, address: str, model: str) -> Manner | None:
        """None where nothing is known."""
        name = f"{address} {model}"
        if name not in self._known and (kept := self._read().get(name)) and (manner := self._fresh(kept)):
            self._known[name] = manner
        return self._known.get(name)

    def keep(self, address: str, model: str, manner: Manner) -> None:
        """Where the file cannot be written, it is kept in memory alone."""
        name = f"{address} {model}"
        self._known[name] = manner
        if self._path is None:
            return
        try:
            self._write(self._path, self._read() | {name: {**asdict(manner), "found_at": self._now().isoformat()}})
        except OSError as error:
            log.warning("model_manner_not_kept", extra={"path": str(self._path), "why": str(error)})

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8")) if self._path else {}
        except (OSError, ValueError):
            return {}
        return kept if isinstance(kept, dict) else {}

    def _write(self, path: Path, kept: dict[str, Any]) -> None:
        new = path.with_suffix(f".{os.getpid()}")
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(new, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            json.dump(kept, file, indent=1)
        new.replace(path)

    def _fresh(self, kept: Any) -> Manner | None:
        """None for what is old, or was written by other code."""
        try:
            found_at = datetime.fromisoformat(kept.pop("found_at"))
            manner = Manner(**{**kept, "form": Form(kept["form"])})
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return manner if self._now() - found_at < _KEPT_FOR else None
