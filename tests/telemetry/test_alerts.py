import asyncio
import hashlib
import hmac
import http.server
import io
import json
import logging
import threading
from dataclasses import replace
from urllib.error import HTTPError

import discord
import pytest

from kintsugi.bot.address import point_at
from kintsugi.telemetry import Bound, install
from kintsugi.telemetry.alerts import (
    Alert,
    Alerts,
    BadRule,
    DiscordChannel,
    Rule,
    SignedWebhook,
    built_in_rules,
    export_loki,
    read_rules,
)
from kintsugi.telemetry.alerts.discord_channel import text_of
from kintsugi.telemetry.handler import Seen
from tests.world import discord as stand_in
from tests.world.discord_shapes import CHANNEL
from tests.world.patience import PATIENCE

RULE = Rule("boom", threshold=3, window=60, cooldown=600, text="boom")


class Bench:
    """Alerts under a clock of the test, with one sink that remembers."""

    def __init__(self, *rules, **sinks):
        self.now = 1_000.0
        self.told = []
        self.alerts = Alerts(rules, sinks or {"list": self.told.append}, clock=lambda: self.now)

    def logs(self, message, *, times=1, level=logging.ERROR, name="shop", error=None):
        for _ in range(times):
            exc_info = (type(error), error, None) if error else None
            record = logging.LogRecord(name, level, "", 0, message, None, exc_info)
            self.alerts.see(Seen(record, json.dumps({"msg": message}), Bound(incident_id=7), "ERR-1"))

    def settled(self):
        self.alerts.close()
        return self.told


def test_below_the_threshold_nobody_is_told():
    bench = Bench(RULE)

    bench.logs("boom", times=2)
    bench.now += 61
    bench.logs("boom", times=2)

    assert bench.settled() == []


def test_a_storm_is_one_alert_and_the_next_one_says_how_many_there_were():
    bench = Bench(RULE)

    bench.logs("boom", times=500)
    bench.now += 601
    bench.logs("boom", times=3)

    assert [alert.count for alert in bench.settled()] == [3, 500]
    assert (bench.told[0].rule, bench.told[0].error_id, bench.told[0].incident_id) == ("boom", "ERR-1", "7")


def test_where_no_thread_can_be_started_any_more_an_alert_is_told_at_the_end():
    """As when Python 3.12 ends. No machine has room for such a stack."""
    bench = Bench(RULE)
    before = threading.stack_size(1 << 47)

    try:
        bench.logs("boom", times=3)
    finally:
        threading.stack_size(before)

    assert [alert.count for alert in bench.settled()] == [3]


@pytest.mark.parametrize(
    ("rule", "matching", "other"),
    [
        (Rule("a", logger="shop"), {"name": "shop.cart"}, {"name": "shopping"}),
        (Rule("a", level="error"), {"level": 40}, {"level": 30}),
        (Rule("a", exception="LookupError"), {"error": KeyError("x")}, {"error": ValueError("x")}),
        (Rule("a", text="Boom"), {"message": "it went boom"}, {"message": "fine"}),
        (Rule("a", regex=r"\b50\d\b"), {"message": "answered 503"}, {"message": "answered 404"}),
    ],
)
def test_a_rule_matches_what_it_names(rule, matching, other):
    bench = Bench(rule)

    bench.logs(**{"message": "m", **other})
    assert bench.settled() == []

    bench = Bench(rule)
    bench.logs(**{"message": "m", **matching})
    assert len(bench.settled()) == 1


@pytest.mark.parametrize(
    "message",
    [
        "404 Not Found (error code: 10062): Unknown interaction", "404 Not Found (error code: 10008): Unknown Message",
        "400 Bad Request (error code: 40060): Interaction has already been acknowledged.",
        "APIError: [403]: The caller does not have permission, while opening the sheet", "sheet read failed with status 429",
        "https://sheets.googleapis.com/v4/spreadsheets/x answered 404", "gspread: 401 unauthorized",
    ],
)  # fmt: skip
def test_the_built_in_rules_know_lost_interactions_and_closed_sheets(message):
    bench = Bench(*built_in_rules())

    bench.logs(message, times=3, level=logging.WARNING)

    assert len(bench.settled()) == 1


class WithoutAHash(type):
    __hash__ = None

    def __eq__(cls, other):
        return cls is other


class Equal(type):
    def __eq__(cls, other):
        return True

    def __hash__(cls):
        return 1


