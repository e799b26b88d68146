"""A real server on this machine: llama.cpp's with a small model. It honours the schema; what it says is of no use.

Left out by name where `llama-server` is not on PATH or KINTSUGI_TEST_GGUF names no model file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.world.make import a_payload, an_incident
from tests.world.patience import PATIENCE

SERVER, MODEL = shutil.which("llama-server"), os.environ.get("KINTSUGI_TEST_GGUF", "")
pytestmark = pytest.mark.skipif(
    not (SERVER and MODEL), reason="a local model: put llama-server on PATH and set KINTSUGI_TEST_GGUF"
)
CODE = "def discount(total, coupon):\n    return total * coupon['percent']\n"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    assert SERVER
    log = tmp_path / "log"
    command = [SERVER, "-m", MODEL, "-c", "4096", "-np", "1", "--host", "127.0.0.1", "--port", "0"]
    with log.open("wb") as out:
        server = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield _listening(server, log)
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _listening(server: subprocess.Popen[bytes], log: Path) -> str:
    """Where it listens, once it has its model."""
    while server.poll() is None:
        found = [line.rpartition(" ")[2] for line in log.read_text().splitlines() if "listening on http" in line]
        with suppress(httpx.HTTPError):
            if found and httpx.get(f"{found[0]}/health", timeout=1).status_code == 200:
                return f"{found[0]}/v1"
    raise AssertionError(log.read_text())


async def test_a_small_model_here_is_asked_in_its_window_and_heard_to_its_end(address: str):
    access = ModelAccess("small", "", address, max_output_tokens=500, deadline=timedelta(seconds=PATIENCE))
    model = OpenAIModel(access)
    analyst = ModelAnalyst(model, lambda case, tokens: (CODE * 1000)[: tokens * 4], str)

    with suppress(StepFailed):  # it may say nothing that can be read, with honest words
        diagnosis = await analyst.diagnose(Case(an_incident(State.CAPTURED), a_payload()), print)
        assert diagnosis.cost.calls >= 1
        assert diagnosis.manner.startswith("JSON by a schema")
    assert model.room.window == 4096
    assert (await model.check()).startswith(f"small at {address} answers")
