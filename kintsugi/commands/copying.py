"""The process between a program that is followed and our own output.

It copies what the program prints, byte for byte, and shows a copy to a process that looks at it (`watch.py`), which it
forks first. What that cannot keep up with it is not given: the copy waits for nobody.

Output leaves the program's pipe only when it has arrived: the kernel moves it on, and we read a duplicate of it
(`tee(2)`). A process that is killed while it waits in `read(2)` may still take what is printed next to its grave.
"""

from __future__ import annotations

import errno
import fcntl
import math
import os
import select
import signal
import stat
import struct
import sys
import termios
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from kintsugi.commands.frames import ENDED, FRAME, MISSED, STDERR, STDOUT, Wishes

_BLOCK = 256 * 1024  # bytes copied at a time
_PIPE = 1024 * 1024  # bytes that a pipe holds, where the system allows
_DRAINED = 0.5  # seconds of silence after the program's end, after which what it left running is left alone
_DRAINED_AT_MOST = 2.0  # seconds, where that is never silent
_RECORDED_WITHIN = 120.0  # seconds after the end: who records gives up long before, where the database is away
_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

STATUS = struct.Struct("!i")
UNKNOWN = -1  # the status, where whoever knew it is gone


class Stream:
    """One of the program's two streams: a pipe, or a terminal where ours is one."""

    def __init__(self, ours: int, kind: int, pty: bool) -> None:
        self.to, self.kind = ours, kind
        self._terminal = pty and os.isatty(ours)
        self.source, self.theirs = os.openpty() if self._terminal else os.pipe()
        self.is_open = True
        if self._terminal:
            self._leave_lines_as_they_are()
            self.resize()
        else:
            _widen(self.source)

    def resize(self) -> None:
        """The program's terminal is as large as ours."""
        if self._terminal and self.is_open:
            size = fcntl.ioctl(self.to, termios.TIOCGWINSZ, b"\0" * 8)
            fcntl.ioctl(self.source, termios.TIOCSWINSZ, size)

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            os.close(self.source)

    def copy_what_is_there(self) -> None:
        """For whoever is left to copy. Waits for nothing but our own output; closed at the end, or with no reader."""
        try:
            while self.is_open and select.select([self.source], [], [], 0)[0]:
                output = read(self.source)
                write(self.to, output) if output else self.close()
        except OSError:
            self.close()

    def _leave_lines_as_they_are(self) -> None:
        """Our own terminal makes of a line end what it does; the program's is to add nothing to that."""
        mode = termios.tcgetattr(self.theirs)
        mode[1] &= ~termios.OPOST
        termios.tcsetattr(self.theirs, termios.TCSANOW, mode)


def copy(streams: Sequence[Stream], command: Sequence[str], wishes: Wishes, told: int, gone: int) -> None:
    """Copy until both streams are over, or whoever waits for the program tells its status by the pipe `told`.

    The kind of a stream whose reader is gone is written to the pipe `gone`.
    """
    for number in _NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    there = [stream for stream in streams if stream.is_open]
    watcher = Watcher.started(command, wishes, without=[told, gone, *(stream.source for stream in there)])
    copies = [_Copy(stream, watcher, lambda kind: os.write(gone, bytes([kind]))) for stream in there]
    status = os.read(told, STATUS.size)
    if status:
        _drain(copies)
    else:  # who waited for the program is gone, and the program need not notice
        for each in copies:
            each.wait(None)
    for each in copies:
        each.keep_the_last()
    watcher.end(STATUS.unpack(status)[0] if status else UNKNOWN)


def _drain(copies: Sequence[_Copy]) -> None:
    """The rest of the output, however long our own reader takes for it.

    Where the program left something running, only what lay there at its end, and what follows until that is silent for
    a moment.
    """
    until = time.monotonic() + _DRAINED_AT_MOST
    for each in copies:
        each.owes_what_is_there()
    while any(each.goes_on for each in copies):
        now = time.monotonic()
        if all(each.silent(now) > _DRAINED or (each.is_even and now > until) for each in copies):
            return
        for each in copies:
            each.wait(0.02)


