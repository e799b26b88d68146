"""Small web programs on real frameworks that report by the real, unmodified Sentry SDK, each in a process of its own.

`GET /orders/<number>?currency=…` crashes for order 7 while the program is broken. Without its currency it is refused, as
such handlers do, so a replay that loses the query shows nothing. `/become` stands for a deployment: it says which
commit runs, and whether that one is broken, useless (fixed in name alone) or fixed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httpx

from tests.world.patience import PATIENCE

FRAMEWORKS = ("fastapi", "flask", "django", "plain")

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

_SOURCES = {"fastapi": _FASTAPI, "flask": _FLASK, "django": _DJANGO, "plain": _PLAIN}


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
async def an_sdk_program(framework: str, port: int) -> AsyncIterator[SdkProgram]:
    """Runs until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _SOURCES[framework], str(port)), stderr=asyncio.subprocess.DEVNULL
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
