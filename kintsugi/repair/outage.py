"""Whether a service elsewhere was down when it failed: then the code is not to be changed, whatever a model proposes.

Judged by what failed within a minute of the failure: timeouts, refused connections and 5xx answers of a provider.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Payload

_AROUND = timedelta(minutes=1)
_CLIENTS = (
    r"(?:httpx2?|httpcore|aiohttp|requests|urllib3?|openai|anthropic|discord|gspread|google|grpc|boto\w*|redis|"
    r"psycopg\w*|asyncpg)"
)
_NETWORK = re.compile(
    rf"""
    \b{_CLIENTS}\.[\w.]*(?:Time(?:d)?_?out|Connect\w*|Disconnected|ServerError|Unavailable|InternalServerError)\w*
    | \b(?:Read|Connect|Pool|Write|Gateway)Timeout(?:Error)?\b | \bServerDisconnectedError\b | \bDiscordServerError\b
    | \b(?:ServiceUnavailable|InternalServerError|BadGateway|GatewayTimeout)(?:Error)?\b
    | \bAPI(?:Connection|Timeout)Error\b
    | \b50[0234]\b\W{{1,3}}(?:Internal\ Server\ Error|Bad\ Gateway|Service\ Unavailable|Gateway\ Timeout|Server\ Error)
    | \b(?:HTTP(?:/[\d.]+)?|status(?:[ _]code)?|answered|returned|responded(?:\ with)?)\W{{1,4}}5\d\d\b
    | \b(?:Service\ Unavailable|Bad\ Gateway|Gateway\ Time-?out)\b
    | \b(?:Temporary\ failure\ in\ name\ resolution|Name\ or\ service\ not\ known|getaddrinfo\ failed)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WAITED = re.compile(
    r"\b(?:asyncio\.)?Timeout(?:Error|Exception)?\b|\btimed out\b|\bConnection(?:Reset|Refused|Aborted)Error\b",
    re.IGNORECASE,
)
_FAILURE = re.compile(r"\b(?:ERROR|CRITICAL|FATAL)\b|^\s*[\w.]*(?:Error|Exception|Timeout|Disconnected)\w*(?::|$)")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")


def provider_outage(payload: Payload) -> str | None:
    """A sentence where a service elsewhere was down or slow; None where the evidence is not enough to say so."""
    raised = [f"{one.type}: {one.message}" for one in payload.exception.chain] if payload.exception else []
    own = next((found for text in raised if (found := _NETWORK.search(text))), None)
    logged = [line for line in _of_the_minute(payload) if _FAILURE.search(line)]
    theirs = [line for line in logged if _NETWORK.search(line) or _WAITED.search(line)]
    if own is None and not _mostly(theirs, logged):
        return None
    example = own or _NETWORK.search(" ".join(theirs))
    if example is None:  # only waits of our own
        return None
    counted = f"; {len(theirs)} of {len(logged)} failures in that minute were of this kind" if logged else ""
    return f"A service elsewhere was down or slow when it failed ({example[0]}){counted}: no code is changed for that."


def _mostly(theirs: list[str], logged: list[str]) -> bool:
    return len(theirs) >= 2 and 2 * len(theirs) >= len(logged)


def _of_the_minute(payload: Payload) -> Iterator[str]:
    """The log's lines of within a minute; a line that tells no time is of the time of the one before it."""
    near = True
    for line in payload.log:
        time = _time(line)
        if time is not None:
            near = abs(time - payload.occurred.last) <= _AROUND
        if near:
            yield _message(line)


def _time(line: str) -> datetime | None:
    found = _TIME.search(line[:200])
    if found is None:
        return None
    try:
        time = datetime.fromisoformat(found[0].replace(",", "."))
    except ValueError:
        return None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _message(line: str) -> str:
    """What a JSON line says, or the line as it is."""
    if not line.startswith("{"):
        return line
    try:
        told = json.loads(line)
    except ValueError:
        return line
    return f"{told.get('level', '')} {told.get('msg', '')} {told.get('exception') or ''}"
