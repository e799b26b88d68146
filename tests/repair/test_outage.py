"""When a service elsewhere was down, and when the program only says so in passing."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from kintsugi.repair.outage import provider_outage
from kintsugi.workflow.payload import Failure, Payload, Raised
from tests.world.make import a_payload


def a_failure(kind: str, message: str = "", *log: str) -> Payload:
    failure = Failure(chain=(Raised(type=kind, message=message),))
    return a_payload().model_copy(update={"exception": failure, "log": log})


def at(payload: Payload, seconds: float, text: str, level: str = "ERROR") -> str:
    time = (payload.occurred.last + timedelta(seconds=seconds)).isoformat()
    return json.dumps({"ts": time, "level": level, "logger": "bot", "msg": text})


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("httpx.ReadTimeout", ""),
        ("httpcore.ConnectTimeout", ""),
        ("aiohttp.client_exceptions.ServerDisconnectedError", "Server disconnected"),
        ("requests.exceptions.HTTPError", "503 Server Error: Service Unavailable for url: https://api.example.com"),
        ("openai.InternalServerError", "Error code: 500"),
        ("discord.errors.DiscordServerError", "503 Service Unavailable (error code: 0): upstream connect error"),
        ("RuntimeError", "the bank answered 502"),
        ("urllib.error.URLError", "<urlopen error [Errno -3] Temporary failure in name resolution>"),
    ],
)
def test_a_timeout_or_a_5xx_of_a_provider_is_an_outage(kind: str, message: str):
    assert "A service elsewhere was down or slow" in (provider_outage(a_failure(kind, message)) or "")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("KeyError", "'percent'"),
        ("TimeoutError", ""),
        ("ValueError", "order 503 has no items"),
        ("httpx.HTTPStatusError", "Client error '404 Not Found' for url 'https://api.example.com'"),
        ("discord.errors.NotFound", "404 Not Found (error code: 10062): Unknown interaction"),
        ("AssertionError", "timeout should be 500"),
    ],
)
def test_a_fault_of_the_code_is_none(kind: str, message: str):
    assert provider_outage(a_failure(kind, message)) is None


def test_what_fails_because_others_failed_is_an_outage_as_well():
    payload = a_failure("KeyError", "'rates'")
    log = [at(payload, -second, "GET /rates failed: httpx.ConnectTimeout") for second in (30, 20, 10)]
    log.append(at(payload, 0, "unhandled KeyError: 'rates'"))

    says = provider_outage(payload.model_copy(update={"log": tuple(log)}))

    assert says is not None
    assert "3 of 4 failures in that minute" in says


def test_an_outage_of_an_hour_ago_is_none_of_this_failures_business():
    payload = a_failure("KeyError", "'rates'")
    log = [at(payload, -3600 - second, "GET /rates failed: httpx.ConnectTimeout") for second in (30, 20, 10)]

    assert provider_outage(payload.model_copy(update={"log": tuple(log)})) is None


def test_one_timeout_among_many_faults_of_our_own_is_no_outage():
    payload = a_failure("KeyError", "'rates'")
    log = [at(payload, -second, "unhandled KeyError: 'rates'") for second in range(9)]
    log.append(at(payload, -5, "GET /rates failed: httpx.ConnectTimeout"))

    assert provider_outage(payload.model_copy(update={"log": tuple(log)})) is None


def test_timeouts_of_our_own_locks_are_no_outage_of_anybody():
    payload = a_failure("TimeoutError")
    log = [at(payload, -second, "asyncio.TimeoutError in the queue") for second in range(5)]

    assert provider_outage(payload.model_copy(update={"log": tuple(log)})) is None


def test_a_failure_without_a_stack_is_judged_by_its_log():
    payload = a_failure("KeyError").model_copy(update={"exception": None})
    log = [at(payload, -second, "status code 503 from the sheet") for second in (3, 2)]

    assert provider_outage(payload.model_copy(update={"log": tuple(log)})) is not None
