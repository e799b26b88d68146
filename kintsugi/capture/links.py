"""Addresses that reports name: what can be gone to, and is shown with its host."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

from kintsugi.telemetry import lazy_re as re

_LONGEST = 300
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f.:]+")  # as a browser goes to it: nothing looks like something else


@dataclass(frozen=True, slots=True)
class Link:
    """An address elsewhere, and how it is shown: with its host, so that nobody is led astray."""

    address: str
    host: str
    path: str

    @property
    def words(self) -> str:
        return f"{self.host}{self.path}"


def link_to(given: str) -> Link | None:
    """A web address without its query; None for anything else. A host in other letters is shown as `xn--…`."""
    try:
        parts = urlsplit(given)
        port = parts.port
        host = parts.hostname or ""
        host = host if host.isascii() else host.encode("idna").decode("ascii")
    except ValueError:
        return None
    if (
        parts.scheme not in ("http", "https")
        or not _HOST.fullmatch(host)
        or parts.username is not None
        or not given.isprintable()
    ):
        return None
    where = f"[{host}]" if ":" in host else host
    where += f":{port}" if port else ""
    return Link(urlunsplit((parts.scheme, where, parts.path, "", "")), where, parts.path)


def page_of(given: str) -> str:
    """The address of a report's own page, short enough for a card; "" where there is none."""
    link = link_to(given)
    return link.address if link and len(link.address) <= _LONGEST else ""