class _Copy:
    """A stream on its way, on a thread of its own."""

    def __init__(self, stream: Stream, watcher: Watcher, gone: Callable[[int], object]) -> None:
        self._stream, self._watcher, self._gone = stream, watcher, gone
        self._duplicate = _Duplicate.of(stream.source, stream.to)
        self._silent_since: float | None = time.monotonic()  # None while something is on its way
        self._copied = 0
        self._owed: int | None = None  # bytes in all that are copied in any case; asked for at the program's end
        self._is_last = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def goes_on(self) -> bool:
        return self._thread.is_alive()

    @property
    def is_even(self) -> bool:
        """Whether what lay there at the program's end has gone on."""
        return self._owed is not None and self._copied >= self._owed

    def owes_what_is_there(self) -> None:
        self._is_last = True

    def silent(self, now: float) -> float:
        """Seconds for which there has been nothing to copy. A reader of our own that is slow is no silence."""
        if not self.goes_on:
            return math.inf
        since = self._silent_since
        return 0.0 if since is None or _bytes_in(self._stream.source) else now - since

    def wait(self, seconds: float | None) -> None:
        self._thread.join(seconds)

    def keep_the_last(self) -> None:
        """The end of what passed by is looked at all the same."""
        if self._duplicate and self._duplicate.has_bytes:
            self._watcher.keep(self._stream.kind, self._duplicate.last())

    def _run(self) -> None:
        try:
            while self._goes_on():
                pass
        except OSError:  # whoever read our output is gone: the program is told as it would be without us
            self._stream.close()
            with suppress(OSError):
                self._gone(self._stream.kind)
        self._stream.close()

    def _goes_on(self) -> bool:
        """Wait for something, and move it on. False at the end."""
        select.select([self._stream.source], [], [])
        self._silent_since = None
        if self._is_last and self._owed is None:
            self._owed = self._copied + _bytes_in(self._stream.source)
        moved = self._moved()
        self._copied += moved
        if not _bytes_in(self._stream.source):
            self._silent_since = time.monotonic()
        return moved > 0

    def _moved(self) -> int:
        """How many bytes went on; 0 at the end."""
        if self._duplicate is None:
            output = read(self._stream.source)
            write(self._stream.to, output)
        elif self._duplicate.is_moved_by_kernel and not self._watcher.has_room():
            moved = self._duplicate.move(_PIPE)
            self._watcher.miss(self._stream.kind, moved)
            return moved
        else:
            self.keep_the_last()
            output = self._duplicate.read_and_move()
        self._watcher.show(self._stream.kind, output)
        return len(output)


def _is_moved_by_kernel(to: int) -> bool:
    """Whether the kernel moves bytes from a pipe to there: to no terminal and no file's end."""
    mode = os.fstat(to).st_mode
    appends = fcntl.fcntl(to, fcntl.F_GETFL) & os.O_APPEND
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or (stat.S_ISREG(mode) and not appends)


