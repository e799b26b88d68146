"""What the commands are handed: ports, and a few facts about the process they run in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from kintsugi.bot.names import USUAL, Names
from kintsugi.bot.status import Probes
from kintsugi.workflow.asking import Rules
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.ports import Clock, Store
from kintsugi.workflow.triggers import Trigger


class Recent(Protocol):
    """The newest log lines, redacted, oldest first: of this level or above, with this text."""

    def __call__(self, limit: int, level: str | None = None, contains: str | None = None) -> list[str]: ...


class OpenIssue(Protocol):
    """Makes an incident of what went wrong just now, as the log tells it."""

    async def __call__(self, summary: str, *, key: str, actor: str, dry_run: bool) -> Receipt: ...


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
    open_issue: OpenIssue
    recent: Recent
    probes: Probes
    about: About
    token: Callable[[Incident], Awaitable[str | None]] | None = None  # of an open confirmation, where it can be known
    rules: Rules = Rules()  # noqa: RUF009  # frozen
    names: Names = USUAL
    missing: Callable[[], Awaitable[Sequence[str]]] = _nothing  # a sentence for each thing without which work rests
