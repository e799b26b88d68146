import asyncio
import builtins
import datetime
import io
import json
import logging
import logging.config
import pickle
import subprocess
import sys
import threading
import traceback
import warnings
from pathlib import Path
from types import ModuleType

import discord
import loguru
import pytest
import structlog

from kintsugi.telemetry import handle_loop_errors, install
from tests.world.patience import PATIENCE
from tests.world.sdk_programs import with_only

ROOT = Path(__file__).parents[2]
TOKEN = "gh" + "p_" + "aB3d" * 9


def last_word(program, *, stdout=subprocess.PIPE):
    """Runs a program of its own and gives back the JSON lines on its standard error."""
    lead = "from kintsugi import telemetry\nimport logging, sys, threading\nlogs = telemetry.install()\n"
    done = subprocess.run(
        [sys.executable, "-c", lead + program],
        cwd=ROOT,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_a_warning_becomes_a_line(installed):
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn(f"old token {TOKEN}", DeprecationWarning, stacklevel=1)

    line = installed.last()
    assert line["logger"] == "py.warnings"
    assert TOKEN not in line["msg"]


def test_an_exception_in_a_thread_becomes_a_line_with_an_id(installed):
    thread = threading.Thread(target=lambda: int(TOKEN), name="worker-3")
    thread.start()
    thread.join()

    line = installed.last()
    assert (line["level"], line["extra"]["thread_name"]) == ("CRITICAL", "worker-3")
    assert line["extra"]["error_id"].startswith("ERR-")
    assert TOKEN not in line["exception"]


async def test_an_exception_nobody_awaited_becomes_a_line_with_an_id(installed):
    handle_loop_errors(asyncio.get_running_loop())

    asyncio.get_running_loop().call_exception_handler({"message": f"lost {TOKEN}", "exception": ValueError("x")})

    line = installed.last()
    assert line["msg"] == "lost ***"
    assert line["extra"]["error_id"].startswith("ERR-")


async def test_without_asking_asyncio_writes_through_us_as_well(installed):
    asyncio.get_running_loop().call_exception_handler({"message": f"lost {TOKEN}", "exception": ValueError("x")})

    assert installed.last()["logger"] == "asyncio"
    assert TOKEN not in json.dumps(installed.last())


def test_discords_own_setup_adds_no_second_writer(installed, capsys):
    discord.utils.setup_logging(root=False)
    try:
        logging.getLogger("discord.client").warning("hello")
    finally:
        logging.getLogger("discord").handlers.clear()

    assert installed.last()["msg"] == "hello"
    assert capsys.readouterr() == ("", "")


def test_handlers_that_others_add_see_only_redacted_records(installed, tmp_path):
    handler = logging.FileHandler(tmp_path / "other.log")
    handler.setFormatter(logging.Formatter("%(message)s %(note)s"))
    installed.log.addHandler(handler)

    installed.log.error("saw %s", TOKEN, exc_info=ValueError(TOKEN), extra={"note": TOKEN})
    handler.close()
    installed.log.removeHandler(handler)

    text = (tmp_path / "other.log").read_text()
    assert "saw *** ***" in text
    assert "ValueError: ***" in text
    assert TOKEN not in text


def test_a_logger_without_handlers_reaches_us_by_the_last_resort(installed):
    lonely = logging.Logger("lonely")

    lonely.warning("hello")

    assert installed.last()["msg"] == "hello"


def test_what_is_clean_reaches_other_handlers_as_it_was(installed):
    kept = []
    handler = logging.Handler()
    handler.emit = kept.append
    installed.log.addHandler(handler)
    error, when = KeyError("percent"), datetime.datetime(2026, 11, 29, tzinfo=datetime.UTC)

    installed.log.error(
        "order %d of %s", 7, "alice", exc_info=error, extra={"when": when, "cart": {"size": 12}, "password": "p4ss"}
    )
    installed.log.removeHandler(handler)

    (record,) = kept
    assert (record.msg, record.args) == ("order %d of %s", (7, "alice"))
    assert record.exc_info[1] is error
    assert (record.when, record.cart, record.password) == (when, {"size": 12}, "***")


def test_a_handler_that_formats_an_exception_itself_gets_one_of_its_class_without_the_secret(installed):
    class Refused(Exception):
        def __init__(self, status, message):
            super().__init__(status, message)
            self.status, self.token = status, TOKEN

        def __str__(self):
            return f"{self.status}: {self.args[1]}"

    kept = []
    handler = logging.Handler()
    handler.emit = kept.append
    installed.log.addHandler(handler)
    try:
        try:
            raise ValueError(TOKEN)
        except ValueError as cause:
            raise Refused(401, TOKEN) from cause
    except Refused as error:
        installed.log.exception("no")
        raised = error
    installed.log.removeHandler(handler)

    shown = kept[0].exc_info[1]
    assert isinstance(shown, Refused)
    assert (str(shown), shown.status, shown.token) == ("401: ***", 401, "***")
    assert isinstance(shown.__cause__, ValueError)
    text = "".join(traceback.format_exception(shown))
    assert TOKEN not in text + repr(shown) + repr(shown.args)
    assert "raise Refused(401, TOKEN) from cause" in text
    assert str(raised) == f"401: {TOKEN}"


def test_what_keeps_lines_away_is_put_back_or_said_once(installed):
    taken = logging.Logger.callHandlers
    logging.Logger.callHandlers = lambda logger, record: None
    logging.disable(logging.CRITICAL)
    try:
        installed.telemetry.check()
        installed.telemetry.check()
        logging.disable(logging.NOTSET)
        installed.log.error("here again")
    finally:
        logging.disable(logging.NOTSET)
        logging.Logger.callHandlers = taken

    said = [line["msg"] for line in installed.lines()]
    assert said == [
        "Something took Logger.callHandlers from the telemetry: it is put back.",
        "logging.disable(50) hides errors: they are not logged at all.",
        "here again",
    ]


def test_a_logger_class_that_hands_out_by_itself_is_heard_once_however_often_somebody_looks(installed, monkeypatch):
    class Own(logging.Logger):
        def callHandlers(self, record):  # noqa: N802  (logging's own name)
            if record.levelno >= logging.ERROR:
                super().callHandlers(record)

    own = Own("shop.own")
    own.parent = installed.log
    monkeypatch.setitem(logging.root.manager.loggerDict, "shop.own", own)
    for _ in range(3):
        installed.telemetry.check()
    own.warning("kept to itself")
    own.error("handed on")
    installed.log.error("of the others")

    said = [line["msg"] for line in installed.lines()]
    assert said == [
        "Something took Own.callHandlers from the telemetry: it is put back.",
        "kept to itself",
        "handed on",
        "of the others",
    ]


WRAPPED = """
import io, json, sentry_sdk
theirs = []
sentry_sdk.init(dsn="http://key@127.0.0.1:9/42", before_breadcrumb=lambda crumb, hint: theirs.append(crumb["message"]))
assert logging.Logger.callHandlers.__module__.startswith("sentry_sdk"), "it wraps ours"
logs.check()
logs.close()
again = telemetry.install(stream=io.StringIO(), mode="ring")
logging.getLogger("shop").addHandler(logging.NullHandler())
logging.getLogger("shop").warning("once")
again.close()
print(json.dumps([theirs, [json.loads(line)["msg"] for line in again.recent()]]), file=sys.stderr)
"""


def test_who_wraps_ours_hears_nothing_of_the_looks_and_all_once_after_a_new_start():
    theirs, ours = last_word(with_only("loguru") + WRAPPED)[-1]

    assert theirs == ["once"]
    assert ours == ["once"]


def test_what_loguru_would_not_make_is_not_made_for_us():
    made = []
    telemetry = install(stream=io.StringIO(), mode="ring")
    loguru.logger.opt(lazy=True).trace("{}", lambda: made.append("trace"))
    loguru.logger.opt(lazy=True).info("{}", lambda: made.append("info"))
    telemetry.close()

    assert made == ["info"]


def test_an_exception_that_prints_while_it_says_its_words_is_asked_once(installed):
    asked = []

    class Loud(Exception):
        def __str__(self) -> str:
            asked.append(1)
            print("asked")
            return "loud"

    try:
        raise Loud
    except Loud:
        print("something else")

    assert asked == [1]


def test_what_a_library_prints_by_a_name_that_it_took_before_is_heard_until_we_close():
    """As crescent does, with `from traceback import print_exception` at its head."""
    library = ModuleType("library_that_prints")
    vars(library).update(print_exception=traceback.print_exception)
    sys.modules[library.__name__] = library
    plain = traceback.print_exception
    telemetry = install(stream=io.StringIO())

    vars(library)["print_exception"](KeyError, KeyError("rolls"), None)
    lines = telemetry.recent()
    telemetry.close()
    del sys.modules[library.__name__]

    assert len([line for line in lines if "KeyError: 'rolls'" in line]) == 1
    assert vars(library)["print_exception"] is plain


def test_print_is_pickled_by_its_name_as_before(installed):
    assert pickle.loads(pickle.dumps(print)) is print


def test_loggers_that_a_configuration_disables_are_heard_and_named(installed):
    logging.config.dictConfig({"version": 1})
    installed.log.info("still here")
    installed.telemetry.check()
    installed.telemetry.close()

    said = [line["msg"] for line in installed.lines()]
    assert said[0] == "still here"
    assert said[1].startswith("A logging configuration disabled ")
    assert installed.log.disabled
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False})


