"""`kintsugi` as it is typed, in processes of their own that need not import it anew: a second each.

A helper loads what the commands load, once, and has one thread. For each command it forks; the child gets its folder,
environment and standard streams, and runs the module as `python -m kintsugi` does.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import runpy
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
_MOST = 1 << 18  # bytes of a request
_one_at_a_time = Lock()


def run(
    words: Sequence[str], folder: Path, env: Mapping[str, str], stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """`kintsugi <words>` in this folder, to its end."""
    with TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        return _run(words, folder, env, given.fileno())


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


def _run(words: Sequence[str], folder: Path, env: Mapping[str, str], given: int) -> subprocess.CompletedProcess[bytes]:
    with TemporaryFile() as out, TemporaryFile() as err:
        asked = json.dumps({"words": words, "folder": str(folder), "env": dict(env)}).encode()
        with _one_at_a_time:
            socket.send_fds(_helper(), [asked], [given, out.fileno(), err.fileno()])
            answered = _helper().recv(_MOST)
        assert answered, "the helper ended"
        return subprocess.CompletedProcess(list(words), int(answered), _all_of(out), _all_of(err))


@cache
def _helper() -> socket.socket:
    """Our end of the line to the helper, which ends when this process does."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    _started.append(
        subprocess.Popen(
            [sys.executable, "-m", __name__, str(its.fileno())],
            cwd=ROOT,
            env=kept | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            pass_fds=[its.fileno()],
        )
    )
    its.close()
    return ours


_started: list[subprocess.Popen[bytes]] = []  # kept, or its end would be asked for by the garbage collector


def _all_of(file: Any) -> bytes:
    file.seek(0)
    read: bytes = file.read()
    return read


# --- the helper ---


def _serve(line: socket.socket) -> None:
    _load()
    gc.freeze()  # what was loaded is no garbage, and stays shared between the processes
    while True:
        asked, streams, _, _ = socket.recv_fds(line, _MOST, 3)
        if not asked:
            return
        child = os.fork()
        if child == 0:
            line.close()
            _become(streams, **json.loads(asked))
        for stream in streams:
            os.close(stream)
        line.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _load() -> None:
    commands = import_module("kintsugi.commands")
    for each in pkgutil.iter_modules(commands.__path__, "kintsugi.commands."):
        import_module(each.name)


def _become(streams: list[int], words: list[str], folder: str, env: dict[str, str]) -> NoReturn:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["kintsugi", *words]
    _leave(_status())


def _status() -> int:
    try:
        runpy.run_module("kintsugi", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def _leave(status: int) -> NoReturn:
    """Without taking apart all that was loaded, which takes longer than most commands do."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
