"""`kintsugi run` with no login set up: the link that it prints, those of `kintsugi login`, and strangers at a proxy."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import httpx
import pytest
from aiohttp import web

from kintsugi.app.connectors import FAULT, OFF, OK
from kintsugi.app.stranger import asked_as_a_stranger
from tests.world import terminal
from tests.world.patience import PATIENCE
from tests.world.reverse_proxy import CADDY, NGINX, as_it_comes, caddy, is_there, nginx
from tests.world.service import a_service

PAGES = Path(__file__).parents[2] / "docs" / "pages.md"
CRASH = b"""Traceback (most recent call last):
  File "shop.py", line 3, in total
    price["cup"]
KeyError: 'cup'
"""
NOT_LET_IN = {
    "/": 303,  # to the login
    "/incidents/1": 303,
    "/numbers": 303,
    "/events": 401,
    "/incidents/1/events": 401,
    "/metrics": 403,
}


async def test_a_link_of_run_or_of_login_lets_in_once_until_the_process_ends(tmp_path: Path):
    settings = {"KINTSUGI_DATABASE_URL": f"sqlite:///{tmp_path}/state/kintsugi.db", "KINTSUGI_WEB_BIND": "127.0.0.1:0"}

    async def typed() -> tuple[int, str]:
        done = await asyncio.to_thread(terminal.run, ["login"], tmp_path, settings)
        return done.returncode, done.stdout.decode().strip()

    async with a_service(tmp_path, "--only", "web", **settings) as service:
        printed = (await service.says(r"Log in \(works once, within ten minutes\): (\S+)"))[1]
        (key,) = (tmp_path / "state").glob("login-*.json")
        mode = stat.S_IMODE(key.stat().st_mode)
        _, made = await typed()
        opened = [await service.http.get(link) for link in (printed, printed, made, made)]
        inside = await service.http.get(f"{await service.address()}/")
        await service.is_told_to_end()
        session = dict(service.http.cookies)
    async with a_service(tmp_path, "--only", "web", **settings) as another:
        another.http.cookies.update(session)
        after = await another.http.get(f"{await another.address()}/")
        await another.is_told_to_end()

    assert [answer.status_code for answer in opened] == [303, 403, 303, 403]
    assert inside.status_code == 200
    assert mode == 0o600
    assert after.headers["location"].startswith("/login")
    assert await typed() == (3, "")


def bare_nginx(upstream: str) -> AbstractAsyncContextManager[str]:
    if not is_there(NGINX):
        pytest.skip("nginx is not installed")
    return nginx(f"server {{ listen PORT; location / {{ proxy_pass {upstream}; }} }}")


def bare_caddy(upstream: str) -> AbstractAsyncContextManager[str]:
    if not is_there(CADDY):
        pytest.skip("Caddy is not installed")
    return caddy(f"PORT {{\nreverse_proxy {upstream.removeprefix('http://')}\n}}\n")


@pytest.mark.parametrize("proxy", [as_it_comes, bare_nginx, bare_caddy])
async def test_a_stranger_behind_a_proxy_as_it_comes_reads_and_moves_nothing(
    tmp_path: Path, proxy: Callable[[str], AbstractAsyncContextManager[str]]
):
    async with (
        a_service(tmp_path, "--only", "web") as service,
        proxy(await service.address()) as outside,
        httpx.AsyncClient(trust_env=False, base_url=outside, timeout=PATIENCE) as stranger,
    ):
        read = {path: (await stranger.get(path)).status_code for path in NOT_LET_IN}
        moved = await stranger.post("/incidents/1/cancel", data={"once": "1"}, headers={"Origin": outside})
        found = await asked_as_a_stranger(outside)

    assert read == NOT_LET_IN
    assert moved.status_code == 401
    assert (found.how, found.says) == (OK, f"{outside} lets no stranger in")


# --- the proxies of the docs ---


def documented(language: str, upstream: str) -> str:
    """The set-up that docs/pages.md shows, with a port of ours in place of TLS and names."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", PAGES.read_text(), re.MULTILINE | re.DOTALL)
    here = block.replace("127.0.0.1:8000", upstream.removeprefix("http://"))
    return here.replace("443 ssl", "PORT").replace("kintsugi.example {", "PORT {")


def documented_nginx(upstream: str) -> AbstractAsyncContextManager[str]:
    if not is_there(NGINX):
        pytest.skip("nginx is not installed")
    return nginx(documented("nginx", upstream))


def documented_caddy(upstream: str) -> AbstractAsyncContextManager[str]:
    if not is_there(CADDY):
        pytest.skip("Caddy is not installed")
    return caddy(documented("caddyfile", upstream))


@pytest.mark.parametrize("proxy", [documented_nginx, documented_caddy])
async def test_behind_the_proxy_of_the_docs_a_link_lets_in_who_has_it_and_nobody_else(
    tmp_path: Path, proxy: Callable[[str], AbstractAsyncContextManager[str]]
):
    await asyncio.to_thread(terminal.run, ["capture", "-"], tmp_path, {}, CRASH)
    async with (
        a_service(tmp_path, "--only", "web") as service,
        proxy(inside := await service.address()) as outside,
        httpx.AsyncClient(trust_env=False, base_url=outside, timeout=PATIENCE) as stranger,
        httpx.AsyncClient(trust_env=False, base_url=outside, timeout=PATIENCE) as alice,
    ):
        refused = {path: (await stranger.get(path)).status_code for path in NOT_LET_IN}
        link = (await service.says(r"Log in \(works once, within ten minutes\): (\S+)"))[1].removeprefix(inside)
        let_in = await alice.get(link)
        page = await alice.get("/incidents/1")
        async with alice.stream("GET", "/incidents/1/events") as events:
            told = await anext(events.aiter_lines())
        form = dict(re.findall(r'name="(csrf|once)" value="([^"]+)"', page.text))
        moved = await alice.post("/incidents/1/cancel", data=form, headers={"Origin": outside})
        after = await alice.get("/incidents/1")

    assert refused == NOT_LET_IN | {"/metrics": 404}
    assert (let_in.status_code, page.status_code, moved.status_code) == (303, 200, 303)
    assert told == "event: moved"
    assert "cancelled" in after.text.lower()


# --- what `doctor` finds at the public address ---


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"/": (200, "<title>Incidents · Kintsugi</title>")}, "/ can be read by anybody"),
        ({"/": (303, ""), "/incidents/1": (200, "<title>INC-1 · Kintsugi</title>")}, "/incidents/1 can be read by"),
        ({"/": (200, "It works!")}, "/ is answered by something that is not Kintsugi"),
        ({"/metrics": (200, "kintsugi_incidents 1")}, "/metrics can be read by anybody. Set KINTSUGI_METRICS_TOKEN"),
    ],
)
async def test_what_is_open_at_the_public_address_is_a_fault(told: dict[str, tuple[int, str]], says: str):
    async def answer(request: web.Request) -> web.Response:
        status, text = told.get(request.path, (401, ""))
        return web.Response(status=status, text=text)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found = await asked_as_a_stranger(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    await runner.cleanup()

    assert found.how == FAULT
    assert says in found.says


async def test_an_address_where_nobody_answers_is_no_fault():
    found = [await asked_as_a_stranger(url) for url in ("http://127.0.0.1:9", "http://[", None)]

    assert [each.how for each in found] == [OFF, OFF, OFF]
    assert "Start Kintsugi, and ask again" in found[0].says
