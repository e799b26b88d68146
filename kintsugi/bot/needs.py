"""What the commands are handed: ports, and a few facts about the process they run in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from kintsugi.bot.names import USUAL, Names
from kintsugi.bot.status import Probes
from kintsugi.workflow.asking import Rules
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import Clock, Receipt, Store
from kintsugi.workflow.triggers import Trigger


class Recent(Protocol):
    """The newest log lines, redacted, oldest first: of this level or above, with this text."""

    def __call__(self, limit: int, level: str | None = None, contains: str | None = None) -> list[str]: ...


class Offer(NamedTuple):
    """What can be chosen: the value that is handed on, and the words that are shown."""

    value: str
    words: str


class Reporting(Protocol):
    """Makes an incident of what a person tells, and offers what it may be about."""

    async def open(
        self, words: str, *, key: str, actor: str, dry_run: bool = False, about: str = "", place: str = ""
    ) -> Receipt:
        """`about`: the value of one of `failures`. `place`: one of `places`, or any `path:function`."""
        ...

    async def failures(self) -> Sequence[Offer]:
        """The failures in the recent log, newest first."""
        ...

    async def places(self, words: str, most: int = 3) -> Sequence[str]:
        """Where it may lie, most likely first; none where no code is at hand."""
        ...


@dataclass(frozen=True, slots=True)
class About:
    """Which program this is."""

    environment: str
    build_sha: str
    started_at: datetime
    dropped: Callable[[], int] = lambda: 0  # log lines that were lost so far
    reconciled_at: Callable[[], datetime | None] = lambda: None  # the last look at the world; None: not in this process


async def _nothing() -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BotNeeds:
    """Everything the commands need."""

    store: Store
    clock: Clock
    fire: Callable[[Trigger], Awaitable[Receipt]]
    reporting: Reporting
    recent: Recent
    probes: Probes
    about: About
    token: Callable[[Incident], Awaitable[str | None]] | None = None  # of an open confirmation, where it can be known
    rules: Rules = Rules()  # noqa: RUF009  # frozen
    names: Names = USUAL
    missing: Callable[[], Awaitable[Sequence[str]]] = _nothing  # a sentence for each thing without which work rests
