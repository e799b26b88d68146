"""Starting a box: its launcher, and the command line of bubblewrap where that builds it."""

from __future__ import annotations

import asyncio
import marshal
from asyncio.subprocess import Process
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType

from kintsugi.repair.sandbox import room as rooms
from kintsugi.repair.sandbox.bare import SHM_MB
from kintsugi.repair.sandbox.spec import Spec
from kintsugi.repair.sandbox.users import SHM
from kintsugi.repair.sandbox.values import Mechanism

_LAUNCHED = ("bare", "kernel", "counting", "mounts", "services", "launch")  # each after what it imports
# The launcher comes on standard input, compiled once: nothing of ours is named in its arguments or lies where a box can
# see it, and the interpreter that runs it is our own.
_START = (
    "import marshal, sys; "
    "program, modules, spec = marshal.loads(sys.stdin.buffer.read(int(sys.stdin.buffer.readline()))); exec(program)"
)
_PROGRAM = """
import types
for name, code in modules:
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = []
    exec(code, module.__dict__)
    package, _, last = name.rpartition(".")
    if package:
        setattr(sys.modules[package], last, module)
module.main(spec)
"""


async def start(spec: Spec) -> Process:
    launch = [str(rooms.launcher()), "-I", "-S", "-c", _START]
    words = [*_bubblewrap(spec), *launch] if spec.mechanism == Mechanism.BUBBLEWRAP else launch
    handed = (spec.report_fd, spec.record_fd, spec.group_fd)
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,  # the launcher, then its lifeline
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        pass_fds=tuple(fd for fd in handed if fd is not None),
        env={},
        start_new_session=True,
    )
    assert process.stdin
    program = _program(spec)
    process.stdin.write(b"%d\n" % len(program) + program)
    with suppress(ConnectionError):  # it ended: its report, or the lack of one, says why
        await process.stdin.drain()
    return process


def _program(spec: Spec) -> bytes:
    return marshal.dumps((*_compiled(), spec._asdict()))


@cache
def _compiled() -> tuple[CodeType, list[tuple[str, CodeType]]]:
    """What loads the launcher, and its modules by their names."""
    folder = Path(__file__).parent
    texts = [(name, "") for name in ("kintsugi", "kintsugi.repair", "kintsugi.repair.sandbox")]
    texts += [(f"kintsugi.repair.sandbox.{name}", (folder / f"{name}.py").read_text()) for name in _LAUNCHED]
    return compile(_PROGRAM, "launcher", "exec"), [(name, compile(text, name, "exec")) for name, text in texts]


def _bubblewrap(spec: Spec) -> list[str]:
    """The command line of bubblewrap that builds the same box as our launcher's own namespaces."""
    words = ["bwrap", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    words += ["--die-with-parent", "--as-pid-1"]
    if spec.uid is None:
        words += ["--unshare-user"]
    else:
        # What the launcher needs to become the other user, to watch it and to kill it; the command gets none.
        needed = ("SETUID", "SETGID", "SETPCAP", "KILL", "DAC_READ_SEARCH", "DAC_OVERRIDE", "SYS_PTRACE")
        words += ["--cap-drop", "ALL", *(word for name in needed for word in ("--cap-add", f"CAP_{name}"))]
    for target, more_kb in ((spec.tree, spec.base_kb), (spec.home, 0), (spec.tmp, 0)):
        size = (spec.disk_mb + 1 << 20) + more_kb * 1024
        words += [*_folders_above(target), "--size", str(size), "--perms", "1777", "--tmpfs", target]
    for source, target in ((spec.base or "", f"{Path(spec.tree).parent}/.base"), *spec.mounts):
        words += [*_folders_above(target), "--ro-bind", source, target]
    for source, target in spec.kept:
        words += [*_folders_above(target), "--bind", source, target]
    for points_to, path in spec.links:
        words += ["--symlink", points_to, path]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SHM_MB << 20), "--perms", "1777", "--tmpfs", SHM]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--"]


def _folders_above(target: str) -> list[str]:
    """Made so that the other user can pass through."""
    folders = [str(parent) for parent in reversed(Path(target).parents)][1:]
    return [word for folder in folders for word in ("--perms", "0755", "--dir", folder)]
