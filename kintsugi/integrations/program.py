"""What the running program says of itself over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from kintsugi.integrations.authorities import context


async def commit_at(url: str) -> str:
    """The commit that the program at `url` says it runs, by its /version; "" where it says none."""
    import httpx  # noqa: PLC0415  # most processes ask nobody

    try:
        async with httpx.AsyncClient(timeout=5, verify=context(), trust_env=False) as client:
            said = (await client.get(f"{url}/version")).json()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return ""
    match said:
        case {"commit": str(commit)}:
            return commit
    return ""


@dataclass(frozen=True, slots=True)
class Running:
    """Asks which commit runs: the program by its address, or we are the program, at commit `own`."""

    program_url: str
    own: str

    @property
    def can_ask(self) -> bool:
        """Whether anybody can be asked."""
        return bool(self.program_url or self.own)

    async def __call__(self) -> str:
        return await commit_at(self.program_url) if self.program_url else self.own
