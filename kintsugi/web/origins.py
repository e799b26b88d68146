"""Pages that report from a browser are of other origins than ours: what lets the browser, as Sentry's own relay says it
(relay-server/src/middlewares/cors.rs). No cookie is asked for, so that nothing else of ours is open to them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

_HEADERS = (
    *("X-Sentry-Auth", "X-Requested-With", "X-Forwarded-For", "Origin", "Referer", "Accept", "Content-Type"),
    *("Authentication", "Authorization", "Content-Encoding", "Transfer-Encoding"),
)
ASKED: Mapping[str, str] = {
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": ", ".join(_HEADERS),
    "Access-Control-Max-Age": "3600",  # seconds
}
"""What is answered to a browser that asks before it reports."""

_READ = {"Access-Control-Expose-Headers": "X-Sentry-Error, X-Sentry-Rate-Limits, Retry-After"}


def heard_from(origins: Collection[str], origin: str | None) -> bool:
    """Whether a report is heard: from a page of these origins, where there are any, or from no page at all."""
    return not origins or origin is None or origin in origins


def shared(origins: Collection[str], origin: str | None) -> dict[str, str]:
    """The headers that let a page of this origin read the answer. No origins: any may."""
    if not origins:
        return _READ | {"Access-Control-Allow-Origin": "*"}
    if origin in origins:
        return _READ | {"Access-Control-Allow-Origin": str(origin), "Vary": "Origin"}
    return {"Vary": "Origin"}
