# Why: it prints what it did, and runs in any interpreter.
# ruff: noqa: T201, S108, SIM115, PTH101, PTH102, PTH108, PTH109, PTH118, PTH120, PTH123, PTH208
"""What a malicious patch would try, one function an action, for `kintsugi.repair.sandbox.probe` to run inside a box.

Stands alone: the project's interpreter gets it on its standard input. It prints one JSON object a finished action:
{"action": …, "done": true} when the action got through. Its arguments are FACTS ACTION….
"""

from __future__ import annotations

import array
import ctypes
import json
import os
import signal
import socket
import sys
import time
from hashlib import blake2b
from typing import Any

_PTRACE_ATTACH = 16
_MB = 1 << 20
_CLONE_NEWUSER = 0x10000000


_RECORD = 3
_HELD_SECONDS = 3  # what is held for so long was not contained
_HELD: list[Any] = []  # what an action has taken and does not give back


def main(facts: dict[str, Any], actions: list[str]) -> None:
    for action in actions:
        try:
            done = bool(_ACTIONS[action](facts))
        except (OSError, MemoryError, AttributeError):
            done = False
        print(json.dumps({"action": action, "done": done}), flush=True)


def reach_the_network(facts: dict[str, Any]) -> bool:
    """Talk to a server outside: one on this machine, as there must be one that answers."""
    with socket.create_connection(("127.0.0.1", int(facts["port"])), timeout=2):
        return True


def read_a_private_file(facts: dict[str, Any]) -> bool:
    with open(facts["private"]) as file:
        return str(facts["secret"]) in file.read()


def find_secrets_in_the_environment(facts: dict[str, Any]) -> bool:
    return any(facts["secret"] in value for value in os.environ.values())


def read_the_environment_of_others(facts: dict[str, Any]) -> bool:
    with open(f"/proc/{facts['victim']}/environ") as file:
        return str(facts["secret"]) in file.read()


def signal_a_process_outside(facts: dict[str, Any]) -> bool:
    """The prober sees whether its process is still there: a number may mean somebody else in here."""
    os.kill(int(facts["victim"]), signal.SIGUSR1)
    return False


def trace_a_process_outside(facts: dict[str, Any]) -> bool:
    """Inside a process namespace the number is nobody's or our own, so its name is compared."""
    with open(f"/proc/{facts['victim']}/cmdline") as file:
        if facts["secret"] not in file.read():
            return False
    return bool(ctypes.CDLL(None).ptrace(_PTRACE_ATTACH, int(facts["victim"]), 0, 0) == 0)


def gain_privileges(_facts: dict[str, Any]) -> bool:
    """Become root, or root of a namespace of our own."""
    if os.getuid() == 0 or ctypes.CDLL(None).unshare(_CLONE_NEWUSER) == 0:
        with open("/proc/self/status") as file:
            return any(line.startswith("CapEff:") and int(line.split()[1], 16) for line in file)
    os.setuid(0)
    return True


def write_outside(facts: dict[str, Any]) -> bool:
    """Into a folder that everybody may write to, and into the interpreter's own."""
    for folder in (str(facts["public"]), sys.prefix):
        mine = os.path.join(folder, str(facts["secret"]))
        try:
            with open(mine, "w") as file:
                file.write("was here")
            os.unlink(mine)
        except OSError:
            continue
        return True
    return False


def kill_the_warden(_facts: dict[str, Any]) -> bool:
    """Our parent is what keeps the box. Nothing is printed when that ends us too; the prober sees that."""
    os.kill(os.getppid(), signal.SIGKILL)
    return False


def fork_without_end(facts: dict[str, Any]) -> bool:
    for _ in range(int(facts["processes"]) * 4):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    time.sleep(1)
    return True


