"""The kernel's calls behind the sandbox: namespaces, mounts, Landlock, seccomp, privileges.

Only ctypes and what loads as fast, as this runs in a bare interpreter. Each function makes one call or one
short series of calls and raises OSError when the kernel says no.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
_ALL_NAMESPACES = 0x7E020080  # cgroup, user, pid, net, uts, ipc, mount, time

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
_MNT_DETACH = 2
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_AT_EMPTY_PATH, _OPEN_TREE_CLONE, _MOVE_MOUNT_F_EMPTY_PATH = 0x1000, 1, 4
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID, _MOUNT_ATTR_IDMAP = 1, 2, 0x00100000

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP = 4, 22, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38

_OPEN_TREE, _MOVE_MOUNT = 428, 429
_MOUNT_SETATTR, _LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 442, 444, 445, 446
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

# Landlock's file rights, by the version of its interface that brought them.
_LL_EXECUTE, _LL_WRITE_FILE, _LL_READ_FILE, _LL_READ_DIR = 1, 2, 4, 8
_LL_FIRST, _LL_REFER, _LL_TRUNCATE, _LL_IOCTL_DEV = (1 << 13) - 1, 1 << 13, 1 << 14, 1 << 15
_LL_ON_FILES = _LL_EXECUTE | _LL_WRITE_FILE | _LL_READ_FILE | _LL_TRUNCATE | _LL_IOCTL_DEV
_LL_READ = _LL_EXECUTE | _LL_READ_FILE | _LL_READ_DIR

# What no test suite needs: (x86_64, aarch64) numbers.
_DENIED_ALWAYS = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "open_by_handle_at": (304, 265),
    "memfd_create": (319, 279),  # memory that no limit counts until it is mapped
    "io_uring_setup": (425, 425),  # would get round the rules below
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "pidfd_getfd": (438, 438),
    "mount_setattr": (442, 442),
}
# Where there are no namespaces, these would reach or outlast what is outside. socketpair stays.
_DENIED_UNCONFINED = {
    "socket": (41, 198),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
_CLONE, _CLONE3 = (56, 220), 435
_AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
_LD_ABS, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_RET_ALLOW, _RET_ERRNO, _RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
_EPERM, _ENOSYS = 1, 38
_OFFSET_NR, _OFFSET_ARCH, _OFFSET_ARG0 = 0, 4, 16

_AF_INET, _SOCK_DGRAM = 2, 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


_libc = ctypes.CDLL(None, use_errno=True)  # what the interpreter itself has loaded


def _call(what: str, *arguments: object) -> int:
    return _checked(what, getattr(_libc, what)(*arguments))


def _syscall(what: str, number: int, *arguments: object) -> int:
    return _checked(what, _libc.syscall(ctypes.c_long(number), *arguments))


def _checked(what: str, result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result


def unshare(flags: int) -> None:
    """Leave the namespaces named by `flags` for new ones of our own."""
    _call("unshare", ctypes.c_int(flags))


def map_own_user(uid: int, gid: int) -> None:
    """In a fresh user namespace: we are who we were, and nobody else exists."""
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{uid} {uid} 1")
    _write("/proc/self/gid_map", f"{gid} {gid} 1")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:  # noqa: PTH123 (a bare interpreter starts faster without pathlib)
        file.write(text)


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    _call(
        "mount",
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() or None,
    )


def make_readonly(target: str, *, recursive: bool) -> None:
    """Make a mount, and with `recursive` all below it, read-only and without set-user-id programs."""
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, 0, 0)
    flags = _AT_RECURSIVE if recursive else 0
    _syscall(
        "mount_setattr",
        _MOUNT_SETATTR,
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(flags),
        attributes,
        ctypes.c_size_t(len(attributes)),
    )


def mount_as(source: str, target: str, users: int) -> None:
    """Show `source` at `target` with its owner mapped as in the user namespace of the handle `users`.

    Linux 5.12 (mount_setattr(2), MOUNT_ATTR_IDMAP); needs root.
    """
    flags = ctypes.c_uint(_OPEN_TREE_CLONE | os.O_CLOEXEC)
    tree = _syscall("open_tree", _OPEN_TREE, ctypes.c_int(_AT_FDCWD), os.fsencode(source), flags)
    try:
        attributes = struct.pack("QQQQ", _MOUNT_ATTR_IDMAP, 0, 0, users)
        size = ctypes.c_size_t(len(attributes))
        at, empty = ctypes.c_int(tree), ctypes.c_uint(_AT_EMPTY_PATH)
        _syscall("mount_setattr", _MOUNT_SETATTR, at, b"", empty, attributes, size)
        to = (ctypes.c_int(_AT_FDCWD), os.fsencode(target))
        _syscall("move_mount", _MOVE_MOUNT, at, b"", *to, ctypes.c_uint(_MOVE_MOUNT_F_EMPTY_PATH))
    finally:
        os.close(tree)


def users_of(owner: int, uid: int) -> int:
    """A handle of a user namespace that maps one user to another, and nobody else. /proc must be of our processes."""
    ready, told = os.pipe()
    wait, go = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            unshare(CLONE_NEWUSER)
            os.write(told, b"x")
            os.close(go)
            os.read(wait, 1)
        finally:
            os._exit(0)
    os.close(told)
    os.close(wait)
    try:
        if not os.read(ready, 1):
            raise OSError("no user namespace can be made")
        for kind in ("uid", "gid"):
            _write(f"/proc/{child}/{kind}_map", f"{owner} {uid} 1")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready)
        os.close(go)
        os.waitpid(child, 0)


def detach(target: str) -> None:
    """Take a mount away from sight; who uses it keeps it."""
    _call("umount2", os.fsencode(target), ctypes.c_int(_MNT_DETACH))


def enter_root(new_root: str) -> None:
    """Make `new_root` the root of the file system; the old one can no longer be reached."""
    os.chdir(new_root)
    _syscall("pivot_root", _PIVOT_ROOT[os.uname().machine], b".", b".")
    _call("umount2", b".", ctypes.c_int(_MNT_DETACH))
    os.chdir("/")


def raise_loopback() -> None:
    """Bring up `lo` in a fresh network namespace, so that servers on 127.0.0.1 work."""
    any_socket = _call("socket", ctypes.c_int(_AF_INET), ctypes.c_int(_SOCK_DGRAM), ctypes.c_int(0))
    try:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    finally:
        os.close(any_socket)


def become_subreaper() -> None:
    """Orphans below us become our children, however often they forked."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_own_memory() -> None:
    """Nobody of the same user may trace us or look into our /proc entry."""
    _prctl(_PR_SET_DUMPABLE, 0)


