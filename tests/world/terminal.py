"""`kintsugi` as it is typed, in processes of their own that need not import it again: one or two seconds each.

A helper loads what the commands load, once, and has one thread. For each command it forks; the child gets its folder,
environment and standard streams, and runs the module as `python -m kintsugi` does. It is killed by its own number, and
its end is told by the helper, which is its parent.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO, Any, NamedTuple

from tests.world import boxes, warm

ROOT = Path(__file__).parents[2]


class Started:
    """A `kintsugi` that runs, as `subprocess.Popen` shows one; `output` is what it prints, if that was asked for."""

    def __init__(self, words: Sequence[str], line: socket.socket, output: IO[str] | None) -> None:
        self.words, self.output = list(words), output
        self.returncode: int | None = None
        self._line, self._asking = line, Lock()
        told = line.recv(warm.MOST)
        assert told, "the helper ended"
        self.pid = int(told)

    def fileno(self) -> int:
        """Readable when it has ended."""
        return self._line.fileno()

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its status, negative for a signal. `timeout` in seconds. Raises TimeoutExpired."""
        with self._asking:
            if self.returncode is None:
                self._line.settimeout(timeout)
                try:
                    told = self._line.recv(warm.MOST)
                except (TimeoutError, BlockingIOError):
                    raise subprocess.TimeoutExpired(self.words, timeout or 0) from None
                assert told, "the helper ended"
                self.returncode = int(told)
                self._line.close()
            return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """All of its output, to the end of whoever holds it. `timeout`, in seconds, is for the process alone."""
        assert self.output
        with self.output:
            read = self.output.read()
        self.wait(timeout)
        return read, None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class StartedInLoop:
    """The same for tests in an event loop, as `asyncio.subprocess.Process` shows one."""

    def __init__(
        self, started: Started, stdout: asyncio.StreamReader | None, stderr: asyncio.StreamReader | None
    ) -> None:
        self.pid, self.stdout, self.stderr = started.pid, stdout, stderr
        self._started = started
        self._ended = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(started.fileno(), self._end)

    @property
    def returncode(self) -> int | None:
        return self._started.returncode

    def _end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._started.fileno())
        self._ended.set_result(self._started.wait())

    async def wait(self) -> int:
        status: int = await asyncio.shield(self._ended)
        return status

    async def communicate(self) -> tuple[bytes, bytes]:
        out, err = await asyncio.gather(*(_to_its_end(stream) for stream in (self.stdout, self.stderr)))
        await self.wait()
        return out, err

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