@pytest.mark.parametrize("first", [0, 1])
def test_installed_twice_and_closed_in_any_order_everything_is_as_before(first):
    before = (logging.Logger.callHandlers, logging.Handler.handle, sys.excepthook, builtins.print)
    sinks = list(loguru.logger._core.handlers)
    both = [install(stream=io.StringIO()), install(stream=io.StringIO(), mode="ring")]

    thread = threading.Thread(target=lambda: logging.getLogger("shop").warning("both"))
    thread.start()
    thread.join()
    both.pop(first).close()
    logging.getLogger("shop").warning("one")
    loguru.logger.warning("of loguru")
    structlog.get_logger().warning("of structlog")
    heard = both[0].recent()
    both.pop().close()

    assert [json.loads(line)["msg"] for line in heard] == ["both", "one", "of loguru", "of structlog"]
    assert list(loguru.logger._core.handlers) == sinks
    assert (logging.Logger.callHandlers, logging.Handler.handle, sys.excepthook, builtins.print) == before


def test_closing_gives_everything_back():
    before = (
        sys.excepthook,
        threading.excepthook,
        logging.lastResort,
        logging.Logger.addHandler,
        logging.root.handlers[:],
    )

    install().close()

    after = (
        sys.excepthook,
        threading.excepthook,
        logging.lastResort,
        logging.Logger.addHandler,
        logging.root.handlers[:],
    )
    assert after == before