def fill_memory(facts: dict[str, Any]) -> bool:
    """Four processes together take more than the box may have, though none does alone."""
    reading, writing = os.pipe()
    for _ in range(4):
        if os.fork() == 0:
            kept = bytearray(int(facts["memory_mb"]) * _MB * 6 // 10)
            for page in range(0, len(kept), 4096):
                kept[page] = 1
            os.write(writing, b"x")
            time.sleep(60)
            os._exit(0)
    os.close(writing)
    for _ in range(4):
        if not os.read(reading, 1):
            return False
    time.sleep(_HELD_SECONDS)
    return True


def fill_the_disk(facts: dict[str, Any]) -> bool:
    """Many files, none above the limit alone."""
    for number in range(int(facts["disk_mb"]) * 20):
        with open(os.path.join(os.environ["HOME"], f"fill-{number}"), "wb") as file:
            file.write(b"x" * _MB)
        time.sleep(0.005)
    return True


def fill_memory_by_sockets(facts: dict[str, Any]) -> bool:
    """What is sent and never read lies in the kernel, and is counted for no process."""
    for _ in range(4):
        if os.fork() == 0:
            _send_unread()
            time.sleep(60)
            os._exit(0)
    taken = _send_unread()
    time.sleep(_HELD_SECONDS)
    return taken * 5 > int(facts["memory_mb"]) * _MB * 2


def _send_unread() -> int:
    taken = 0
    try:
        while True:
            pair = socket.socketpair()
            _HELD.append(pair)
            pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
            pair[0].setblocking(False)
            try:
                while True:
                    taken += pair[0].send(b"x" * 65536)
            except BlockingIOError:
                continue
    except OSError:  # no more sockets
        return taken


def fill_memory_by_hidden_sockets(facts: dict[str, Any]) -> bool:
    """Sockets on their way in another socket are open in no process."""
    taken = 0
    carrier = socket.socketpair()
    for _ in range(3000):
        first, second = socket.socketpair()
        second.setblocking(False)
        try:
            while True:
                taken += second.send(b"x" * 65536)
        except BlockingIOError:
            pass
        handles = array.array("i", [first.fileno(), second.fileno()])
        carrier[0].setblocking(False)
        try:
            carrier[0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handles)])
        except BlockingIOError:
            _HELD.append(carrier)
            carrier = socket.socketpair()
        first.close()
        second.close()
    time.sleep(_HELD_SECONDS)
    return taken > int(facts["memory_mb"]) * _MB * 2


def fill_memory_by_pipes(facts: dict[str, Any]) -> bool:
    others = int(facts["processes"]) // 2
    for _ in range(others):
        if os.fork() == 0:
            _write_unread()
            time.sleep(60)
            os._exit(0)
    taken = _write_unread() * others
    time.sleep(_HELD_SECONDS)
    return taken > int(facts["memory_mb"]) * _MB * 2


def _write_unread() -> int:
    taken = 0
    try:
        while True:
            reading, writing = os.pipe()
            os.set_blocking(writing, False)
            try:
                while True:
                    taken += os.write(writing, b"x" * 4096)
            except BlockingIOError:
                _HELD.append((reading, writing))
    except OSError:
        return taken


def fill_memory_by_memfd(facts: dict[str, Any]) -> bool:
    """A file that is in no file system."""
    handle = os.memfd_create("x")
    for _ in range(int(facts["memory_mb"]) * 2):
        os.write(handle, b"x" * _MB)
    time.sleep(_HELD_SECONDS)
    return True


def fill_shared_memory(facts: dict[str, Any]) -> bool:
    """By a file without a name, which is gone with us: where nothing holds, the machine's own is filled."""
    with open(f"/dev/shm/fill-{os.getpid()}", "wb") as file:
        os.unlink(file.name)
        for _ in range(int(facts["memory_mb"]) * 2):
            file.write(b"x" * _MB)
        time.sleep(_HELD_SECONDS)
    return True


def fill_the_disk_by_unlinked_files(facts: dict[str, Any]) -> bool:
    """What has no name any more is found by nobody who walks the folders."""
    for number in range(int(facts["disk_mb"]) * 3):
        file = open(os.path.join(os.environ["HOME"], f"fill-{number}"), "wb")
        os.unlink(file.name)
        _HELD.append(file)
        file.write(b"x" * _MB)
        file.flush()
    time.sleep(_HELD_SECONDS)
    return True


def fill_the_disk_by_unnamed_files(facts: dict[str, Any]) -> bool:
    for _ in range(int(facts["disk_mb"]) * 3):
        handle = os.open(os.environ["HOME"], os.O_TMPFILE | os.O_RDWR)
        _HELD.append(handle)
        os.write(handle, b"x" * _MB)
    time.sleep(_HELD_SECONDS)
    return True


def fill_the_disk_below_long_paths(facts: dict[str, Any]) -> bool:
    """Deeper than any path can name."""
    os.chdir(os.environ["HOME"])
    for _ in range(30):
        os.mkdir("d" * 200)
        os.chdir("d" * 200)
    for number in range(int(facts["disk_mb"]) * 3):
        with open(f"fill-{number}", "wb") as file:
            file.write(b"x" * _MB)
    time.sleep(_HELD_SECONDS)
    return True


def fill_the_disk_in_a_closed_folder(facts: dict[str, Any]) -> bool:
    """One that can be written to and not be listed."""
    folder = os.path.join(os.environ["HOME"], "closed")
    os.mkdir(folder)
    os.chmod(folder, 0o300)
    for number in range(int(facts["disk_mb"]) * 3):
        with open(os.path.join(folder, f"fill-{number}"), "wb") as file:
            file.write(b"x" * _MB)
    time.sleep(_HELD_SECONDS)
    return True


