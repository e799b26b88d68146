"""What Sentry's SDKs tell of a program's runs, beside its failures: transactions, sessions, their sums, and check-ins.

A transaction is one run of a route, a task or a command, with how it ended. A session is a run of the whole program, or
in servers of one request; servers send sums of them by the minute. Both name the release. What is read here is in
Sentry's documents of the transaction and session items (https://develop.sentry.dev/sdk/telemetry/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from kintsugi.capture.release import commit_of
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.cure import Answer, Counted, Runs, all_runs_of
from kintsugi.workflow.replay import HEADER, Request

_ENDED_WELL = ("exited",)
_ENDED_BADLY = ("crashed", "abnormal", "errored", "unhandled")
_FAILED = ("internal_error", "unknown_error", "unavailable", "deadline_exceeded", "data_loss", "error")
_CHECKED_IN = {"ok": (1, 0), "error": (0, 1)}
_LONGEST = 200  # characters of a transaction's name
_HIGHEST = 10**9  # sessions in one sum


def runs_in(kind: str, item: Mapping[str, Any], teller: str, *, believed: bool) -> Counted | None:
    """What an item counts; None for nothing: another kind, no commit in its release, not ended, a replay of ours."""
    match kind:
        case "transaction":
            return _of_transaction(item, teller, believed)
        case "session":
            return _of_sessions(item, _ended(item), teller, believed)
        case "check_in":
            return _of_check_in(item, teller, believed)
        case "sessions":
            return _of_sessions(item, _summed(item.get("aggregates")), teller, believed)
    return None


def key_in(kind: str, item: Mapping[str, Any], digest: str) -> str:
    """What makes the item one and the same, however often it is delivered. `digest`: of the whole delivery."""
    id = {"transaction": item.get("event_id"), "session": item.get("sid"), "check_in": item.get("check_in_id")}.get(
        kind
    )
    if kind == "check_in" and str(item.get("status")) not in _CHECKED_IN:  # its end has the same id, and is to come
        kind = "check_in:began"
    return f"{kind}:{id}" if isinstance(id, str) and 8 <= len(id) <= 64 and id.strip("0-") else f"{kind}:{digest}"


def is_replay(item: Mapping[str, Any]) -> bool:
    """Whether it tells of a request that Kintsugi itself sent."""
    request = item.get("request")
    headers = request.get("headers") if isinstance(request, dict) else None
    pairs = headers.items() if isinstance(headers, dict) else headers if isinstance(headers, list) else ()
    return any(_name(pair) == HEADER.lower() for pair in pairs)


def address_in(request: Mapping[str, Any]) -> str | None:
    """The address that was asked for, with its query, which SDKs send beside it: as text, pairs or an object."""
    url, query = request.get("url"), _query(request.get("query_string"))
    if not isinstance(url, str) or not url:
        return None
    return url if "?" in url or not query else f"{url}?{query}"


def _of_transaction(item: Mapping[str, Any], teller: str, believed: bool) -> Counted | None:
    name, build = item.get("transaction"), commit_of(item.get("release"))
    status = _http_status(item)
    ended_well = _ended_well(item, status)
    if not (isinstance(name, str) and name and build) or ended_well is None or is_replay(item):
        return None
    run = Runs(intent_of(name), build, int(ended_well), int(not ended_well))
    return Counted(teller, believed, (run,), tuple(_answered(item, build, status)))


def _of_check_in(item: Mapping[str, Any], teller: str, believed: bool) -> Counted | None:
    """How a scheduled job ended: one run of it. That it has begun is told as well, and says nothing yet."""
    name, build = item.get("monitor_slug"), commit_of(item.get("release"))
    ended = _CHECKED_IN.get(str(item.get("status")))
    if not (isinstance(name, str) and name and build) or ended is None:
        return None
    return Counted(teller, believed, (Runs(intent_of(name), build, *ended),))


def intent_of(name: str) -> str:
    """As the payload of a failure has it; without what no database keeps."""
    return redact(name)[:_LONGEST].replace("\0", "").encode(errors="replace").decode()


def _ended_well(item: Mapping[str, Any], http_status: int | None) -> bool | None:
    """None where it does not tell: a refusal or a redirection is neither a failure nor a run of what failed."""
    if http_status is not None:
        return True if 200 <= http_status < 300 else False if http_status >= 500 else None
    status = _inside(item, "contexts", "trace", "status")
    return True if status == "ok" else False if status in _FAILED else None


def _answered(item: Mapping[str, Any], build: str, status: int | None) -> Iterable[Answer]:
    request = item.get("request")
    address = address_in(request) if isinstance(request, dict) else None
    method = str(request.get("method") or "GET").upper() if isinstance(request, dict) else ""
    if status is None or status >= 500 or not address or method not in ("GET", "HEAD"):
        return
    parts = urlsplit(address)
    yield Answer(Request.to(method, parts.path, parts.query).digest, build, status)


def _http_status(item: Mapping[str, Any]) -> int | None:
    told = _inside(item, "contexts", "response", "status_code")
    if told is None:
        told = _inside(item, "contexts", "trace", "data", "http.response.status_code")
    if told is None:
        told = _inside(item, "tags", "http.status_code")
    return int(told) if re.fullmatch(r"[1-5]\d\d", str(told)) else None


def _of_sessions(item: Mapping[str, Any], ends: tuple[int, int], teller: str, believed: bool) -> Counted | None:
    build = commit_of(_inside(item, "attrs", "release"))
    if not build or ends == (0, 0):
        return None
    return Counted(teller, believed, (Runs(all_runs_of(teller), build, *ends),))


def _ended(session: Mapping[str, Any]) -> tuple[int, int]:
    """A session is told several times; only how it ended counts."""
    status, errors = session.get("status"), session.get("errors")
    if status in _ENDED_BADLY or (status in _ENDED_WELL and _count(errors)):
        return (0, 1)
    return (1, 0) if status in _ENDED_WELL else (0, 0)


def _summed(aggregates: object) -> tuple[int, int]:
    sums = [each for each in aggregates if isinstance(each, dict)] if isinstance(aggregates, list) else []
    well = sum(_count(each.get(status)) for each in sums for status in _ENDED_WELL)
    return well, sum(_count(each.get(status)) for each in sums for status in _ENDED_BADLY)


def _count(told: object) -> int:
    return min(told, _HIGHEST) if isinstance(told, int) and not isinstance(told, bool) and told > 0 else 0


def _query(told: object) -> str:
    match told:
        case str():
            return told.removeprefix("?")
        case dict():
            pairs = list(told.items())
        case list():
            pairs = [(each[0], each[1]) for each in told if isinstance(each, list) and len(each) == 2]
        case _:
            return ""
    return urlencode([(str(name), "" if value is None else str(value)) for name, value in pairs])


def _name(pair: object) -> str:
    return str(pair[0]).lower() if isinstance(pair, tuple | list) and pair else ""


def _inside(item: object, *names: str) -> Any:
    for name in names:
        item = item.get(name) if isinstance(item, dict) else None
    return item
