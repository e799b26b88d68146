"""What the running program says of itself over HTTP."""

from __future__ import annotations

import httpx


async def commit_at(url: str) -> str:
    """The commit that the program at `url` says it runs, by its /version; "" where it says none."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            said = (await client.get(f"{url}/version")).json()
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
        return ""
    match said:
        case {"commit": str(commit)}:
            return commit
    return ""
