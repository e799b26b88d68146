"""The payload as a whole: composed, redacted, bounded."""

import asyncio
import functools
import json
import traceback
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.capture import CaptureError, build_payload, from_exception, read_failure, read_text
from kintsugi.capture.build import payload_in_words
from kintsugi.capture.limits import LARGEST_PAYLOAD
from kintsugi.repair.referee import crash_of
from kintsugi.workflow.payload import About, Payload, RequestContext

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CRASH = """\
Traceback (most recent call last):
  File "/srv/app/shop/web.py", line 31, in do_GET
    total = checkout(cart)
  File "/srv/app/shop/pricing.py", line 12, in checkout
    return price - cart["discount"]
KeyError: 'discount'
"""
SECRET = "-".join(("correct", "horse", "battery"))


def payload_of(source: str | BaseException, **known) -> Payload:
    return build_payload(source, **{"root": None, "opened_by": "cli:alice", "now": NOW, **known})


def raised_by(function) -> BaseException:
    try:
        function()
    except BaseException as error:
        return error
    raise RuntimeError("nothing was raised")


def printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def missing_key():
    {}["discount"]


def chained():
    try:
        missing_key()
    except KeyError as error:
        raise ValueError("order 7 cannot be priced\nas its cart is broken") from error


def noted():
    error = ValueError("bad")
    error.add_note("while reading row 7")
    raise error


def endless():
    endless()


def grouped():
    raise ExceptionGroup("two", [raised_by(chained), raised_by(noted)])


def not_compiling():
    compile("def f(:", "f.py", "exec")


def gathered():
    async def both():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.to_thread(missing_key))

    asyncio.run(both())


@pytest.mark.parametrize("fails", [missing_key, chained, noted, endless, grouped, not_compiling, gathered])
def test_a_live_exception_and_its_printed_traceback_are_the_same_failure(fails, request):
    error = raised_by(fails)

    live, read = (
        payload_of(error, root=request.config.rootpath),
        payload_of(printed(error), root=request.config.rootpath),
    )

    assert live.incident.fingerprint == read.incident.fingerprint
    assert live.incident.summary == read.incident.summary
    assert [raised.type for raised in from_exception(error).chain] == [raised.type for raised in read.exception.chain]


def nested():
    raise ExceptionGroup("outer", [raised_by(gathered), raised_by(noted)])


def of_any_kind():
    raise BaseExceptionGroup("all", [raised_by(missing_key), GeneratorExit()])


@pytest.mark.parametrize(
    ("fails", "group"),
    [(gathered, "an ExceptionGroup"), (nested, "an ExceptionGroup"), (of_any_kind, "a BaseExceptionGroup")],
)
def test_a_group_is_summed_up_by_the_first_of_its_exceptions_that_is_no_group(fails, group, request):
    payload = payload_of(raised_by(fails), root=request.config.rootpath)

    assert payload.incident.summary.startswith("KeyError: ")
    assert payload.incident.summary.endswith(f" (one of {group})")
    assert crash_of(payload.exception).kind == "KeyError"


def test_a_group_that_was_never_raised_is_summed_up_by_itself():
    summary = payload_of(ExceptionGroup("two", [OSError("no disk")])).incident.summary

    assert summary == "ExceptionGroup: two (1 sub-exception)"


def test_a_message_that_is_a_list_is_summed_up_on_one_line():
    assert payload_of(ValueError('[\n  "no tea"\n]')).incident.summary == 'ValueError: [ "no tea" ]'


@pytest.mark.parametrize("fails", [missing_key, chained])
def test_how_many_tasks_failed_in_the_same_way_makes_no_other_failure(fails):
    def many(count: int) -> None:
        raise ExceptionGroup("many", [raised_by(fails) for _ in range(count)])

    def failed(count: int) -> About:
        return payload_of(raised_by(functools.partial(many, count))).incident

    assert failed(2).fingerprint == failed(3).fingerprint != payload_of(raised_by(grouped)).incident.fingerprint
    assert len(set(failed(3).earlier) - set(failed(2).earlier)) == 2  # as they were named when each one counted


def test_other_failures_have_other_fingerprints():
    failures = [missing_key, chained, noted, endless, grouped, not_compiling, gathered]

    assert len({payload_of(raised_by(fails)).incident.fingerprint for fails in failures}) == len(failures)


def test_an_exception_that_was_never_raised_is_still_a_failure():
    payload = payload_of(ValueError("never raised"))

    assert (payload.exception.final.type, payload.exception.final.message) == ("ValueError", "never raised")


