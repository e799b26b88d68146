"""Where a report in words may lie: what is offered to whoever reports it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kintsugi.repair.context import WordIndex

log = logging.getLogger("kintsugi.service")


class Places:
    """Finds code by words, in `repository` at the build that runs. The index is made once, when it is first asked.

    `repository` and `build` give None where nobody knows; then nothing is offered, as where the code cannot be read.
    """

    def __init__(self, repository: Callable[[], Path | None], build: Callable[[], str | None]) -> None:
        self._repository, self._build = repository, build
        self._making: asyncio.Task[WordIndex | None] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def likely(self, words: str, *, most: int = 3, patience: float = 2.0) -> list[str]:
        """The most likely functions, such as `shop/chart.py:month_of`; none where that takes too long (in seconds)."""
        try:
            async with asyncio.timeout(patience), self._one_at_a_time:
                index = await asyncio.shield(self._made())
                return await asyncio.to_thread(index.places, words, most=most) if index else []
        except TimeoutError:
            return []

    def _made(self) -> asyncio.Task[WordIndex | None]:
        if self._making is None or (self._making.done() and self._making.result() is None):
            self._making = asyncio.create_task(asyncio.to_thread(self._make))
        return self._making

    def _make(self) -> WordIndex | None:
        try:
            from kintsugi.repair.context import ContextError, index_of  # noqa: PLC0415  # as tree-sitter is no guest's
        except ImportError:
            return None
        repository = self._repository()
        try:
            return index_of(repository, self._build()) if repository else None
        except ContextError as error:
            log.warning("code_index_failed", extra={"why": str(error)})
            return None
