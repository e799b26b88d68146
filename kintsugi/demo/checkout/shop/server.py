"""The shop over HTTP: GET /checkout?cart=teapot,cup&coupon=CODE, GET /version, GET /healthz.

Logs are JSON lines on standard error, one a request, with the traceback where a request failed.
"""

import argparse
import json
import os
import sys
import threading
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from shop.catalogue import UnknownArticle
from shop.pricing import checkout

COMMIT = os.environ.get("SHOP_COMMIT", "unknown")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.last_request = time.monotonic()
        url = urlsplit(self.path)
        options = {name: values[-1] for name, values in parse_qs(url.query).items()}
        route = {"/checkout": self.checkout, "/version": self.version, "/healthz": self.healthz}.get(url.path)
        if route is None:
            self.answer(404, {"error": "not found"})
            return
        try:
            self.answer(200, route(options))
            log("INFO", "request served", intent=url.path, entities=options)
        except UnknownArticle as error:
            self.answer(400, {"error": str(error)})
        except Exception as error:
            told = {"exception": traceback.format_exc(), "capsule": written_down(error)}
            log("ERROR", "request failed", intent=url.path, entities=options, **told)
            self.answer(500, {"error": type(error).__name__})

    def checkout(self, options: dict) -> dict:
        cart = [article for article in options.get("cart", "").split(",") if article]
        return checkout(cart, options.get("coupon", ""))

    def version(self, options: dict) -> dict:
        return {"commit": COMMIT, "pid": os.getpid()}

    def healthz(self, options: dict) -> dict:
        return {"ok": True}

    def answer(self, status: int, body: dict) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        """Said in JSON above instead."""


def written_down(error: Exception) -> dict | None:
    """The failing call, as Kintsugi's telemetry writes it down by itself where it is installed."""
    from kintsugi.telemetry.capsule import record  # noqa: PLC0415 (the shop needs it nowhere else)

    call = record(error)
    return asdict(call) if call else None


def log(level: str, message: str, **fields: object) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"ts": now, "level": level, "logger": "shop", "msg": message, **fields}
    print(json.dumps(line), file=sys.stderr, flush=True)


def stop_when_idle(server: ThreadingHTTPServer, seconds: float) -> None:
    while time.monotonic() - server.last_request < seconds:
        time.sleep(1)
    log("INFO", "nobody asked for a while: stopping")
    server.shutdown()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--idle-seconds", type=float, help="stop by itself after so long without a request")
    given = options.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.last_request = time.monotonic()
    log("INFO", f"listening on http://127.0.0.1:{server.server_port}", commit=COMMIT)
    if given.idle_seconds:
        threading.Thread(target=stop_when_idle, args=(server, given.idle_seconds), daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
