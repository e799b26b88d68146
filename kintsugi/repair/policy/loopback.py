"""What of the network a test of Python may use: its own servers, and clients that hand a request to a function."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterable

from kintsugi.telemetry import lazy_re as re

_STAYS = re.compile(
    r"http\.server\.(?:Threading)?HTTPServer|http\.server\.(?:Base|Simple)HTTPRequestHandler"
    r"|socketserver\.\w*(?:Server|Handler|MixIn)|wsgiref\.simple_server\.\w+|asyncio\.start_(?:unix_)?server|socket\.create_server"
    r"|socket\.socketpair|aiohttp\.web\.TCPSite|\?\.create_(?:unix_)?server|httpx\.(?:Mock|ASGI|WSGI)Transport"
)
_CLIENTS = ("httpx.Client", "httpx.AsyncClient")
_HANDS_ON = re.compile(r"httpx\.(?:Mock|ASGI|WSGI)Transport")
_PARTS = {"_transport", "_mounts", "_transport_for_url"}
_STORED = {*_PARTS, "MockTransport", "ASGITransport", "WSGITransport", "Client", "AsyncClient", "handle_request"}


def is_odd(nodes: Iterable[ast.AST]) -> bool:
    """Whether a file makes another object of a class that it holds (`type(client)()`), or changes what a client is."""
    return any(
        (isinstance(one, ast.Attribute) and one.attr == "__class__")
        or (isinstance(one, ast.Attribute) and one.attr in _STORED and isinstance(one.ctx, ast.Store))
        or (isinstance(one, ast.Call | ast.Assign | ast.NamedExpr) and _is_type(one))
        for one in nodes
    )


def _is_type(node: ast.Call | ast.Assign | ast.NamedExpr) -> bool:
    call = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "type"


def that_hand_on(nodes: Iterable[ast.AST], of: Callable[[ast.expr], str | None]) -> frozenset[str]:
    """The names that are given nothing but such a transport, whatever their scope."""
    found: Counter[str] = Counter()
    for one in nodes:
        match one:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=made)) if _HANDS_ON.fullmatch(
                of(made) or ""
            ):
                found[name] -= 1  # its target is counted below
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                found[name] += 1
            case ast.alias(name=name, asname=other):
                found[other or name] += 1
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] += 1
    return frozenset(name for name, count in found.items() if count == 0)


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
