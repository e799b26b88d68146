"""What the children of `kintsugi` are given: each is written down as it is started, by Python's own audit event."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.world import terminal

ROOT = Path(__file__).parents[2]

_RECORDS = """
import json, os, sys

def heard(event, given):
    if event in ("subprocess.Popen", "os.posix_spawn"):  # which Python 3.13 may use for the first
        words, env = given[1], given[-1]
        env = os.environ if env is None else env
        line = json.dumps([[os.fsdecode(each) for each in words], {os.fsdecode(k): os.fsdecode(v) for k, v in env.items()}])
        with open(into, "a") as file:
            file.write(line + "\\n")
    elif event in ("os.exec", "os.spawn", "os.system", "os.startfile"):
        raise AssertionError(f"started by {event}, which nobody looks at")

sys.addaudithook(heard)
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
        env = kept | dict(settings) | {"PYTHONPATH": str(ROOT), "COLUMNS": "300"}
        done = terminal.run(words, self._folder, env, before=f"into = {str(self._into)!r}\n{_RECORDS}")
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    def children(self) -> list[Child]:
        return [Child(*json.loads(line)) for line in self._into.read_text().splitlines()]
