"""`kintsugi run` with no login set up: the link that it prints, those of `kintsugi login`, and strangers at a proxy."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import httpx

from tests.world import terminal
from tests.world.reverse_proxy import as_it_comes
from tests.world.service import a_service

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
        printed = (await service.says(r"Log in, once, within ten minutes: (\S+)"))[1]
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


async def test_a_stranger_behind_a_proxy_reads_and_moves_nothing(tmp_path: Path):
    async with (
        a_service(tmp_path, "--only", "web") as service,
        as_it_comes(await service.address()) as outside,
        httpx.AsyncClient(trust_env=False, base_url=outside) as stranger,
    ):
        read = {path: (await stranger.get(path)).status_code for path in NOT_LET_IN}
        moved = await stranger.post("/incidents/1/cancel", data={"once": "1"}, headers={"Origin": outside})

    assert read == NOT_LET_IN
    assert moved.status_code == 401
