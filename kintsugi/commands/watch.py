"""Looks at a copy of what a program prints, and records what failed. A process of its own, see `follow.py`."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kintsugi.commands.frames import ENDED, FRAME, MISSED, STDERR, STDOUT, Wishes

if TYPE_CHECKING:
    from kintsugi.capture.intake import Intake
    from kintsugi.capture.report import Report
    from kintsugi.workflow.ports import Receipt

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
_LOOKED_EVERY = 0.25  # seconds, while output comes
_TRIED_FOR = 30.0  # seconds, each
_TRIED_EVERY = 2.0  # seconds, while the database is away
_MOST_WAITING = 200  # failures, until it is back
_TOLD_EVERY = 10.0  # seconds, of failures that come again and again
_ASKED_FOR = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)
_LARGEST = 1024 * 1024


def watch(pipe: int, command: Sequence[str], wishes: Wishes) -> int:
    """Until the program has ended and all is recorded. Signals are the program's, and not for this process."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    watching = _Watching(_Recorder(wishes), Path(command[0]).name, wishes)
    watching.until_the_end(pipe)
    return 0


class _Watching:
    def __init__(self, recorder: _Recorder, program: str, wishes: Wishes) -> None:
        from kintsugi.capture.window import Window  # noqa: PLC0415  # the program runs already

        self._recorder, self._program, self._wishes = recorder, program, wishes
        self._windows = {STDOUT: Window(), STDERR: Window()}
        self._came = time.monotonic()
        self._missed = 0

    def until_the_end(self, pipe: int) -> None:
        looked = 0.0
        status: int | None = None
        while status is None:
            wait = _LOOKED_EVERY if self._is_due else None
            if select.select([pipe], [], [], wait)[0]:
                status = self._take(pipe)
            if time.monotonic() - looked > _LOOKED_EVERY or status is not None:
                self._look(ended=status is not None)
                looked = time.monotonic()
        self._end(status)

    @property
    def _is_due(self) -> bool:
        return self._recorder.is_waiting or any(window.is_due for window in self._windows.values())

    def _take(self, pipe: int) -> int | None:
        """What was handed over; the program's status where it has ended. That is -1 where nobody is there any more."""
        head = _read(pipe, FRAME.size)
        if len(head) < FRAME.size:
            return -1
        kind, number = FRAME.unpack(head)
        if kind == ENDED:
            return int.from_bytes(number.to_bytes(4, "big"), "big", signed=True)
        if kind == MISSED:
            self._missed += number >> 8
            for report in self._windows[number & 1].gap():
                self._recorder.take(report)
            return None
        window = self._windows[kind]
        window.add(_read(pipe, number))
        self._came = time.monotonic()
        if window.is_full:
            self._look()
        return None

    def _look(self, *, ended: bool = False) -> None:
        for window in self._windows.values():
            if window.is_due or ended:
                for report in window.look(silent=time.monotonic() - self._came, ended=ended):
                    self._recorder.take(report)
        self._recorder.record()

    def _end(self, status: int) -> None:
        if said := self._ended_badly(status):
            lines = [line for window in self._windows.values() for line in window.last_lines()]
            self._recorder.take("\n".join(lines), said)
        self._recorder.end()
        if self._missed:
            _say(f"{self._missed:,} KB of output came too fast to be looked at.")

    def _ended_badly(self, status: int) -> str:
        """What to say of an end for which the program gave no reason; empty where it is no failure."""
        if self._recorder.taken:
            return ""
        if status < 0 and -status not in _ASKED_FOR:
            return f"{self._program} ended by {signal.Signals(-status).name}"
        return f"{self._program} ended with status {status}" if status > 0 and self._wishes.exit_status else ""


class _Recorder:
    """Makes incidents. The database is opened when the first failure comes, and may be away."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._stack = AsyncExitStack()
        self._intake: Intake | None = None
        self._waiting: deque[tuple[Report | str, str]] = deque(maxlen=_MOST_WAITING)
        self._tried = self._told = 0.0
        self._again = ""  # what is still to be told of failures that came again
        self._trouble = ""
        self.taken = 0

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)

    def take(self, source: Report | str, summary: str = "") -> None:
        self.taken += 1
        self._waiting.append((source, summary))

    def record(self) -> None:
        """What waits, as far as the database takes it."""
        if self._waiting and (not self._trouble or time.monotonic() - self._tried > _TRIED_EVERY):
            self._tried = time.monotonic()
            self._run(self._record())

    def end(self) -> None:
        if self._waiting:
            self._run(self._record())
        for _ in self._waiting:
            _say(f"not captured: {self._trouble}")
        if self._again:
            _say(self._again)
        if not self._trouble:
            self._run(self._stack.aclose())

    @cached_property
    def _run(self) -> Callable[[Coroutine[Any, Any, None]], None]:
        """On one event loop, which is there when something failed, and never closed: what hangs in it ends with us."""
        import asyncio  # noqa: PLC0415

        return asyncio.Runner().run

    async def _record(self) -> None:
        import asyncio  # noqa: PLC0415

        from kintsugi.capture.errors import CaptureError  # noqa: PLC0415
        from kintsugi.commands.common import actor, new_key  # noqa: PLC0415

        while self._waiting:
            source, summary = self._waiting[0]
            try:
                async with asyncio.timeout(_TRIED_FOR):
                    intake = self._intake = self._intake or await self._opened()
                    receipt = await intake.read(source, key=new_key(), actor=actor(), summary=summary)
            except CaptureError as error:
                _say(f"not captured: {error}")
            except Exception as error:  # whatever it is, the program is not to notice
                self._tell_trouble(error)
                return
            else:
                self._trouble = ""
                self._tell(receipt)
            self._waiting.popleft()

    async def _opened(self) -> Intake:
        from kintsugi.app.bootstrap import Bootstrap  # noqa: PLC0415

        bootstrap = Bootstrap.read()
        desk = await self._stack.enter_async_context(bootstrap.desk())
        return bootstrap.intake(desk, self._wishes.repo, dry_run=self._wishes.dry_run)

    def _tell_trouble(self, error: Exception) -> None:
        says = (
            "The database does not answer." if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        )
        if says != self._trouble:
            _say(f"not recorded yet: {says}")
        self._trouble = says

    def _tell(self, receipt: Receipt) -> None:
        incident = receipt.incident
        if incident.count == 1:
            _say(f"{incident.name}: {incident.summary}")
        elif time.monotonic() - self._told > _TOLD_EVERY:
            _say(receipt.says)
            self._told, self._again = time.monotonic(), ""
        else:
            self._again = receipt.says


def _say(sentence: str) -> None:
    from kintsugi.telemetry.plain import plain  # noqa: PLC0415  # the program runs already

    try:
        os.write(2, f"kintsugi: {plain(sentence)}\n".encode("utf-8", "replace"))
    except OSError:
        sys.exit(0)


def _read(pipe: int, length: int) -> bytes:
    """So many bytes, or fewer where there are no more."""
    pieces: list[bytes] = []
    while length and (piece := os.read(pipe, min(length, _LARGEST))):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)
