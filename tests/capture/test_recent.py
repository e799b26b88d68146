"""The failures of a log are offered to whoever reports something, and none is taken unasked."""

from __future__ import annotations

import pytest

from kintsugi.capture import CaptureError
from kintsugi.capture.intake import Intake
from kintsugi.capture.program import Program
from kintsugi.capture.recent import recent_failures
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Receipt
from kintsugi.workflow.triggers import Captured
from tests.world.clock import ManualClock
from tests.world.make import an_incident

SECRET = "-".join(("correct", "horse", "battery"))


def a_crash(kind: str, message: str) -> list[str]:
    return [
        "Traceback (most recent call last):",
        '  File "/srv/app/shop/web.py", line 31, in do_GET',
        "    total = checkout(cart)",
        f"{kind}: {message}",
    ]


LOG = [
    *a_crash("KeyError", "'discount'"),
    "GET /health 200",
    *a_crash("ValueError", f"password={SECRET}"),
    *a_crash("KeyError", "'discount'"),
]


def test_each_failure_is_offered_once_the_newest_first_and_without_secrets():
    found = recent_failures(LOG)

    assert [each.summary.partition(" in ")[0].partition(":")[0] for each in found] == ["KeyError", "ValueError"]
    assert SECRET not in "".join(each.summary for each in found)
    assert [each.id for each in recent_failures(LOG[5:])] == [each.id for each in found]
    assert recent_failures(["all is well"]) == recent_failures([]) == []


async def told(words: str, about: str = "", place: str = "") -> Payload:
    fired: list[Captured] = []

    async def fire(captured: Captured) -> Receipt:
        fired.append(captured)
        return Receipt("applied", an_incident())

    intake = Intake(fire=fire, clock=ManualClock(), program=Program())
    await intake.told(words, key="cli:1", actor="cli:alice", log=LOG, about=about, place=place)
    return fired[0].payload


async def test_what_is_chosen_is_what_the_words_are_about():
    (_, second) = recent_failures(LOG)

    payload = await told("Checkout answers 500", about=second.id, place="shop/web.py:do_GET")

    assert payload.exception
    assert payload.exception.final.type == "ValueError"
    assert (payload.incident.summary, payload.pointed) == ("Checkout answers 500", "shop/web.py:do_GET")


async def test_nothing_is_taken_that_nobody_chose():
    assert (await told("The chart shows last month")).exception is None


async def test_a_failure_that_the_log_forgot_is_named_as_gone():
    with pytest.raises(CaptureError, match="no longer holds that failure"):
        await told("Checkout answers 500", about="0000000000000000")
