"""How fast logs are read, beside what reads nothing: `grep -c Traceback`, and `cat` for a program that is followed.

A log of 100 MB with 1,000 failures, in one pass; the same with half of it, which says whether that is linear; and a
program that prints 1 GB, under `capture --follow` and under `cat`, by processor time with all that starting takes. Of
that the median of some rounds, as one alone may be twice another on a busy machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

_REPORT = """\
Traceback (most recent call last):
  File "/srv/shop/bot.py", line 31, in on_message
    await self.answer(total(cart))
  File "/srv/shop/pricing.py", line 12, in total
    return price - cart["discount"]
KeyError: 'discount'
"""
_PRINTS = (
    "import os\nb = b'2026-11-28 10:00:00 INFO request served in 3 ms\\n' * 20_000\nfor _ in range({}): os.write(1, b)"
)
_KINTSUGI = (sys.executable, "-m", "kintsugi")
_ROUNDS = 5


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, half = Path(folder) / "whole.log", Path(folder) / "half.log"
        _write(whole, 1_000)
        _write(half, 500)
        inspected, memory = _spent(*_KINTSUGI, "inspect", str(whole))
        searched, _ = _spent("grep", "-c", "Traceback", str(whole))
        idle, _ = _spent(*_KINTSUGI, "inspect", os.devnull)
        of_half, _ = _spent(*_KINTSUGI, "inspect", str(half))
        megabytes = whole.stat().st_size / 1e6
        spent = inspected - idle
        print(f"inspect: {megabytes / spent:.0f} MB/s, {memory} MB at most; grep -c: {megabytes / searched:.0f} MB/s")
        print(f"twice the log takes {spent / max(of_half - idle, 1e-3):.2f} times as long")
        _followed(folder)


def _followed(folder: str) -> None:
    command = (*_KINTSUGI, "capture", "--follow", "--", sys.executable, "-c")
    environment = {"KINTSUGI_DATABASE_URL": f"sqlite:///{folder}/k.db"}
    program = _PRINTS.format(1_000)
    rounds = []
    for _ in range(_ROUNDS):
        followed, memory = _spent(*command, program, environment=environment)
        copied, _ = _spent("sh", "-c", '"$0" -c "$1" | cat', sys.executable, program)
        rounds.append((followed / copied, memory))
    ratio, memory = statistics.median(each[0] for each in rounds), max(each[1] for each in rounds)
    print(f"follow: {ratio:.2f} of cat's processor time for 1 GB (target 1.3), {memory} MB at most (target 100)")


def _write(log: Path, failures: int) -> None:
    line = "2026-11-28 10:00:{:02} INFO bot.orders: request {} served in {} ms for user {}\n"
    between = "".join(line.format(at % 60, at, at % 97, at * 7919 % 100_000) for at in range(1_300))
    with log.open("w") as file:  # piece by piece: what this process once held counts as its children's memory
        for _ in range(failures):
            file.write(between + _REPORT)


def _spent(*command: str, environment: dict[str, str] | None = None) -> tuple[float, int]:
    """Processor seconds of the command and all it started, and the most megabytes that one of these had."""
    known = {**os.environ, **(environment or {})}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=known)
    assert process.stdout
    while os.read(process.stdout.fileno(), 1 << 20):
        pass
    process.stdout.close()
    _, process.returncode, used = os.wait4(process.pid, 0)
    return used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


if __name__ == "__main__":
    main()
