"""The Monitor port for programs that speak HTTP: the request that failed is sent again, as it was, to what runs now.

The cure is shown by the reproduction itself: one good answer from a commit with the fix is enough. Good is 2xx, or what
the same request is answered on a build where it works. 500 from such a commit is a recurrence. Everything else shows
nothing, and what came back is said.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from kintsugi.integrations.authorities import context
from kintsugi.integrations.own_requests import OwnRequests
from kintsugi.integrations.program import commit_in
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cure
from kintsugi.workflow.ports import Case, Reading
from kintsugi.workflow.replay import HEADER, Request, request_of

_SECONDS = 10
_CRASHED = 500  # what frameworks answer for an exception nobody caught; 502 to 504 come from what stands before them


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: a status, or 0 and why there is none. `running` is the commit that answered."""

    running: str
    status: int
    why: str = ""


class HttpReplay:
    """Sends the failing request again to the program at `base_url()`."""

    def __init__(self, base_url: Callable[[], str], own: OwnRequests | None = None) -> None:
        self._base_url = base_url
        self._own = own or OwnRequests()

    async def read(self, case: Case) -> Reading:
        request = request_of(case.payload)
        if isinstance(request, str):
            return Reading(Cure(0, 1, f"Unproven: {request}."), "")
        return _read(request, await self._send(request, case), case.worked)

    async def _send(self, request: Request, case: Case) -> _Answer:
        """The commit is asked before and after, so that a restart between is noticed."""
        before = await self._running(case)
        await self._own.sent_again(before)  # before it is: whoever is killed between counts one too many
        try:
            status, why = (await self._ask(request.method, request.target, case))[0], ""
        except (httpx.HTTPError, OSError) as error:
            status, why = 0, type(error).__name__
        after = await self._running(case)
        if before != after:
            raise StepFailed("The program was restarted while it was being asked.")
        return _Answer(before, status, why)

    async def _running(self, case: Case) -> str:
        """The commit that the program says it runs. Raises StepFailed where it says none."""
        version = None
        try:
            version = json.loads((await self._ask("GET", "/version", case, reads=True))[1])
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise StepFailed(f"The program does not answer: {type(error).__name__}.") from error
        finally:
            await self._own.asked(commit_in(version))
        if commit := commit_in(version):
            return commit
        raise StepFailed("The program does not tell which commit it runs: /version should answer {'commit': …}.")

    async def _ask(self, method: str, target: str, case: Case, *, reads: bool = False) -> tuple[int, bytes]:
        """Status and, where it is read, the body: a stream may have no end.

        On a connection of its own, as servers close theirs after an exception.
        """
        base = httpx.URL(self._base_url())
        prefix = base.raw_path.rstrip(b"/")
        path = target.encode() if target.encode().startswith(prefix + b"/") else prefix + target.encode()
        headers = {HEADER: case.incident.name, "Connection": "close"}
        async with (
            httpx.AsyncClient(timeout=_SECONDS, trust_env=False, headers=headers, verify=context()) as client,
            client.stream(method, base.copy_with(raw_path=path)) as answer,
        ):
            return answer.status_code, await answer.aread() if reads else b""


def _read(request: Request, answer: _Answer, worked: frozenset[int]) -> Reading:
    status, running = answer.status, answer.running
    if status == _CRASHED:
        return Reading(Cure(0, 1, f"{request} answers {status} again."), running, recurred=True)
    if 200 <= status < 300:
        return Reading(Cure(1, 1, f"{request}, which failed, answers {status} on {running[:10]}."), running)
    if status in worked:
        says = f"{request}, which failed, answers {status} on {running[:10]}, as it does on a build where it works."
        return Reading(Cure(1, 1, says), running)
    got = f"answers {status}, which does not show that it works" if status else f"got no answer ({answer.why})"
    return Reading(Cure(0, 1, f"Unproven: {request} {got}."), running)
