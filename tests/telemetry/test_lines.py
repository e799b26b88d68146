import asyncio
import json
import logging
import random
import re

from kintsugi.telemetry import bind
from kintsugi.telemetry.lines import LineFormatter
from tests.telemetry.made_up import keyed_cases, special_cases, vendor_cases

FIELDS = ["ts", "level", "logger", "msg", "user", "channel", "intent", "entities", "exception", "incident_id", "extra"]


def test_a_line_has_all_fields_in_order(installed):
    installed.log.info("order %s shipped", 4711, extra={"attempt": 2})

    line = installed.last()
    assert list(line) == FIELDS
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", line["ts"])
    assert (line["level"], line["logger"], line["msg"]) == ("INFO", "tests.shop", "order 4711 shipped")
    assert line["extra"] == {"attempt": 2}
    assert line["exception"] is None


def test_a_time_is_written_to_the_microsecond_whatever_was_written_before():
    writer, record = LineFormatter(), logging.LogRecord("shop", logging.INFO, "", 0, "order", None, None)
    given = (1.5, 1 + 2**-16, 0.0, 7200.25, 1.9999999, -0.5)
    written = []
    for record.created in given:
        written.append(json.loads(writer.format(record))["ts"][11:])

    assert written == [
        "00:00:01.500000Z", "00:00:01.000015Z", "00:00:00.000000Z", "02:00:00.250000Z", "00:00:01.999999Z",
        "23:59:59.500000Z",
    ]  # fmt: skip


def test_a_plain_line_and_a_careful_one_have_the_same_form(installed):
    installed.log.info("plain")
    installed.log.info("careful: ü", extra={"list": [1, {"deep": None}], "ratio": 0.5})

    plain, careful = installed.lines()[-2:]
    assert list(plain) == list(careful) == FIELDS
    assert careful["extra"] == {"list": [1, {"deep": None}], "ratio": 0.5}


async def test_what_is_bound_is_on_every_line_of_the_task_and_of_the_tasks_it_starts(installed):
    async def inner():
        installed.log.info("inner")

    async def outer():
        bind(user="81384788765712384", channel="7", intent="order ship", entities={"item": "x"}, incident_id="INC-1")
        await asyncio.create_task(inner())

    await asyncio.create_task(outer())
    installed.log.info("outside")

    inside, outside = installed.lines()[-2:]
    assert (inside["user"], inside["channel"], inside["intent"]) == ("81384788765712384", "7", "order ship")
    assert (inside["entities"], inside["incident_id"]) == ({"item": "x"}, "INC-1")
    assert outside["user"] is None


def test_a_binding_can_be_taken_back(installed):
    with bind(intent="outer"):
        with bind(user="1"):
            installed.log.info("in both")
        installed.log.info("in one")

    both, one = installed.lines()[-2:]
    assert (both["intent"], both["user"]) == ("outer", "1")
    assert (one["intent"], one["user"]) == ("outer", None)


def test_no_secret_passes_through_message_arguments_extra_entities_or_traceback(installed):
    rnd = random.Random(21)
    cases = [*rnd.sample([*vendor_cases(rnd)], 60), *rnd.sample([*keyed_cases(rnd)], 60), *special_cases(rnd)]

    for case in (case for case in cases if case.secret):
        with bind(entities={"deep": [{"text": case.text}]}):
            installed.log.info(case.text, extra={"note": case.text, "nested": {"a": (case.text,)}})
            installed.log.warning("saw %s and %r", case.text, case.text)
            try:
                local = case.text
                raise ValueError(local)
            except ValueError:
                installed.log.exception("failed with %s", local)

        lines = installed.telemetry.recent(limit=3)
        assert [(case.kind, line) for line in lines if case.leaks_in(line)] == []
        assert all(list(json.loads(line)) == FIELDS for line in lines)


def test_values_under_secret_names_are_hidden_whatever_their_type(installed):
    installed.log.info(
        "x", extra={"password": 12345678, "client_secret": b"ordinary words", "nested": {"passwd": "sun"}}
    )

    assert installed.last()["extra"] == {"password": "***", "client_secret": "***", "nested": {"passwd": "***"}}


def test_of_a_pair_the_first_says_what_the_second_is(installed):
    headers = [(b"host", b"shop"), (b"authorization", b"Bearer " + b"abcdefghijkl123")]
    told = [["'password'", "'hunter22x'"]]  # as Sentry's SDKs tell of local variables
    installed.log.info(
        "x", extra={"headers": headers, "by_name": dict(headers), "told": told, "passwords": ["", "tiger99"]}
    )

    line = installed.last()
    assert not any(secret in json.dumps(line) for secret in ("abcdefghijkl123", "hunter22x", "tiger99"))
    assert line["extra"]["headers"][0] == ["b'host'", "b'shop'"]


def test_own_secrets_are_hidden(installed):
    installed.log.info("it is %s", "own-" + "secret-" + "value-77", extra={"v": "own-" + "secret-" + "value-77"})
    installed.log.info("a number", extra={"v": 48151_62342, "other": 48151_62343})

    words, number = installed.lines()[-2:]
    assert words["msg"] == "it is ***"
    assert words["extra"] == {"v": "***"}
    assert number["extra"] == {"v": "***", "other": 48151_62343}


def test_a_key_logged_line_by_line_is_hidden(installed):
    for part in (
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        "aB3d" * 16,
        "Ef0/" * 16,
        "ab==",
        "-----END " + "RSA PRIVATE KEY-----",
    ):
        installed.log.info(part)
    installed.log.info("afterwards")

    assert [line["msg"] for line in installed.lines()[-6:]][1:4] == ["***"] * 3
    assert installed.last()["msg"] == "afterwards"


def test_an_error_without_an_id_gets_one(installed):
    try:
        raise KeyError("discount")
    except KeyError:
        installed.log.exception("checkout failed")

    line = installed.last()
    assert re.fullmatch(r"ERR-[0-9a-f]{8}", line["extra"]["error_id"])
    assert "KeyError: 'discount'" in line["exception"]


def test_an_error_of_an_incident_needs_no_other_id(installed):
    with bind(incident_id="INC-7"):
        installed.log.error("still failing", exc_info=ValueError("x"))

    line = installed.last()
    assert line["incident_id"] == "INC-7"
    assert "error_id" not in line["extra"]


def test_long_lines_are_cut_and_say_so(installed):
    installed.log.info("é" * 10_000_000)
    installed.log.info("\x00" * 100_000, extra={f"k{n}": "\x01" * 9_000 for n in range(300)})

    assert all(len(line.encode()) <= 16 * 1024 for line in installed.telemetry.recent())
    assert "[cut: 10000000 characters]" in installed.lines()[-2]["msg"]


def test_the_log_of_libraries_with_their_own_level_is_kept(installed):
    logging.getLogger("discord.gateway").warning("shard %s lags", 3)

    assert installed.last()["msg"] == "shard 3 lags"
