"""The Monitor port for programs that speak HTTP: the request that failed is sent again, as it was, to what runs now.

The cure is shown by the reproduction itself: one good answer from a commit with the fix is enough. Good is 2xx, or what
the same request is answered on a build where it works. 500 from such a commit is a recurrence. Everything else shows
nothing, and what came back is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from kintsugi.integrations.authorities import context
from kintsugi.integrations.own_requests import OwnRequests
from kintsugi.integrations.program import commit_in, said_by
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cure
from kintsugi.workflow.ports import Case, Reading
from kintsugi.workflow.replay import HEADER, Request, request_of

_SECONDS = 10
_READ_FOR, _MOST_READ = 3.0, 2**20  # seconds and bytes of an answer, which may have no end
_CRASHED = 500  # what frameworks answer for an exception nobody caught; 502 to 504 come from what stands before them


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came back: a status, or 0 and why there is none. `running` is the commit that answered.

    `broke_off`: how the answer ended before it was whole.
    """

    running: str
    status: int
    why: str = ""
    broke_off: str = ""


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
        status, why, broke_off = 0, "", ""
        try:
            async with self._asked(request.method, request.target, case) as answer:
                status, broke_off = answer.status_code, await _broke_off(answer)
        except (httpx.HTTPError, OSError) as error:
            why = type(error).__name__
        after = await self._running(case)
        if before != after:
            raise StepFailed("The program was restarted while it was being asked.")
        return _Answer(before, status, why, broke_off)

    async def _running(self, case: Case) -> str:
        """The commit that the program says it runs. Raises StepFailed where it says none."""
        version = None
        try:
            async with self._asked("GET", "/version", case) as answer:
                await answer.aread()
                version = said_by(answer)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise StepFailed(f"The program does not answer: {type(error).__name__}.") from error
        finally:
            await self._own.asked(commit_in(version))
        if commit := commit_in(version):
            return commit
        raise StepFailed("The program does not tell which commit it runs: /version should answer {'commit': …}.")

    @asynccontextmanager
    async def _asked(self, method: str, target: str, case: Case) -> AsyncIterator[httpx.Response]:
        """The answer, its body not read. On a connection of its own, as servers close theirs after an exception."""
        base = httpx.URL(self._base_url())
        prefix = base.raw_path.rstrip(b"/")
        path = target.encode() if target.encode().startswith(prefix + b"/") else prefix + target.encode()
        headers = {HEADER: case.incident.name, "Connection": "close"}
        async with (
            httpx.AsyncClient(timeout=_SECONDS, trust_env=False, headers=headers, verify=context()) as client,
            client.stream(method, base.copy_with(raw_path=path)) as answer,
        ):
            yield answer


async def _broke_off(answer: httpx.Response) -> str:
    """How its body ended before it was whole, as far as that is read; "" where it did not.

    A crash in the middle of a stream comes after its status, and shows in nothing else.
    """
    read = 0
    try:
        async with asyncio.timeout(_READ_FOR):
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read > _MOST_READ:
                    break
    except TimeoutError:  # it goes on
        return ""
    except httpx.HTTPError as error:
        return type(error).__name__
    return ""


def _read(request: Request, answer: _Answer, worked: frozenset[int]) -> Reading:
    status, running = answer.status, answer.running
    if status == _CRASHED:
        return Reading(Cure(0, 1, f"{request} answers {status} again."), running, recurred=True)
    if answer.broke_off:
        return Reading(
            Cure(0, 1, f"Unproven: {request} answers {status} and breaks off ({answer.broke_off})."), running
        )
    if 200 <= status < 300:
        return Reading(Cure(1, 1, f"{request}, which failed, answers {status} on {running[:10]}."), running)
    if status in worked:
        says = f"{request}, which failed, answers {status} on {running[:10]}, as it does on a build where it works."
        return Reading(Cure(1, 1, says), running)
    got = f"answers {status}, which does not show that it works" if status else f"got no answer ({answer.why})"
    return Reading(Cure(0, 1, f"Unproven: {request} {got}."), running)