def test_an_uncaught_exception_is_the_last_line():
    lines = last_word(f"raise ValueError('{TOKEN}')")

    assert (lines[-1]["level"], lines[-1]["msg"]) == ("CRITICAL", "uncaught exception")
    assert "ValueError: ***" in lines[-1]["exception"]


@pytest.mark.parametrize("hook", ["lambda *_: None", "lambda *given, before=sys.excepthook: before(*given)"])
@pytest.mark.parametrize("raised", ["ValueError('mug')", "BaseExceptionGroup('all', [GeneratorExit()])"])
def test_a_hook_that_comes_later_does_not_hide_what_ended_the_program(hook: str, raised: str):
    """As that of typer, which draws a box and calls no other."""
    lines = last_word(f"sys.excepthook = {hook}\nraise {raised}")

    assert [line["msg"] for line in lines] == ["uncaught exception"]


@pytest.mark.parametrize("console", [{"__name__": "console"}, {"__name__": "__main__", "prompt": ">>> "}])
def test_what_a_console_has_shown_did_not_end_the_program(console: dict[str, str]):
    shown = "import sys\ntry: 1 / 0\nexcept Exception as error: sys.last_value = error\n"
    shown += "if 'prompt' in globals(): sys.ps1 = prompt"

    assert last_word(f"exec({shown!r}, {console!r})\n") == []


def test_who_does_not_wait_for_the_last_words_is_shown_no_traceback():
    program = (
        "from kintsugi import telemetry\n"
        "class Slow:\n least_level = 50\n def see(self, seen): pass\n def close(self): raise KeyboardInterrupt\n"
        "telemetry.install().listen(Slow())\n"
        "import logging\nfor number in range(1000): logging.info('line')\n"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)

    assert [json.loads(line)["msg"] for line in done.stderr.splitlines()] == ["line"] * 1000


def test_a_line_logged_while_the_interpreter_ends_is_not_lost():
    lines = last_word(
        "class A:\n def __del__(self): logging.getLogger('z').error('goodbye')\na = A()\nlogging.info('hi')"
    )

    assert [line["msg"] for line in lines] == ["hi", "goodbye"]


def test_lines_logged_by_exit_functions_are_not_lost():
    lines = last_word("import atexit\natexit.register(lambda: logging.warning('late'))\nlogging.info('hi')")

    assert [line["msg"] for line in lines] == ["hi", "late"]


@pytest.mark.parametrize("kind", ["SystemExit(3)", "KeyboardInterrupt()"])
def test_leaving_on_purpose_is_no_error(kind):
    done = subprocess.run(
        [sys.executable, "-c", f"from kintsugi import telemetry\ntelemetry.install()\nraise {kind}"],
        cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip

    assert "uncaught exception" not in done.stderr


_MANY = """
import logging, sys
from kintsugi import telemetry
logs = telemetry.install()
for number in range(12_000):
    logging.info("line %s of a program whose output nobody takes: " + "x" * 40, number)
logging.info("y" * 10_000_000)
logs.flush()
print(logs.dropped)
"""


def test_a_program_whose_output_nobody_reads_comes_to_its_end():
    program = subprocess.Popen(
        [sys.executable, "-c", _MANY], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout
    assert program.stderr

    dropped = int(program.stdout.readline())
    status = program.wait(PATIENCE)
    program.stdout.close()
    program.stderr.close()

    assert status == 0
    assert dropped > 2_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full: run them on Linux")
def test_a_program_whose_disk_is_full_comes_to_its_end_and_has_counted_every_line():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", _MANY], cwd=ROOT, stdout=subprocess.PIPE, stderr=full, text=True, timeout=PATIENCE
        )

    assert (done.returncode, int(done.stdout)) == (0, 12_001)
