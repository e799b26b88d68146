"""The demo as a user starts it, and what is true in the world afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.world import terminal
from tests.world.patience import PATIENCE
from tests.world.terminal import Started

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Demo:
    folder: Path

    def start(self, *options: str) -> Started:
        """A process of its own session, so that it can be killed with all that belongs to it."""
        words = ["demo", "--dir", str(self.folder), *options]
        return terminal.start(words, self.folder.parent, {**_environment(), "PYTHONPATH": str(ROOT)})

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
        database = {"KINTSUGI_DATABASE_URL": f"sqlite:///{self.folder}/kintsugi.db"}
        done = terminal.run(["incident", "show", "1", "--json"], self.folder, _environment() | database)
        assert done.returncode == 0, done.stderr
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
