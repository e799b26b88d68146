"""A program is run, and each crash in its output becomes an incident."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from kintsugi.app.desk import Desk
from kintsugi.app.settings import Settings, read_settings
from kintsugi.capture.build import build_payload
from kintsugi.capture.errors import CaptureError
from kintsugi.capture.window import Window
from kintsugi.commands.common import a_desk, actor, new_key
from kintsugi.workflow.errors import StoreUnavailable
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.triggers import Captured

_QUIET = 0.5  # seconds without output, after which a report is taken to be whole
_AT_LEAST_EVERY = 2.0  # seconds, where a program is never quiet
_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_FROM_A_TERMINAL = (signal.SIGINT, signal.SIGQUIT)
_ASKED_FOR = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
_CANNOT_RUN, _NOT_FOUND = 126, 127  # as shells say it


async def follow(command: Sequence[str], repo: Path | None, dry_run: bool) -> int:
    """Run the command with our input, its output and signals passed through. Answers its exit status."""
    settings = read_settings()
    async with a_desk(settings) as desk:
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
        return await _Following(desk, settings, repo or settings.repo, dry_run).until_it_ends(process, command)


class _Following:
    def __init__(self, desk: Desk, settings: Settings, root: Path | None, dry_run: bool) -> None:
        self._desk, self._settings, self._root, self._dry_run = desk, settings, root, dry_run
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
            now = self._desk.clock.now()
            payload = await asyncio.to_thread(self._payload, said, summary)
            trigger = Captured(
                key=new_key(),
                at=now,
                actor=actor(),
                payload=payload,
                dry_run=self._dry_run or self._settings.dry_run,
                rounds_allowed=self._settings.rounds,
            )
            receipt = await self._desk.engine.fire(trigger)
        except (CaptureError, StoreUnavailable) as error:
            told = f"not captured: {error}"
        else:
            self._captured += 1
            told = (
                receipt.says if receipt.incident.count > 1 else f"{receipt.incident.name}: {receipt.incident.summary}"
            )
        await asyncio.to_thread(_write, sys.stderr.buffer, f"kintsugi: {told}\n".encode())

    def _payload(self, said: str, summary: str) -> Payload:
        return build_payload(
            said,
            root=self._root,
            summary=summary,
            opened_by=actor(),
            build_sha=self._settings.build(),
            environment=self._settings.env_name,
            now=self._desk.clock.now(),
        )


def _pass_on(process: Process, number: int) -> None:
    if process.returncode is None:
        process.send_signal(number)


def _leave_it() -> None:
    return None


def _write(to: BinaryIO, output: bytes) -> None:
    to.write(output)
    to.flush()
