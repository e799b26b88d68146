"""Whether a build contains a commit, for whoever asks at every report."""

from __future__ import annotations

import time
from collections.abc import Callable

from kintsugi.workflow.ports import CodeHost

_NO_FOR = 300.0  # seconds: a build that the code host does not know yet may be pushed meanwhile


class Ancestry:
    """Asks the code host, made when it is needed first. A yes stays true; a no is asked again after five minutes."""

    def __init__(self, host: Callable[[], CodeHost]) -> None:
        self._host = host
        self._yes: set[tuple[str, str]] = set()
        self._no: dict[tuple[str, str], float] = {}

    async def contains(self, build: str, commit: str) -> bool:
        """Raises StepFailed where nobody can be asked."""
        asked, now = (build, commit), time.monotonic()
        if asked in self._yes:
            return True
        if now < self._no.get(asked, 0.0):
            return False
        if await self._host().contains(build, commit):
            self._yes.add(asked)
            return True
        self._no = {each: until for each, until in self._no.items() if until > now} | {asked: now + _NO_FOR}
        return False