def of(module, name, base=Exception, kind=type, **fields):
    """An exception as a library has it that is not installed here: its class's names, and what it carries."""
    error = kind(name, (base,), {"__module__": module})(fields.pop("says", name))
    error.__dict__.update(fields)
    return error


class Answer:
    """What an HTTP client keeps of an answer."""

    def __init__(self, status, url=""):
        self.status = self.status_code = status
        self.reason, self.url = "", url


def discords(status, code, message="x", kind=discord.HTTPException):
    return kind(Answer(status), {"code": code, "message": message})


def sheets(status):
    return of("gspread.exceptions", "APIError", says=f"APIError: [{status}]: no", response=Answer(status), code=status)


def caused(by):
    try:
        raise RuntimeError("the shop is closed") from by
    except RuntimeError as error:
        return error


async def responded_twice():
    client = discord.Client(intents=discord.Intents.none())
    return discord.InteractionResponded(discord.Interaction(data=ASKED, state=client._connection))


ASKED = {"id": "1", "type": 2, "token": "t", "version": 1, "application_id": "2", "user": {"id": "3", "username": "a", "discriminator": "0", "avatar": None}, "data": {"name": "x", "id": "4", "type": 1}, "authorizing_integration_owners": {}, "entitlements": [], "attachment_size_limit": 0, "locale": "en-GB"}  # fmt: skip
LOST, CLOSED = "discord-interaction-lost", "sheet-access"
CASES = [
    (discords(404, 10062, kind=discord.NotFound), LOST),
    (discords(404, 10015, kind=discord.NotFound), LOST),
    (discords(401, 50027), LOST),
    (discords(400, 40060), LOST),
    (caused(discords(404, 10062)), LOST),
    (discords(404, 10008, "Unknown Message", discord.NotFound), None),
    (discords(403, 50013, kind=discord.Forbidden), None),
    (discords(404, 10003, kind=discord.NotFound), None),
    (discords(500, 0, kind=discord.DiscordServerError), None),
    (discords(429, 0), None),
    (ValueError("order 10062 of the sheet was refused with code 404"), None),
    (KeyError("error code: 40060"), None),
    (sheets(401), CLOSED),
    (sheets(403), CLOSED),
    (sheets(404), CLOSED),
    (sheets(429), CLOSED),
    (sheets(503), CLOSED),
    (sheets(400), None),
    (of("gspread.exceptions", "SpreadsheetNotFound"), CLOSED),
    (of("gspread.exceptions", "WorksheetNotFound", says="prices"), CLOSED),
    (of("google.auth.exceptions", "RefreshError", says="('invalid_grant: Token has been expired or revoked.', {})"), CLOSED),
    (caused(sheets(403)), CLOSED),
    (of("gspread.exceptions", "SpreadsheetNotFound", kind=WithoutAHash), CLOSED),
    (of("gspread.exceptions", "SpreadsheetNotFound", kind=Equal), CLOSED),
    (of("googleapiclient.errors", "HttpError", resp=Answer(403), uri="https://sheets.googleapis.com/v4/spreadsheets/x"), CLOSED),
    (of("httpx", "HTTPStatusError", response=Answer(404, "https://example.org/prices")), None),
    (of("gspread.exceptions", "CellNotFound"), None),
    (FileNotFoundError(2, "no such file", "/data/sheet-404.csv"), None),
]  # fmt: skip


@pytest.mark.parametrize(("error", "rule"), CASES, ids=[f"{type(error).__name__} {error}"[:60] for error, _ in CASES])
@pytest.mark.parametrize("said", ["could not answer", "the sheet says 404: no (error code: 10062)"])
def test_the_built_in_rules_go_by_what_was_raised_whatever_was_said(error, rule, said):
    bench = Bench(*built_in_rules())

    bench.logs(said, error=of("shop", "Closed", kind=type(type(error))))
    bench.logs(said, times=3, error=error)

    assert [alert.rule for alert in bench.settled()] == ([rule] if rule else [])


async def test_an_interaction_that_was_answered_twice_is_lost():
    bench = Bench(*built_in_rules())

    bench.logs("no", times=3, error=await responded_twice())

    assert [alert.rule for alert in bench.settled()] == [LOST]


@pytest.mark.parametrize("message", [
    "the stylesheet was not found: 404", "sheet 403 of the atlas was printed", "order 10062 is on its way",
    "GET /favicon.ico 404",
])  # fmt: skip
def test_words_that_only_look_like_it_set_off_nothing(message):
    bench = Bench(*built_in_rules())

    bench.logs(message, times=3, level=logging.WARNING)

    assert bench.settled() == []


