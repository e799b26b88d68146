"""Looks now and then whether log lines still arrive, and says once what keeps them away."""

import os
import threading

from kintsugi.telemetry.hearing import Hearing

EVERY = 30.0  # seconds


class Lookout:
    """Looks until `close()`, on a thread of its own."""

    def __init__(self, hearing: Hearing, every: float = EVERY) -> None:
        self._hearing, self._every = hearing, every
        self._over = threading.Event()
        self._start()
        os.register_at_fork(after_in_child=self._start_again)

    def close(self) -> None:
        self._over.set()

    def _start(self) -> None:
        threading.Thread(target=self._run, name="telemetry-lookout", daemon=True).start()

    def _start_again(self) -> None:
        if not self._over.is_set():
            self._over = threading.Event()  # the parent's may be locked for ever here
            self._start()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._hearing.look()
