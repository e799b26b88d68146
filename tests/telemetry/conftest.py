"""Telemetry installed for one test, writing into memory."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from kintsugi.telemetry import Telemetry, install


class Installed:
    """Telemetry and what it wrote."""

    def __init__(self, telemetry: Telemetry, stream: io.StringIO) -> None:
        self.telemetry = telemetry
        self.log = logging.getLogger("tests.shop")
        self._stream = stream

    def lines(self) -> list[dict[str, Any]]:
        """Every line in the ring, parsed."""
        return [json.loads(line) for line in self.telemetry.recent(limit=5_000)]

    def last(self) -> dict[str, Any]:
        return self.lines()[-1]

    def written(self) -> str:
        """What reached the stream once everything was written."""
        self.telemetry.close()
        return self._stream.getvalue()


@pytest.fixture
def installed() -> Iterator[Installed]:
    stream = io.StringIO()
    telemetry = install(
        level="DEBUG", stream=stream, build="c0ffee0", secrets=["own-" + "secret-" + "value-77", str(48151_62342)]
    )
    yield Installed(telemetry, stream)
    telemetry.close()
