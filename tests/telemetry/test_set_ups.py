"""Fourteen ways to set logging up, before the telemetry and after it: each line arrives, everywhere.

One process forks for each of them, as they change what belongs to the whole process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]
KINDS = (
    "dictConfig", "fileConfig", "handlers replaced", "propagation off", "MemoryHandler", "QueueHandler",
    "basicConfig", "a library's handler", "discord.py", "uvicorn", "loguru", "structlog",
    "an SDK's wrap", "a proxy of the console", *(["aiologger"] if find_spec("aiologger") else []),
)  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What became of one error in each set-up."""
    folder = tmp_path_factory.mktemp("set-ups")
    done = subprocess.run(
        [sys.executable, "-m", "tests.world.logging_set_ups", str(folder)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    results = {file.stem: json.loads(file.read_text()) for file in folder.glob("*.json")}
    assert len(results) == 2 * len(KINDS), done.stderr
    return results


@pytest.mark.parametrize("mode", ["before", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_error_reaches_ring_stream_capture_and_alert(found: dict[str, dict[str, object]], kind: str, mode: str):
    result = found[f"{kind} {mode}"]

    assert result["ring"] == result["stream"] == result["captured"] == result["alerts"] == 1, result
    assert result["in clear"] == [], result
    assert result["beside the lines"] == "", result
