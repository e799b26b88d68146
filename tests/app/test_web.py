"""`kintsugi run --only web` as it is started: health, and a signed delivery."""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.world import terminal
from tests.world.deliveries import a_merge, signed
from tests.world.patience import PATIENCE
from tests.world.terminal import Started

ROOT = Path(__file__).parents[2]


def test_the_web_alone_answers_until_it_is_told_to_stop(tmp_path: Path):
    secret = secrets.token_hex(16)
    settings = {
        "KINTSUGI_WEB_BIND": "127.0.0.1:0",
        "KINTSUGI_GITHUB_WEBHOOK_SECRET": f"the-old-one,{secret}",
        "KINTSUGI_GITHUB_REPO": "shop/checkout",
        "KINTSUGI_GITHUB_TOKEN": "token",
        "KINTSUGI_WEB_URL": "https://kintsugi.example",
        "KINTSUGI_DISCORD_CLIENT_ID": "1001",
        "KINTSUGI_DISCORD_CLIENT_SECRET": secret,
        "KINTSUGI_DISCORD_GUILDS": "2001",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    process = terminal.start(["run", "--only", "web"], tmp_path, kept | settings)
    try:
        url = listening(process)
        body = json.dumps(a_merge()).encode()
        headers = {"X-GitHub-Event": "pull_request", "Content-Type": "application/json"}

        assert asks(f"{url}/healthz") == 200
        assert asks(f"{url}/readyz") == 200
        assert asks(f"{url}/webhooks/github", body, headers) == 401
        assert asks(f"{url}/webhooks/github", body, headers | {"X-Hub-Signature-256": signed(body, secret)}) == 200
        assert leads_to(url, "/") == "/login?next=/"
        assert leads_to(url, "/login/discord").startswith(
            "https://discord.com/oauth2/authorize?response_type=code&client_id=1001&"
        )
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, rest


def listening(process: Started) -> str:
    assert process.output
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        line = process.output.readline()
        if "Listening at " in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError("it does not listen")


def asks(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=PATIENCE) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def leads_to(url: str, path: str) -> str:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)
    connection.request("GET", path)
    with closing(connection):
        return connection.getresponse().headers["Location"]


def test_dashboard_documents_and_alerts_name_exactly_the_metrics_there_are(tmp_path: Path):
    with serving(tmp_path, KINTSUGI_WEB_BIND="127.0.0.1:0", KINTSUGI_METRICS_LOOPBACK="true") as url:
        there = scraped(url)
    documents = (ROOT / "docs" / "metrics.md").read_text()
    table = set(re.findall(r"^\| `(kintsugi_\w+)` \|", documents, re.MULTILINE))
    asked = named("\n".join(queries(json.loads((ROOT / "docs" / "grafana.json").read_text()))))
    alerts = named(documents.rpartition("```yaml")[2])

    assert table == there
    assert asked == there
    assert alerts
    assert alerts <= there


def test_a_process_without_the_web_tells_its_figures_where_it_is_told_to(tmp_path: Path):
    token = secrets.token_urlsafe(24)
    settings = {"KINTSUGI_METRICS_BIND": "127.0.0.1:0", "KINTSUGI_METRICS_TOKEN": token}
    with serving(tmp_path, "--only", "worker", **settings) as url:
        statuses = [
            asks(f"{url}/metrics"),
            asks(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"}),
            asks(f"{url}/healthz"),
            asks(f"{url}/"),
        ]
        until = time.monotonic() + PATIENCE
        while (ready := asks(f"{url}/readyz")) == 503 and time.monotonic() < until:
            time.sleep(0.05)  # its worker begins beside it
        (tmp_path / ".kintsugi" / "kintsugi.db").unlink()
        gone = asks(f"{url}/readyz"), asks(f"{url}/healthz")

    assert statuses == [401, 200, 200, 404]
    assert ready == 200
    assert gone == (503, 200)


@contextmanager
def serving(folder: Path, *words: str, **settings: str) -> Iterator[str]:
    """`kintsugi run` as it is started; its address. Ended when it is no longer needed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    process = terminal.start(["run", *words], folder, kept | settings)
    try:
        yield listening(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)


def scraped(url: str) -> set[str]:
    """The names of our metrics, once the worker has looked at the world for the first time."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with urllib.request.urlopen(f"{url}/metrics", timeout=PATIENCE) as answer:
            found = text_string_to_metric_families(answer.read().decode())
        names = {f"{each.name}_total" if each.type == "counter" else each.name for each in found}
        if "kintsugi_reconciled_timestamp_seconds" in names:
            return {name for name in names if name.startswith("kintsugi_")}
        time.sleep(0.1)
    raise AssertionError("it never looked at the world")


def queries(node: object) -> Iterator[str]:
    """Every expression in a dashboard."""
    if isinstance(node, dict):
        yield from (value for key, value in node.items() if key == "expr")
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from queries(child)


def named(text: str) -> set[str]:
    """The metrics that PromQL names; a histogram's parts are the histogram."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"\bkintsugi_\w+", text)}
