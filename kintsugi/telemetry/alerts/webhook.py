"""A sink that posts alerts as signed JSON to an address."""

import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import urlsplit

from kintsugi.telemetry.alerts.engine import Alert
from kintsugi.telemetry.redact import redact

SIGNATURE_HEADER = "X-Telemetry-Signature"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """`t=<seconds>,v1=<HMAC SHA-256 of "seconds.body" in hexadecimal>`: proves the sender and the age."""
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


class SignedWebhook:
    """Posts each alert once; an answer other than 2xx raises, and the alerts' thread logs it."""

    def __init__(self, url: str, secret: str, timeout: float = 5.0, clock: Callable[[], float] = time.time) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise ValueError(f"an alert's webhook needs an http or https address, not {redact(url)!r}")
        self._url = url
        self._secret = secret
        self._timeout = timeout
        self._clock = clock

    def __call__(self, alert: Alert) -> None:
        """Sends `rule, summary, count, since, line, error_id, incident_id`."""
        from urllib.request import Request, build_opener  # noqa: PLC0415  (slow to import, and few programs post alerts)

        body = json.dumps({**asdict(alert), "line": redact(alert.line)}).encode()
        request = Request(  # noqa: S310  (the scheme was checked)
            self._url,
            data=body,
            headers={
                "Content-Type": "application/json",
                SIGNATURE_HEADER: signature(self._secret, int(self._clock()), body),
            },
        )
        with build_opener(_unmoved()).open(request, timeout=self._timeout):
            pass


def _unmoved() -> type:
    """A handler that follows no redirection: it would ask for another page, and its 200 stand for the alert's."""
    from urllib.request import HTTPRedirectHandler  # noqa: PLC0415  (as above)

    class Unmoved(HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    return Unmoved
