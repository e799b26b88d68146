"""Puts one commit of this shop into production on this machine: checks it out, restarts the program, waits for it.

    KINTSUGI_COMMIT=<sha> python deploy.py --repo origin.git --into runtime

May be run any number of times, also two at once: the second waits, and finds its work done. The truth about what runs
is asked of the program itself (/version), so that nothing is left over when this script dies in the middle.
"""

import argparse
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

STARTS = 3
SECONDS_TO_START = 15.0


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repo", type=Path, required=True)
    options.add_argument("--into", type=Path, required=True)
    options.add_argument("--idle-seconds", default="600")
    options.add_argument("--stop", action="store_true", help="stop the program, start none")
    given = options.parse_args()
    into = given.into.resolve()
    into.mkdir(parents=True, exist_ok=True)
    with (into / "deploy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if given.stop:
            return stop(into)
        return deploy(given.repo.resolve(), into, os.environ["KINTSUGI_COMMIT"], given.idle_seconds)


def deploy(repo: Path, into: Path, commit: str, idle_seconds: str) -> int:
    release = check_out(repo, into, commit)
    for _ in range(STARTS):
        if running(into).get("commit") == commit:
            print(f"{commit[:10]} runs at http://127.0.0.1:{port(into)}")
            return 0
        stop(into)
        start(release, into, commit, idle_seconds)
    print(f"{commit[:10]} does not start; the end of its log:", file=sys.stderr)
    print("".join((into / "service.log").read_text(errors="replace").splitlines(True)[-20:]), file=sys.stderr)
    return 1


def check_out(repo: Path, into: Path, commit: str) -> Path:
    release = into / "releases" / commit
    if release.is_dir():
        return release
    release.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=release.parent) as folder:
        archive = subprocess.run(["git", "-C", str(repo), "archive", commit], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", folder], check=True, input=archive)
        shutil.copytree(folder, f"{folder}.done")
        Path(f"{folder}.done").rename(release)
    return release


def start(release: Path, into: Path, commit: str, idle_seconds: str) -> None:
    command = [sys.executable, "-m", "shop.server", "--port", str(port(into)), "--idle-seconds", idle_seconds]
    with (into / "service.log").open("ab") as log:
        program = subprocess.Popen(
            command,
            cwd=release,
            env={"PATH": os.environ.get("PATH", ""), "SHOP_COMMIT": commit, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and program.poll() is None and running(into).get("pid") != program.pid:
        time.sleep(0.05)


def stop(into: Path) -> int:
    """Stop whatever of ours answers on our port. Others' processes are left alone."""
    pid = running(into).get("pid")
    if pid and is_ours(pid, into):
        os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + 5
        while running(into) and time.monotonic() < end:
            time.sleep(0.05)
    return 0


def running(into: Path) -> dict:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port(into)}/version", timeout=2) as answer:
            return json.load(answer)
    except (OSError, ValueError):
        return {}


def is_ours(pid: int, into: Path) -> bool:
    folder = Path(f"/proc/{pid}/cwd")
    return not folder.exists() or into in folder.resolve().parents


def port(into: Path) -> int:
    """The program's port, chosen once, so that its address stays the same over restarts."""
    kept = into / "port"
    if not kept.exists():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            number = probe.getsockname()[1]
        (into / "port.new").write_text(str(number))
        (into / "port.new").replace(kept)
    return int(kept.read_text())


if __name__ == "__main__":
    sys.exit(main())