def fill_the_disk_with_empty_files(facts: dict[str, Any]) -> bool:
    """Each costs the machine an entry, and none has a size."""
    for number in range(int(facts["disk_mb"]) * 1000):
        open(os.path.join(os.environ["HOME"], f"empty-{number}"), "wb").close()
    time.sleep(_HELD_SECONDS)
    return True


def read_beside_the_interpreter(facts: dict[str, Any]) -> bool:
    """An environment is often made among a project's own files."""
    with open(facts["beside"]) as file:
        return str(facts["secret"]) in file.read()


def find_out_that_it_is_judged(facts: dict[str, Any]) -> bool:
    """Any word of who judges: in the environment, in the arguments of processes, in mounts, names of files."""
    seen = [*os.environ, *os.environ.values(), os.getcwd(), *sys.argv[:1]]
    folders = ["/", "/home", "/srv", "/tmp", "/dev/shm", os.getcwd(), os.environ["HOME"], os.path.dirname(os.getcwd())]
    for folder in folders:
        try:
            seen += os.listdir(folder)
        except OSError:
            continue
    for name in (
        "/proc/self/mountinfo",
        "/proc/self/environ",
        "/proc/1/cmdline",
        "/proc/1/environ",
        "/proc/self/cgroup",
    ):
        try:
            with open(f"/proc/{name}", errors="replace") as file:
                seen.append(file.read())
        except OSError:
            continue
    told = "\n".join(seen)
    for known in facts["known"]:  # where the interpreter lies is the project's own affair
        told = told.replace(known, "")
    return any(word in told.lower() for word in facts["words"])


def come_before_others(_facts: dict[str, Any]) -> bool:
    """Be as good as who runs us, to the scheduler or when memory is short, and stay it."""
    for change in (_be_scheduled_sooner, _live_longer):
        try:
            change()
        except OSError:
            continue
    time.sleep(1)
    with open("/proc/self/oom_score_adj") as file:
        return os.getpriority(os.PRIO_PROCESS, 0) <= 0 or int(file.read()) <= 0


def _be_scheduled_sooner() -> None:
    os.setpriority(os.PRIO_PROCESS, 0, 0)


def _live_longer() -> None:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("0")


def read_the_record(_facts: dict[str, Any]) -> bool:
    """Through our own handle, or by opening it anew."""
    os.set_blocking(_RECORD, False)
    try:
        if os.read(_RECORD, 1):
            return True
    except OSError:
        pass
    handle = os.open(f"/proc/self/fd/{_RECORD}", os.O_RDONLY | os.O_NONBLOCK)
    return bool(os.read(handle, 1))


def fake_the_record(facts: dict[str, Any]) -> bool:
    """A line as the referee would write it, with keys that can be guessed. The prober sees whether it is believed."""
    body = json.dumps({"forged": facts["secret"]}).encode()
    signs = [blake2b(b"1 " + body, key=key, digest_size=16) for key in (b"", b"key", bytes(32), os.urandom(32))]
    for sign in signs:
        os.write(_RECORD, sign.hexdigest().encode() + b" " + body + b"\n")
    return False


def write_a_line(text: str) -> None:
    """What the referee's own part does before the code it judges is there; its key is gone when this ends."""
    key = os.read(_RECORD, 32)
    body = json.dumps({"own": text}).encode()
    sign = blake2b(b"0 " + body, key=key, digest_size=16).hexdigest().encode()
    os.write(_RECORD, sign + b" " + body + b"\n")


def sleep_for_ever(_facts: dict[str, Any]) -> bool:
    time.sleep(3600)
    return True


def leave_a_daemon(_facts: dict[str, Any]) -> bool:
    """Twice forked, in a session of its own, deaf to hints."""
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if os.fork() == 0:
            time.sleep(3600)
        os._exit(0)
    time.sleep(0.2)
    return False


_ACTIONS = {
    action.__name__: action
    for action in (
        reach_the_network,
        read_a_private_file,
        find_secrets_in_the_environment,
        read_the_environment_of_others,
        signal_a_process_outside,
        trace_a_process_outside,
        gain_privileges,
        write_outside,
        kill_the_warden,
        fork_without_end,
        fill_memory,
        fill_the_disk,
        fill_memory_by_sockets,
        fill_memory_by_hidden_sockets,
        fill_memory_by_pipes,
        fill_memory_by_memfd,
        fill_shared_memory,
        fill_the_disk_by_unlinked_files,
        fill_the_disk_by_unnamed_files,
        fill_the_disk_below_long_paths,
        fill_the_disk_in_a_closed_folder,
        fill_the_disk_with_empty_files,
        read_beside_the_interpreter,
        find_out_that_it_is_judged,
        come_before_others,
        read_the_record,
        fake_the_record,
        sleep_for_ever,
        leave_a_daemon,
    )
}

if __name__ == "__main__":
    facts = json.loads(sys.argv[1])
    write_a_line(facts["secret"])
    main(facts, sys.argv[2:])
