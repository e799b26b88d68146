"""What of the network a test of Python may use: its own servers, and clients that hand a request to a function."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

_STAYS = re.compile(
    r"http\.server\.\w+|socketserver\.\w+|wsgiref\.simple_server\.\w+|asyncio\.start_(?:unix_)?server|socket\.create_server"
    r"|socket\.socketpair|aiohttp\.web\.TCPSite|\?\.create_(?:unix_)?server|httpx\.(?:Mock|ASGI|WSGI)Transport"
)
_CLIENTS = ("httpx.Client", "httpx.AsyncClient")
_HANDS_ON = re.compile(r"httpx\.(?:Mock|ASGI|WSGI)Transport")


def stays_here(name: str) -> bool:
    return _STAYS.fullmatch(name) is not None


def may_be_imported(name: str) -> bool:
    """Each call of a client is looked at."""
    return name in _CLIENTS or stays_here(name)


def reaches_nobody(name: str, call: ast.Call, of: Callable[[ast.expr], str | None]) -> bool:
    """`httpx.Client(transport=httpx.MockTransport(…))`. `of`: what an expression stands for, or was made by."""
    if name not in _CLIENTS or any(keyword.arg in (None, "mounts") for keyword in call.keywords):
        return False
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "transport"), None)
    return given is not None and _HANDS_ON.fullmatch(of(given) or "") is not None
