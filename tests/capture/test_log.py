"""One pass over a log: what is read in it, in every language, however it is carried; and what is no failure."""

from __future__ import annotations

import itertools
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.capture.log import reports_in, reports_of
from kintsugi.capture.report import CUT_TYPE, Report
from tests.capture.forms import FORMS
from tests.capture.printed import ALL, CARRIED, CHAIN, GO, JAVA, NODE, PYTHON, Printed


def only(found: list[Report]) -> Report:
    assert len(found) == 1, [(one.first_line, one.failure.final.type) for one in found]
    return found[0]


def is_read(report: Report, printed: Printed) -> bool:
    failure = report.failure
    frame = failure.final.frames[-1]
    return (
        failure.language,
        tuple(raised.type for raised in failure.chain),
        failure.final.message,
        (frame.path.removeprefix("./"), frame.line),
    ) == (printed.language, printed.types, printed.message, printed.place)


@pytest.mark.parametrize("carried", CARRIED.values(), ids=CARRIED)
@pytest.mark.parametrize("printed", ALL.values(), ids=ALL)
def test_every_language_is_read_however_it_is_carried(printed, carried):
    assert is_read(only(list(reports_in(carried(printed.text)))), printed)


@pytest.mark.parametrize("printed", FORMS.values(), ids=FORMS)
def test_other_forms_are_one_failure_each(printed):
    assert is_read(only(list(reports_in(f"{printed.text}\n"))), printed)


@given(st.data())
def test_what_two_writers_print_at_once_is_told_apart(data):
    first, second = (data.draw(st.sampled_from(sorted(ALL))) for _ in range(2))
    lines = [("worker-1", line) for line in ALL[first].text.split("\n")]
    others = [("worker-2", line) for line in ALL[second].text.split("\n")]
    mixed: list[tuple[str, str]] = []
    while lines or others:
        taken = lines if lines and (not others or data.draw(st.booleans())) else others
        mixed.append(taken.pop(0))

    found = list(reports_in("".join(f"[{writer}] {line}\n" for writer, line in mixed)))

    assert len(found) == 2
    assert any(is_read(found[at], ALL[first]) and is_read(found[1 - at], ALL[second]) for at in (0, 1))


@given(st.lists(st.sampled_from(sorted(ALL)), min_size=1, max_size=6), st.integers(0, 3))
def test_several_failures_of_a_log_are_each_read_with_their_lines(names, between):
    text, begins = "", []
    for name in names:
        begins.append(text.count("\n") + 1)
        text += ALL[name].text + "\n" + "2026-11-28 10:00:00 INFO bot: going on\n" * (between + 1)

    found = list(reports_in(text))

    assert [one.first_line for one in found] == begins
    assert all(is_read(one, ALL[name]) for one, name in zip(found, names, strict=True))
    assert all(one.log[one.ends - 1] != "2026-11-28 10:00:00 INFO bot: going on" for one in found)


@given(st.sampled_from(sorted(ALL)), st.sampled_from(sorted(CARRIED)), st.data())
def test_a_log_that_is_cut_anywhere_is_read_as_far_as_it_goes(name, carrier, data):
    text = CARRIED[carrier](ALL[name].text)
    first = data.draw(st.integers(0, len(text)))
    last = data.draw(st.integers(first, len(text)))

    for report in reports_in(text[first:last]):
        assert 0 < report.first_line <= report.last_line
        assert report.failure.chain


@given(st.binary(max_size=2_000))
def test_any_bytes_are_looked_at(raw):
    for report in reports_of([raw[:700], raw[700:]]):
        assert report.failure.chain


@given(
    st.lists(
        st.sampled_from(
            [
                *itertools.chain.from_iterable(printed.text.split("\n") for printed in ALL.values()),
                "",
                "{",
                '"a",',
                "x | ",
            ]
        ),
        max_size=60,
    )
)
def test_lines_of_reports_in_any_order_are_looked_at(lines):
    for report in reports_in("\n".join(lines)):
        assert report.first_line <= report.last_line


