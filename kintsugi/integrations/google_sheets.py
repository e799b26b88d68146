"""Whether a Google Sheet can be read: the cheapest call that needs the right to, with an API key or a service account.

Google's answers are told apart: not shared with us, a wrong key, the quota, and Google being down.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt

from kintsugi.workflow.errors import StepFailed

GOOGLE = "https://sheets.googleapis.com"
_SCOPE = "https://www.googleapis.com/auth/spreadsheets.readonly"
_AUDIENCE = "https://oauth2.googleapis.com/token"
_LIFE = 3600  # seconds
_NO_KEY = "KINTSUGI_SHEET_SERVICE_ACCOUNT should be a service account's JSON, or its file."


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who we are at Google: `email` signs with `key`, and is given a token at `token_uri`."""

    email: str
    key: str = field(repr=False)
    token_uri: str = _AUDIENCE


def service_account(given: str) -> ServiceAccount:
    """From the JSON that Google hands out, or its file. Raises StepFailed."""
    try:
        told = json.loads(given if given.lstrip().startswith("{") else Path(given).read_text("utf-8"))
        return ServiceAccount(told["client_email"], told["private_key"], told.get("token_uri") or _AUDIENCE)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StepFailed(_NO_KEY, final=True) from error


@dataclass(frozen=True, slots=True)
class Sheet:
    """One spreadsheet, and what opens it: `account`, or `api_key` for one that everybody may read."""

    id: str
    account: ServiceAccount | None = None
    api_key: str = field(default="", repr=False)
    base_url: str = GOOGLE


async def look(sheet: Sheet, client: httpx.AsyncClient) -> str:
    """A few words where it can be read. Raises StepFailed with a sentence where not."""
    try:
        headers = {"Authorization": f"Bearer {await _token(sheet.account, client)}"} if sheet.account else {}
        key = {"key": sheet.api_key} if sheet.api_key and not sheet.account else {}
        url = f"{sheet.base_url.rstrip('/')}/v4/spreadsheets/{sheet.id}"
        answer = await client.get(url, params={"fields": "spreadsheetId", **key}, headers=headers)
    except httpx.HTTPError as error:
        raise StepFailed(f"Google is down or cannot be reached ({type(error).__name__}).") from None
    if answer.status_code == 200 and _body(answer).get("spreadsheetId") == sheet.id:
        return "can be read"
    raise StepFailed(_sentence(answer, sheet))


async def _token(account: ServiceAccount, client: httpx.AsyncClient) -> str:
    """A token that our signature is exchanged for."""
    now = int(time.time())
    claims = {"iss": account.email, "scope": _SCOPE, "aud": _AUDIENCE, "iat": now, "exp": now + _LIFE}
    try:
        signed = jwt.encode(claims, account.key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise StepFailed(_NO_KEY, final=True) from error
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed}
    answer = await client.post(account.token_uri, data=grant)
    token = _body(answer).get("access_token")
    if answer.status_code >= 500:
        raise StepFailed(f"Google is down ({answer.status_code}).")
    if answer.status_code != 200 or not isinstance(token, str):
        raise StepFailed(f"Google refuses the service account ({answer.status_code}). Make a new key and set it.")
    return token


def _sentence(answer: httpx.Response, sheet: Sheet) -> str:
    """What an answer other than yes means, and what mends it."""
    whom = sheet.account.email if sheet.account else "everybody who has the link"
    match answer.status_code:
        case 403:
            return f"The sheet is not shared with us: share it with {whom}, and see that the Sheets API is enabled."
        case 404:
            return "There is no such sheet, or it is not shared with us. See KINTSUGI_SHEET_ID."
        case 429:
            return "Google's quota is used up for now; it comes back within a minute."
        case 400 | 401:
            return f"Google refuses the key ({answer.status_code}). Make a new one and set it."
        case status if status >= 500:
            return f"Google is down ({status})."
        case status:
            return f"Google gave an answer that is not understood ({status})."


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
