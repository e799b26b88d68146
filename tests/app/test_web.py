"""`kintsugi run --only web` as it is started: health, and a signed delivery."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.world.deliveries import a_merge, signed

ROOT = Path(__file__).parents[2]


def test_the_web_alone_answers_until_it_is_told_to_stop(tmp_path: Path):
    secret = secrets.token_hex(16)
    settings = {
        "KINTSUGI_WEB_BIND": "127.0.0.1:0",
        "KINTSUGI_GITHUB_WEBHOOK_SECRET": f"old,{secret}",
        "KINTSUGI_GITHUB_REPO": "shop/checkout",
        "KINTSUGI_GITHUB_TOKEN": "token",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "app", "run", "--only", "web"],
        cwd=tmp_path,
        env={**kept, **settings, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = listening(process)
        body = json.dumps(a_merge()).encode()
        headers = {"X-GitHub-Event": "pull_request", "Content-Type": "application/json"}

        assert asks(f"{url}/healthz") == 200
        assert asks(f"{url}/readyz") == 200
        assert asks(f"{url}/webhooks/github", body, headers) == 401
        assert asks(f"{url}/webhooks/github", body, headers | {"X-Hub-Signature-256": signed(body, secret)}) == 200
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)
    assert process.returncode == 0, rest


def listening(process: subprocess.Popen[str]) -> str:
    assert process.stderr
    until = time.monotonic() + 30
    while time.monotonic() < until:
        line = process.stderr.readline()
        if "Listening at " in line:
            return line.rpartition(" ")[2].strip()
    raise AssertionError("it does not listen")


def asks(url: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers or {}), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