def test_the_same_crash_on_another_day_and_host_has_the_same_fingerprint():
    elsewhere = CRASH.replace("/srv/app/", "/home/bot/current/")

    assert payload_of(CRASH).incident.fingerprint == payload_of(f"2026-11-23 {elsewhere}").incident.fingerprint


def test_locals_are_shown_for_the_projects_frames_and_redacted_by_their_names(request):
    def sign_in():
        password = SECRET
        attempt = 3
        return {}[attempt, password]

    payload = payload_of(raised_by(sign_in), root=request.config.rootpath)

    variables = payload.exception.innermost.variables
    assert variables["attempt"] == "3"
    assert "password" in variables
    assert SECRET not in str(variables["password"])


def test_nothing_secret_is_left_anywhere():
    secret = "gh" + "p_" + "0123456789abcdefghijABCDEFGHIJ012345"
    record = {"ts": "2026-11-23T11:59:00Z", "level": "ERROR", "msg": f"using {secret}", "user": f"token={secret}"}
    text = f"Authorization: Bearer {secret}\n{json.dumps({**record, 'exception': f'{CRASH} {secret}'})}\n"

    payload = payload_of(text, summary=f"it said {secret}")

    assert secret not in payload.model_dump_json()


def test_a_secret_below_a_name_in_the_entities_is_redacted():
    login = {
        "password": SECRET,
        "codes": [1, True, None],
        "headers": [["b'authorization'", "b'Bearer " + SECRET + "'"]],
    }
    entities = {"amount": 3, "login": login, "pin_code": "tea"}

    payload = payload_of(CRASH, request=RequestContext(entities=entities))

    assert SECRET not in payload.model_dump_json()
    assert payload.request.entities["amount"] == 3
    assert payload.request.entities["login"]["codes"] == [1, True, None]


def test_the_request_is_read_from_the_log_line_of_the_failure():
    lines = [
        {"ts": "2026-11-23T11:58:00Z", "user": "other", "intent": "/status", "msg": "ok"},
        {
            "ts": "2026-11-23T11:59:00Z",
            "level": "ERROR",
            "msg": "checkout failed",
            "user": "discord:7",
            "channel": "42",
            "intent": "/checkout",
            "entities": {"cart": 9},
            "exception": CRASH,
        },
    ]

    payload = payload_of("\n".join(map(json.dumps, lines)))

    assert payload.request == RequestContext(user="discord:7", channel="42", intent="/checkout", entities={"cart": 9})
    assert payload.occurred.first == NOW - timedelta(minutes=1)
    assert payload.exception.final.type == "KeyError"


def test_a_failure_logged_as_text_has_the_request_of_the_record_before_it():
    record = {"ts": "2026-11-23T11:59:00Z", "user": "discord:7", "intent": "/checkout", "msg": "pricing"}

    payload = payload_of(f"{json.dumps(record)}\n{CRASH}")

    assert (payload.request.user, payload.request.intent) == ("discord:7", "/checkout")


def test_the_time_is_now_where_the_log_has_none_or_one_to_come():
    assert payload_of(CRASH).occurred.last == NOW
    assert payload_of(f"2031-01-01 00:00:00 ERROR web: failed\n{CRASH}").occurred.last == NOW


def test_the_log_slice_goes_up_to_the_failure_and_a_little_on():
    above, below = ([f"{word} {at}" for at in range(500)] for word in ("before", "after"))

    payload = payload_of("\n".join([*above, CRASH.rstrip(), *below]), log_lines=100)

    assert len(payload.log) == 100
    assert payload.log[-1] == "after 24"
    assert "KeyError: 'discount'" in payload.log


def test_a_summary_says_what_and_where():
    assert payload_of(CRASH).incident.summary == "KeyError: 'discount'"
    assert payload_of(CRASH, summary="Checkout answers 500").incident.summary == "Checkout answers 500"


def test_a_report_that_was_cut_short_is_still_an_incident():
    payload = payload_of(CRASH[: CRASH.index("KeyError")])

    assert not payload.exception.complete
    assert payload.incident.summary == "A failure whose report was cut short"


def test_a_text_without_a_failure_needs_a_summary():
    with pytest.raises(CaptureError, match="no failure in this text"):
        payload_of("INFO: all is well\n")
    with pytest.raises(CaptureError, match="empty"):
        payload_of(" \n")


