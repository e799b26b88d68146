"""The Monitor port for programs that speak HTTP: the request that failed is sent again to what runs now.

Whatever the method was, it is sent as GET, which changes nothing. The cure is shown by the reproduction itself, so one
clean answer from a commit with the fix is enough; a server error from such a commit is a recurrence; an answer that
is given before the code that failed is reached shows nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

import httpx

from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cure
from kintsugi.workflow.ports import Case, Reading

_SHOWS_NOTHING = frozenset({401, 403, 405, 408, 429})


class HttpReplay:
    """Sends the failing request again to the program at `base_url()`."""

    def __init__(self, base_url: Callable[[], str]) -> None:
        self._base_url = base_url

    async def read(self, case: Case) -> Reading:
        request = case.payload.request
        if not (request.intent or "").startswith("/"):
            return Reading(Cure(0, 1, "Unproven: the failing request is not known, so it cannot be sent again."), "")
        path = "?".join(filter(None, (request.intent, urlencode(request.entities, safe=",/:"))))
        running, status = await self._send(path)
        if status >= 500:
            return Reading(Cure(0, 1, f"GET {path} answers {status} again."), running, recurred=True)
        if status in _SHOWS_NOTHING:
            return Reading(Cure(0, 1, f"Unproven: GET {path} answers {status}, so what failed did not run."), running)
        says = f"GET {path}, which failed, answers {status} on {running[:10]}."
        return Reading(Cure(1, 1, says), running)

    async def _send(self, path: str) -> tuple[str, int]:
        """The commit that answered, and its status: asked before and after, so that a restart between is noticed."""
        try:
            async with httpx.AsyncClient(base_url=self._base_url(), timeout=10, trust_env=False) as client:
                before = _commit(await client.get("/version"))
                status = (await client.get(path)).status_code
                after = _commit(await client.get("/version"))
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise StepFailed(f"The program does not answer: {type(error).__name__}.") from error
        if before != after:
            raise StepFailed("The program was restarted while it was being asked.")
        return before, status


def _commit(version: httpx.Response) -> str:
    """The commit that the program says it runs. Raises StepFailed where it says none."""
    match version.json():
        case {"commit": str(commit)}:
            return commit
    raise StepFailed("The program does not tell which commit it runs: /version should answer {'commit': …}.")
