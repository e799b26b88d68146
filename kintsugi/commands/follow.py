"""A program is run, and each failure in its output becomes an incident.

Three processes, so that none can hurt the program. The program itself has our input, and its own pipes, or terminals
where ours are. This process copies what it prints, byte for byte, hands signals on and ends with its status; it imports
nothing that could fail. A third, forked before anything else, looks at a copy of the output and records what failed
(`watch.py`). What it cannot keep up with it is not given: the copy waits for nobody.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from kintsugi.commands.frames import ENDED, FRAME, MISSED, STDERR, STDOUT, Wishes

_PASSED_ON = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
)
_FROM_A_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGCONT)
_CANNOT_RUN, _NOT_FOUND = 126, 127  # as shells say it
_BLOCK = 256 * 1024  # bytes copied at a time
_PIPE = 1024 * 1024  # bytes that a pipe holds, where the system allows
_DRAINED = 0.5  # seconds of silence after the program's end, after which what it left running is left alone
_DRAINED_AT_MOST = 2.0
_RECORDED_WITHIN = 120.0  # seconds after the end: who records gives up long before, where the database is away


def follow(command: Sequence[str], wishes: Wishes) -> int:
    """Run the command with our input, its output and signals passed through. Answers its exit status."""
    watcher = _Watcher.started(command, wishes)
    streams = [_Stream(1, STDOUT, wishes.pty), _Stream(2, STDERR, wishes.pty)]
    try:
        program = subprocess.Popen(command, stdout=streams[0].theirs, stderr=streams[1].theirs)
    except OSError as error:
        print(f"kintsugi: {command[0]}: {error.strerror}.", file=sys.stderr)  # noqa: T201
        watcher.leave()
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_RUN
    _pass_signals_on(program, streams)
    for stream in streams:
        stream.copy_to(watcher)
    status = program.wait()
    _drain(streams)
    watcher.end(status)
    return 128 - status if status < 0 else status


def _pass_signals_on(program: subprocess.Popen[bytes], streams: Sequence[_Stream]) -> None:
    by_terminal = _FROM_A_TERMINAL if sys.stdin.isatty() else ()  # which tells the program itself
    for number in _PASSED_ON:
        handler = _leave_it if number in by_terminal else lambda number, _: program.send_signal(number)
        signal.signal(number, handler)

    def resized(number: int, _: object) -> None:
        for stream in streams:
            stream.resize()
        program.send_signal(number)

    signal.signal(signal.SIGWINCH, resized)


def _leave_it(_number: int, _frame: object) -> None:
    return None


def _drain(streams: Sequence[_Stream]) -> None:
    """The rest of the output; where the program left something running, only until that is silent for a moment."""
    until = time.monotonic() + _DRAINED_AT_MOST
    while any(stream.is_open for stream in streams) and time.monotonic() < until:
        silent = time.monotonic() - max(stream.last for stream in streams)
        if silent > _DRAINED:
            return
        for stream in streams:
            stream.wait(0.02)


class _Stream:
    """One of the program's two streams: a pipe, or a terminal where ours is one."""

    def __init__(self, ours: int, kind: int, pty: bool) -> None:
        self._to, self._kind = ours, kind
        self._terminal = pty and os.isatty(ours)
        self._from, self.theirs = os.openpty() if self._terminal else os.pipe()
        self.is_open = True
        self.last = time.monotonic()
        if self._terminal:
            self._leave_lines_as_they_are()
            self.resize()
        else:
            _widen(self._from)

    def resize(self) -> None:
        """The program's terminal is as large as ours."""
        if self._terminal:
            size = fcntl.ioctl(self._to, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(self._from, termios.TIOCSWINSZ, size)

    def copy_to(self, watcher: _Watcher) -> None:
        """Copy what comes, from now on, beside everything else."""
        os.close(self.theirs)
        self.last = time.monotonic()
        self._thread = threading.Thread(target=self._copy, args=(watcher,), daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _copy(self, watcher: _Watcher) -> None:
        while output := _read(self._from):
            try:
                _write(self._to, output)
            except OSError:  # whoever read our output is gone: the program is told as it would be without us
                break
            self.last = time.monotonic()
            watcher.show(self._kind, output)
        os.close(self._from)
        self.is_open = False

    def _leave_lines_as_they_are(self) -> None:
        """Our own terminal makes of a line end what it does; the program's is to add nothing to that."""
        mode = termios.tcgetattr(self.theirs)
        mode[1] &= ~termios.OPOST
        termios.tcsetattr(self.theirs, termios.TCSANOW, mode)


def _widen(pipe: int) -> None:
    """Fewer, larger reads, where the system has room for that."""
    with suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _read(number: int) -> bytes:
    try:
        return os.read(number, _BLOCK)
    except OSError:  # a terminal whose other side is closed
        return b""


def _write(number: int, output: bytes) -> None:
    left = memoryview(output)
    while left:
        left = left[os.write(number, left) :]


_A_SECOND = 4 * 1024 * 1024  # bytes that are looked at in a second, of a program that prints for ever
_QUEUE = 4 * 1024 * 1024  # bytes that wait to be looked at
_TAIL = 256 * 1024  # bytes: the last of what was printed is looked at in any case


class _Watcher:
    """The process that looks and records, and what it is still to be given. Its end is nobody's trouble."""

    def __init__(self, process: int, pipe: int, lives: int) -> None:
        self._process, self._pipe, self._lives = process, pipe, lives
        self._frames: deque[bytes] = deque()
        self._waiting = 0
        self._allowed, self._at = float(_QUEUE), time.monotonic()
        self._missed = {STDOUT: 0, STDERR: 0}
        self._tails: dict[int, deque[bytes]] = {STDOUT: deque(), STDERR: deque()}
        self._change = threading.Condition()
        self._over = False
        self._thread = threading.Thread(target=self._hand_over, daemon=True)
        self._thread.start()

    @classmethod
    def started(cls, command: Sequence[str], wishes: Wishes) -> _Watcher:
        """Forked before there is a thread or a pipe that it should not have."""
        theirs, ours = os.pipe()
        lives, living = os.pipe()  # closed with the end of whoever has the second of them
        process = os.fork()
        if process:
            os.close(theirs)
            os.close(living)
            return cls(process, ours, lives)
        os.close(ours)
        os.close(lives)
        status = 1
        try:
            from kintsugi.commands.watch import watch  # noqa: PLC0415  # in the process that can do without us

            status = watch(theirs, command, wishes)
        except Exception as error:
            print(f"kintsugi: nothing more is looked at: {type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201
        finally:
            os._exit(status)

    def show(self, kind: int, output: bytes) -> None:
        """Give it a copy, if there is room. Never waits."""
        with self._change:
            now = time.monotonic()
            self._allowed = min(self._allowed + (now - self._at) * _A_SECOND, _QUEUE)
            self._at = now
            if self._waiting + len(output) > _QUEUE or self._allowed < len(output):
                self._miss(kind, output)
                return
            self._allowed -= len(output)
            self._put(kind, output)

    def end(self, status: int) -> None:
        """Tell it of the program's end, and wait for a moment until all is recorded."""
        with self._change:
            for kind in (STDOUT, STDERR):
                tail = b"".join(self._tails[kind])[-_TAIL:]
                if tail and self._missed[kind]:
                    self._missed[kind] -= len(tail)
                    self._put(kind, tail)
            self._frames.append(FRAME.pack(ENDED, status & 0xFFFFFFFF))
            self._over = True
            self._change.notify()
        self._wait()

    def leave(self) -> None:
        """There is no program to be watched."""
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def _miss(self, kind: int, output: bytes) -> None:
        self._missed[kind] += len(output)
        tail = self._tails[kind]
        tail.append(output)
        while len(tail) > 1 and sum(map(len, tail)) - len(tail[0]) >= _TAIL:
            tail.popleft()

    def _put(self, kind: int, output: bytes) -> None:
        if self._missed[kind]:
            self._frames.append(FRAME.pack(MISSED, min(self._missed[kind] // 1024, 0xFFFFFF) << 8 | kind))
            self._missed[kind] = 0
            self._tails[kind].clear()
        self._frames.append(FRAME.pack(kind, len(output)) + output)
        self._waiting += len(output)
        self._change.notify()

    def _hand_over(self) -> None:
        """On a thread of its own, which may wait as long as it likes."""
        while True:
            with self._change:
                while not self._frames and not self._over:
                    self._change.wait()
                if not self._frames:
                    break
                frame = self._frames.popleft()
                self._waiting -= max(len(frame) - FRAME.size, 0)
            try:
                _write(self._pipe, frame)
            except OSError:  # it is gone
                break
        os.close(self._pipe)

    def _wait(self) -> None:
        until = time.monotonic() + _RECORDED_WITHIN
        self._thread.join(_RECORDED_WITHIN)
        ended, _, _ = select.select([self._lives], [], [], max(until - time.monotonic(), 0))
        if not ended:
            print("kintsugi: what failed last could not be recorded in time.", file=sys.stderr)  # noqa: T201
            os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