def test_trouble_in_words_has_a_fingerprint_of_its_last_error():
    def of(text: str) -> str:
        return payload_of(text, summary="The sheet is down").incident.fingerprint

    one = of("2026-11-23 10:00:00,123 ERROR sheets: request 17 refused\nINFO bye\n")
    again = of("2026-11-24 11:30:09,004 ERROR sheets: request 23 refused\nINFO stopped\n")
    other = of("2026-11-23 10:00:00,123 ERROR sheets: no such range\nINFO bye\n")

    assert one == again
    assert one != other


def test_the_version_of_python_is_known_from_its_paths():
    frame = '  File "/usr/lib/python3.12/json/decoder.py", line 3, in decode\n'

    assert payload_of(CRASH.replace("KeyError", f"{frame}KeyError", 1)).build.python == "3.12"
    assert payload_of(CRASH).build.python is None


def test_what_no_database_can_hold_is_replaced():
    nested = "[" * 300 + "]" * 300
    record = f'{{"user": "a\\ud800b", "entities": {{"x": {nested}, "y": "\\u0000"}}, "exception": {json.dumps(CRASH)}}}'

    payload = payload_of(f"\ud800 \0\n{record}")

    assert Payload.model_validate_json(payload.model_dump_json()) == payload
    assert "\\u0000" not in payload.model_dump_json()
    assert payload.request.user == "a?b"
    assert "[deeper levels cut]" in str(payload.request.entities)


def deep(depth: int):
    text = "x" * 5_000
    if depth:
        deeper = [deep, other_deep][depth % 2]
        deeper(depth - 1)
    raise ValueError(text * 20)


def other_deep(depth: int):
    deep(depth)


def test_a_payload_is_bounded_whatever_the_failure(request):
    log = ["\x01é\x02" * 20_000] * 400
    entities = {f"name {at}": "value" * 900 for at in range(900)}

    payload = payload_of(
        raised_by(lambda: deep(400)),
        root=request.config.rootpath,
        log=log,
        request=RequestContext(user="u" * 90_000, entities=entities),
        summary="s" * 400_000,
    )

    assert len(payload.model_dump_json().encode()) <= LARGEST_PAYLOAD
    assert "characters cut]" in payload.exception.final.message
    assert "characters cut]" in payload.incident.summary
    assert "frames cut]" in payload.model_dump_json()
    assert "entities cut]" in payload.model_dump_json()
    assert payload.exception.innermost.function == "deep"


@given(st.binary(max_size=300))
def test_any_bytes_are_text_or_refused_with_a_sentence(raw):
    try:
        text = read_text(raw)
    except CaptureError as error:
        assert str(error).endswith(".")
    else:
        assert read_failure(text) is None or text


def test_odd_encodings_are_read():
    crash = CRASH.replace("discount", "Rabatt für Gäste")

    assert read_failure(read_text(crash.encode("utf-16"))) == read_failure(crash)
    assert read_failure(read_text(crash.encode("utf-8-sig"))) == read_failure(crash)
    assert read_failure(read_text(crash.encode("latin-1"))).final.type == "KeyError"


@pytest.mark.parametrize(
    "raw", [b"\x7fELF\x02\x01\x01\x00\x00", bytes(range(128, 256)) * 9, b"\x89PNG\r\n\x1a\n" + b"\xff" * 99]
)
def test_binary_input_is_refused(raw):
    with pytest.raises(CaptureError, match="binary"):
        read_text(raw)


def told(words: str, **known) -> Payload:
    return payload_in_words(words, **{"log": (), "opened_by": "discord:alice", "now": NOW, **known})


def test_a_report_in_words_takes_no_crash_of_the_log_for_its_own():
    payload = told("The chart shows last month", log=CRASH.splitlines())

    assert payload.in_words
    assert payload.incident.summary == "The chart shows last month"
    assert payload.log[-1] == "KeyError: 'discount'"
    assert payload.incident.fingerprint != payload_of(CRASH).incident.fingerprint


def test_the_same_words_are_the_same_report_and_nothing_else_is():
    names = [
        told(words).incident.fingerprint
        for words in ("The chart is old", "the  chart is OLD ", "The chart of 2024 is old", "The chart of 2025 is old")
    ]

    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert payload_of("The chart is old", summary="The chart is old").incident.fingerprint not in names


def test_what_is_said_has_no_secret_no_end_and_is_not_nothing():
    with pytest.raises(CaptureError, match="Say in a few words what is wrong"):
        told(" \n ")
    said = told(f"login with password={SECRET} fails " + "a" * 100_000, place=f"shop/keys.py:password={SECRET}")

    assert SECRET not in said.model_dump_json()
    assert len(said.model_dump_json()) < 20_000
