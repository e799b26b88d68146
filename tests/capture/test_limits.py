"""What is cut: roughly before secrets are taken out and finely after. No half of a secret is left at a cut."""

from __future__ import annotations

import random
import re
import string
from typing import Any

import pytest

from kintsugi.capture.event import read_event
from kintsugi.capture.limits import cut, cut_roughly, fitted, roughly
from kintsugi.capture.sentry import Teller, payload_of
from kintsugi.telemetry.redact import remember
from kintsugi.workflow.payload import Failure, Frame, Payload, Raised
from tests.world.make import NOON, a_payload

BY = random.Random(19)  # the same each time
TOKEN = "gh" + "p_" + "".join(BY.choices(string.ascii_letters + string.digits, k=36))
OWN = "tulip lamp river stone cloud apple"  # known to us as a whole, and nothing that looks like a secret
KEY = (
    "-----BEGIN " + "PRIVATE KEY-----\n" + "\n".join("".join(BY.choices(string.ascii_letters, k=64)) for _ in range(12))
)


def of_event(**event: Any) -> Payload:
    return payload_of(read_event(event), Teller("42"), now=NOON)


def with_value(value: str) -> dict[str, Any]:
    frames = [{"filename": "shop.py", "function": "pay", "lineno": 3, "vars": {"note": value}, "context_line": value}]
    return {"exception": {"values": [{"type": "E", "value": value, "stacktrace": {"frames": frames}}]}}


def is_told(secret: str, text: str) -> bool:
    """Whether eight characters of it stand there in a row."""
    body = secret.rpartition("-----")[2].replace("\n", "")
    flat = text.replace("\\n", "")
    return any(body[at : at + 8] in flat for at in range(len(body) - 8))


@pytest.mark.parametrize("secret", [TOKEN, KEY, OWN], ids=["token", "key", "own"])
@pytest.mark.parametrize("limit", [160, 400, 1424, 8000, 9024])
def test_a_secret_that_a_cut_goes_through_is_not_told_by_halves(secret: str, limit: int):
    remember([OWN])
    for before in range(max(limit - len(secret) - 20, 0), limit + 20, 7):
        text = "word " * 4000
        payload = of_event(
            **with_value(f"{text[:before]} {secret}\n{text}"), message=f"{text[:before]} {secret} {text}"
        )

        assert not is_told(secret, payload.model_dump_json()), before


@pytest.mark.parametrize("length", [399, 400, 401, 1424, 1425, 9_000, 70_000])
def test_a_mark_counts_all_that_is_gone_however_often_it_was_cut(length: int):
    text = "a" * length

    shown = cut(cut_roughly(cut_roughly(text, 64_000), 1424), 400)

    gone = sum(int(count) for count in re.findall(r"\[(\d+) characters cut\]", shown))
    assert len(shown.partition("…")[0]) + gone == length
    assert len(shown.partition("…")[0]) == min(length, 400)


def test_what_is_left_out_of_a_stack_and_of_its_values_is_counted_once():
    variables = {f"v{at}": "1" for at in range(90)}
    frames = tuple(Frame(path=f"{at}.py", line=1, variables=variables) for at in range(300))
    payload = a_payload().model_copy(
        update={"exception": Failure(chain=(Raised(type="E", message="", frames=frames),))}
    )

    shown = fitted(roughly(payload))

    assert shown.exception
    told = shown.exception.final.frames
    (mark,) = [frame.path for frame in told if frame.line == 0]
    assert len(told) == 60
    assert mark == "… [241 frames cut]"
    assert told[-1].variables["…"] == "[66 variables cut]"
    assert len(told[-1].variables) == 25


def test_very_many_exceptions_frames_and_values_are_named_where_they_are_not_read():
    frames = [{"filename": "a.py", "function": f"f{at}", "lineno": 1} for at in range(5000)]
    event = {
        "exception": {"values": [{"type": "E", "value": "v", "stacktrace": {"frames": frames}}]},
        "tags": {f"t{at}": "1" for at in range(5000)},
        "breadcrumbs": [{"message": str(at)} for at in range(500)],
    }

    payload = of_event(**event)

    assert payload.exception
    assert [frame.function for frame in payload.exception.final.frames][-1] == "f4999"
    assert {"exception.0.stacktrace.frames.80-4829", "tags.500-4999", "breadcrumbs.0-399"} <= set(payload.unread)
    assert payload.log[-1].endswith("499")
