"""The program that fails, and its users: what readers of reports need to know, which are processes of their own."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from hashlib import blake2s
from pathlib import Path

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.shown import shown_call
from kintsugi.capture.source import lines_of, locator
from kintsugi.workflow.payload import Capsule, Failure, Repository

log = logging.getLogger("kintsugi.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The program that fails: where its code is, which build of it runs, and in which environment."""

    source: Path | None = None  # a folder or repository; None where it is not at hand
    build: str | None = None  # a commit; None where nobody knows
    environment: str = "development"
    repository: Repository | None = None

    def located(self, failure: Failure, build: str | None) -> Failure:
        """With the program's own frames marked, at the build it failed in; as it is where no code is at hand.

        Takes its time: it is for a thread, or a process.
        """
        try:
            return locator(self.source, sha=build)(failure)
        except CaptureError as error:
            log.warning("source_not_found", extra={"why": str(error)})
            return failure

    def shown_call(self, failure: Failure, build: str | None) -> Capsule | None:
        """The failing call as far as a located failure shows it; None where it does not."""
        try:
            return shown_call(failure, lines_of(self.source, build))
        except CaptureError:  # which was told when it was located
            return None


def digest_of(user: str | None) -> str:
    """What tells users apart without naming them; "" for none."""
    return blake2s(user.encode("utf-8", "backslashreplace"), digest_size=10).hexdigest() if user else ""