def never_gain_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def become(uid: int) -> None:
    """Give up root for `uid` and the group of the same number, for good."""
    drop_capability_bounds()
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def drop_capability_bounds() -> None:
    """Capabilities that no program started from here can ever have: all that the kernel knows."""
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError:  # the kernel knows no more of them, or we may not
            return


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _call("prctl", ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero)


def limit(which: int, value: int) -> None:
    """Set one resource limit, never above what we have."""
    hard = resource.getrlimit(which)[1]
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (allowed, allowed))


def landlock_version() -> int:
    """The version of Landlock's interface; raises OSError where there is none."""
    return _syscall("landlock", _LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1))


def landlock(readable: Iterable[str], writable: Iterable[str]) -> None:
    """From now on only these files and folders can be opened, and nobody outside can be signalled or traced."""
    version = landlock_version()
    handled = _LL_FIRST
    handled |= (_LL_REFER if version >= 2 else 0) | (_LL_TRUNCATE if version >= 3 else 0)
    handled |= _LL_IOCTL_DEV if version >= 5 else 0
    ruleset = _landlock_ruleset(version, handled)
    for path in readable:
        _landlock_allow(ruleset, path, _LL_READ & handled)
    for path in writable:
        _landlock_allow(ruleset, path, handled)
    _syscall("landlock_restrict_self", _LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint(0))
    os.close(ruleset)


def _landlock_ruleset(version: int, handled: int) -> int:
    tcp, abstract_sockets_and_signals = 3, 3
    fields = [handled]
    if version >= 4:
        fields.append(tcp)
    if version >= 6:
        fields.append(abstract_sockets_and_signals)
    attributes = struct.pack(f"{len(fields)}Q", *fields)
    size = ctypes.c_size_t(len(attributes))
    return _syscall("landlock_create_ruleset", _LANDLOCK_CREATE, attributes, size, ctypes.c_uint(0))


def _landlock_allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    is_folder = os.path.isdir(path)  # noqa: PTH112 (no pathlib here)
    rule = struct.pack("=Qi", rights if is_folder else rights & _LL_ON_FILES, handle)
    _syscall("landlock_add_rule", _LANDLOCK_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint(0))
    os.close(handle)


class _Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


def seccomp(*, namespaced: bool) -> None:
    """Refuse the calls that reach outside. Without namespaces, sockets and System V IPC are among them."""
    program = _filter_program(os.uname().machine, namespaced=namespaced)
    buffer = ctypes.create_string_buffer(program, len(program))
    filter_ = _Filter(len(program) // 8, ctypes.addressof(buffer))
    mode_filter, zero = ctypes.c_ulong(2), ctypes.c_ulong(0)
    _call("prctl", ctypes.c_int(_PR_SET_SECCOMP), mode_filter, ctypes.byref(filter_), zero, zero)


def _filter_program(machine: str, *, namespaced: bool) -> bytes:
    column = ("x86_64", "aarch64").index(machine)
    denied = _DENIED_ALWAYS if namespaced else _DENIED_ALWAYS | _DENIED_UNCONFINED
    lines = [
        (_LD_ABS, 0, 0, _OFFSET_ARCH),
        (_JEQ, 1, 0, _AUDIT_ARCH[machine]),
        (_RET, 0, 0, _RET_KILL),
        (_LD_ABS, 0, 0, _OFFSET_NR),
    ]
    if machine == "x86_64":
        lines += [(_JGE, 0, 1, _X32_BIT), (_RET, 0, 0, _RET_ERRNO | _ENOSYS)]
    for numbers in denied.values():
        lines += [(_JEQ, 0, 1, numbers[column]), (_RET, 0, 0, _RET_ERRNO | _EPERM)]
    # clone3 hides its flags behind a pointer: the C library falls back to clone, whose flags can be read.
    lines += [(_JEQ, 0, 1, _CLONE3), (_RET, 0, 0, _RET_ERRNO | _ENOSYS), (_JEQ, 0, 3, _CLONE[column])]
    lines += [(_LD_ABS, 0, 0, _OFFSET_ARG0), (_JSET, 0, 1, _ALL_NAMESPACES), (_RET, 0, 0, _RET_ERRNO | _EPERM)]
    lines += [(_RET, 0, 0, _RET_ALLOW)]
    return _assembled(lines)


def _assembled(lines: Sequence[tuple[int, int, int, int]]) -> bytes:
    return b"".join(struct.pack("HBBI", code, yes, no, value) for code, yes, no, value in lines)