async def _to_its_end(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""


def prepare() -> None:
    """Start the helper now, so that the forks of this process share it."""
    _helper()


def run(
    words: Sequence[str], folder: Path, env: Mapping[str, str], stdin: bytes = b"", *, before: str = ""
) -> subprocess.CompletedProcess[bytes]:
    """`kintsugi <words>` in this folder, to its end. `before`: Python that the process runs first."""
    with TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        return _run(words, folder, env, given.fileno(), before)


def run_at_a_keyboard(
    words: Sequence[str], folder: Path, env: Mapping[str, str], typed: str
) -> subprocess.CompletedProcess[bytes]:
    """The same, with a terminal as its input, at which somebody has `typed` already."""
    keyboard, terminal = os.openpty()
    try:
        os.write(keyboard, typed.encode())
        return _run(words, folder, env, terminal)
    finally:
        os.close(terminal)
        os.close(keyboard)


def start(words: Sequence[str], folder: Path, env: Mapping[str, str]) -> Started:
    """`kintsugi <words>`, which goes on: in a session of its own, all that it prints in one pipe, without input."""
    reading, writing = os.pipe()
    try:
        with _nothing() as nothing:
            return _start(words, folder, env, (nothing, writing, writing), output=os.fdopen(reading), alone=True)
    finally:
        os.close(writing)


def start_at_a_keyboard(words: Sequence[str], folder: Path, env: Mapping[str, str]) -> tuple[int, Started]:
    """`kintsugi <words>` on a terminal of its own, whose Ctrl-C interrupts it. Answers the other end, too."""
    keyboard, screen = os.openpty()
    takes_it = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    try:
        return keyboard, _start(words, folder, env, (screen, screen, screen), alone=True, before=takes_it)
    finally:
        os.close(screen)


class StartedInPipes:
    """The same with its input, output and errors in pipes. `stdout`: where it prints to instead of one of ours."""

    def __init__(
        self, words: Sequence[str], folder: Path, env: Mapping[str, str], *, stdout: int | None = None, before: str = ""
    ) -> None:
        reading, stdin = os.pipe()
        output, printing = os.pipe()
        errors, telling = os.pipe()
        self.stdin: IO[bytes] | None = os.fdopen(stdin, "wb")
        self.stdout: IO[bytes] | None = os.fdopen(output, "rb")
        self.stderr: IO[bytes] = os.fdopen(errors, "rb")
        if stdout is not None:
            os.dup2(stdout, printing)
            self.stdout.close()
            self.stdout = None
        self._started = _start(words, folder, env, (reading, printing, telling), before=before)
        for each in (reading, printing, telling):
            os.close(each)

    @property
    def pid(self) -> int:
        return self._started.pid

    def kill(self) -> None:
        self._started.kill()
        self._started.wait()

    def ends(self, timeout: float) -> int:
        """Its status, when its input is closed and all that is left in its pipes is read. `timeout` in seconds."""
        if self.stdin:
            self.stdin.close()
        for each in (self.stdout, self.stderr):
            if each:
                each.read()
                each.close()
        return self._started.wait(timeout)


async def start_in_loop(
    words: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    *,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.PIPE,
) -> StartedInLoop:
    """`kintsugi <words>`, which goes on, without input. Each stream is DEVNULL or PIPE; `stderr` may be STDOUT."""
    with _nothing() as nothing:
        ours: dict[int, asyncio.StreamReader] = {}
        theirs: list[int] = []
        for wanted in (stdout, stderr):
            if wanted == subprocess.PIPE:
                reader, writing = await _piped()
                ours[len(theirs)] = reader
                theirs.append(writing)
            else:
                theirs.append(theirs[0] if wanted == subprocess.STDOUT else nothing)
        try:
            started = _start(words, folder, env, (nothing, *theirs))
        finally:
            for each in {*theirs} - {nothing}:
                os.close(each)
    return StartedInLoop(started, ours.get(0), ours.get(1))


async def _piped() -> tuple[asyncio.StreamReader, int]:
    """The end of a pipe that we read, and the other."""
    reading, writing = os.pipe()
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0))
    return reader, writing


@contextmanager
def _nothing() -> Iterator[int]:
    handle = os.open(os.devnull, os.O_RDWR)
    try:
        yield handle
    finally:
        os.close(handle)


def _run(
    words: Sequence[str], folder: Path, env: Mapping[str, str], given: int, before: str = ""
) -> subprocess.CompletedProcess[bytes]:
    with TemporaryFile() as out, TemporaryFile() as err:
        started = _start(words, folder, env, (given, out.fileno(), err.fileno()), before=before)
        return subprocess.CompletedProcess(list(words), started.wait(), _all_of(out), _all_of(err))


def _start(
    words: Sequence[str],
    folder: Path,
    env: Mapping[str, str],
    streams: tuple[int, ...],
    *,
    output: IO[str] | None = None,
    alone: bool = False,
    before: str = "",
) -> Started:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        kept = boxes.folder()
        asked = warm.Asked(list(words), str(folder), dict(env), alone, before, kept and str(kept))
        socket.send_fds(_helper().line, [asked.written()], [its.fileno(), *streams])
    return Started(words, ours, output)


class _Helper(NamedTuple):
    """Our end of the line to it, and the process, which ends when nobody has such an end."""

    line: socket.socket
    process: subprocess.Popen[bytes]


@cache
def _helper() -> _Helper:
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    helper = subprocess.Popen(
        [sys.executable, "-m", warm.__name__, str(its.fileno())],
        cwd=ROOT,
        env=kept | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        pass_fds=[its.fileno()],
    )
    its.close()
    atexit.register(_let_go)
    return _Helper(ours, helper)


def _let_go() -> None:
    _helper().line.close()
    _helper().process.wait()


def _all_of(file: Any) -> bytes:
    file.seek(0)
    read: bytes = file.read()
    return read
