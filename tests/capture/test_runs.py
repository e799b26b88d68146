"""What transactions and sessions count, and what they do not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kintsugi.capture.runs import address_in, is_replay, key_in, runs_in
from kintsugi.workflow.cure import Answer, Counted, Runs
from kintsugi.workflow.replay import Request

SHA = "f1ed000" + "0" * 33
TELLER = "sentry:shop"


def a_transaction(status: str | None = "ok", http: object = None, **changes: Any) -> dict[str, Any]:
    contexts: dict[str, Any] = {"trace": {"op": "http.server", "status": status}}
    if http is not None:
        contexts["response"] = {"status_code": http}
    return {"type": "transaction", "transaction": "/checkout", "release": f"shop@{SHA}", "contexts": contexts} | changes


def counted(kind: str, item: dict[str, Any]) -> Counted | None:
    return runs_in(kind, item, TELLER, believed=True)


@pytest.mark.parametrize(
    ("status", "http", "expected"),
    [
        ("ok", None, (1, 0)),
        ("ok", 200, (1, 0)),
        (None, 204, (1, 0)),
        ("internal_error", None, (0, 1)),
        ("internal_error", 500, (0, 1)),
        (None, "503", (0, 1)),
    ],
)
def test_a_transaction_is_a_run_of_its_route(status: str | None, http: object, expected: tuple[int, int]):
    assert counted("transaction", a_transaction(status, http)) == Counted(
        TELLER, True, (Runs("/checkout", SHA, *expected),)
    )


@pytest.mark.parametrize(("status", "expected"), [("ok", (1, 0)), ("error", (0, 1)), ("in_progress", None), (7, None)])
def test_a_check_in_is_a_run_of_its_job_once_it_ended(status: object, expected: tuple[int, int] | None):
    item = {"check_in_id": "0f" * 16, "monitor_slug": "nightly", "status": status, "release": f"shop@{SHA}"}

    ends = "" if expected else ":began"
    assert key_in("check_in", item, "") == f"check_in{ends}:{'0f' * 16}"
    assert counted("check_in", item) == (
        Counted(TELLER, True, (Runs("nightly", SHA, *expected),)) if expected else None
    )


@pytest.mark.parametrize(
    "item",
    [
        a_transaction("ok", 302),
        a_transaction("ok", 404),
        a_transaction("not_found"),
        a_transaction("cancelled"),
        a_transaction(None),
        a_transaction(release="shop@1.4.2"),
        a_transaction(release=None),
        a_transaction(transaction=""),
        a_transaction(request={"url": "http://shop/", "headers": {"x-kintsugi-replay": "INC-1"}}),
        a_transaction(request={"url": "http://shop/", "headers": [["X-Kintsugi-Replay", "INC-1"]]}),
        a_transaction(contexts="none"),
    ],
    ids=lambda item: str(item)[:60],
)
def test_what_is_neither_a_failure_nor_a_clean_run_counts_nothing(item: dict[str, Any]):
    assert counted("transaction", item) is None


def test_what_a_request_was_answered_is_kept_by_the_request_itself():
    request = {"url": "http://shop.example/go", "query_string": "to=cart", "method": "GET"}

    found = counted("transaction", a_transaction(http=200, request=request))

    assert found
    assert found.answers == (Answer(Request("GET", "/go?to=cart").digest, SHA, 200),)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"status": "exited", "errors": 0}, (1, 0)),
        ({"status": "exited"}, (1, 0)),
        ({"status": "exited", "errors": 3}, (0, 1)),
        ({"status": "crashed"}, (0, 1)),
        ({"status": "abnormal"}, (0, 1)),
    ],
)
def test_a_session_counts_as_it_ended(item: dict[str, Any], expected: tuple[int, int]):
    found = counted("session", item | {"sid": "1", "attrs": {"release": SHA}})

    assert found == Counted(TELLER, True, (Runs("everything (sentry:shop)", SHA, *expected),))


@pytest.mark.parametrize("item", [{"status": "ok", "init": True}, {"status": "ok", "errors": 1}, {"status": 7}, {}])
def test_a_session_that_has_not_ended_counts_nothing(item: dict[str, Any]):
    assert counted("session", item | {"sid": "1", "attrs": {"release": SHA}}) is None


def test_sums_of_sessions_are_added_up():
    sums = [
        {"started": "2026-03-02T10:00:00Z", "exited": 40, "errored": 1},
        {"started": "2026-03-02T10:01:00Z", "exited": 2, "crashed": 1, "abnormal": "x"},
        "odd",
    ]

    found = counted("sessions", {"aggregates": sums, "attrs": {"release": f"shop@{SHA}"}})

    assert found == Counted(TELLER, True, (Runs("everything (sentry:shop)", SHA, 42, 2),))


def test_an_item_is_known_by_its_own_id_else_by_all_of_it():
    assert key_in("session", {"sid": "a" * 32}, "d1") == f"session:{'a' * 32}"
    assert key_in("sessions", {}, "d1") == "sessions:d1"


@pytest.mark.parametrize(
    "query", ["cart=1&to=x%20y", "?cart=1&to=x%20y", [["cart", 1], ["to", "x y"]], {"cart": 1, "to": "x y"}]
)
def test_the_query_is_read_in_each_form_it_is_sent_in(query: object):
    address = address_in({"url": "http://shop/checkout", "query_string": query})

    assert address in ("http://shop/checkout?cart=1&to=x%20y", "http://shop/checkout?cart=1&to=x+y")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=10,
)
FIELDS = ("transaction", "release", "contexts", "request", "aggregates", "attrs", "status", "errors", "sid", "tags")


@given(st.sampled_from(["transaction", "session", "sessions"]), st.dictionaries(st.sampled_from(FIELDS), JSON))
@settings(max_examples=300)
def test_no_item_is_too_odd(kind: str, item: dict[str, Any]):
    is_replay(item)
    key_in(kind, item, "digest")
    runs_in(kind, {**a_transaction(), **item, "attrs": {"release": SHA}}, TELLER, believed=False)
