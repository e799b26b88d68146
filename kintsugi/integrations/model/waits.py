"""How long a provider asks us to wait: in its headers, in its body, or in words. Pure.

The forms seen: Retry-After as seconds or as a date, retry-after-ms, the reset of a limit that is used up as a span
("6m0s") or as seconds or milliseconds since 1970, Google's `retryDelay`, and sentences ("try again in 1m7.66s").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from kintsugi.integrations.model.refusals import Refusal

_LONGEST = timedelta(hours=1)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)[a-z]*")
_IN_WORDS = re.compile(
    r"(?:retry|again|wait)(?: (?:in|after|for))? "
    r"((?:\d+(?:\.\d+)? ?(?:hours?|minutes?|seconds?|ms|h|m|s)(?![a-z]) ?)+)"
)
_RETRY_DELAY = re.compile(r'"retrydelay": "([\d.]+s)"')
_SINCE_1970 = 1_000_000_000  # a larger number is a moment, not a span


def wait_asked_for(headers: Mapping[str, str], refusal: Refusal) -> timedelta | None:
    """None where it is not said; an hour at most, as the ledger looks again by itself."""
    said = _in_headers(headers)
    if said is None:
        said = _in_text(refusal.lower)
    return None if said is None else min(max(said, timedelta()), _LONGEST)


def _in_headers(headers: Mapping[str, str]) -> timedelta | None:
    if milliseconds := _span(f"{headers.get('retry-after-ms', '')}ms"):
        return milliseconds
    if (after := headers.get("retry-after", "").strip()) and (known := _moment_or_span(after, headers)) is not None:
        return known
    resets = [
        _moment_or_span(headers[f"x-ratelimit-reset{kind}"], headers)
        for kind in ("", "-requests", "-tokens")
        if headers.get(f"x-ratelimit-remaining{kind}") == "0" and f"x-ratelimit-reset{kind}" in headers
    ]
    return max((each for each in resets if each is not None), default=None)


def _moment_or_span(text: str, headers: Mapping[str, str]) -> timedelta | None:
    """From now on, by the provider's own clock: a moment says nothing where that is not told."""
    number = float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
    if number is not None and number < _SINCE_1970:
        return timedelta(seconds=number)
    if number is None and (span := _span(text)) is not None:
        return span
    now, then = _date(headers.get("date", "")), _date(text)
    if now and number is not None:
        return timedelta(seconds=(number if number < _SINCE_1970 * 1000 else number / 1000) - now.timestamp())
    return then - now if now and then else None


def _in_text(text: str) -> timedelta | None:
    if found := _RETRY_DELAY.search(text):
        return _span(found[1])
    if found := _IN_WORDS.search(text):
        return _span("".join(found[1].split()))
    return None


def _span(text: str) -> timedelta | None:
    """Such as "1h2m3.5s" or "120ms"; None for anything else."""
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip():
        return None
    return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))


def _date(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except ValueError:
        return None