def test_a_sink_that_fails_is_tried_again():
    told = []

    def wakes_late(alert):
        told.append(alert)
        if len(told) < 2:
            raise OSError("still asleep")
        taken.set()

    taken = threading.Event()
    bench = Bench(replace(RULE, threshold=1), late=wakes_late)
    bench.logs("boom")

    assert taken.wait(PATIENCE)
    assert len(bench.settled()) == 0
    assert told[0] is told[1]


def test_the_end_of_a_storm_is_told_and_of_a_single_line_none():
    ended = threading.Event()
    told = []

    def tell(alert):
        told.append(alert)
        if alert.over:
            ended.set()

    bench = Bench(replace(RULE, threshold=1), list=tell)
    bench.logs("boom", times=40)
    bench.now += 61
    assert ended.wait(PATIENCE)
    bench.settled()

    assert [(alert.count, alert.over) for alert in told] == [(1, False), (39, True)]
    assert text_of(told[1]).startswith("✅ **boom**\nis over: 39 times more, last ")


def test_in_discord_an_alert_shows_the_exception_and_where_it_was_raised():
    try:
        {}["percent"]
    except KeyError as error:
        raised = error
    told = []
    bench = Bench(replace(RULE, threshold=1), list=told.append)
    record = logging.LogRecord("shop", 40, "", 0, "boom", None, (KeyError, raised, raised.__traceback__))
    bench.alerts.see(Seen(record, json.dumps({"msg": "boom"}), Bound(), "ERR-1"))
    bench.settled()

    block = text_of(told[0]).partition("```\n")[2]
    assert block.startswith("ERROR shop boom\n  ")
    assert "test_alerts.py:" in block
    assert block.endswith("KeyError: 'percent'\n```")


@pytest.mark.parametrize(("pattern", "missing"), [
    (r"a(?=b)", "look-ahead"), (r"(?<!a)b", "look-ahead or look-behind"), (r"(a)\1", "backreference"),
    (r"(?>a)b", "atomic"), (r"a++", "possessive"), (r"a{2000}", "more than 1000"), (r"a\Z", r"\\Z"), ("\\u00e9", r"\\u"),
])  # fmt: skip
def test_what_loki_cannot_read_is_refused_with_the_reason(pattern, missing):
    with pytest.raises(BadRule, match=missing):
        export_loki([Rule("a", regex=pattern)])


def test_loki_reads_emoji_as_they_are():
    text = export_loki([Rule("a", summary="🔥 \x7f\u2028", text="🔥 lost")])

    assert "🔥 \\u007f\\u2028" in text
    assert "\\ud83d" not in text


def test_an_ordinary_404_sets_off_no_built_in_rule():
    bench = Bench(*built_in_rules())

    bench.logs("GET /favicon.ico 404", times=50)

    assert bench.settled() == []


def test_a_sink_that_fails_keeps_no_other_from_being_told():
    told, logged = [], []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(record.getMessage())
    logging.getLogger().addHandler(handler)

    def broken(alert):
        raise OSError("no")

    bench = Bench(replace(RULE, threshold=1), broken=broken, good=told.append)
    bench.logs("boom")
    bench.settled()
    logging.getLogger().removeHandler(handler)

    assert len(told) == 1
    assert any("sink broken failed to take an alert of boom" in line for line in logged)


def test_a_rule_may_name_its_sinks():
    told, others = [], []
    bench = Bench(replace(RULE, threshold=1, sinks=("one",)), one=told.append, two=others.append)

    bench.logs("boom")
    bench.settled()

    assert (len(told), others) == (1, [])


def test_rules_come_from_a_file_and_may_replace_built_in_ones(tmp_path):
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "sheet-access"\nthreshold = 9\n\n[[rule]]\nname = "mine"\n')

    rules = {rule.name: rule for rule in read_rules(tmp_path / "rules.toml")}

    assert rules["sheet-access"].threshold == 9
    assert {"mine", "discord-interaction-lost", "uncaught-exception"} <= set(rules)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[[rule]]\nname = "a"\nwindows = 3\n', "unknown key 'windows'"),
        ("[[rule]]\nthreshold = 3\n", "a rule has no name"),
        ('[[rule]]\nname = "a"\nthreshold = "3"\n', "threshold = '3' should be of type int"),
        ('[[rule]]\nname = "a"\nregex = "("\n', "rule 'a'"),
        ('[[rule]]\nname = "a"\nlevel = "loud"\n', "there is no log level 'loud'"),
        ('[[rule]]\nname = "a"\nthreshold = 0\n', "must be above 0"),
        ("rule = 3\n", r"written as \[\[rule\]\]"),
        ("[[rule]\n", "rules.toml"),
    ],
)
def test_a_bad_rules_file_is_refused_with_the_reason(tmp_path, text, reason):
    (tmp_path / "rules.toml").write_text(text)

    with pytest.raises(BadRule, match=reason):
        read_rules(tmp_path / "rules.toml")


