"""The call that failed while a request was served: made again on what the real frameworks make of one, without secrets."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import bottle  # type: ignore[import-untyped]
import django  # type: ignore[import-untyped]
import flask
import pytest
import quart
from aiohttp import web
from aiohttp.test_utils import TestClient as ClientOfAiohttp
from aiohttp.test_utils import TestServer
from django.conf import settings  # type: ignore[import-untyped]
from django.http import HttpRequest, HttpResponse  # type: ignore[import-untyped]
from django.test import Client as ClientOfDjango  # type: ignore[import-untyped]
from django.urls import path  # type: ignore[import-untyped]
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel
from starlette.middleware.base import RequestResponseEndpoint
from starlette.responses import Response
from starlette.testclient import TestClient

from kintsugi.telemetry.capsule import Capsule, record
from tests.telemetry.made_up import keyed_cases, special_cases, vendor_cases

SESSION, TOKEN, PASSWORD = "k9Zq7xQ2" * 3, "vB4mT8wR" * 3, "correct-horse-7"
HEADERS = {"Cookie": f"session={SESSION}; theme=dark", "Authorization": f"Bearer {TOKEN}", "Accept": "text/plain"}
FORM = {"item": "mug", "password": PASSWORD}


class Asked(LookupError):
    """What a view fails with: what it was asked."""


class User(BaseModel):
    name: str
    hashed_password: str


in_flask = flask.Flask(__name__)
in_flask.config.update(PAGE=20, SECRET_KEY=SESSION, PROPAGATE_EXCEPTIONS=True)
shop = flask.Blueprint("shop", __name__)


@shop.before_request
def knows_the_user() -> None:
    flask.g.user = User(name="bob", hashed_password=PASSWORD)


@shop.post("/items/<int:number>")
def of_flask(number: int) -> str:
    asked, page, user = flask.request, flask.current_app.config["PAGE"], flask.g.user
    given = asked.form["item"], asked.args["sort"], asked.headers["Accept"], flask.request.endpoint
    flask.session["seen"] = number
    raise _asked(asked, number, *given, page, user.name, flask.session["seen"])


@shop.get("/rows")
def of_rows() -> str:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row = connection.execute("select 5 as number").fetchone()
    connection.close()
    return priced(row["number"])


def priced(number: int) -> str:
    raise Asked(number)


in_flask.register_blueprint(shop)
guarded = flask.Flask(__name__)
guarded.config.update(PAGE=20, PROPAGATE_EXCEPTIONS=True)


@guarded.before_request
def of_a_guard() -> None:
    raise Asked(flask.current_app.config["PAGE"], flask.request.args["sort"])


def of_django(request: HttpRequest, number: int) -> HttpResponse:
    user = cast(Any, request).user
    raise _asked(request, number, request.POST["item"], request.GET["sort"], request.META["HTTP_ACCEPT"], user.name)


def with_a_user(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    def middleware(request: HttpRequest) -> HttpResponse:
        cast(Any, request).user = User(name="bob", hashed_password=PASSWORD)
        return get_response(request)

    return middleware


urlpatterns = [path("items/<int:number>", of_django)]


async def of_aiohttp(request: web.Request) -> web.Response:
    given = (await request.post())["item"], request.query["sort"], request.headers["Accept"], request.app[PAGE]
    raise _asked(request, request.match_info["number"], *given, request[USER].name)


@web.middleware
async def of_all(request: web.Request, handler: Callable[[web.Request], Any]) -> Any:
    request[USER] = User(name="bob", hashed_password=PASSWORD)
    return await handler(request)


@(in_quart := quart.Quart(__name__)).post("/items/<int:number>")
async def of_quart(number: int) -> None:
    asked, user = quart.request, quart.g.user
    given = (await asked.form)["item"], asked.args["sort"], asked.headers["Accept"], asked.endpoint
    raise _asked(asked, number, *given, quart.current_app.config["PAGE"], user.name, quart.session["token"] is None)


@in_quart.before_request
async def knows_who_asks() -> None:
    quart.g.user = User(name="bob", hashed_password=PASSWORD)
    quart.session["token"] = None


@in_quart.errorhandler(Exception)
async def tells_while_it_is_served(error: Exception) -> str:
    TOLD.append(recorded(error))
    return ""


TOLD: list[Capsule] = []
in_quart.config.update(PAGE=20, SECRET_KEY=SESSION, PROPAGATE_EXCEPTIONS=True)
in_bottle = bottle.Bottle()


@in_bottle.post("/items/<number:int>")  # type: ignore[untyped-decorator]
def of_bottle(number: int) -> None:
    asked = bottle.request
    bottle.response.set_header("X-Seen", "1")
    given = asked.forms["item"], asked.query["sort"], asked.headers["Accept"], asked.app.config["page"]
    raise _asked(asked, number, *given)


in_bottle.config.update(page=20, catchall=False)
PAGE, USER = web.AppKey("PAGE", int), web.RequestKey("USER", User)
in_fastapi = FastAPI()
in_fastapi.state.page = 20


class Form(BaseModel):
    item: str
    password: str


@in_fastapi.middleware("http")
async def passes_on(request: Request, call_next: RequestResponseEndpoint) -> Response:
    request.state.user = "bob"
    return await call_next(request)


def the_user() -> User:
    return User(name="bob", hashed_password=PASSWORD)


@in_fastapi.post("/items/{number}")
async def of_fastapi(number: int, form: Form, request: Request, user: User = Depends(the_user)) -> None:  # noqa: B008
    page, name = request.app.state.page, request.state.user
    sort = request.query_params["sort"]
    raise _asked(request, number, form.item, sort, request.headers["accept"], page, name, user.name)


def _asked(request: Any, *asked: object) -> Exception:
    """What a view fails with; or what it comes to by asking for more of the request."""
    MORE[0](request)
    return Asked(*asked)


def _nothing(_: object) -> object:
    return None


SENT = [(b"accept", b"text/plain"), (b"authorization", f"Bearer {TOKEN}".encode())]


def of_asgi(kept: object, scope: dict[str, object]) -> None:
    raise Asked(kept, scope)


MORE: list[Callable[[Any], object]] = [_nothing]


def by_flask(
    address: str = "/items/5?sort=name",
    form: dict[str, str] = FORM,
    headers: dict[str, str] = HEADERS,
    app: flask.Flask = in_flask,
    method: str = "POST",
) -> Capsule:
    found: list[Capsule] = []

    def told(_: object, exception: Exception) -> None:
        found.append(recorded(exception))

    with flask.got_request_exception.connected_to(told), pytest.raises(Asked):
        _client_of(app).open(address, method=method, data=form, headers=headers)
    return found[0]


def _client_of(app: flask.Flask) -> Any:
    client = app.test_client()
    client.set_cookie("session", SESSION)
    client.environ_base["PATH"] = os.environ["PATH"]  # as servers for development do
    return client


def by_flask_when_it_has_ended() -> Capsule:
    return _caught(lambda: _client_of(in_flask).post("/items/5?sort=name", data=FORM, headers=HEADERS))


def by_an_app_of_a_factory() -> Capsule:
    app = flask.Flask(__name__)
    app.config.update(in_flask.config)
    app.register_blueprint(shop)
    return by_flask(app=app)


def by_django() -> Capsule:
    if not settings.configured:
        settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY=SESSION, LOGGING_CONFIG=None)
        settings.MIDDLEWARE = [f"{__name__}.with_a_user"]
        django.setup()
    client = ClientOfDjango(headers={name: value for name, value in HEADERS.items() if name != "Cookie"})
    client.cookies.load(HEADERS["Cookie"])
    return _caught(lambda: client.post("/items/5?sort=name", FORM))


def by_aiohttp() -> Capsule:
    return asyncio.run(_by_aiohttp())


async def _by_aiohttp() -> Capsule:
    found: list[Capsule] = []

    @web.middleware
    async def tells(request: web.Request, handler: Callable[[web.Request], Any]) -> Any:
        try:
            return await handler(request)
        except Asked as error:
            found.append(recorded(error))
            return web.Response()

    app = web.Application(middlewares=[tells, of_all])
    app[PAGE] = 20
    app.router.add_post("/items/{number}", of_aiohttp)
    async with ClientOfAiohttp(TestServer(app)) as client:
        await client.post("/items/5?sort=name", data=FORM, headers=HEADERS)
    return found[0]


def by_fastapi() -> Capsule:
    return _caught(lambda: TestClient(in_fastapi).post("/items/5?sort=name", json=FORM, headers=HEADERS))


def by_quart() -> Capsule:
    asyncio.run(in_quart.test_client().post("/items/5?sort=name", form=FORM, headers=HEADERS))
    return TOLD.pop()


def by_bottle() -> Capsule:
    form = urlencode(FORM).encode()
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/items/5",
        "QUERY_STRING": "sort=name",
        "wsgi.input": BytesIO(form),
    }
    environ |= {"CONTENT_TYPE": "application/x-www-form-urlencoded", "CONTENT_LENGTH": str(len(form))}
    environ |= {f"HTTP_{name.upper()}": value for name, value in HEADERS.items()}
    return _caught(lambda: in_bottle(environ, lambda *_: None))


def _caught(serves: Callable[[], object]) -> Capsule:
    with pytest.raises(Asked) as seen:
        serves()
    return recorded(seen.value)


def recorded(error: BaseException) -> Capsule:
    """The capsule, where this file is the program, but for what starts it here."""
    while error.__traceback__ and error.__traceback__.tb_frame.f_code.co_name in (
        "_caught",
        "<lambda>",
        "tells",
        "_by_quart",
    ):
        error.__traceback__ = error.__traceback__.tb_next
    capsule = record(error, is_project=lambda file: file == __file__)
    assert capsule
    return capsule


def run(capsule: Capsule) -> BaseException:
    """What the file of a capsule raises."""
    names: dict[str, Any] = {}
    assert capsule.why_not == ""
    exec(compile(capsule.source, "capsule", "exec"), names)
    with pytest.raises(BaseException) as seen:
        next(value for name, value in names.items() if name.startswith("test_"))()
    return seen.value


SERVED: dict[Callable[[], Capsule], object] = {
    by_flask: of_flask,
    by_an_app_of_a_factory: of_flask,
    by_django: of_django,
    by_aiohttp: of_aiohttp,
}
SERVED |= {by_fastapi: of_fastapi, by_quart: of_quart, by_bottle: of_bottle}
NAMES = {served: cast(Any, view).__name__ for served, view in SERVED.items()}


def test_what_flask_calls_before_a_view_fails_again_in_its_context() -> None:
    capsule = by_flask("/?sort=name", app=guarded, method="GET")  # no frame but that of a running function has it

    assert (capsule.function, capsule.in_part, run(capsule).args) == ("of_a_guard", "", (20, "name"))


@pytest.mark.parametrize("served", SERVED)
def test_a_view_fails_again_on_its_request_without_the_secrets_in_it(served: Callable[[], Capsule]) -> None:
    capsule = served()
    again = run(capsule)

    assert (capsule.function, capsule.in_part, type(again)) == (NAMES[served], "", Asked), again
    assert again.args[:3] in ((5, "mug", "name"), ("5", "mug", "name"))
    assert not any(one in capsule.source for one in (SESSION, TOKEN, PASSWORD, '"PATH"'))


COMES_TO: list[tuple[Callable[[], Capsule], Callable[[Any], object]]] = [
    (by_flask, lambda request: request.cookies["session"].upper()),
    (by_flask, lambda request: request.headers["Authorization"].split()),
    (by_flask, lambda request: request.authorization.token.upper()),
    (by_flask, lambda request: request.form["password"] == ""),
    (by_flask, lambda request: request.environ["HTTP_COOKIE"].upper()),
    (by_an_app_of_a_factory, lambda _: flask.current_app.config["SECRET_KEY"].upper()),
    (by_an_app_of_a_factory, lambda _: flask.current_app.extensions.get("cache")),
    (by_an_app_of_a_factory, lambda _: flask.url_for("shop.of_flask", number=5)),
    (by_flask_when_it_has_ended, lambda _: flask.g.user),
    (by_django, lambda request: request.COOKIES["session"].upper()),
    (by_django, lambda request: request.META.get("HTTP_AUTHORIZATION") or 1),
    (by_django, lambda request: request.META.setdefault("CSRF_COOKIE", SESSION[::-1]).upper()),
    (by_django, lambda request: request.POST["password"].upper()),
    (by_django, lambda request: request.user.hashed_password.upper()),
    (by_aiohttp, lambda request: request.cookies["session"].upper()),
    (by_aiohttp, lambda request: request.headers["Authorization"].split()),
    (by_aiohttp, lambda request: request[USER].hashed_password.upper()),
    (by_fastapi, lambda request: request.cookies["session"].upper()),
    (by_fastapi, lambda request: request.headers["authorization"].split()),
    (by_fastapi, lambda request: request._json["password"].upper()),
    (by_quart, lambda request: request.cookies["session"].upper()),
    (by_quart, lambda _: quart.g.user.hashed_password.upper()),
    (by_bottle, lambda request: request.forms["password"].upper()),
    (by_bottle, lambda request: request.get_header("Authorization").split()),
]


@pytest.mark.parametrize(("served", "asks"), COMES_TO)
def test_what_comes_to_what_was_left_out_is_not_made_again(
    served: Callable[[], Capsule], asks: Callable[[Any], object], asked: None
) -> None:
    MORE[0] = asks
    again = run(served())

    assert (type(again).__name__, isinstance(again, Exception)) == ("NotRebuilt", False)


def _holds(value: object) -> Callable[[Any], None]:
    """A view that puts something into its request, or into what it shares."""

    def puts(request: Any) -> None:
        vars(request).update(beside=[value]) if hasattr(request, "__dict__") else request.update(beside=[value])

    return puts


BASIC = base64.b64encode(f"bob:{PASSWORD}".encode()).decode()
BESIDE: list[object] = [
    SESSION,
    TOKEN[:9],
    f"Hello {TOKEN}!",
    base64.b64encode(TOKEN.encode()),
    {PASSWORD: 1},
    {"b": TOKEN.encode()},
]
BESIDE += [
    f"token {TOKEN[:8]}...",
    TOKEN.upper(),
    b"x-" + SESSION[3:10].lower().encode(),
    [*TOKEN],
    (SESSION[:3], SESSION[3:6]),
]
BESIDE += [
    {f"user:{TOKEN[2:9]}": 1},
    {"of_" + TOKEN[:8]: [1]},
    Path("/tmp") / SESSION[:8],
    base64.b64encode(b"u" + SESSION[:9].encode()),
]


@pytest.mark.parametrize("served", SERVED)
def test_a_secret_of_a_request_does_not_come_in_by_another_place(served: Callable[[], Capsule], asked: None) -> None:
    for value in (*BESIDE, SESSION.encode().hex(), f"--{PASSWORD}--"):
        MORE[0] = _holds(value)
        capsule = served()

        assert not _pieces_in(capsule)


def _pieces_in(capsule: Capsule) -> list[str]:
    """Six characters of a secret in a row, as they are or encoded, also where they are items of a list."""
    whole = "".join((capsule.source, capsule.why_not, capsule.in_part)).lower()
    forms = [one for secret in (SESSION, TOKEN, PASSWORD) for one in (secret, secret.encode().hex())]
    forms += [base64.b64encode(secret.encode()).decode() for secret in (SESSION, TOKEN)]
    pieces = {form[at : at + 6].lower() for form in forms for at in range(len(form) - 5)}
    return [one for one in pieces if one in whole or '", "'.join(one) in whole]


def test_the_password_of_basic_authentication_is_known_by_itself(asked: None) -> None:
    MORE[0] = _holds(f"as {PASSWORD}")

    capsule = by_flask(headers={**HEADERS, "Authorization": f"Basic {BASIC}"}, form={"item": "mug"})

    assert not _pieces_in(capsule)


def test_what_a_request_is_known_by_comes_before_what_is_large(asked: None) -> None:
    capsule = _caught(lambda: of_asgi([TOKEN, [*range(990)]], {"type": "http", "path": "/", "headers": SENT}))

    assert (capsule.function, capsule.why_not, _pieces_in(capsule)) == ("of_asgi", "", [])


def test_where_a_view_had_read_rows_the_next_call_inwards_is_kept_in_part() -> None:
    capsule = by_flask("/rows", method="GET")

    assert (capsule.function, run(capsule).args) == ("priced", (5,))
    assert capsule.in_part.startswith("the call around it, of_rows, has read rows of a database")


def test_no_planted_secret_leaves_with_a_request() -> None:
    maker = random.Random(9)
    for case in maker.sample([*vendor_cases(maker), *keyed_cases(maker), *special_cases(maker)], 60):
        text = case.text.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")
        headers = {maker.choice(("X-Note", "Cookie", "Authorization", "Referer")): text, "Accept": "*/*"}

        capsule = by_flask(f"/items/5?sort={text}", {"item": text}, headers)

        assert not case.secret or not case.leaks_in(capsule.source + capsule.why_not)


@pytest.fixture
def asked() -> Iterator[None]:
    yield
    MORE[0] = _nothing
