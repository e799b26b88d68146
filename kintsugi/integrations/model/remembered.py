"""What was found out about servers, kept in a file by address and model, so that each is found out once.

What was kept a week ago is found out again: servers are updated, and their windows set anew.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kintsugi.integrations.model.manners import Calls, Form, Manner

log = logging.getLogger("kintsugi.model")

_KEPT_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class _Found:
    manner: Manner
    at: datetime


class Manners:
    """The manners of all servers that were asked. Without a `path`, for as long as the process lives."""

    def __init__(self, path: Path | None = None, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._path = path
        self._now = now
        self._found: dict[str, _Found] = {}

    def of(self, address: str, model: str) -> Manner | None:
        """None where nothing is known, or was known too long ago."""
        name = f"{address} {model}"
        if name not in self._found and (kept := _from_json(self._read().get(name))):
            self._found[name] = kept
        found = self._found.get(name)
        return found.manner if found and self._now() - found.at < _KEPT_FOR else None

    def keep(self, address: str, model: str, manner: Manner) -> None:
        """Where the file cannot be written, it is kept in memory alone."""
        name = f"{address} {model}"
        self._found[name] = _Found(manner, self._now())
        if self._path is None:
            return
        try:
            self._write(self._path, self._read() | {name: {**asdict(manner), "found_at": self._now().isoformat()}})
        except OSError as error:
            log.warning("model_options_not_saved", extra={"path": str(self._path), "why": str(error)})

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


def _from_json(kept: Any) -> _Found | None:
    """None for what other code has written."""
    try:
        told = dict(kept)
        found_at = datetime.fromisoformat(told.pop("found_at"))
        kept = {"form": Form(told["form"]), "calls": Calls(told.get("calls", ""))}
        return _Found(Manner(**{**told, **kept}), found_at)
    except (KeyError, TypeError, ValueError):
        return None