@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_it_makes_no_difference_how_the_log_is_cut_into_pieces(size):
    raw = "".join(f"{printed.text}\nINFO on, 7 °C\n" for printed in ALL.values()).encode("utf-16")
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]

    assert list(reports_of(pieces)) == list(reports_of([raw]))


def test_a_stretch_without_a_report_is_passed_over_and_its_last_lines_stand_in_the_log():
    before = [f"2026-11-28 10:00:00 INFO bot: request {at} served" for at in range(9_000)]
    raw = "\n".join([*before, PYTHON.text, "2026-11-28 10:00:01 INFO bot: on\n"]).encode()

    report = only(list(reports_of(raw[at : at + 5_000] for at in range(0, len(raw), 5_000))))

    assert (report.first_line, report.last_line) == (9_001, 9_008)
    assert report.log[report.ends - 1] == "KeyError: 'discount'"
    assert report.log[report.ends - 9] == before[-1]
    assert not report.more


@pytest.mark.parametrize(
    "text",
    [
        'Logged in\n^CTraceback (most recent call last):\n  File "/srv/shop/bot.py", line 9, in run\n    loop()\nKeyboardInterrupt\n',
        '  File "/srv/shop/bot.py", line 9, in run\n    traceback.print_stack()\n',
        'Loop thread traceback (most recent call last):\n  File "/srv/shop/bot.py", line 9, in run\n    loop()\n\nINFO: on\n',
        'Stack (most recent call last):\n  File "/srv/shop/bot.py", line 9, in run\n    log.info("x", stack_info=True)\nKeyError: no\n',
        f"{PYTHON.text[: PYTHON.text.rindex('KeyError')]}asyncio.exceptions.CancelledError\n",
        "Trace: here\n    at price (/srv/shop/basket.js:7:20)\n    at total (/srv/shop/basket.js:9:1)\n",
        "(node:4) DeprecationWarning: punycode is old\n    at price (/srv/shop/basket.js:7:20)\n",
        "INFO deploy: built at /srv/shop/bot.py:3:1\nplease look at src/index.js:5:3\n",
        '"worker-1" #23 daemon prio=5\n   java.lang.Thread.State: RUNNABLE\n\tat com.example.shop.Main.run(Main.java:9)\n',
        '"main" #1\n   java.lang.Thread.State: WAITING (sleeping)\n\tat java.lang.Thread.sleep(java.base@17.0.2/Native Method)\n',
        "SIGQUIT: quit\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/shop/main.go:40 +0x85\n",
        "PHP Warning:  Undefined variable $tea in /srv/shop/basket.php on line 7\n",
        "/srv/shop/pricing.py:3: DeprecationWarning: invalid escape sequence\n",
        "** (Mix) Could not compile\n",
        "=== FAILURES ===\n=== warnings summary ===\n  /srv/shop/pricing.py:3: DeprecationWarning: old\n=== 1 failed in 0.1s ===\n",
        "=== FAILURES ===\n=== 1 failed in 0.1s ===\n10:00 shop/cart.py:9: error: Incompatible types\n",
        "Showing nodes accounting for 5s\nmain.price\n\t/srv/shop/price.go:31\nmain.main\n\t/srv/shop/main.go:9\n",
        *(
            f"{head} callers\nmain.main\n\t/srv/shop/main.go:9\nruntime.main\n\t/usr/local/go/src/runtime/proc.go:267\n"
            for head in (
                "2026/11/28 10:00:00 INFO",
                "INFO[0003]",
                "10:00AM DBG",
                "2026-11-28T10:00:00Z [WARN]  agent:",
                "I1128 10:00:00.000000       1 main.go:12]",
                "time=2026-11-28T10:00:00Z level=WARN msg=",
                "Nov 28 10:00:00 host shop[12]: INFO",
            )
        ),
        "The job was Killed yesterday\n",
    ],
)
def test_where_nothing_failed_nothing_is_found(text):
    assert list(reports_in(text)) == []


