"""What runs in the box: the way to the model, the agent, and at its end the difference that it made.

Sent as text on standard input, so it imports nothing of ours. The argument is JSON: `socket`, `port`, `command`,
`seconds`.
"""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

_GIT = (
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "commit.gpgSign=false",
    "-c",
    "core.quotePath=false",
)
_BLOCK = 65536


def main(asked: dict[str, Any]) -> None:
    listening = socket.create_server(("127.0.0.1", asked["port"]))
    threading.Thread(target=_pass_on, args=(listening, asked["socket"]), daemon=True).start()
    _git("init", "-q")
    _remember(".git")
    base = str(Path.home() / ".base.git")  # its own may be rewritten, and ours is not looked for
    _remember(base)
    _run(asked["command"], asked["seconds"])
    _git("--git-dir", base, "--work-tree", ".", "add", "-A")
    made = _git("--git-dir", base, "--work-tree", ".", "diff", "--cached", "--no-renames", "--no-ext-diff", "HEAD")
    _tell(asked["socket"], made)


def _remember(folder: str) -> None:
    place = () if folder == ".git" else ("--git-dir", folder, "--work-tree", ".")
    if place:
        _git("init", "-q", "--bare", folder)
        _git("--git-dir", folder, "config", "core.bare", "false")
    _git(*place, "add", "-A")
    _git(*place, "commit", "-q", "--allow-empty", "-m", "The program as it failed")


def _git(*words: str) -> bytes:
    return subprocess.run(("git", *_GIT, *words), check=True, stdout=subprocess.PIPE).stdout


def _run(command: str, seconds: float) -> None:
    """Its exit status is not looked at: what it changed is its answer."""
    agent = subprocess.Popen(("sh", "-c", command), stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        agent.wait(seconds)
    except subprocess.TimeoutExpired:
        print(f"\nIt did not end within {seconds:.0f} s.", flush=True)  # noqa: T201  # its output is what is kept
        os.killpg(agent.pid, signal.SIGKILL)
        agent.wait()


def _tell(path: str, made: bytes) -> None:
    there = http.client.HTTPConnection("model")
    there.sock = socket.socket(socket.AF_UNIX)
    there.sock.connect(path)
    there.request("POST", "/answer", made, {"Content-Type": "text/x-diff"})
    there.getresponse().read()


def _pass_on(listening: socket.socket, path: str) -> None:
    while True:
        theirs, _ = listening.accept()
        threading.Thread(target=_both_ways, args=(theirs, path), daemon=True).start()


def _both_ways(theirs: socket.socket, path: str) -> None:
    ours = socket.socket(socket.AF_UNIX)
    try:
        ours.connect(path)
        pairs = {theirs: ours, ours: theirs}
        while True:
            for ready in select.select(list(pairs), [], [])[0]:
                piece = ready.recv(_BLOCK)
                if not piece:
                    return
                pairs[ready].sendall(piece)
    except OSError:
        pass
    finally:
        theirs.close()
        ours.close()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
