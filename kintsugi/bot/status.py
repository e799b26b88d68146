"""Whether what Kintsugi depends on answers, and how fast: all asked at once, each with its own deadline."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from kintsugi.workflow.errors import StepFailed

log = logging.getLogger("kintsugi.bot")

Probe = Callable[[], Awaitable[str | None]]
"""Answers a few words on how it stands, or None where it is not configured.

Raises where it is down: StepFailed with a sentence."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a probe found. `ok` is None where the thing is not configured."""

    name: str
    ok: bool | None
    milliseconds: int
    says: str


class Probes:
    """Asks each probe at most once in `fresh` seconds, and waits at most `deadline` seconds for it."""

    def __init__(self, probes: Mapping[str, Probe], *, deadline: float = 3.0, fresh: float = 5.0) -> None:
        self._probes, self._deadline, self._fresh = probes, deadline, fresh
        self._found: list[Answered] = []
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def ask(self) -> list[Answered]:
        """How everything stands, in the order in which it was given."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._found = await asyncio.gather(*(self._ask(*each) for each in self._probes.items()))
                self._until = time.monotonic() + self._fresh
            return self._found

    async def _ask(self, name: str, probe: Probe) -> Answered:
        start = time.monotonic()
        try:
            async with asyncio.timeout(self._deadline):
                says = await probe()
        except TimeoutError:
            return Answered(name, False, _since(start), f"no answer within {self._deadline:g} s")
        except StepFailed as error:
            return Answered(name, False, _since(start), str(error))
        except Exception as error:
            log.warning("status_check_failed", exc_info=error, extra={"probe": name})
            return Answered(name, False, _since(start), f"down ({type(error).__name__})")
        if says is None:
            return Answered(name, None, 0, "not configured")
        return Answered(name, True, _since(start), says)


def _since(start: float) -> int:
    return round((time.monotonic() - start) * 1000)
