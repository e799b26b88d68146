"""What the running program says of itself over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kintsugi.integrations.authorities import context
from kintsugi.integrations.own_requests import OwnRequests

if TYPE_CHECKING:  # most processes ask nobody
    import httpx


async def commit_at(url: str, own: OwnRequests | None = None) -> str:
    """The commit that the program at `url` says it runs, by its /version; "" where it says none."""
    import httpx  # noqa: PLC0415  # most processes ask nobody

    said = None
    try:
        async with httpx.AsyncClient(timeout=5, verify=context(), trust_env=False) as client:
            said = said_by(await client.get(f"{url}/version"))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return ""
    finally:
        if own:
            await own.asked(commit_in(said))
    return commit_in(said)


def said_by(answer: httpx.Response) -> object:
    """What a program's /version says; None where the program, or what stands before it, answers that it does not serve.

    Raises ValueError for what is no JSON.
    """
    return answer.json() if answer.is_success else None


def commit_in(version: object) -> str:
    """The commit that an answer of /version names; "" where it names none."""
    match version:
        case {"commit": str(commit)}:
            return commit
    return ""


@dataclass(frozen=True, slots=True)
class Running:
    """Asks which commit runs: the program by its address, or we are the program, at commit `own`."""

    program_url: str
    own: str
    requests: OwnRequests

    @property
    def can_ask(self) -> bool:
        """Whether anybody can be asked."""
        return bool(self.program_url or self.own)

    async def __call__(self) -> str:
        return await commit_at(self.program_url, self.requests) if self.program_url else self.own
