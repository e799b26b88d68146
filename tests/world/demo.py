"""The demo as a user starts it, and what is true in the world afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Demo:
    folder: Path

    def start(self, *options: str) -> subprocess.Popen[str]:
        """A process of its own session, so that it can be killed with all that belongs to it."""
        return subprocess.Popen(
            [sys.executable, "-m", "kintsugi", "demo", "--dir", str(self.folder), *options],
            cwd=self.folder.parent,
            env={**_environment(), "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def plays(self, *options: str) -> tuple[int, str]:
        """Exit status and output of a whole run."""
        process = self.start(*options)
        output, _ = process.communicate(timeout=PATIENCE)
        return process.returncode, output

    def stop(self) -> None:
        self.plays("--stop")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder / "origin.git"), *arguments], check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def incident(self) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "kintsugi", "incident", "show", "1", "--json"],
            cwd=self.folder,
            env={
                **_environment(),
                "PYTHONPATH": str(ROOT),
                "KINTSUGI_DATABASE_URL": f"sqlite:///{self.folder}/kintsugi.db",
            },
            check=True,
            capture_output=True,
            text=True,
        )
        shown: dict[str, object] = json.loads(done.stdout)
        return shown

    def asks(self, path: str) -> dict[str, object]:
        """What the running program answers."""
        port = (self.folder / "runtime" / "port").read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            body: dict[str, object] = json.load(answer)
        return body

    def programs(self) -> list[str]:
        """The releases that run now, one entry a process."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                where = (process / "cwd").resolve()
            except OSError:
                continue
            if where.parent == self.folder.resolve() / "runtime" / "releases":
                found.append(where.name)
        return found


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
