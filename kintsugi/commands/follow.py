"""A program is run, and each crash in its output becomes an incident."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.capture.errors import CaptureError
from kintsugi.capture.intake import Intake
from kintsugi.capture.window import Window
from kintsugi.commands.common import actor, new_key
from kintsugi.workflow.errors import StoreUnavailable

_QUIET = 0.5  # seconds without output, after which a report is taken to be whole
_AT_LEAST_EVERY = 2.0  # seconds, where a program is never quiet
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_FROM_A_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_ASKED_FOR = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
_CANNOT_RUN, _NOT_FOUND = 126, 127  # as shells say it


async def follow(command: Sequence[str], repo: Path | None, dry_run: bool) -> int:
    """Run the command with our input, its output and signals passed through. Answers its exit status."""
    bootstrap = Bootstrap.read()
    async with bootstrap.desk() as desk:
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=None, stdout=PIPE, stderr=PIPE)
        except OSError as error:
            print(f"kintsugi: {command[0]}: {error.strerror}.", file=sys.stderr)  # noqa: T201
            return _NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_RUN
        by_terminal = _FROM_A_TERMINAL if sys.stdin.isatty() else ()  # which tells the program itself
        for number in _PASSED_ON:
            if number in by_terminal:
                asyncio.get_running_loop().add_signal_handler(number, _leave_it)
                continue
            asyncio.get_running_loop().add_signal_handler(number, _pass_on, process, number)
        return await _Following(bootstrap.intake(desk, repo, dry_run=dry_run)).until_it_ends(process, command)


class _Following:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._captured = 0

    async def until_it_ends(self, process: Process, command: Sequence[str]) -> int:
        assert process.stdout
        assert process.stderr
        windows = Window(), Window()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._copy(process.stdout, sys.stdout.buffer, windows[0]))
            group.create_task(self._copy(process.stderr, sys.stderr.buffer, windows[1]))
        status = await process.wait()
        if status < 0 and -status not in _ASKED_FOR and not self._captured:
            said = "\n".join(window.end() for window in windows)
            await self._capture(said, f"{Path(command[0]).name} ended by {signal.Signals(-status).name}")
        return 128 - status if status < 0 else status

    async def _copy(self, source: asyncio.StreamReader, to: BinaryIO, window: Window) -> None:
        """Pass on what comes as it comes; when nothing comes for a moment, and now and then, look at what came."""
        time, looked = asyncio.get_running_loop().time, 0.0
        while True:
            try:
                async with asyncio.timeout(_QUIET):
                    output = await source.read(65_536)
            except TimeoutError:
                await self._look(window, quiet=True)
                continue
            if not output:
                break
            await asyncio.to_thread(_write, to, output)
            window.add(output)
            if time() - looked > _AT_LEAST_EVERY:
                await self._look(window, quiet=False)
                looked = time()
        await self._look(window, quiet=True)

    async def _look(self, window: Window, *, quiet: bool) -> None:
        if said := await asyncio.to_thread(window.crash, quiet=quiet):
            await self._capture(said)

    async def _capture(self, said: str, summary: str = "") -> None:
        try:
            receipt = await self._intake.read(said, key=new_key(), actor=actor(), summary=summary)
        except (CaptureError, StoreUnavailable) as error:
            told = f"not captured: {error}"
        else:
            self._captured += 1
            told = (
                receipt.says if receipt.incident.count > 1 else f"{receipt.incident.name}: {receipt.incident.summary}"
            )
        await asyncio.to_thread(_write, sys.stderr.buffer, f"kintsugi: {told}\n".encode())


def _pass_on(process: Process, number: int) -> None:
    if process.returncode is None:
        process.send_signal(number)


def _leave_it() -> None:
    return None


def _write(to: BinaryIO, output: bytes) -> None:
    to.write(output)
    to.flush()
