"""The helper of `terminal`: a process that has loaded what the commands load, and forks for each that is typed."""

from __future__ import annotations

import asyncio
import atexit
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn

from kintsugi.commands import common
from kintsugi.repair.sandbox import probe
from kintsugi.telemetry import lazy_re
from kintsugi.telemetry.redact import redact
from tests.world import boxes

MOST = 1 << 18  # bytes of a request
_LATER = (  # what commands load only where they need it
    "alembic.command",
    "kintsugi.app.discord_bot",
    "kintsugi.app.replays",
    "kintsugi.app.reports",
    "kintsugi.executors.procrastinate",
    "kintsugi.integrations.github.host",
    "kintsugi.integrations.model.openai",
    "typer.rich_utils",
)


class Asked(NamedTuple):
    """`kintsugi <words>`, where, with which environment.

    `alone`: in a session of its own. `before`: Python to run first. `boxes`: where those are kept that this run of the
    tests has tried out, which takes seconds.
    """

    words: list[str]
    folder: str
    env: dict[str, str]
    alone: bool
    before: str
    boxes: str | None

    def written(self) -> bytes:
        return json.dumps(self).encode()


def serve(line: socket.socket) -> None:
    """Start what is asked for, and tell of each its number and then its end, until the line is closed."""
    load()
    gc.freeze()  # what was loaded is no garbage, and stays shared between the processes
    wakes = _wake_on_child()
    running: dict[int, socket.socket] = {}
    poll = select.poll()
    poll.register(line, select.POLLIN)
    poll.register(wakes, select.POLLIN)
    while True:
        ready = {handle for handle, _ in poll.poll()}
        if wakes in ready:
            os.read(wakes, 4096)
            _tell_of_the_ended(running)
        if line.fileno() in ready:
            asked, handles, _, _ = socket.recv_fds(line, MOST, 4)
            if not asked:  # the tests are over, or were ended
                for child in running:
                    os.kill(child, signal.SIGKILL)
                return
            told, *streams = handles
            child = os.fork()
            if child == 0:
                for each in (line, *running.values()):
                    each.close()
                os.close(told)
                _become(streams, Asked(*json.loads(asked)))
            for stream in streams:
                os.close(stream)
            running[child] = socket.socket(fileno=told)
            _tell(running[child], child)


def load() -> None:
    commands = import_module("kintsugi.commands")
    for each in pkgutil.iter_modules(commands.__path__, "kintsugi.commands."):
        import_module(each.name)
    for name in _LATER:
        import_module(name)
    import_module("kintsugi.commands.tree").whole()
    redact("its scanner is made with the first text")
    lazy_re.compile_all()
    asyncio.run(_look())


async def _look() -> None:
    """Once what almost every command does: much that is made for it is kept, such as what pydantic knows of settings."""
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["KINTSUGI_DATABASE_URL"] = f"sqlite:///{folder}/kintsugi.db"
        async with common.a_desk() as desk:
            await desk.store.incidents()
        del os.environ["KINTSUGI_DATABASE_URL"]
        os.chdir(here)


def _wake_on_child() -> int:
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    return reading


def _tell_of_the_ended(running: dict[int, socket.socket]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            with running.pop(ended[0]) as told:
                _tell(told, os.waitstatus_to_exitcode(ended[1]))


def _tell(whom: socket.socket, number: int) -> None:
    with suppress(OSError):  # nobody wants to know any more
        whom.send(b"%d" % number)


def _become(streams: list[int], asked: Asked) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = (open(number, mode, closefd=False) for number, mode in enumerate("rww"))
    if asked.alone:
        os.setsid()
    os.chdir(asked.folder)
    os.environ.clear()
    os.environ.update(asked.env)
    sys.argv = ["kintsugi", *asked.words]
    if asked.boxes:
        boxes.share(Path(asked.boxes))
        probe.FOUND = boxes.Found()
    _leave(_status(asked.before))


def _status(before: str) -> int:
    try:
        exec(before, {})
        runpy.run_module("kintsugi", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(status: int) -> NoReturn:
    """Without taking apart all that was loaded, which takes longer than most commands do."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter's own end does
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
