"""The key that makes links for logging in, in a file for the user that Kintsugi runs as, while `run` serves the pages.

`kintsugi login` reads it in another process. It is new at each start, so that what it opened ends with the process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from kintsugi.persistence.database import Database
from kintsugi.persistence.private import private_folder
from kintsugi.web.entrance import ONCE
from kintsugi.web.login import Links


class KeyFile:
    """Where the key lies: beside the database's file, else in `.kintsugi`; one for each address that is listened at."""

    def __init__(self, database: Database, bind: str) -> None:
        self._path = database.folder / f"login-{bind.rpartition(':')[2]}.json"

    @contextmanager
    def lies(self, key: bytes, address: str) -> Iterator[None]:
        """For as long as pages are served at `address`; nobody but its owner may read it."""
        private_folder(self._path.parent)
        new = self._path.with_suffix(f".{os.getpid()}")
        try:
            with open(new, "w", opener=_for_us_alone) as file:
                json.dump({"key": key.hex(), "address": address}, file)
            new.replace(self._path)
        finally:
            new.unlink(missing_ok=True)
        try:
            yield
        finally:
            with suppress(OSError):
                self._path.unlink()

    def link(self) -> str | None:
        """A new link; None where no pages are served with this key. Raises OSError for who may not read it."""
        try:
            told = json.loads(self._path.read_text())
            return link(bytes.fromhex(told["key"]), str(told["address"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def link(key: bytes, address: str) -> str:
    """A link to the pages at `address` that logs in once."""
    return f"{address.rstrip('/')}{ONCE}?key={Links(key).new()}"


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
