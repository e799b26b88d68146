"""What a stranger is answered at the public address, by which people reach the web: nothing may be open there."""

from __future__ import annotations

import asyncio

import httpx

from kintsugi.app.connectors import FAULT, OFF, OK, Health
from kintsugi.integrations.authorities import context

_PAGES = ("/", "/incidents/1", "/numbers")
_OURS = "· Kintsugi</title>"  # the end of every page's title
_WITHIN = 15.0  # seconds, for all of them


async def asked_as_a_stranger(url: str | None) -> Health:
    """Asks for pages and metrics without a login, as anybody can who knows the address."""
    if url is None:
        return _finds(OFF, "no public address is known. Set KINTSUGI_WEB_URL.")
    try:
        async with asyncio.timeout(_WITHIN), httpx.AsyncClient(verify=context(), trust_env=False) as client:
            return await _looked_at(url.rstrip("/"), client)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        why = str(error) or type(error).__name__
        return _finds(OFF, f"{url} cannot be asked whether it is open: {why}. Start Kintsugi, and ask again.")


async def _looked_at(url: str, client: httpx.AsyncClient) -> Health:
    for path in _PAGES:
        answer = await client.get(f"{url}{path}")
        if answer.is_server_error:
            return _finds(OFF, f"{url} answers {answer.status_code}: a proxy that does not reach Kintsugi. Start it.")
        if answer.is_success:
            return _finds(FAULT, f"{url}{path} {_FOREIGN if _OURS not in answer.text else _OPEN}")
    if (await client.get(f"{url}/metrics")).is_success:
        return _finds(FAULT, f"{url}/metrics {_COUNTED}")
    answer = await client.get(f"{url}/login")
    if answer.status_code == 404 or (answer.is_success and _OURS not in answer.text):
        return _finds(OFF, f"{url} {_NOBODY.format(answer.status_code)}")
    return _finds(OK, f"{url} lets no stranger in{'' if answer.is_success else _UNSEEN.format(answer.status_code)}")


_OPEN = "can be read by anybody: a proxy logs in for them, or keeps pages. Take that away."
_FOREIGN = "is answered by something that is not Kintsugi. Check KINTSUGI_WEB_URL and the proxy."
_NOBODY = (
    "lets no stranger in, and what answers there is not Kintsugi: {} at /login. Start Kintsugi, or check "
    "KINTSUGI_WEB_URL and the proxy."
)
_UNSEEN = "; whether Kintsugi is behind it cannot be seen from here (it answers {} at /login)"
_COUNTED = (
    "can be read by anybody. Set KINTSUGI_METRICS_TOKEN, unset KINTSUGI_METRICS_LOOPBACK, or shut it at the proxy."
)


def _finds(how: str, says: str) -> Health:
    return Health("address", how, says)
