"""The room that a box gives to one run: its folders on disk, and what of the machine can be seen from inside."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kintsugi.children import environment
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
_ASK_SECONDS = 30
_ASK = """
import importlib.util, json, sys
found = lambda name: importlib.util.find_spec(name) is not None
print(json.dumps({"executable": sys.executable, "prefix": sys.prefix, "base": sys.base_prefix,
                  "modules": [name for name in ("pytest", "tox", "django", "pytest_django") if found(name)],
                  "version": sys.version_info[:2]}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python that runs a project's tests, as it described itself."""

    python: Path
    folders: tuple[Path, ...]  # what it needs to read
    modules: frozenset[str]  # those it has of the few that are asked about
    version: tuple[int, int]

    def has(self, module: str) -> bool:
        return module in self.modules


@dataclass(frozen=True, slots=True)
class Places:
    """Where the room's parts are, as seen by the command. All of them are the box's to write to."""

    tree: str
    home: str
    tmp: str


# With mounts of our own the room looks alike in every run, and like any machine.
INSIDE = Places(tree="/srv/app", home="/home/user", tmp="/tmp")  # noqa: S108 (the box's own)
BUILT = "/srv/built"


def interpreter(python: Path) -> Interpreter:
    """Ask `python` about itself, outside the box, as it is the operator's own. Raises OSError or ValueError."""
    if ".." in python.parts:  # behind a link it leads elsewhere than Python itself reckons
        python = python.parent.resolve() / python.name
    answer = subprocess.run(
        [str(python), "-I", "-c", _ASK],
        capture_output=True,
        text=True,
        timeout=_ASK_SECONDS,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment(),
    )
    if answer.returncode != 0:
        raise ValueError(f"{python} does not run: {answer.stderr.strip()[-200:]}")
    facts = json.loads(answer.stdout)
    prefixes = {Path(facts["prefix"]), Path(facts["base"]), *_followed(Path(facts["executable"]))}
    version = f"python{'.'.join(map(str, facts['version']))}"
    folders = {part for prefix in prefixes for one in (prefix, prefix.resolve()) for part in parts(one, version)}
    major, minor = facts["version"]
    python = Path(os.path.normpath(facts["executable"]))  # a box has another working folder, and little beside it
    return Interpreter(python, tuple(sorted(folders)), frozenset(facts["modules"]), (major, minor))


def parts(prefix: Path, version: str) -> list[Path]:
    """What belongs to an interpreter in its folder: an environment may have been made among a project's own files."""
    is_environment = (prefix / "pyvenv.cfg").is_file()
    names = (f"lib/{version}", f"lib64/{version}", "pyvenv.cfg") if is_environment else ("lib", "lib64", "share")
    return [prefix / name for name in ("bin", "include", *names) if (prefix / name).exists()]


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
    wanted = {str(folder) for folder in (*folders, *parts(launcher().parent.parent, ""))}
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
async def handed_over(parent: Path | None, tree: Path, uid: int) -> AsyncIterator[Path]:
    """A copy of `tree` below `parent` that belongs to another user; gone afterwards. Raises OSError."""
    async with _a_folder(parent) as folder:
        await asyncio.to_thread(_copied, tree, folder / "tree", uid)
        folder.chmod(0o711)
        yield folder / "tree"


@asynccontextmanager
async def a_build(parent: Path | None, uid: int | None, prepare: Callable[[Path], None]) -> AsyncIterator[Path]:
    """A folder below `parent` for what is compiled: as it is prepared, then another user's; gone afterwards."""
    async with _a_folder(parent) as folder:
        (built := folder / "built").mkdir(mode=0o755)
        await asyncio.to_thread(prepare, built)
        if uid is not None:
            await asyncio.to_thread(_give, built, uid)
        folder.chmod(0o711)
        yield built


@asynccontextmanager
async def a_room(
    parent: Path | None,
    tree: Path,
    changes: Mapping[str, bytes | None],
    uid: int | None,
    placed: tuple[tuple[Path, str], ...] = (),
) -> AsyncIterator[Places]:
    """A room on disk, below `parent`, with a copy of `tree` changed by `changes`; gone afterwards.

    `placed` are folders of the machine that it has links to, at a path of the tree.

    Raises OSError where it cannot be made, ValueError for a path that leads out of the tree.
    """
    check_inside(tree, changes)
    async with _a_folder(parent) as folder:
        await asyncio.to_thread(_furnish, folder, tree, changes, uid)
        for source, path in placed:
            (folder / "tree" / path).symlink_to(source.resolve())
        yield Places(*(str(folder / name) for name in ("tree", "home", "tmp")))


@asynccontextmanager
async def _a_folder(parent: Path | None) -> AsyncIterator[Path]:
    held = scratch(parent)
    folder = await asyncio.to_thread(held.__enter__)
    try:
        yield folder
    finally:
        await asyncio.shield(asyncio.to_thread(held.__exit__, None, None, None))


def check_inside(tree: Path, changes: Mapping[str, bytes | None]) -> None:
    """Raises ValueError for a path that leads out of the tree, or through a link."""
    for path in changes:
        parts = Path(path).parts
        above = [tree.joinpath(*parts[:count]) for count in range(1, len(parts))]
        if Path(path).is_absolute() or ".." in parts or any(one.is_symlink() for one in above):
            raise ValueError(f"{path} leads out of the tree")


def kilobytes(tree: Path) -> int:
    """What a copy of a tree takes in memory."""
    pages = 0
    for parent, folders, files in os.walk(tree):
        sizes = (Path(parent, name).lstat().st_size for name in files)
        pages += sum(2 + size // 4096 for size in sizes) + 2 * len(folders)
    return pages * 4


def _furnish(folder: Path, tree: Path, changes: Mapping[str, bytes | None], uid: int | None) -> None:
    folder.chmod(0o711)
    shutil.copytree(tree, folder / "tree", symlinks=True)
    for path, content in changes.items():
        _place(folder / "tree" / path, content)
    for name in ("home", "tmp"):
        (folder / name).mkdir(mode=0o755)
    for name in ("tree", "home", "tmp") if uid is not None else ():
        _give(folder / name, uid)


def _place(target: Path, content: bytes | None) -> None:
    if target.is_symlink() or content is None:
        target.unlink(missing_ok=True)
    if content is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _copied(tree: Path, target: Path, uid: int) -> None:
    shutil.copytree(tree, target, symlinks=True)
    _give(target, uid)


def _give(folder: Path, uid: int | None) -> None:
    assert uid is not None
    os.chown(folder, uid, uid)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(parent, name), uid, uid, follow_symlinks=False)
