"""Small web programs on real frameworks that report by the real, unmodified Sentry SDK, each in a process of its own.

`GET /orders/<number>?currency=…` crashes for order 7 while the program is broken. Without its currency it is refused, as
such handlers do, so a replay that loses the query shows nothing. `/become` stands for a deployment: it says which
commit runs, and whether that one is broken, useless (fixed in name alone) or fixed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from kintsugi.integrations.git import Git
from tests.world.patience import PATIENCE

FRAMEWORKS = ("fastapi", "flask", "django", "plain")

_BESIDE = {"aiohttp", "django", "fastapi", "flask", "httpx", "loguru", "mcp", "openai", "sqlalchemy", "starlette"}


def with_only(*used: str) -> str:
    """The beginning of a program that has just these of our packages: the SDK loads all it knows, for a second."""
    return f"import sys\nsys.modules.update(dict.fromkeys({sorted(_BESIDE - {*used})}))\n"


_SHOP = """
import sentry_sdk, sys
PRICES = {"EUR": 20, "USD": 22}
class Now:
    commit, mode = "", "broken"
def becomes(commit, mode, dsn):
    Now.commit, Now.mode = commit, mode
    sentry_sdk.init(dsn=dsn, release="shop@" + commit, traces_sample_rate=1.0, shutdown_timeout=10)
    return {}
def order(number, currency):
    orders = {1: 2} if Now.mode != "fixed" else {1: 2, 7: 1}
    return {"total": orders[number] * PRICES[currency]}
def flushed():
    sentry_sdk.flush(20)
    return {}
"""

_FASTAPI = (
    _SHOP
    + """
import uvicorn
from fastapi import FastAPI
app = FastAPI()
@app.get("/version")
def version(): return {"commit": Now.commit}
@app.get("/become")
def become(commit: str, mode: str, dsn: str): return becomes(commit, mode, dsn)
@app.get("/flush")
def flush(): return flushed()
@app.get("/orders/{number}")
def read(number: int, currency: str): return order(number, currency)
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
"""
)

_PLAIN = _FASTAPI.replace(
    "def read(number: int, currency: str): return order(number, currency)",
    """def read(number: int, currency: str):
    from fastapi.responses import JSONResponse
    try:
        return order(number, currency)
    except Exception as error:
        sentry_sdk.capture_exception(error)
        return JSONResponse({"sorry": True}, 500)
""",
)

_FLASK = (
    _SHOP
    + """
import flask
from werkzeug.serving import make_server
app = flask.Flask("shop")
@app.get("/version")
def version(): return {"commit": Now.commit}
@app.get("/become")
def become(): return becomes(**flask.request.args)
@app.get("/flush")
def flush(): return flushed()
@app.get("/orders/<int:number>")
def read(number): return order(number, flask.request.args["currency"])
make_server("127.0.0.1", int(sys.argv[1]), app, threaded=True).serve_forever()
"""
)

_DJANGO = (
    _SHOP
    + """
from wsgiref.simple_server import WSGIRequestHandler, make_server
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponseBadRequest, JsonResponse
from django.urls import path
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="-" * 50, LOGGING_CONFIG=None)
def version(request): return JsonResponse({"commit": Now.commit})
def become(request): return JsonResponse(becomes(**request.GET.dict()))
def flush(request): return JsonResponse(flushed())
def read(request, number):
    if "currency" not in request.GET:
        return HttpResponseBadRequest()
    return JsonResponse(order(number, request.GET["currency"]))
urlpatterns = [
    path("version", version), path("become", become), path("flush", flush), path("orders/<int:number>", read)
]
class Quiet(WSGIRequestHandler):
    def log_message(self, *_): pass
make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), handler_class=Quiet).serve_forever()
"""
)

_ORDERS = """
PRICES = {"EUR": 20, "USD": 22}

class Now:
    commit, mode = "", "broken"

def order(number, currency):
    orders = {1: 2} if Now.mode != "fixed" else {1: 2, 7: 1}
    return {"total": orders[number] * PRICES[currency]}
"""

_MAIN = (
    with_only("fastapi", "starlette")
    + """
import sentry_sdk, sys
from shop.orders import Now, order
def becomes(commit, mode, dsn):
    Now.commit, Now.mode = commit, mode
    sentry_sdk.init(dsn=dsn, release="shop@" + commit, traces_sample_rate=1.0, shutdown_timeout=10)
    return {}
def flushed():
    sentry_sdk.flush(20)
    return {}
"""
    + _FASTAPI.removeprefix(_SHOP)
)


def a_src_layout(folder: Path) -> str:
    """The same on FastAPI as a package in `src/`, in a git repository. Answers its commit."""
    package = folder / "src" / "shop"
    package.mkdir(parents=True)
    for name, text in (("__init__", ""), ("orders", _ORDERS), ("main", _MAIN)):
        (package / f"{name}.py").write_text(text)
    git = Git(folder)
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@shop.example")
    for words in (("init", "--quiet", "."), ("add", "--all"), (*who, "commit", "--quiet", "-m", "all")):
        git.run(*words)
    return git.run("rev-parse", "HEAD").decode().strip()


_SOURCES = {
    "fastapi": with_only("fastapi", "starlette") + _FASTAPI,
    "flask": with_only("flask") + _FLASK,
    "django": with_only("django") + _DJANGO,
    "plain": with_only("fastapi", "starlette") + _PLAIN,
}


@dataclass
class SdkProgram:
    url: str

    async def becomes(self, commit: str, mode: str, dsn: str) -> None:
        await self.get("/become", commit=commit, mode=mode, dsn=dsn)

    async def get(self, path: str, **query: str) -> int:
        """The status of the answer, once its reports are delivered."""
        status = await self._asked(path, query)
        await self.delivered()
        return status

    async def delivered(self) -> None:
        """All that was reported until now is with Kintsugi."""
        await self._asked("/flush", {})

    async def _asked(self, path: str, query: dict[str, str]) -> int:
        """On a connection of its own: uvicorn closes it after an exception."""
        async with httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False) as client:
            return (await client.get(path, params=query)).status_code


@asynccontextmanager
async def an_sdk_program(framework: str, port: int, src_layout: Path | None = None) -> AsyncIterator[SdkProgram]:
    """Runs until the block ends. `src_layout`: the folder of `a_src_layout`, which then runs instead."""
    words = ("-c", _SOURCES[framework]) if src_layout is None else ("-m", "shop.main")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *words, str(port)),
        stderr=asyncio.subprocess.DEVNULL,
        cwd=src_layout,
        env=os.environ | {"PYTHONPATH": "src"} if src_layout else None,
    )
    program = SdkProgram(f"http://127.0.0.1:{port}")
    try:
        await _answers(program, process)
        yield program
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(program: SdkProgram, process: asyncio.subprocess.Process) -> None:
    async with httpx.AsyncClient(base_url=program.url, trust_env=False) as client:
        while process.returncode is None:
            with suppress(httpx.TransportError):
                await client.get("/version")
                return
            await asyncio.sleep(0.05)  # between two tries, for as long as the test may take
    raise RuntimeError("the program ended before it answered")
