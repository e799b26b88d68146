"""`make bench`: every table of figures, each a ratio to a peer or a floor measured in the same run."""

from __future__ import annotations

import subprocess
import sys

BENCHES = (
    ("bench.engine",),
    ("bench.crowd",),
    ("bench.workers",),
    ("bench.webhooks",),
    ("bench.reports",),
    ("bench.reports", "noisy"),
    ("bench.reports", "killed"),
    ("bench.flood",),
    ("bench.lists",),
    ("bench.logs",),
    ("bench.discord",),
    ("bench.telemetry",),
    ("bench.capsule",),
    ("bench.apply", "speed"),
    ("bench.policy", "speed"),
    ("bench.context", "speed"),
    ("bench.proof",),
    ("bench.proof", "--false"),
    ("bench.proof_size",),
)


def main() -> int:
    """Run them one after the other, so that none disturbs another."""
    failed = []
    for bench in BENCHES:
        name = " ".join(bench)
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", *bench], check=False).returncode:
            failed.append(name)
    for name in failed:
        print(f"{name} did not come to its end", file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
