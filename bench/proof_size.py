"""What a proof costs in a large tree: the same patch among 10 files and among 5,000, in the same box.

    python -m bench.proof_size [--rounds 3]

Exits with 1 where it takes more than 1.5 times as long, or ends otherwise.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.proof_false import SHOP, TREE
from kintsugi.repair.proof import Crash, ProofSettings, Proposal, prove
from kintsugi.repair.sandbox.probe import probe
from kintsugi.workflow.patch import Evidence

FEW, MANY, AT_MOST = 10, 5_000, 1.5
_FIXED = SHOP.replace('order["discount"]', 'order.get("discount", 0)')
_TEST = "import unittest\n\nimport shop\n\n\nclass Shows(unittest.TestCase):\n    def test_shows(self):\n"
_TEST += '        self.assertEqual(shop.total({"price": 5}), 5)\n'
_A_FOLDER = 100


def a_tree(folder: Path, files: int) -> Path:
    """A project of so many files: modules, and as much again of what lies beside them."""
    for path, text in TREE.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    for number in range(files - len(TREE)):
        ending = "py" if number % 2 else "txt"
        target = folder / "more" / str(number // _A_FOLDER) / f"part_{number}.{ending}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(f"VALUE = {number}\n" * 40)
    return folder


async def one(base: Path, settings: ProofSettings) -> tuple[float, Evidence]:
    """How many seconds the proof takes, and what it says."""
    tests: dict[str, bytes | None] = {"tests/test_shows.py": _TEST.encode()}
    crash = Crash("KeyError", "'discount'", "shop.py", "total")
    proposal = Proposal(base, {"shop.py": _FIXED.encode(), **tests}, tests, crash=crash)
    started = time.monotonic()
    evidence = await prove(proposal, settings, progress=lambda _: None)
    return time.monotonic() - started, evidence


async def main(rounds: int) -> int:
    asked = ProofSettings(("python", "-m", "unittest"), seconds=300)
    settings = replace(asked, box=await probe(asked.python, asked.limits))
    assert settings.box
    print(settings.box.says)
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        few, many = (a_tree(Path(name, str(files)), files) for files in (FEW, MANY))
        found = [(await one(few, settings), await one(many, settings)) for _ in range(rounds)]
    same = all(left.says == right.says and left.flags == right.flags for (_, left), (_, right) in found)
    ratio = statistics.median(right / left for (left, _), (right, _) in found)
    seconds = [statistics.median(pair[at][0] for pair in found) for at in (0, 1)]
    print(f"{FEW} files {seconds[0]:.1f} s, {MANY} files {seconds[1]:.1f} s: {ratio:.2f} times (goal {AT_MOST})")
    print("the same verdict" if same else "ANOTHER verdict")
    return 0 if same and ratio <= AT_MOST else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.proof_size")
    parser.add_argument("--rounds", type=int, default=3)
    sys.exit(asyncio.run(main(parser.parse_args().rounds)))
