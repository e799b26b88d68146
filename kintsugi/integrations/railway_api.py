"""Railway's GraphQL API over HTTP: what it answers, or why not. Knows no deployments.

Each query is a file in `railway_queries/`. Refusals come as HTTP 200 with `errors`, told apart by their words, as
Railway's own command line does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from kintsugi.integrations.authorities import context
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.ports import OutcomeUnknown

Json = Mapping[str, Any]

_QUERIES = Path(__file__).with_name("railway_queries")
_REFUSED = re.compile(r"not authori[sz]ed|unauthori[sz]ed|unauthenticated|token not found|invalid token", re.I)
_TOO_OFTEN = re.compile(r"rate.?limit|too many requests", re.I)
_USED_UP = re.compile(r"\b(limit|quota|trial|billing|payment|credits?|subscription|upgrade)\b", re.I)
_ITS_FAULT = re.compile(r"problem processing|internal|timed? ?out|try again", re.I)
_LONGEST_WAIT = timedelta(hours=2)
_HOW_TO_MEND = "Make a new token, set KINTSUGI_RAILWAY_TOKEN, check the ids beside it, then retry."


@dataclass(frozen=True, slots=True)
class RailwayAccess:
    """Where Railway is, and the token: of an account, a workspace or a project, which it tells by itself."""

    token: str
    url: str = "https://backboard.railway.com/graphql/v2"
    timeout: float = 20.0  # seconds


class RailwayApi:
    """Asks. A question that changes something and may have been heard without an answer raises OutcomeUnknown."""

    def __init__(self, access: RailwayAccess) -> None:
        self._access = access
        project = {"Project-Access-Token": access.token}
        self._ways_in = [project, {"Authorization": f"Bearer {access.token}"}]

    async def ask(self, query: str, **variables: object) -> Json:
        """The data that answers the query of this name. Raises StepFailed; final where a human has to mend it."""
        text = (_QUERIES / f"{query}.graphql").read_text()
        for way_in in list(self._ways_in):
            answer = await self._post(text, variables, way_in)
            if not _is_refused(answer):
                self._ways_in = [way_in]
                return answer.data()
        raise StepFailed(f"Railway refuses the token: {answer.words()}. {_HOW_TO_MEND}", final=True)

    async def _post(self, text: str, variables: object, way_in: Mapping[str, str]) -> _Answer:
        changes = text.startswith("mutation")
        try:
            async with httpx.AsyncClient(timeout=self._access.timeout, verify=context(), trust_env=False) as client:
                body = {"query": text, "variables": variables}
                response = await client.post(self._access.url, json=body, headers=way_in)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL) as error:
            raise StepFailed(
                f"Railway cannot be reached ({type(error).__name__}). Check the network and KINTSUGI_RAILWAY_URL."
            ) from error
        except httpx.HTTPError as error:
            raise _unheard(f"Railway does not answer ({type(error).__name__}).", changes) from error
        return _Answer(response, changes)


class _Answer:
    """One reply of Railway's."""

    def __init__(self, response: httpx.Response, changes: bool) -> None:
        self._response, self._changes = response, changes
        try:
            self._body = response.json()
        except ValueError:
            self._body = None

    @property
    def status(self) -> int:
        return self._response.status_code

    def data(self) -> Json:
        """Raises StepFailed."""
        words = self.words()
        if self.status == 429 or (words and _TOO_OFTEN.search(words)):
            raise StepFailed("Railway is asked too often.", retry_after=self._retry_after() or timedelta(minutes=1))
        if self.status >= 500 or (words and _ITS_FAULT.search(words)):
            raise _unheard(f"Railway fails: {words or self.status}.", self._changes, self._retry_after())
        if words:
            used_up = bool(_USED_UP.search(words))
            mend = "Look at the plan and its limits in Railway, then retry." if used_up else "Mend that, then retry."
            raise StepFailed(f"Railway says no: {words}. {mend}", final=True)
        match self._body:
            case {"data": dict(data)}:
                return data
        raise _unheard(f"Railway's answer cannot be read (HTTP {self.status}).", self._changes)

    def words(self) -> str:
        """What its errors say, in one line."""
        errors = self._body.get("errors") if isinstance(self._body, dict) else None
        told = [str(each.get("message", "")) for each in errors or [] if isinstance(each, dict)]
        return " ".join("; ".join(told).split())[:300].rstrip(".")

    def _retry_after(self) -> timedelta | None:
        said = self._response.headers.get("Retry-After", "")
        return min(timedelta(seconds=int(said[:6])), _LONGEST_WAIT) if said.isdecimal() and said.isascii() else None


def _is_refused(answer: _Answer) -> bool:
    return answer.status in (401, 403) or bool(_REFUSED.search(answer.words()))


def _unheard(says: str, changes: bool, retry_after: timedelta | None = None) -> StepFailed:
    """What may have been heard is known not to be only where nothing was to change."""
    return OutcomeUnknown(says) if changes else StepFailed(says, retry_after=retry_after)
