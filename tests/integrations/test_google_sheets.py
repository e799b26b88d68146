"""The look at a Google Sheet, by a real HTTP client against a Google over loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from kintsugi.integrations.google_sheets import ServiceAccount, Sheet, look, service_account
from kintsugi.workflow.errors import StepFailed
from tests.world.actions import its_key
from tests.world.patience import PATIENCE

EMAIL = "kintsugi@shop.iam.example"


@dataclass
class Google:
    """Gives a token for a good signature, and the sheet to who has the token or the key."""

    key: rsa.RSAPrivateKey = field(default_factory=its_key)
    url: str = ""
    status: int = 200
    calls: list[str] = field(default_factory=list)

    def private_key(self) -> str:
        pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return self.key.private_bytes(*pem).decode()

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        audience = "https://oauth2.googleapis.com/token"
        claims = jwt.decode(str(form["assertion"]), self.key.public_key(), algorithms=["RS256"], audience=audience)
        assert claims["iss"] == EMAIL
        assert claims["scope"] == "https://www.googleapis.com/auth/spreadsheets.readonly"
        return web.json_response({"access_token": "a-token", "expires_in": 3599, "token_type": "Bearer"})

    async def sheet(self, request: web.Request) -> web.Response:
        self.calls.append(str(request.rel_url))
        if self.status != 200:
            words = {"error": {"code": self.status, "message": "no", "status": "NO"}}
            return web.json_response(words, status=self.status)
        assert request.headers.get("Authorization") == "Bearer a-token" or request.query.get("key") == "a-key"
        return web.json_response({"spreadsheetId": request.match_info["id"]})


@asynccontextmanager
async def serving() -> AsyncIterator[Google]:
    google = Google()
    application = web.Application()
    application.router.add_post("/token", google.token)
    application.router.add_get("/v4/spreadsheets/{id}", google.sheet)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    google.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield google
    await runner.cleanup()


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    async with serving() as google:
        yield google


async def looks(sheet: Sheet) -> str:
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        return await look(sheet, client)


def by_key(google: Google) -> Sheet:
    return Sheet("sheet-1", api_key="a-key", base_url=google.url)


async def test_with_a_key_one_small_call_tells_that_the_sheet_can_be_read(google: Google):
    assert await looks(by_key(google)) == "can be read"
    assert google.calls == ["/v4/spreadsheets/sheet-1?fields=spreadsheetId&key=a-key"]


async def test_a_service_account_signs_for_its_token(google: Google):
    told = {"client_email": EMAIL, "private_key": google.private_key(), "token_uri": f"{google.url}/token"}
    account = service_account(json.dumps(told))

    assert await looks(Sheet("sheet-1", account, base_url=google.url)) == "can be read"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (403, "The sheet is not shared with us"),
        (404, "There is no such sheet"),
        (429, "Google's quota is used up"),
        (401, "Google refuses the key"),
        (400, "Google refuses the key"),
        (500, r"Google is down \(500\)"),
        (503, r"Google is down \(503\)"),
    ],
)
async def test_googles_answers_are_told_apart(google: Google, status: int, sentence: str):
    google.status = status

    with pytest.raises(StepFailed, match=sentence):
        await looks(by_key(google))


async def test_a_google_that_is_away_is_down():
    async with serving() as google:
        pass

    with pytest.raises(StepFailed, match="Google is down or cannot be reached"):
        await looks(by_key(google))


@pytest.mark.parametrize("given", ["{}", "{broken", "/no/such/file", '{"client_email": "a", "private_key": 7}'])
async def test_a_service_account_that_is_none_is_named_and_not_shown(given: str):
    with pytest.raises(StepFailed, match=r"^KINTSUGI_SHEET_SERVICE_ACCOUNT should be"):
        await looks(Sheet("sheet-1", service_account(given)))


async def test_no_secret_is_in_what_is_printed_of_it():
    shown = repr(Sheet("sheet-1", ServiceAccount(EMAIL, "the-key"), api_key="a-key"))

    assert "the-key" not in shown
    assert "a-key" not in shown
