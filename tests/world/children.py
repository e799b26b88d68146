"""What the children of `kintsugi` are given: each is written down as it is started, by Python's own audit event."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_RECORDS = """
import json, os, runpy, sys

def heard(event, given):
    if event == "subprocess.Popen":
        _, words, _, env = given
        env = os.environ if env is None else env
        line = json.dumps([[os.fsdecode(each) for each in words], {os.fsdecode(k): os.fsdecode(v) for k, v in env.items()}])
        with open(into, "a") as file:
            file.write(line + "\\n")
    elif event in ("os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile"):
        raise AssertionError(f"started by {event}, which nobody looks at")

into = sys.argv.pop(1)
sys.argv[0] = "kintsugi"
sys.addaudithook(heard)
runpy.run_module("kintsugi", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Child:
    words: list[str]
    env: dict[str, str]

    def knows(self, value: str) -> bool:
        return any(value in each for each in (*self.words, *self.env, *self.env.values()))


class Watched:
    """`kintsugi` in a process of its own, and the children that it had."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._into = folder, folder / "children.jsonl"

    def types(self, *words: str, settings: Mapping[str, str]) -> str:
        """Its standard output."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
        done = subprocess.run(
            [sys.executable, "-c", _RECORDS, str(self._into), *words],
            cwd=self._folder,
            env=kept | dict(settings) | {"PYTHONPATH": str(ROOT), "COLUMNS": "300"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def children(self) -> list[Child]:
        return [Child(*json.loads(line)) for line in self._into.read_text().splitlines()]
