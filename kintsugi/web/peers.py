"""Who asks, as far as limits go. Nobody is let in for it, and nobody with the right secret is kept out."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from aiohttp import web

from kintsugi.web.login import is_loopback

_NETWORK = 64  # bits: whoever has one address of IPv6 has all of these


def peer_of(request: web.Request) -> str:
    """Who sent this request."""
    return peer(request.remote or "", request.headers.getall("X-Forwarded-For", []))


def peer(remote: str, named: Sequence[str]) -> str:
    """The address; of what a proxy on this machine hands on, the one that it names; "" where it names none.

    Of several that are named the last counts, which is the proxy's own word: the others anybody can send.
    """
    if is_loopback(remote):
        remote = named[-1].rpartition(",")[2].strip() if named else ""
    return network_of(remote)


@lru_cache(maxsize=1024)  # asked for each report
def network_of(address: str) -> str:
    """The address, of IPv6 its network; "" for what is none."""
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _NETWORK), strict=False))
    return str(found)
