"""`kintsugi run`: the service."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys

from rich.console import Console

import telemetry
from app.bootstrap import production
from app.commands.common import a_desk
from app.commands.outcome import UsageError
from app.settings import Settings, read_settings
from integrations.terminal import Terminal

_TALKATIVE = ("alembic", "httpx", "httpx2", "transitions")
_PARTS = ("discord", "web", "worker")


async def run(only: str, drain: bool) -> None:
    """Perform what is owed until SIGTERM or Ctrl-C, or with `drain` until nothing is due."""
    wanted = _wanted(only)
    settings = read_settings()
    console = Console(stderr=True)
    for line in left_out(settings, wanted):
        console.print(line, style="yellow", highlight=False)
    if "worker" not in wanted:
        raise UsageError("This version has the worker alone: leave --only away, or ask for the worker.")
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    logs = telemetry.install(level="WARNING" if sys.stderr.isatty() else "INFO", build=settings.build_sha)
    try:
        await _work(settings, console, drain)
    finally:
        logs.close()


async def _work(settings: Settings, console: Console, drain: bool) -> None:
    async with a_desk(settings) as desk:
        kintsugi = production(desk, settings, Terminal(Console()))
        await _until_told(asyncio.ensure_future(kintsugi.drain() if drain else kintsugi.work()), console)


def left_out(settings: Settings, wanted: tuple[str, ...]) -> list[str]:
    """What will not be there, and the setting that would bring it."""
    lines = []
    if "discord" in wanted:
        lines.append("Left out: Discord (not in this version yet; the terminal is the channel).")
    if "web" in wanted:
        lines.append("Left out: webhooks and pages (not in this version yet).")
    if settings.llm_api_key is None:
        lines.append("Left out: the model (set KINTSUGI_LLM_API_KEY); failures are read, no patches are proposed.")
    if settings.repo is None:
        lines.append("Left out: checking patches and pull requests (set KINTSUGI_REPO).")
    if not settings.deploy_command or settings.program_url is None:
        lines.append("Left out: deploying (set KINTSUGI_DEPLOY_COMMAND and KINTSUGI_PROGRAM_URL).")
    return lines


def _wanted(only: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in only.split(",") if name.strip()) or _PARTS
    for name in names:
        if name not in _PARTS:
            raise UsageError(f"--only {name}: the parts are {', '.join(_PARTS)}.")
    return names


async def _until_told(work: asyncio.Future[None], console: Console) -> None:
    """Until the work ends, or SIGTERM ends it: that is no failure. Ctrl-C goes on to whoever called."""
    told = asyncio.Event()

    def stop() -> None:
        told.set()
        work.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    console.print("Working. Ctrl-C stops; nothing is lost by it.", style="dim")
    try:
        await work
    except asyncio.CancelledError:
        if not told.is_set():
            raise