class _Duplicate:
    """Of what lies in a pipe: in a pipe of our own, where it is read, or kept while a flood is moved on."""

    def __init__(self, source: int, to: int) -> None:
        """Raises ImportError or OSError where the system has no tee(2) between pipes."""
        import ctypes  # noqa: PLC0415  # for tee(2), which Python does not have

        tee = ctypes.CDLL(None, use_errno=True).tee
        tee.argtypes, tee.restype = (ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_uint), ctypes.c_ssize_t
        self._tee: Callable[[int, int, int, int], int] = tee
        self._errno = ctypes.get_errno
        self._source, self._to = source, to
        self._ring, self._ring_end = os.pipe()
        _widen(self._ring)
        self.is_moved_by_kernel = _is_moved_by_kernel(to)
        if stat.S_ISFIFO(os.fstat(to).st_mode):
            _widen(to)
        os.set_blocking(self._ring, False)
        self._nowhere = os.open(os.devnull, os.O_WRONLY)
        self.has_bytes = False
        self._duplicated(1)  # a try, which raises where the system cannot
        self.last()

    @classmethod
    def of(cls, source: int, to: int) -> _Duplicate | None:
        """None for a terminal, or where the system cannot."""
        if not hasattr(os, "splice") or not stat.S_ISFIFO(os.fstat(source).st_mode):
            return None
        with suppress(ImportError, AttributeError, OSError):
            return cls(source, to)
        return None

    def read_and_move(self) -> bytes:
        """Wait for bytes, move them on, and answer them, where none are kept. No bytes at the end."""
        if self.is_moved_by_kernel:
            return self._taken(self.move(_BLOCK))
        select.select([self._source], [], [])
        output = self._taken(self._duplicated(_BLOCK))
        write(self._to, output)
        self._splice(self._nowhere, len(output))
        return output

    def move(self, most: int) -> int:
        """Wait for bytes and move them on. Answers how many; 0 at the end."""
        select.select([self._source], [], [])
        while (moved := self._duplicated(most)) < 0:
            self._make_room()
        self.has_bytes = moved > 0 or self.has_bytes
        self._splice(self._to, moved)
        return moved

    def last(self) -> bytes:
        """What was moved last, as much as was kept."""
        found = b""
        with suppress(BlockingIOError):
            while piece := os.read(self._ring, _PIPE):
                found += piece
        self.has_bytes = False
        return found

    def _taken(self, length: int) -> bytes:
        self.has_bytes = False
        return os.read(self._ring, length) if length else b""

    def _duplicated(self, most: int) -> int:
        """How many bytes; -1 if none are there, or the pipe of our own is full."""
        length = self._tee(self._source, self._ring_end, most, _AT_ONCE)
        if length < 0 and self._errno() != errno.EAGAIN:
            raise OSError(self._errno(), "tee")
        return length

    def _make_room(self) -> None:
        """The older half goes."""
        with suppress(BlockingIOError):
            os.splice(self._ring, self._nowhere, _PIPE // 2)

    def _splice(self, to: int, left: int) -> None:
        while left:
            try:
                left -= os.splice(self._source, to, left)
            except BlockingIOError:  # somebody made our output one that does not wait
                select.select([], [to], [])


_AT_ONCE = 2  # SPLICE_F_NONBLOCK
_A_SECOND = 2 * 1024 * 1024  # bytes that are looked at in a second, of a program that prints for ever
_QUEUE = 4 * 1024 * 1024  # bytes that wait to be looked at
_TAIL = 256 * 1024  # bytes: the last of what was printed is looked at in any case


class Watcher:
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
    def started(cls, command: Sequence[str], wishes: Wishes, without: Iterable[int]) -> Watcher:
        """Forked before there is a thread; `without` what it should not have, or who reads there is never gone."""
        theirs, ours = os.pipe()
        lives, living = os.pipe()  # closed with the end of whoever has the second of them
        process = os.fork()
        if process:
            os.close(theirs)
            os.close(living)
            return cls(process, ours, lives)
        status = 1
        try:
            for number in (ours, lives, *without):
                with suppress(OSError):
                    os.close(number)
            from kintsugi.commands.watch import watch  # noqa: PLC0415  # in the process that can do without us

            status = watch(theirs, command, wishes)
        except Exception as error:
            print(f"kintsugi: nothing more is looked at: {type(error).__name__}.", file=sys.stderr)  # noqa: T201
        finally:
            os._exit(status)

    def has_room(self) -> bool:
        """Whether a block more would be looked at."""
        with self._change:
            self._allow()
            return self._waiting + _BLOCK <= _QUEUE and self._allowed >= _BLOCK

    def show(self, kind: int, output: bytes) -> None:
        """Give it a copy, if there is room. Never waits."""
        with self._change:
            self._allow()
            if self._waiting + len(output) > _QUEUE or self._allowed < len(output):
                self._missed[kind] += len(output)
                self._keep(kind, output)
            elif output:
                self._put(kind, output)

    def miss(self, kind: int, length: int) -> None:
        """So many bytes passed by."""
        with self._change:
            self._missed[kind] += length

    def keep(self, kind: int, output: bytes) -> None:
        """The last of what passed by."""
        with self._change:
            self._keep(kind, output)

    def end(self, status: int) -> None:
        """Tell it of the program's end, and wait for a moment until all is recorded."""
        with self._change:
            for kind in (STDOUT, STDERR):
                if self._missed[kind]:
                    self._put(kind, b"")
            self._frames.append(FRAME.pack(ENDED, status & 0xFFFFFFFF))
            self._over = True
            self._change.notify()
        self._wait()

    def _allow(self) -> None:
        now = time.monotonic()
        self._allowed = min(self._allowed + (now - self._at) * _A_SECOND, _QUEUE)
        self._at = now

    def _keep(self, kind: int, output: bytes) -> None:
        tail = self._tails[kind]
        tail.append(output)
        while len(tail) > 1 and sum(map(len, tail)) - len(tail[0]) >= _TAIL:
            tail.popleft()

    def _put(self, kind: int, output: bytes) -> None:
        """After the end of what passed by, if anything did: a failure may begin there."""
        if self._missed[kind]:
            tail = b"".join(self._tails[kind])[-_TAIL:]
            missed = min(max(self._missed[kind] - len(tail), 0) // 1024, 0xFFFFFF)
            self._frames.append(FRAME.pack(MISSED, missed << 8 | kind))
            self._missed[kind] = 0
            self._tails[kind].clear()
            output = tail + output
        self._allowed -= len(output)
        self._waiting += len(output)
        self._frames.append(FRAME.pack(kind, len(output)) + output)
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
                write(self._pipe, frame)
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


def _widen(pipe: int) -> None:
    """Fewer, larger reads, where the system has room for that."""
    with suppress(OSError, AttributeError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _bytes_in(pipe: int) -> int:
    """How many bytes lie there; 0 for a terminal whose other side is closed."""
    with suppress(OSError):
        return int(struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4))[0])
    return 0


def read(number: int) -> bytes:
    try:
        return os.read(number, _BLOCK)
    except OSError:  # a terminal whose other side is closed
        return b""


def write(number: int, output: bytes) -> None:
    """All of it, also where the other side does not wait. Raises OSError where nobody reads there any more."""
    left = memoryview(output)
    while left:
        try:
            left = left[os.write(number, left) :]
        except BlockingIOError:
            select.select([], [number], [])
