# Why: a bare interpreter starts faster with os alone, which takes the paths of the spec as they are.
# ruff: noqa: PTH102, PTH103, PTH106, PTH108, PTH112, PTH114, PTH115, PTH118, PTH120, PTH123, PTH211
"""What a box of our own namespaces is built of: its root, what it may write to, the tree as the command finds it."""

from __future__ import annotations

import os
import stat

from kintsugi.repair.sandbox import kernel
from kintsugi.repair.sandbox.bare import COPIED, MB, SHM_MB, SMALLEST_FILE, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from kintsugi.repair.sandbox.spec import Spec

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
_OWN = ("/etc/passwd", "/etc/group")
_TCP = {"tcp_rmem": "4096 65536 212992", "tcp_wmem": "4096 16384 212992"}


def build_root(spec: Spec, users: int | None) -> None:
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", spec.new_root, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "size=16m,mode=755")
    _limit_tcp()
    _mount_own(spec, users)
    for source, target in spec.mounts:
        if target in _OWN:
            continue
        _bind(source, spec.new_root + target)
        kernel.make_readonly(spec.new_root + target, recursive=True)
    for source, target in spec.kept:
        _bind(source, spec.new_root + target)
    _name_user(spec)
    for points_to, path in spec.links:
        os.symlink(points_to, spec.new_root + path)
    _mount_devices(spec.new_root + "/dev")
    os.mkdir(spec.new_root + "/proc")
    no_programs = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    kernel.mount("proc", spec.new_root + "/proc", "proc", no_programs, "hidepid=2")
    kernel.enter_root(spec.new_root)
    kernel.make_readonly("/dev", recursive=False)
    kernel.make_readonly("/", recursive=False)


def _name_user(spec: Spec) -> None:
    """Who runs here has a name, which programs ask for, and nobody of the machine's is told."""
    id = os.getuid() if spec.uid is None else spec.uid
    passwd = f"root:x:0:0:root:/root:/bin/sh\nuser:x:{id}:{id}:user:{spec.home}:/bin/sh\n"
    for name, text in (("passwd", passwd), ("group", f"root:x:0:\nuser:x:{id}:\n")):
        with open(f"{spec.new_root}/etc/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _limit_tcp() -> None:
    """What the connections of this network hold unread; ours are small, and no limit on memory counts them."""
    for name, sizes in _TCP.items():
        with suppress(OSError), open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
            file.write(sizes)


def _mount_own(spec: Spec, users: int | None) -> None:
    """One file system of the box's own for all that it may write to; what was deleted there still counts."""
    assert spec.base is not None
    disk = f"{spec.new_root}/.disk"
    os.mkdir(disk)
    size = f"size={spec.disk_mb + 1}m,nr_inodes={_inodes(spec)}"
    kernel.mount("tmpfs", disk, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"{size},mode=755")
    for name, target in (("home", spec.home), ("tmp", spec.tmp)):
        _make(f"{disk}/{name}", spec.uid)
        _bind(f"{disk}/{name}", spec.new_root + target)
    os.makedirs(spec.new_root + spec.tree)
    try:
        _lay_over(spec, disk, users)
    except OSError:  # the kernel has no overlay, or not for us
        if users is not None:
            raise
        size = f"size={spec.disk_mb + 1 + spec.base_kb // 1024}m,nr_inodes={_inodes(spec) + spec.base_kb}"
        kernel.mount("tmpfs", disk, None, kernel.MS_REMOUNT | kernel.MS_NOSUID | kernel.MS_NODEV, size)
        _make(f"{disk}/tree", spec.uid)
        _bind(f"{disk}/tree", spec.new_root + spec.tree)
        _bind(spec.base, spec.new_root + COPIED)
        kernel.make_readonly(spec.new_root + COPIED, recursive=True)
    kernel.detach(disk)
    os.rmdir(disk)


def _inodes(spec: Spec) -> int:
    return max(spec.disk_mb * MB // SMALLEST_FILE, 16_384)


def _make(folder: str, uid: int | None) -> None:
    os.mkdir(folder, 0o755)
    if uid is not None:
        os.chown(folder, uid, uid)


def _lay_over(spec: Spec, disk: str, users: int | None) -> None:
    """The tree itself, with what is written to it kept apart. Relative names, as everybody can read them."""
    assert spec.base is not None
    _make(f"{disk}/new", spec.uid)
    os.mkdir(f"{disk}/work")
    lower = f"{spec.new_root}/.tree"
    if users is None:
        _bind(spec.base, lower)
    else:
        os.mkdir(lower)
        kernel.mount_as(spec.base, lower, users)
        os.close(users)
    os.chdir(spec.new_root)
    options = "lowerdir=.tree,upperdir=.disk/new,workdir=.disk/work"
    options += ",userxattr" if spec.uid is None else ""
    try:
        kernel.mount("overlay", spec.new_root + spec.tree, "overlay", kernel.MS_NOSUID | kernel.MS_NODEV, options)
    finally:
        os.chdir("/")
        kernel.detach(lower)
        os.rmdir(lower)


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _touch(target)
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _mount_devices(folder: str) -> None:
    os.mkdir(folder)
    kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID, "size=1m,mode=755")
    for name in _DEVICES:
        _touch(f"{folder}/{name}")
        kernel.mount(f"/dev/{name}", f"{folder}/{name}", None, kernel.MS_BIND)
    for name, points_to in _DEVICE_LINKS.items():
        os.symlink(points_to, f"{folder}/{name}")
    os.mkdir(f"{folder}/pts")
    options = "newinstance,ptmxmode=0666,mode=620"
    kernel.mount("devpts", f"{folder}/pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, options)
    os.mkdir(f"{folder}/shm")
    kernel.mount("tmpfs", f"{folder}/shm", "tmpfs", kernel.MS_NOSUID, f"size={SHM_MB}m,mode=1777")


def furnish(spec: Spec) -> None:
    """The tree as the command is to find it, made by the command's own user."""
    os.umask(0o022)
    if os.path.isdir(COPIED) and spec.base is not None:
        _copy(COPIED, spec.tree)
    for path, content in spec.changes:
        _place(os.path.join(spec.tree, path), content)


def _copy(source: str, target: str) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            there = f"{target}/{entry.name}"
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), there)
            elif entry.is_dir():
                os.mkdir(there)
                _copy(entry.path, there)
            else:
                _copy_file(entry.path, there)


def _copy_file(source: str, target: str) -> None:
    reading = os.open(source, os.O_RDONLY)
    about = os.fstat(reading)
    writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IMODE(about.st_mode) | stat.S_IWUSR)
    while os.sendfile(writing, reading, None, 1 << 20):
        pass
    os.close(reading)
    os.close(writing)


def _place(target: str, content: bytes | None) -> None:
    if content is None or os.path.islink(target):
        with suppress(FileNotFoundError):
            os.unlink(target)
    if content is not None:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)
