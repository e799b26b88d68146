"""How far a reply has come, in words, for whoever watches: also where a machine reads the question for minutes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from kintsugi.integrations.model.openai_streams import Heard
from kintsugi.workflow.ports import Progress

_RARER = 1.5  # how much longer it takes each time until the next word: minutes are no flood of lines


def telling(progress: Progress, heard: Heard, every: timedelta) -> Callable[[], None]:
    """Tells how far the reply has come: after so long, and then ever more rarely."""
    began = told = time.monotonic()
    wait = every.total_seconds()

    def tell() -> None:
        nonlocal told, wait
        now = time.monotonic()
        if now - told < wait:
            return
        told, wait = now, wait * _RARER
        if said := len(heard.said):
            progress(f"the model is answering: {said:,} characters in {now - began:.0f} s")
        else:
            progress(f"the model has said nothing so far, after {now - began:.0f} s")

    return tell


@asynccontextmanager
async def told_in_silence(tell: Callable[[], None], every: timedelta) -> AsyncIterator[None]:
    """Tells also while nothing comes in: a small machine may read a question for minutes."""

    async def watch() -> None:
        while every:
            await asyncio.sleep(every.total_seconds())
            tell()

    task = asyncio.create_task(watch())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
