"""A program is run, and each failure in its output becomes an incident.

Four processes, so that none can hurt the program. The program itself has our input, and its own pipes, or terminals
where ours are: one for both outputs where ours go to one place. This process hands signals on and ends with its
status. A second copies what it prints (`copying.py`), a third looks at a copy and records what failed (`watch.py`).
Any of these three may be killed: the copy goes on without this one, and this one holds the pipes open and has the
copying begun anew. Where that fails by itself, this one copies alone.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

from kintsugi.commands.copying import STATUS, Stream, copy
from kintsugi.commands.frames import STDERR, STDOUT, Wishes

_PASSED_ON = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGCONT,
)
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_FROM_A_TERMINAL = (signal.SIGINT, signal.SIGQUIT, signal.SIGCONT)
_CANNOT_RUN, _NOT_FOUND = 126, 127  # as shells say it


def follow(command: Sequence[str], wishes: Wishes) -> int:
    """Run the command with our input, its output and signals passed through. Answers its exit status."""
    streams = [Stream(1, STDOUT, wishes.pty)]
    if not _go_to_one_place(1, 2):
        streams.append(Stream(2, STDERR, wishes.pty))
    wakes = _woken_by_children()
    copier = _Copier(streams, command, wishes)
    try:
        program = subprocess.Popen(command, stdout=streams[0].theirs, stderr=streams[-1].theirs)
    except OSError as error:
        print(f"kintsugi: {command[0]}: {error.strerror}.", file=sys.stderr)  # noqa: T201
        copier.leave()
        return _NOT_FOUND if isinstance(error, FileNotFoundError) else _CANNOT_RUN
    _pass_signals_on(program, streams)
    for stream in streams:
        os.close(stream.theirs)
    while (status := program.poll()) is None:
        copier.look_after()
        select.select([wakes, *copier.waits_for], [], [])
        with suppress(BlockingIOError):
            os.read(wakes, 4096)
    said = 128 - status if status < 0 else status
    _end_when_asked(said)
    copier.end(status)
    return said


def _go_to_one_place(one: int, other: int) -> bool:
    """Whether what is printed to both is one text: only one pipe keeps it in order."""
    first, second = os.fstat(one), os.fstat(other)
    return os.path.samestat(first, second) and fcntl.fcntl(one, fcntl.F_GETFL) == fcntl.fcntl(other, fcntl.F_GETFL)


def _woken_by_children() -> int:
    """A pipe to be read from at each signal, and at each end of a child."""
    wakes, wake = os.pipe()
    os.set_blocking(wakes, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _leave_it)
    return wakes


def _pass_signals_on(program: subprocess.Popen[bytes], streams: Sequence[Stream]) -> None:
    by_terminal = _FROM_A_TERMINAL if sys.stdin and sys.stdin.isatty() else ()  # which tells the program itself
    for number in _PASSED_ON:
        handler = _leave_it if number in by_terminal else lambda number, _: program.send_signal(number)
        signal.signal(number, handler)

    def resized(number: int, _: object) -> None:
        for stream in streams:
            stream.resize()
        program.send_signal(number)

    signal.signal(signal.SIGWINCH, resized)


def _end_when_asked(status: int) -> None:
    """A signal ends us with the program's status. The process that copies goes on alone, for a reader who is slow."""
    for number in _ENDS:
        signal.signal(number, lambda *_: os._exit(status))


def _leave_it(_number: int, _frame: object) -> None:
    return None


class _Copier:
    """The process that copies. Where it is killed before the program ends, another takes its place."""

    def __init__(self, streams: Sequence[Stream], command: Sequence[str], wishes: Wishes) -> None:
        self._streams, self._command, self._wishes = streams, command, wishes
        self._begins = [stream.theirs for stream in streams]  # the program's ends, until they are its alone
        self._failed = False
        self._start()

    @property
    def waits_for(self) -> list[int]:
        """What has something for `look_after` where it can be read."""
        return [stream.source for stream in self._streams if stream.is_open] if self._failed else [self._gone]

    def look_after(self) -> None:
        """Let go of what nobody reads any more, and begin anew where the process was killed."""
        self._begins = []
        if self._failed:
            self._copy()
            return
        with suppress(BlockingIOError):
            for kind in os.read(self._gone, 2):
                self._streams[kind].close()
        ended, how = os.waitpid(self._process, os.WNOHANG)
        if ended:
            os.close(self._told)
            os.close(self._gone)
            self._failed = not os.WIFSIGNALED(how)
            self._copy() if self._failed else self._start()

    def end(self, status: int) -> None:
        """Tell it of the program's end, and wait until all is copied and recorded."""
        if not self._failed:
            with suppress(BrokenPipeError):
                os.write(self._told, STATUS.pack(status))
            self._failed = os.waitpid(self._process, 0)[1] != 0
        if self._failed:
            self._copy()

    def leave(self) -> None:
        """There is no program to be followed."""
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def _copy(self) -> None:
        for stream in self._streams:
            stream.copy_what_is_there()

    def _start(self) -> None:
        told, self._told = os.pipe()
        self._gone, gone = os.pipe()
        os.set_blocking(self._gone, False)
        self._process = os.fork()
        if self._process:
            os.close(told)
            os.close(gone)
            return
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in (self._told, self._gone, *self._begins):
                os.close(number)
            copy(self._streams, self._command, self._wishes, told, gone)
            status = 0
        finally:
            os._exit(status)
