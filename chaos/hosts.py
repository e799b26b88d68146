"""Four hosts, as network namespaces of this machine, of which one is cut off from the database for a while.

Each has a way to the services and another to the database, so that the second can be cut alone: who is cut off still
reaches the world, which is the worse case. Needs root and `ip`.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_SERVICES, _DATABASE = "s", "d"
_NETWORKS = {_SERVICES: "10.77.0", _DATABASE: "10.78.0"}
_CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Hosts:
    """The names of the hosts, which are those of their namespaces."""

    names: tuple[str, ...]

    @property
    def services(self) -> str:
        """The address at which the hosts reach what listens on this machine's own loopback address."""
        return f"{_NETWORKS[_SERVICES]}.1"

    @property
    def database(self) -> str:
        """The address of the database for them."""
        return f"{_NETWORKS[_DATABASE]}.1"

    def cut(self, name: str) -> None:
        """Nothing goes between this host and the database any more, and nobody is told."""
        _ip("link", "set", f"{name}{_DATABASE}", "down")

    def mend(self, name: str) -> None:
        _ip("link", "set", f"{name}{_DATABASE}", "up")


def can_have_hosts() -> bool:
    return os.geteuid() == 0 and shutil.which("ip") is not None


@contextmanager
def some_hosts(number: int) -> Iterator[Hosts]:
    """So many, each with an address of its own in both networks."""
    ours = f"kt{os.getpid() % 10_000}"
    names = tuple(f"{ours}h{n}" for n in range(1, number + 1))
    with ExitStack() as stack:
        for side, network in _NETWORKS.items():
            _ip("link", "add", f"{ours}{side}", "type", "bridge")
            stack.callback(_ip, "link", "del", f"{ours}{side}")
            _ip("addr", "add", f"{network}.1/24", "dev", f"{ours}{side}")
            _ip("link", "set", f"{ours}{side}", "up")
        for n, name in enumerate(names, 2):
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)
            for side, network in _NETWORKS.items():
                _ip("link", "add", f"{name}{side}", "type", "veth", "peer", "name", f"eth{side}", "netns", name)
                _ip("link", "set", f"{name}{side}", "master", f"{ours}{side}", "up")
                _ip("-n", name, "addr", "add", f"{network}.{n}/24", "dev", f"eth{side}")
                _ip("-n", name, "link", "set", f"eth{side}", "up")
        yield Hosts(names)


def move_to(host: str) -> None:
    """This process is on that host from now on."""
    with Path("/run/netns", host).open() as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot move to {host}")


@asynccontextmanager
async def reached_at(address: str, urls: Iterable[str]) -> AsyncIterator[None]:
    """What listens on the loopback address is reached by this one too, at the same port."""
    ports = {port for url in urls if (port := urlsplit(url).port)}
    servers = [await asyncio.start_server(_forward_to(port), address, port) for port in ports]
    try:
        yield
    finally:
        for server in servers:
            server.close()


def _forward_to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pass(reader, back), _pass(there, writer))

    return forward


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
