"""Writes finished lines on a thread of its own, so that a stuck pipe or a full disk stops nobody else.

The queue is bounded: what does not fit is dropped and counted, and the count is logged as soon as
writing is possible again. An urgent line is written before `put` returns, with all that waits before it, as far as the
stream takes it without blocking. A direct writer has no queue: each line is written, and waited for, by who logs it.
"""

import contextlib
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import IO, Any

CAPACITY = 8_192  # lines
_BATCH = 256
_GATHERING = 0.02  # seconds
_AT_ONCE = 4_096  # bytes that a pipe takes without blocking when it is ready
_A_TURN = 0.05  # seconds
_MUCH = 1 << 40


class Writer:
    """Takes lines from any thread without waiting. `report(n)` makes the line that says n lines were dropped."""

    def __init__(
        self, stream: IO[Any], report: Callable[[int], str], capacity: int = CAPACITY, *, direct: bool = False
    ) -> None:
        self._stream = stream
        self._report = report
        self._capacity = capacity
        self._lines: deque[str] = deque()
        self._signal: SimpleQueue[None] = SimpleQueue()
        self._idle = False
        self._dropped = 0
        self._reported = 0
        self._closed = False
        self._direct = direct
        self._turn = threading.RLock()
        self._start()
        os.register_at_fork(after_in_child=self._start_again)

    @property
    def dropped(self) -> int:
        """Lines that were never written, since the start."""
        return self._dropped

    @property
    def waiting(self) -> int:
        """Lines that are still to be written."""
        return len(self._lines)

    def put(self, line: str, *, urgent: bool = False) -> None:
        """Hands a line over. Never waits, unless it is a direct writer's; never raises."""
        if self._closed:
            self._write_now(line)
        elif len(self._lines) >= self._capacity:
            self._dropped += 1
        else:
            self._lines.append(line)
            if self._direct:
                self._write_all()
            elif urgent:
                self._write_without_waiting()
            if self._idle and self._lines:
                self._idle = False
                self._signal.put(None)

    def close(self, timeout: float = 2.0) -> None:
        """Writes what is waiting, for at most `timeout` seconds. Lines that come later are written at once."""
        if self._closed:
            return
        self._closed = True
        self._signal.put(None)
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="telemetry-writer", daemon=True)
        self._thread.start()

    def _start_again(self) -> None:
        """After a fork the child has the lines but no thread; they are the parent's to write."""
        if not self._closed:
            self._lines.clear()
            self._signal = SimpleQueue()
            self._turn = threading.RLock()
            self._start()

    def _run(self) -> None:
        """Writes in batches. Only an idle writer is woken, as waking costs the caller more than a whole line."""
        while True:
            self._write_all()
            if self._closed:
                return
            self._rest()

    def _rest(self) -> None:
        with contextlib.suppress(Empty):
            self._signal.get(timeout=_GATHERING)
        if self._lines or self._closed:
            return
        self._idle = True
        if not self._lines and not self._closed:
            self._signal.get()
        self._idle = False

    def _write_all(self) -> None:
        while self._lines:
            with self._turn:
                self._write(self._batch())

    def _write_without_waiting(self) -> None:
        """Waits for who is writing now only where the stream takes lines, so that this does not last."""
        if not self._turn.acquire(blocking=False) and not (self._takes_now(0) and self._turn.acquire(timeout=_A_TURN)):
            return
        try:
            while self._lines and (most := self._takes_now(len(self._lines[0]) * 4)):
                self._write(self._batch(most))
        except IndexError:
            pass  # another thread took the last one
        finally:
            self._turn.release()

    def _takes_now(self, wanted: int) -> int:
        """How many bytes the stream takes without blocking: more than are wanted, or 0, also where nobody can say."""
        try:
            number = self._stream.fileno()
        except (OSError, ValueError, AttributeError):
            return _MUCH  # it is in memory
        try:
            if wanted < _AT_ONCE and select.select([], [number], [], 0)[1]:
                return _AT_ONCE
            return _MUCH if stat.S_ISREG(os.fstat(number).st_mode) else 0
        except (OSError, ValueError):
            return 0

    def _batch(self, most: int = _MUCH) -> list[str]:
        """Lines of at most so many bytes together, at least one."""
        lines: list[str] = []
        with contextlib.suppress(IndexError):
            while len(lines) < _BATCH:
                lines.append(self._lines.popleft())
                most -= len(lines[-1]) * 4 + 1
                if most < 4 * len(self._lines[0]) + 1:
                    break
        return lines

    def _write(self, lines: list[str]) -> None:
        missing = self._dropped - self._reported
        try:
            if missing:
                lines = [self._report(missing), *lines]
            self._emit("\n".join(lines) + "\n" if lines else "")
            self._reported += missing
        except Exception:
            self._dropped += len(lines) - bool(missing)

    def _emit(self, text: str) -> None:
        """Bytes where the stream has them, as its own encoding may not know every character."""
        buffer = getattr(self._stream, "buffer", None)
        if buffer is None:
            self._stream.write(text)
        else:
            buffer.write(text.encode("utf-8", "replace"))
            buffer.flush()
        self._stream.flush()

    def _write_now(self, line: str) -> None:
        """After the end there is no thread: write what the stream takes without blocking."""
        with contextlib.suppress(Exception):
            number = self._stream.fileno()
            if select.select([], [number], [], 0)[1]:
                os.write(number, (line + "\n").encode("utf-8", "replace")[:_AT_ONCE])
                return
        self._dropped += 1


class NoWriter:
    """In a Writer's place where lines are only kept."""

    dropped = 0

    def put(self, line: str, *, urgent: bool = False) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Nothing is waiting."""
