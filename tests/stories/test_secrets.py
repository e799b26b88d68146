"""What a secret setting holds gets nowhere: one table of where it is looked for, whatever the program reports of it."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.world import terminal
from tests.world.deliveries import signed
from tests.world.planted import planted
from tests.world.reports import an_envelope, an_event
from tests.world.service import Service, a_service

NOBODY = "http://127.0.0.1:9"
AWAY = {  # the services that the secrets are for: set up, and away
    "KINTSUGI_DISCORD_API_BASE": f"{NOBODY}/api/v10",
    "KINTSUGI_DISCORD_ADMIN_USERS": "1",
    "KINTSUGI_DISCORD_CLIENT_ID": "1001",
    "KINTSUGI_DISCORD_GUILDS": "2001",
    "KINTSUGI_WEB_URL": "http://kintsugi.example",
    "KINTSUGI_LLM_BASE_URL": NOBODY,
    "KINTSUGI_RAILWAY_PROJECT_ID": "p",
    "KINTSUGI_RAILWAY_ENVIRONMENT_ID": "e",
    "KINTSUGI_RAILWAY_SERVICE_ID": "s",
    "KINTSUGI_RAILWAY_URL": NOBODY,
    "KINTSUGI_ALERT_WEBHOOK_URL": NOBODY,
}


@pytest.fixture(autouse=True)
def a_careless_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


async def test_a_value_planted_for_each_secret_setting_is_found_nowhere(tmp_path: Path):
    settings, values = planted()
    everything = " and ".join(values.values())
    async with a_service(tmp_path, **AWAY, **settings) as service:
        await service.becomes("/healthz", 200)
        await told_of_them(service, values, everything)
        captured = await asyncio.to_thread(
            terminal.run, ["capture", "-"], tmp_path, AWAY | settings, a_traceback(everything).encode()
        )
        pages = [page async for page in seen_by(service, values)]
        shown = [
            (await asyncio.to_thread(terminal.run, [*words], tmp_path, AWAY | settings)).stdout.decode()
            for words in (["incident", "show", "1", "--json"], ["incident", "show", "2", "--json"], ["doctor"])
        ]
        family = list(processes(service.process.pid))
        files = {str(path): path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()}
        open_to_others = [path for path in files if Path(path).stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)]
        await service.is_told_to_end()

    table = {
        "the arguments of the service and of its children": [arguments for _, arguments, _ in family],
        "the environment of its children": [
            environment for pid, _, environment in family if pid != service.process.pid
        ],
        "a file": list(files.values()),
        "a line of the log": service.said,
        "a page": pages,
        "what is shown of an incident, and what doctor says": shown,
        "what the command line says": [captured.stdout.decode(), captured.stderr.decode()],
    }
    found = [
        (name, where) for where, texts in table.items() for name, value in values.items() if value in "\n".join(texts)
    ]
    assert found == []
    assert open_to_others == []
    assert all(table.values())
    assert len(values) >= 16
    assert "RuntimeError: ***" in shown[0]
    assert "OSError: ***" in shown[1]


async def told_of_them(service: Service, values: dict[str, str], everything: str) -> None:
    """A program that prints them all, wherever a report has a place for words; and right and wrong knocks at each door."""
    url, key = await service.address(), values["KINTSUGI_SENTRY_PROJECTS.key"]
    frames = [
        {
            "filename": "shop.py",
            "function": "pay",
            "lineno": 3,
            "context_line": everything,
            "vars": {"note": everything},
        }
    ]
    event = an_event(
        "7",
        exception={"values": [{"type": "RuntimeError", "value": everything, "stacktrace": {"frames": frames}}]},
        breadcrumbs=[{"message": everything, "data": {"said": everything}}],
        extra={"said": [everything]},
        tags={"said": everything},
        user={"id": everything},
        transaction=everything,
        fingerprint=[everything],
        request={"url": f"https://shop.example/?q={everything}", "headers": {"X": everything}},
    )
    told = await service.http.post(f"{url}/api/1/envelope/?sentry_key={key}", content=an_envelope(event))
    github, body = values["KINTSUGI_GITHUB_WEBHOOK_SECRET"], b"{}"
    kind = {"X-GitHub-Event": "ping", "Content-Type": "application/json"}
    await service.http.post(f"{url}/webhooks/railway/{values['KINTSUGI_RAILWAY_WEBHOOK_SECRET']}", content=body)
    await service.http.post(f"{url}/webhooks/railway/{github}", content=body)
    await service.http.post(
        f"{url}/webhooks/github", content=body, headers=kind | {"X-Hub-Signature-256": signed(body, github)}
    )
    await service.http.post(f"{url}/login", data={"token": values["KINTSUGI_METRICS_TOKEN"]})
    await service.http.get(f"{url}/login/once?key={github}")
    assert told.status_code == 200


async def seen_by(service: Service, values: dict[str, str]) -> Any:
    """Every page, by whoever is logged in with the token."""
    url = await service.address()
    let_in = await service.http.post(f"{url}/login", data={"token": values["KINTSUGI_WEB_TOKEN"]})
    assert let_in.status_code == 303
    for path in ("/", "/incidents/1", "/incidents/2", "/incidents/99", "/numbers", "/login", "/readyz"):
        yield (await service.http.get(f"{url}{path}")).text
    bearer = {"Authorization": f"Bearer {values['KINTSUGI_METRICS_TOKEN']}"}
    yield (await service.http.get(f"{url}/metrics", headers=bearer)).text


def a_traceback(message: str) -> str:
    return (
        f'Traceback (most recent call last):\n  File "shop.py", line 3, in pay\n    raise OSError\nOSError: {message}\n'
    )


def processes(pid: int) -> Iterator[tuple[int, str, str]]:
    """This one and all that come from it: number, arguments, environment."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
    family = [pid]
    for each in family:
        family += [child for child, parent in parents.items() if parent == each]
    for each in family:
        try:
            arguments, environment = (Path(f"/proc/{each}/{what}").read_bytes() for what in ("cmdline", "environ"))
        except OSError:
            continue
        yield each, os.fsdecode(arguments), os.fsdecode(environment)
