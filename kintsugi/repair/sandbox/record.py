"""What a run tells the referee: lines through a socket that nobody else can write to, read back or cut unseen."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from hmac import compare_digest

KEY_BYTES = 32
_LARGEST = 16 << 20
_LEFT_SECONDS = 1.0


class RecordBroken(Exception):
    """The record is not what its writer wrote. The message says where."""


@dataclass(frozen=True, slots=True)
class Record:
    """The bytes that came, and the key that they should be signed with.

    A line is `<signature> <JSON object>`: BLAKE2b of 16 bytes in hex, keyed, over the line's number from 0, a blank
    and the object.
    """

    key: bytes
    written: bytes
    endless: bool = False

    def lines(self) -> Iterator[dict[str, object]]:
        """Each line, if it is signed, none before it is left out and none comes twice. Raises RecordBroken.

        A last line that was cut off in the middle is dropped.
        """
        if self.endless:
            raise RecordBroken(f"it is longer than {_LARGEST >> 20} MB")
        for number, text in enumerate(self.written.split(b"\n")[:-1]):
            sign, _, body = text.partition(b" ")
            if not compare_digest(sign, self._sign(number, body)):
                raise RecordBroken(f"line {number + 1} is not the referee's own")
            yield _parsed(body, number + 1)

    @property
    def is_cut(self) -> bool:
        return bool(self.written) and not self.written.endswith(b"\n")

    def _sign(self, number: int, body: bytes) -> bytes:
        return blake2b(b"%d " % number + body, key=self.key, digest_size=16).hexdigest().encode()


def _parsed(body: bytes, number: int) -> dict[str, object]:
    try:
        line = json.loads(body)
    except (ValueError, RecursionError):
        raise RecordBroken(f"line {number} cannot be read") from None
    if not isinstance(line, dict):
        raise RecordBroken(f"line {number} is of another shape")
    return line


class Recording:
    """The referee's end of a record under way. `inner` goes to the run, which finds the key in it."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(KEY_BYTES)
        self._outer, self.inner = socket.socketpair()
        self._outer.setblocking(False)
        self._outer.send(self._key)
        self._written = bytearray()
        self._endless = False
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Read from now on. Our copy of the run's end is closed, so that the record ends with the run."""
        self.inner.close()
        self._task = asyncio.create_task(self._read())

    async def end(self) -> Record:
        """All that was written. The run is over: what still holds its end has nothing to say."""
        assert self._task
        await asyncio.wait([self._task], timeout=_LEFT_SECONDS)
        return Record(self._key, bytes(self._written), self._endless)

    def close(self) -> None:
        if self._task:
            self._task.cancel()
        self.inner.close()
        self._outer.close()

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while chunk := await loop.sock_recv(self._outer, 1 << 16):
                self._written += chunk
                if len(self._written) > _LARGEST:
                    self._endless = True
                    self._outer.shutdown(socket.SHUT_RDWR)
                    return
        except ConnectionError:  # the run ended with the key unread
            return