@pytest.mark.parametrize(
    "after",
    [
        "A guest came in\nThe shop is full\n",
        '[28/Nov/2026 10:00:09] "GET / HTTP/1.1" 500 69843\n',
        "2026/11/28 10:00:01 next\n",
        "sys:1: RuntimeWarning: coroutine 'refresh' was never awaited\n",
        "Unclosed client session\nclient_session: <aiohttp.client.ClientSession object at 0x7f10>\n",
        "```\n",
        '"""\n',
        "Traceback (most recent call last):\n",
        "bot is online\nguest joined the shop\n",
        "- restarting\n* Running on http://127.0.0.1:5000\n",
        "~ $ \n",
    ],
)
def test_a_message_ends_where_something_else_begins(after):
    for text, message in ((PYTHON.text, "'discount'"), (CHAIN.text, "no tea")):
        first = next(reports_in(f"{text}\n{after}"))

        assert first.failure.final.message == message


def test_a_list_of_inner_exceptions_whose_end_is_lost_takes_no_other_failure_along():
    cut = FORMS["aggregate"].text.replace("<---", "")

    assert [one.failure.language for one in reports_in(f"{cut}info: up\n{JAVA.text}\n")] == ["dotnet", "java"]


@pytest.mark.parametrize("cause", ["caused by: RangeError: x", "[cause]: RangeError: x"])
def test_causes_without_an_end_are_no_trouble(cause):
    calls = "    at f (/srv/shop/a.js:1:1) {\n" if cause.startswith("[") else "    at f (/srv/shop/a.js:1:1)\n"

    (first, *_) = reports_in(f"VError: a\n{calls}" + f"{cause}\n{calls}" * 2_000)

    assert first.failure.final.type == "VError"


def test_a_cause_without_calls_takes_no_other_failure_along():
    text = "VError: a\n    at f (/srv/shop/a.js:1:1)\ncaused by: RangeError: x\n"

    assert [report.failure.final.type for report in reports_in(f"{text}{NODE.text}\n")] == ["VError", "TypeError"]


def test_fields_that_hold_something_else_than_frames_are_no_trouble():
    record = '{"event":"failed","xs":[{"exc_type":"KeyError","exc_value":"tea","frames":7}]}'

    assert only(list(reports_in(record))).failure.final.type == "KeyError"


def test_an_exception_without_a_message_has_none_of_what_is_printed_below():
    text = PYTHON.text.replace("KeyError: 'discount'", "shop.NoTea")

    first = next(reports_in(f"{text}\nA guest came in\nagain\n"))

    assert (first.failure.final.type, first.failure.final.message) == ("shop.NoTea", "")


def test_a_stack_of_a_worker_is_told_once_with_the_workers_place_innermost():
    text = textwrap.dedent(
        '''
        concurrent.futures.process._RemoteTraceback:
        """
        Traceback (most recent call last):
          File "/srv/shop/pricing.py", line 12, in total
            return cart["discount"]
        KeyError: 'discount'
        """

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "/srv/shop/bot.py", line 31, in on_message
            return pool.submit(total, cart).result()
        KeyError: 'discount'
        '''
    )

    failure = only(list(reports_in(text))).failure

    assert [raised.type for raised in failure.chain] == ["KeyError"]
    assert [frame.path for frame in failure.final.frames] == ["/srv/shop/bot.py", "/srv/shop/pricing.py"]


def test_a_report_that_tells_neither_what_nor_where_says_so():
    report = only(list(reports_in("Traceback (most recent call last):\n")))

    assert (report.failure.final.type, report.is_named, report.more) == (CUT_TYPE, False, True)


def test_a_report_may_go_on_where_the_log_ends_and_not_where_it_does_not():
    for printed in (PYTHON, NODE, JAVA, GO):
        assert only(list(reports_in(printed.text))).more
        assert not only(list(reports_in(f"{printed.text}\n2026-11-28 10:00:00 INFO on\n"))).more
