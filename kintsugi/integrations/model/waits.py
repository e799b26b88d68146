"""How long a provider asks us to wait: in its headers, in its body, or in words. Pure.

The forms seen: Retry-After as seconds or as a date, retry-after-ms, the reset of a limit that is used up as a span
("6m0s") or as seconds or milliseconds since 1970, Google's `retryDelay`, and sentences ("try again in 1m7.66s").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from kintsugi.integrations.model.refusals import Refusal

_LONGEST = 3600.0  # seconds
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)[a-z]*", re.ASCII)
_IN_WORDS = re.compile(
    r"(?:retry|again|wait)(?: (?:in|after|for))? "
    r"((?:\d+(?:\.\d+)? ?(?:hours?|minutes?|seconds?|ms|h|m|s)(?![a-z]) ?)+)"
)
_RETRY_DELAY = re.compile(r'"retrydelay": "([\d.]+s)"')
_SINCE_1970 = 1_000_000_000  # a larger number is a moment, not a span


def wait_asked_for(headers: Mapping[str, str], refusal: Refusal) -> timedelta | None:
    """None where it is not said; an hour at most, as the ledger looks again by itself."""
    seconds = _in_headers(headers)
    if seconds is None:
        seconds = _in_text(refusal.lower)
    return None if seconds is None else timedelta(seconds=min(max(seconds, 0.0), _LONGEST))


def _in_headers(headers: Mapping[str, str]) -> float | None:
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


def _moment_or_span(text: str, headers: Mapping[str, str]) -> float | None:
    """Seconds from now on, by the provider's own clock: a moment says nothing where that is not told."""
    number = float(text) if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) else None
    if number is not None and number < _SINCE_1970:
        return number
    if number is None and (span := _span(text)) is not None:
        return span
    now = _moment(headers.get("date", ""))
    then = _moment(text) if number is None else number if number < _SINCE_1970 * 1000 else number / 1000
    return None if now is None or then is None else then - now


def _in_text(text: str) -> float | None:
    if found := _RETRY_DELAY.search(text):
        return _span(found[1])
    if found := _IN_WORDS.search(text):
        return _span("".join(found[1].split()))
    return None


def _span(text: str) -> float | None:
    """The seconds of "1h2m3.5s" or "120ms"; None for anything else."""
    parts = _SPAN.findall(text)
    if not parts or _SPAN.sub("", text).strip():
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _moment(text: str) -> float | None:
    """Seconds since 1970; a date without a zone is in UTC. None for what is no date."""
    try:
        then = parsedate_to_datetime(text)
        return (then if then.tzinfo else then.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
