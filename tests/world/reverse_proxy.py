"""Reverse proxies: one of ours that behaves as nginx comes, and nginx and Caddy where they are installed.

What they hand on comes from this machine; as nginx comes, it names the upstream as its host too.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory

import aiohttp
from aiohttp import web

from tests.world.patience import PATIENCE

_NOT_HANDED_ON = ("host", "connection", "content-length", "transfer-encoding", "content-encoding")


@asynccontextmanager
async def as_it_comes(upstream: str) -> AsyncIterator[str]:
    """`location / { proxy_pass <upstream>; }`. Yields the address that strangers know."""
    async with aiohttp.ClientSession(auto_decompress=False) as session:

        async def hand_on(request: web.Request) -> web.Response:
            headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_HANDED_ON}
            async with session.request(
                request.method,
                f"{upstream}{request.path_qs}",
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                told = {name: value for name, value in answer.headers.items() if name.lower() not in _NOT_HANDED_ON}
                return web.Response(status=answer.status, headers=told, body=await answer.read())

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", hand_on)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


NGINX, CADDY = which("nginx") or "/usr/sbin/nginx", which("caddy") or "/usr/bin/caddy"  # not on every user's path


def is_there(program: str) -> bool:
    return Path(program).exists()


@asynccontextmanager
async def nginx(server: str) -> AsyncIterator[str]:
    """nginx with this `server { … }`, in which PORT stands for where it listens. Yields its address."""
    with _kept_port() as port, TemporaryDirectory() as folder:
        places = "".join(f"{name}_temp_path {folder}/{name};" for name in _TEMPORARY)
        config = f"pid {folder}/pid; master_process off; daemon off; events {{}} http {{ access_log off; {places} {server} }}"
        written = Path(folder, "nginx.conf")
        written.write_text(config.replace("PORT", f"127.0.0.1:{port} reuseport"))
        async with _running(port, NGINX, "-p", folder, "-e", f"{folder}/error.log", "-c", str(written)) as address:
            yield address


_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


@asynccontextmanager
async def caddy(caddyfile: str) -> AsyncIterator[str]:
    """Caddy with this Caddyfile, in which PORT stands for where it listens. Yields its address."""
    with _kept_port() as port, TemporaryDirectory() as folder:
        written = Path(folder, "Caddyfile")
        written.write_text("{\nadmin off\nauto_https off\n}\n" + caddyfile.replace("PORT", f"http://127.0.0.1:{port}"))
        words = (CADDY, "run", "--adapter", "caddyfile", "--config", str(written))
        async with _running(port, *words, HOME=folder, XDG_DATA_HOME=folder, XDG_CONFIG_HOME=folder) as address:
            yield address


@contextmanager
def _kept_port() -> Iterator[int]:
    """A port that is ours until the end, and that a program of ours may listen at too."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@asynccontextmanager
async def _running(port: int, *words: str, **env: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *words, env={**os.environ, **env}, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while not await _is_taken(port):
                assert process.returncode is None, f"{words[0]} ended"
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _is_taken(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
