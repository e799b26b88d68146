# Why: it prints what it did, and runs in any interpreter.
# ruff: noqa: T201, PTH108, PTH118, PTH123
"""What a malicious patch would try, one function an action, for `kintsugi.repair.sandbox.probe` to run inside a box.

Stands alone: it is copied into the box and run by the project's interpreter. It prints one JSON object a finished
action: {"action": …, "done": true} when the action got through. Started as `hostile.py FACTS ACTION…`.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import time
from typing import Any

_PTRACE_ATTACH = 16
_MB = 1 << 20
_CLONE_NEWUSER = 0x10000000


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
    for _ in range(4):
        if os.fork() == 0:
            kept = bytearray(int(facts["memory_mb"]) * _MB * 6 // 10)
            for page in range(0, len(kept), 4096):
                kept[page] = 1
            time.sleep(60)
            os._exit(0)
    time.sleep(3)
    return True


def fill_the_disk(facts: dict[str, Any]) -> bool:
    """Many files, none above the limit alone."""
    for number in range(int(facts["disk_mb"]) * 20):
        with open(os.path.join(os.environ["HOME"], f"fill-{number}"), "wb") as file:
            file.write(b"x" * _MB)
        time.sleep(0.005)
    return True


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
        sleep_for_ever,
        leave_a_daemon,
    )
}

if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
