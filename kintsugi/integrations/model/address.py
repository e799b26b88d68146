"""Where a model is served, from the address that people have: Azure's name a version and a deployment."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit, urlunsplit

OPENAI = "https://api.openai.com/v1"
_ENDPOINTS = ("/chat/completions", "/responses", "/completions", "/models")


@dataclass(frozen=True, slots=True)
class Address:
    """`url` is what requests go below, without a query; `query` and `headers` go with each of them."""

    url: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def is_here(self) -> bool:
        """Whether it is on this machine, where one model has one processor."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def address_of(base_url: str | None, model: str, api_key: str) -> Address:
    """From KINTSUGI_LLM_BASE_URL; without one it is OpenAI's."""
    parts = urlsplit(base_url or OPENAI)
    path, query = parts.path.rstrip("/"), dict(parse_qsl(parts.query))
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    if "api-version" in query and "/deployments/" not in path and not path.endswith("/v1"):
        path = f"{path.removesuffix('/openai')}/openai/deployments/{model}"
    headers = {"api-key": api_key} if api_key and "api-version" in query else {}
    return Address(urlunsplit((parts.scheme, parts.netloc, path, "", "")), query, headers)
