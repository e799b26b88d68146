"""The room that a box gives to one run: its folders on disk, and what of the machine can be seen from inside."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kintsugi.repair.scratch import scratch

# What programs need of the system; the rest of /etc, /var, /home, /root, /run, /sys and /opt stays out of sight.
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives",
    "group",
    "hosts",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
)
_PROC_AND_DEVICES = ("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys", "/proc/version", "/proc/filesystems")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_INSIDE = "/box"
_RECORD_BYTES = 16 << 20
_ASK_SECONDS = 30
_ASK = """
import importlib.util, json, sys
found = lambda name: importlib.util.find_spec(name) is not None
print(json.dumps({"executable": sys.executable, "prefix": sys.prefix, "base": sys.base_prefix,
                  "pytest": found("pytest"), "tox": found("tox"), "version": sys.version_info[:2]}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs a project's tests, as it described itself."""

    python: Path
    folders: tuple[Path, ...]  # what it needs to read
    has_pytest: bool
    has_tox: bool
    version: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Places:
    """Where the room's parts are, as seen by the command."""

    tree: str
    home: str
    tmp: str
    record: str
    lib: str


@dataclass(frozen=True, slots=True)
class Room:
    """One run's folders on disk. `tree`, `home`, `tmp` and `record` belong to the box, `lib` can only be read."""

    root: Path

    @property
    def outside(self) -> Places:
        return Places(*(str(self.root / name) for name in ("tree", "home", "tmp", "record", "lib")))

    @property
    def inside(self) -> Places:
        """The same with mounts of our own, where the room looks alike in every run."""
        box = f"{_INSIDE}/"
        return Places(tree=f"{box}tree", home=f"{box}home", tmp="/tmp", record=f"{box}record", lib=f"{box}lib")  # noqa: S108 (the box's own)

    @property
    def new_root(self) -> str:
        return str(self.root / "root")

    def recorded(self, name: str) -> str:
        """What the command wrote to this file, at most 16 MB of it; nothing if it is not a plain file."""
        try:
            handle = os.open(self.root / "record" / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return ""
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return ""
            return file.read(_RECORD_BYTES).decode("utf-8", "replace")


def interpreter(python: Path) -> Interpreter:
    """Ask `python` about itself, outside the box, as it is the operator's own. Raises OSError or ValueError."""
    answer = subprocess.run(
        [str(python), "-I", "-c", _ASK],
        capture_output=True,
        text=True,
        timeout=_ASK_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if answer.returncode != 0:
        raise ValueError(f"{python} does not run: {answer.stderr.strip()[-200:]}")
    facts = json.loads(answer.stdout)
    prefixes = {Path(facts["prefix"]), Path(facts["base"]), *_followed(Path(facts["executable"]))}
    folders = {folder for prefix in prefixes for folder in (prefix, prefix.resolve())}
    major, minor = facts["version"]
    return Interpreter(python, tuple(sorted(folders)), facts["pytest"], facts["tox"], (major, minor))


def _followed(executable: Path) -> set[Path]:
    """The installation around each step of the chain of links from an environment's python to the real one."""
    found = set()
    while executable.is_symlink():
        executable = executable.parent / executable.readlink()
        found.add(Path(os.path.normpath(executable)).parent.parent)
    return found


def launcher() -> Path:
    """The interpreter that runs our own launcher: the real one, no environment around it."""
    return Path(sys.executable).resolve()


def readable(folders: tuple[Path, ...]) -> list[str]:
    """What of the machine can be read inside: the system's programs, the interpreters, the launcher."""
    system = [path for path in _SYSTEM if Path(path).exists() and not Path(path).is_symlink()]
    etc = [f"/etc/{name}" for name in _ETC if Path("/etc", name).exists()]
    own = [Path(sys.base_prefix), launcher().parent.parent, Path(__file__).parent]
    wanted = {str(folder) for folder in (*folders, *own)}
    covered = tuple(f"{path}/" for path in system)
    return system + etc + sorted(path for path in wanted if not f"{path}/".startswith(covered) and path != "/")


def system_links() -> list[tuple[str, str]]:
    """Where /bin and its like are links, the same links: (where it points, path)."""
    return [(str(Path(path).readlink()), path) for path in _SYSTEM if Path(path).is_symlink()]


def readable_without_mounts(folders: tuple[Path, ...]) -> list[str]:
    links = [path for _, path in system_links()]
    return [*readable(folders), *links, *_PROC_AND_DEVICES]


def writable_devices() -> list[str]:
    return list(_DEVICES)


@asynccontextmanager
async def a_room(
    parent: Path | None, tree: Path, overlay: Mapping[str, bytes | None], lib: Mapping[str, bytes], uid: int | None
) -> AsyncIterator[Room]:
    """A room below `parent` with a copy of `tree`, changed by `overlay`, and `lib` beside it; gone afterwards.

    Raises OSError where it cannot be made, ValueError for a path that leads out of the tree.
    """
    held = scratch("box", parent)
    room = Room(held.__enter__())
    try:
        await asyncio.to_thread(_furnish, room, tree, overlay, lib, uid)
        yield room
    finally:
        await asyncio.shield(asyncio.to_thread(held.__exit__, None, None, None))


def _furnish(
    room: Room, tree: Path, overlay: Mapping[str, bytes | None], lib: Mapping[str, bytes], uid: int | None
) -> None:
    room.root.chmod(0o711)
    for name in ("home", "tmp", "record", "lib", "root"):
        (room.root / name).mkdir(mode=0o755)
    for name, text in lib.items():
        (room.root / "lib" / name).write_bytes(text)
    shutil.copytree(tree, room.root / "tree", symlinks=True)
    for path, content in overlay.items():
        _place(room.root / "tree", path, content)
    if uid is not None:
        for name in ("tree", "home", "tmp", "record"):
            _give(room.root / name, uid)


def _place(tree: Path, path: str, content: bytes | None) -> None:
    target = tree / path
    if not target.parent.resolve().is_relative_to(tree.resolve()) or ".." in Path(path).parts:
        raise ValueError(f"{path} leads out of the tree")
    if target.is_symlink() or content is None:
        target.unlink(missing_ok=True)
    if content is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _give(folder: Path, uid: int) -> None:
    os.chown(folder, uid, uid)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), uid, uid, follow_symlinks=False)
