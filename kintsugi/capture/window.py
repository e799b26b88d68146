"""The output of a program that runs, looked at for crashes as it comes. Bounded."""

from __future__ import annotations

from kintsugi.capture.text import read_text
from kintsugi.capture.traceback import read_failure

_KEPT = 256 * 1024  # bytes: more than any report


class Window:
    """The end of one stream. What was told of once is not told of again, but stays as the log before the next."""

    def __init__(self) -> None:
        self._seen = bytearray()
        self._fresh = bytearray()

    def add(self, output: bytes) -> None:
        self._fresh += output
        if len(self._fresh) > 2 * _KEPT:
            del self._fresh[:-_KEPT]

    def crash(self, *, quiet: bool) -> str | None:
        """What was written, where a crash came with what is new; else None. `quiet`: no more of it is expected."""
        fresh = bytes(self._fresh)
        failure = read_failure(read_text(fresh)) if fresh else None
        if not quiet and (failure is None or not failure.complete):
            return None
        before, self._fresh = bytes(self._seen), bytearray()
        self._seen = (self._seen + fresh)[-_KEPT:]
        return read_text(before[-_KEPT // 4 :] + fresh) if failure else None

    def end(self) -> str:
        """The last of all that was written."""
        return read_text(bytes(self._seen + self._fresh)[-_KEPT // 4 :])