def test_the_webhook_is_signed_over_time_and_body():
    received = {}

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            received["body"] = self.rfile.read(int(self.headers["Content-Length"]))
            received["signature"] = self.headers["X-Telemetry-Signature"]
            self.send_response(204)
            self.end_headers()

        def log_message(self, format, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    secret = "shared " + "by both"
    hook = SignedWebhook(f"http://127.0.0.1:{server.server_port}/hook", secret, clock=lambda: 1_700_000_000.5)
    bench = Bench(replace(RULE, threshold=1), hook=hook)
    bench.logs("boom")
    bench.settled()
    thread.join()
    server.server_close()

    expected = hmac.new(secret.encode(), b"1700000000." + received["body"], hashlib.sha256).hexdigest()
    assert received["signature"] == f"t=1700000000,v1={expected}"
    assert json.loads(received["body"])["rule"] == "boom"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 404, 503])
def test_an_alert_that_is_sent_elsewhere_or_refused_was_not_taken(status):
    asked = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(status if self.path == "/hook" else 200)

        def do_GET(self):
            self._answer(200)  # a page to log in at

        def _answer(self, status):
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Location", "/login")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        hook = SignedWebhook(f"http://127.0.0.1:{server.server_port}/hook", "shared " + "by both")

        with pytest.raises(HTTPError, match=str(status)):
            hook(Alert("boom", "It fails", 1, 0.0, "line", None, None))

        server.shutdown()
    assert asked == ["/hook"]


def test_a_webhook_needs_a_web_address():
    with pytest.raises(ValueError, match="http or https"):
        SignedWebhook("file:///etc/passwd", "x")


def test_the_rules_print_as_rules_of_loki():
    text = export_loki(
        [Rule("boom", summary='it "went"', logger="shop", exception="KeyError", text="a.b", regex="x+", threshold=3)]
    )

    assert '      - alert: "boom"\n' in text
    expression = json.loads(next(line for line in text.splitlines() if "expr:" in line).partition("expr: ")[2])
    assert expression.startswith('sum(count_over_time({app="kintsugi"} |~ "(?i)a\\\\.b" |~ "x+" | json ')
    assert expression.endswith("[60s])) >= 3")
    assert 'level=~"WARNING|ERROR|CRITICAL"' in expression
    assert export_loki(built_in_rules()).count("- alert:") == len(built_in_rules())


def test_a_client_that_is_not_logged_in_is_told_nothing_and_the_log_says_so():
    telemetry = install(stream=io.StringIO())
    telemetry.tell("channel", DiscordChannel(discord.Client(intents=discord.Intents.none()), 3001))
    for _ in range(3):
        logging.getLogger("bot").warning("404 Not Found (error code: 10062): Unknown interaction")
    telemetry.close()

    (line,) = telemetry.recent(contains="failed to take")
    assert json.loads(line)["msg"] == "sink channel failed to take an alert of discord-interaction-lost"


async def test_a_post_that_discord_refuses_was_not_taken():
    alert = Alert("boom", "Payments fail", 3, 1_700_000_000.0, "x", "ERR-1", None)
    async with stand_in.serving() as at:
        point_at(at.api, at.gateway)
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login(stand_in.TOKEN)
            await asyncio.to_thread(DiscordChannel(client, CHANNEL), alert)
            with pytest.raises(discord.NotFound):
                await asyncio.to_thread(DiscordChannel(client, 404), alert)

    assert len(at.channels.cards) == 1


def test_a_long_line_fits_into_a_message():
    alert = Alert("boom", "s" * 900, 3, 1_700_000_000.0, "x" * 20_000, "ERR-1", None)

    assert len(text_of(alert)) < 2_000


def test_alerts_are_set_off_by_what_the_program_logs():
    told = []
    telemetry = install(stream=io.StringIO(), sinks={"list": told.append})
    for _ in range(5):
        logging.getLogger("bot").warning("404 Not Found (error code: %s): Unknown interaction", 10062)
    telemetry.close()

    assert [alert.rule for alert in told] == ["discord-interaction-lost"]
    assert "10062" in told[0].line
