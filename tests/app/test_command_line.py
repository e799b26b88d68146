"""The command line as a user meets it: help, exit statuses, sentences for bad input."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from sqlalchemy import create_engine, text

from kintsugi.commands import outcome
from kintsugi.commands.outcome import UsageError
from kintsugi.executors.lock import AlreadyRunning
from kintsugi.integrations.git import Git
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.workflow.errors import StepFailed
from tests.world.patience import PATIENCE
from tests.world.terminal import run, start

ROOT = Path(__file__).parents[2]
TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/shop/server.py", line 31, in do_GET
    self.answer(200, route(options))
  File "/srv/shop/shop/pricing.py", line 12, in discount
    return total * coupon["percent"] // 100
KeyError: 'percent'
"""


@dataclass(frozen=True)
class Terminal:
    """A folder to type commands in."""

    folder: Path

    def types(self, *words: str, stdin: str | bytes = "", **settings: str) -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
        env = clean | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "NO_COLOR": "1"} | settings
        done = run(words, self.folder, env, stdin if isinstance(stdin, bytes) else stdin.encode())
        return subprocess.CompletedProcess(words, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


COMMANDS = [
    [],
    ["demo"],
    ["run"],
    ["doctor"],
    ["capture"],
    ["incidents"],
    ["incident", "show"],
    ["incident", "receipt"],
    ["incident", "verify"],
    ["confirm"],
    ["ask"],
    ["reject"],
    ["retry"],
    ["cancel"],
    ["send"],
    ["ignore"],
    ["unignore"],
    ["patch", "apply"],
    ["patch", "check"],
    ["context"],
    ["effects"],
    ["effects", "retry"],
    ["db", "upgrade"],
    ["db", "prune"],
    ["db", "backup"],
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example(terminal: Terminal, words: list[str]):
    done = terminal.types(*words, "--help")

    assert done.returncode == 0
    assert "Usage: " in done.stdout
    assert not words or "Example" in done.stdout


def test_help_loads_nothing_heavy_and_settings_no_tables():
    heavy = {"sqlalchemy", "sqlmodel", "openai", "discord", "httpx", "pydantic", "github", "transitions", "aiohttp"}
    program = (
        "import sys, kintsugi.__main__ as m\n"
        "try: m.whole()(['--help'])\n"
        "except SystemExit: pass\n"
        f"print('LOADED', sorted({heavy!r} & set(sys.modules)))\n"
        "import kintsugi.app.settings\n"
        "print('LOADED', sorted({'sqlmodel', 'kintsugi.persistence.tables'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-2:] == ["LOADED []", "LOADED []"]


def test_importing_any_module_does_nothing_but_define(tmp_path: Path):
    """No file is written, no thread is started, no socket is opened, nothing is printed."""
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "kintsugi").rglob("*.py"))
        if path.parts[-3:-1] != ("demo", "checkout") and "checkout" not in path.parts
    ]
    program = (
        "import gc, importlib, sys, threading, logging\n"
        "gc.disable()\n"  # all that is made stays: looking for garbage takes a fifth of it
        "def audit(event, args):\n"
        "    if event == 'socket.connect': raise SystemExit(event)\n"
        # croniter, which procrastinate brings, asks `file` whether Python has 32 bits
        "    if event == 'subprocess.Popen' and args[0] != 'file': raise SystemExit(str(args[0]))\n"
        "    if event == 'open' and isinstance(args[1], str) and set(args[1]) & set('wax+'): raise SystemExit(str(args))\n"
        "sys.addaudithook(audit)\n"
        "for name in sys.argv[1:]: importlib.import_module(name.removesuffix('.__init__'))\n"
        "from kintsugi.telemetry import lazy_re\n"
        "lazy_re.compile_all()\n"  # a pattern that is none fails here
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert logging.getLogger().handlers == []\n"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-W", "ignore", "-c", program, *modules],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_a_traceback_becomes_an_incident_and_is_found_again(terminal: Terminal):
    (terminal.folder / "crash.log").write_text(TRACEBACK)

    captured = terminal.types("capture", "crash.log")
    again = terminal.types("capture", "-", stdin=TRACEBACK)
    listed = json.loads(terminal.types("incidents", "--json").stdout)
    shown = json.loads(terminal.types("incident", "show", "INC-1", "--json").stdout)

    assert (captured.returncode, captured.stdout) == (0, "INC-1\n")
    assert again.stdout == "INC-1\n"
    assert "seen 2 times" in again.stderr
    assert [(incident["id"], incident["count"]) for incident in listed] == [(1, 2)]
    assert shown["payload"]["exception"]["chain"][0]["type"] == "KeyError"
    assert shown["payload"]["incident"]["id"] == 1
    assert shown["history"][0]["dest"] == "captured"


def test_words_become_an_incident_of_their_own_and_failures_of_the_log_are_only_offered(terminal: Terminal):
    (terminal.folder / "crash.log").write_text(TRACEBACK)
    (terminal.folder / "chart.py").write_text("def month_chart():\n    return last_month()\n")
    words = ("report", "The chart shows last month", "--log", "crash.log", "--repo", ".")

    told = terminal.types(*words)
    offered = next(line.split()[0] for line in told.stderr.splitlines() if "KeyError" in line)
    chosen = terminal.types(*words, "--about", offered)
    again = terminal.types("report", "Checkout answers 500", "--log", "crash.log", "--repo", ".", "--about", offered)
    first, second = (json.loads(terminal.types("incident", "show", str(n), "--json").stdout) for n in (1, 2))

    assert (told.returncode, told.stdout) == (0, "INC-1\n")
    assert chosen.stdout == again.stdout == "INC-2\n"
    assert second["history"][-1]["says"] == "Note: Checkout answers 500"
    assert "1  chart.py:month_chart" in told.stderr
    assert first["payload"].get("exception") is None
    assert second["payload"]["exception"]["chain"][0]["type"] == "KeyError"
    assert first["payload"]["incident"]["summary"] == second["payload"]["incident"]["summary"] == words[1]


def test_a_dry_run_is_staged_until_it_is_sent(terminal: Terminal):
    terminal.types("capture", "-", "--dry-run", stdin=TRACEBACK)
    staged = terminal.types("run", "--only", "worker", "--drain")
    before = json.loads(terminal.types("incidents", "--json").stdout)[0]["state"]
    sent = terminal.types("send", "1")
    terminal.types("run", "--only", "worker", "--drain")
    after = json.loads(terminal.types("incidents", "--json").stdout)[0]["state"]

    assert staged.returncode == 0
    assert before == "staged"
    assert sent.stdout == "INC-1 is captured.\n"
    assert after == "needs_human"


def test_without_a_model_the_worker_reads_the_stack_and_says_so(terminal: Terminal):
    terminal.types("capture", "-", stdin=TRACEBACK)

    done = terminal.types("run", "--only", "worker", "--drain")

    assert done.returncode == 0
    assert "Left out: the model (set KINTSUGI_LLM_API_KEY" in done.stderr
    assert "INC-1 needs a human" in done.stdout


@pytest.mark.parametrize(
    ("name", "stdin", "says"),
    [
        ("empty", b"", "empty"),
        ("binary", bytes(range(256)) * 40, "binary|text"),
        ("prose", b"everything is fine\n", "no failure|No failure|summary"),
    ],
)
def test_what_cannot_be_captured_is_said_in_a_sentence(terminal: Terminal, name: str, stdin: bytes, says: str):
    done = terminal.types("capture", "-", stdin=stdin)

    assert done.returncode == 2
    assert any(word.lower() in done.stderr.lower() for word in says.split("|")), done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(terminal.types("incidents", "--json").stdout) == []


@pytest.mark.parametrize(
    "log",
    [
        TRACEBACK[: len(TRACEBACK) // 2],
        TRACEBACK.split("\n", 2)[2],
        "TypeError: Cannot read properties of undefined (reading 'id')\n    at handler (/srv/app/index.js:10:5)\n",
        'Exception in thread "main" java.lang.IllegalStateException: no\n\tat com.shop.Cart.total(Cart.java:7)\n',
        "panic: runtime error: index out of range [3] with length 3\n\ngoroutine 1 [running]:\nmain.main()\n\t/srv/main.go:8 +0x1d\n",
    ],
    ids=["cut at the end", "cut at the start", "node", "java", "go"],
)
def test_a_cut_traceback_or_one_of_another_language_is_captured_as_far_as_it_goes(terminal: Terminal, log: str):
    done = terminal.types("capture", "-", "--summary", "it crashed", stdin=log)

    assert (done.returncode, done.stdout) == (0, "INC-1\n"), done.stderr


@pytest.mark.parametrize("kind", ["bare", "dirty", "empty", "plain"])
def test_a_repository_of_any_kind_serves_for_the_lines_around(terminal: Terminal, kind: str):
    repo = terminal.folder / "repo"
    a_repository(repo, kind)

    done = terminal.types("capture", "-", "--repo", "repo", stdin=TRACEBACK)

    assert (done.returncode, done.stdout) == (0, "INC-1\n"), done.stderr


def test_a_repository_that_is_not_there_is_said_not_to_be(terminal: Terminal):
    done = terminal.types("capture", "-", "--repo", "nowhere", stdin=TRACEBACK)

    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["incident", "show", "99"], 3, "There is no INC-99."),
        (["incident", "show", "seven"], 2, "'seven' is not an incident"),
        (["incidents", "--state", "happy"], 2, "'happy' is not a state. The states are: captured,"),
        (["cancel", "99"], 3, "There is no INC-99."),
        (
            ["ignore", "1", "--for", "a while"],
            2,
            "'a while' is neither a time nor a number of times. Write a time, such as",
        ),
        (["confirm", "nonsense"], 2, "This is not a token"),
        (["init", "--on", "mars"], 2, "'mars' is not a place that is known here. Use machine or railway."),
        (["confirm", "99-" + "0" * 32], 3, "There is no INC-99."),
        (["confirm", "²-abc"], 2, "This is not a token"),
        (["confirm", "9" * 20 + "-abc"], 2, "This is not a token"),
        (["incidents", "--before", "9" * 20], 2, "--before"),
        (["capture", "nowhere.log"], 2, "nowhere.log cannot be read: No such file or directory."),
        (["run", "--only", "coffee"], 2, "--only coffee: the parts are discord, web, worker."),
        (["run", "--only", ","], 2, "--only ,: the parts are discord, web, worker."),
    ],
)
def test_a_wrong_word_is_answered_with_a_sentence(terminal: Terminal, words: list[str], status: int, says: str):
    done = terminal.types(*words)

    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_repository_that_is_not_there_is_named_at_start(terminal: Terminal):
    done = terminal.types("run", "--only", "worker", "--drain", KINTSUGI_REPO="nowhere")

    assert done.returncode == 2
    assert done.stderr.startswith("KINTSUGI_REPO: nowhere does not exist. Set it to a bare git repository")


def test_the_version_is_told(terminal: Terminal):
    assert terminal.types("--version").stdout == f"kintsugi {version('kintsugi')}\n"


def test_ctrl_c_before_the_command_began_is_no_traceback(terminal: Terminal):
    """The interrupt comes while the program is read: a module of ours is, and sends it."""
    program = (
        "import os, signal, sys\n"
        "class Hook:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "sys.meta_path.insert(0, Hook())\n"
        "from kintsugi.__main__ import main; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (130, "")


def test_the_list_breaks_no_word_on_a_narrow_screen(terminal: Terminal):
    terminal.types("capture", "-", stdin=TRACEBACK, KINTSUGI_DRY_RUN="true")

    shown = terminal.types("incidents", COLUMNS="40").stdout

    assert all(len(line.rstrip()) <= 40 for line in shown.splitlines())
    assert "staged" in shown
    assert "KeyError: 'percent'" in shown


def test_what_is_ignored_opens_nothing_until_it_is_taken_back(terminal: Terminal):
    terminal.types("capture", "-", stdin=TRACEBACK)

    ignored = terminal.types("ignore", "1", "--for", "7d", "--why", "known upstream")
    counted = terminal.types("capture", "-", stdin=TRACEBACK)
    listed = json.loads(terminal.types("incidents", "--json").stdout)
    back = terminal.types("unignore", "INC-1")
    opened = terminal.types("capture", "-", stdin=TRACEBACK)

    assert (ignored.returncode, back.returncode) == (0, 0)
    assert (counted.stdout, opened.stdout) == ("INC-1\n", "INC-2\n")
    assert "INC-1 is ignored by cli:" in counted.stderr
    assert [(each["count"], each["ignored"][:15]) for each in listed] == [(2, "ignored by cli:")]


def test_a_move_that_does_not_fit_is_refused_and_says_what_can_come(terminal: Terminal):
    terminal.types("capture", "-", stdin=TRACEBACK)

    done = terminal.types("retry", "1")

    assert done.returncode == 3
    assert done.stderr == (
        "INC-1 is captured: not 'retried' now. What can come next: diagnosed, needs_human, merged, stuck, pr_opened, cancelled.\n"
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"KINTSUGI_LLM_BUDGET_USD": "lots"}, "KINTSUGI_LLM_BUDGET_USD: "),
        ({"KINTSUGI_LLM_BASE_URL": "localhost:1"}, "KINTSUGI_LLM_BASE_URL: should be an address that begins with http"),
        ({"KINTSUGI_ROUNDS": "0"}, "KINTSUGI_ROUNDS: "),
        ({"KINTSUGI_DATABASE_URL": "mysql://x"}, "mysql is not supported"),
        ({"KINTSUGI_DATABASE_URL": "postgresql://u:p@host:port/x"}, "The database URL cannot be read."),
        ({"KINTSUGI_DATABASE_URL": "postgresql://[::1/x"}, "The database URL cannot be read."),
    ],
)
def test_a_wrong_setting_is_named_with_what_it_should_be(terminal: Terminal, settings: dict[str, str], says: str):
    done = terminal.types("incidents", **settings)

    assert done.returncode in (1, 2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("bind", ["no-such-host.invalid:8000", "192.0.2.1:8000"])
def test_an_address_nothing_can_listen_at_is_named(terminal: Terminal, bind: str):
    done = terminal.types("run", "--only", "web", KINTSUGI_WEB_BIND=bind)

    assert done.returncode == 2
    assert f"KINTSUGI_WEB_BIND: nothing can listen at {bind}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written_is_no_fault_of_the_address(terminal: Terminal):
    (terminal.folder / ".kintsugi" / "login-0.json").mkdir(parents=True)

    done = terminal.types("run", "--only", "web", KINTSUGI_WEB_BIND="127.0.0.1:0")

    assert done.returncode == 1
    assert "login-0" in done.stderr
    assert "nothing can listen" not in done.stderr
    assert not list((terminal.folder / ".kintsugi").glob("login-0.[0-9]*"))  # half of it is not left behind


def test_a_settings_file_in_another_encoding_is_said_to_be_one(terminal: Terminal):
    (terminal.folder / ".env").write_text("KINTSUGI_ENV_NAME=Köln\n", encoding="latin-1")

    done = terminal.types("incidents")

    assert (done.returncode, done.stderr) == (2, "The file .env is no UTF-8 text (at byte 19). Save it as UTF-8.\n")


def test_a_terminal_that_cannot_show_a_sign_shows_another(terminal: Terminal):
    terminal.types("capture", "-", stdin=TRACEBACK.replace("percent", "prozent für ☃"))

    def says(*words: str, stdin: bytes = b"") -> tuple[int, bytes]:
        typed = (sys.executable, "-m", "kintsugi", *words)
        env = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "COLUMNS": "200"}
        done = subprocess.run(typed, cwd=terminal.folder, env=env, input=stdin, capture_output=True, check=False)
        return done.returncode, done.stdout + done.stderr

    status, shown = says("incidents")
    assert status == 0
    assert b"KeyError: 'prozent f?r ?'" in shown
    assert says("redact", "-", stdin=b"f\xc3\xbcr ever \xff\n") == (0, b"f\xc3\xbcr ever \xff\n")


def test_a_secret_setting_is_never_printed(terminal: Terminal):
    key = "sk-" + "proj-" + "a1B2" * 10

    done = terminal.types("doctor", KINTSUGI_LLM_API_KEY=key, KINTSUGI_LLM_BASE_URL="http://127.0.0.1:9/v1")

    assert done.returncode == 1
    assert "model" in done.stdout
    assert key not in done.stdout + done.stderr


def test_the_doctor_and_an_upgrade_name_a_table_that_is_not_there(terminal: Terminal):
    assert terminal.types("incidents").returncode == 0
    (file,) = terminal.folder.rglob("*.db")
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE stage_time"))
    engine.dispose()

    looked, upgraded = terminal.types("doctor"), terminal.types("db", "upgrade")

    assert (looked.returncode, upgraded.returncode) == (1, 1)
    assert "there is no table `stage_time`. Restore a backup" in " ".join(looked.stdout.split())
    assert "there is no table `stage_time`. Something other than Kintsugi changed them." in upgraded.stderr


def test_the_doctor_finds_nothing_wrong_with_an_empty_house(terminal: Terminal):
    done = terminal.types("doctor")

    assert done.returncode == 0, done.stdout
    assert "✔ settings" in done.stdout
    assert "- model" in done.stdout


def test_the_doctor_names_each_fault_with_its_mend(terminal: Terminal):
    work = terminal.folder / "work"
    a_repository(work, "dirty")

    done = terminal.types(
        "doctor",
        KINTSUGI_REPO=str(work),
        KINTSUGI_DEPLOY_COMMAND="no-such-program --now",
        KINTSUGI_PROGRAM_URL="http://127.0.0.1:9",
    )

    assert done.returncode == 1
    assert "has a work tree. Name a bare one" in done.stdout
    assert "no-such-program cannot be run" in done.stdout
    assert "127.0.0.1:9/version does not answer (ConnectError). Start the program" in " ".join(done.stdout.split())


def test_a_database_of_a_newer_version_is_left_alone(terminal: Terminal):
    url = Database.parse(f"sqlite:///{terminal.folder / 'kintsugi.db'}")
    upgrade(url)
    engine = create_engine(url.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE compatible SET since = '9999'"))
    engine.dispose()

    done = terminal.types("incidents", KINTSUGI_DATABASE_URL=str(url))

    assert done.returncode == 1
    assert "was used by a newer Kintsugi" in done.stderr


def test_a_second_worker_on_the_same_database_is_refused(terminal: Terminal):
    (terminal.folder / ".kintsugi").mkdir()
    lock = terminal.folder / ".kintsugi" / "kintsugi.db.lock"
    from kintsugi.executors.lock import only_one

    terminal.types("db", "upgrade")
    with only_one(lock):
        done = terminal.types("run", "--only", "worker")

    assert done.returncode == 1
    assert "Another Kintsugi" in done.stderr


def test_parts_that_end_at_once_are_each_said(capsys: pytest.CaptureFixture[str]):
    async def end(error: Exception) -> None:
        raise error

    async def service() -> None:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(end(UsageError("Nothing can listen there.")))
            parts.create_task(end(AlreadyRunning("Another Kintsugi works on this database.")))

    with pytest.raises(typer.Exit) as left:
        outcome.run(service)

    assert left.value.exit_code == outcome.FAULT
    said = capsys.readouterr().err
    assert said.splitlines() == ["Nothing can listen there.", "Another Kintsugi works on this database."]


def test_a_fault_beside_a_reader_that_has_seen_enough_is_no_success(tmp_path: Path):
    def command() -> None:
        raise BaseExceptionGroup("two", [BrokenPipeError(), ExceptionGroup("one", [StepFailed("Nobody answers.")])])

    with (tmp_path / "out").open("w") as out, redirect_stdout(out), pytest.raises(typer.Exit) as left:
        outcome.run(command)

    assert left.value.exit_code == outcome.FAULT


def test_a_fault_of_the_program_is_no_sentence():
    async def service() -> None:
        raise ExceptionGroup("two", [UsageError("Nothing can listen there."), KeyError("a fault")])

    with pytest.raises(ExceptionGroup):
        outcome.run(service)


def a_repository(folder: Path, kind: str) -> None:
    if kind == "bare":
        Git.init_bare(folder, "main")
        return
    folder.mkdir()
    if kind != "plain":
        Git(folder).run("init", "--quiet", ".")
    if kind != "empty":
        (folder / "shop").mkdir()
        (folder / "shop" / "pricing.py").write_text("\n" * 11 + '    return total * coupon["percent"] // 100\n')
    if kind == "dirty":
        who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        Git(folder).run("add", ".")
        Git(folder).run("commit", "--quiet", "-m", "first", env=who)
        (folder / "shop" / "pricing.py").write_text("changed\n")


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 0)])
def test_the_service_ends_when_it_is_told_to(terminal: Terminal, name: str, status: int):
    service = start(["run", "--only", "worker"], terminal.folder, os.environ | {"PYTHONPATH": str(ROOT)})
    assert service.output
    while "Working" not in (line := service.output.readline()):
        assert line, "it ended before it worked"
    service.send_signal(getattr(signal, name))
    said, _ = service.communicate(timeout=PATIENCE)

    assert service.returncode == status
    assert "Traceback" not in said
    assert ("Nothing is lost" in said) == (name == "SIGINT")


def test_both_ways_to_capture_name_the_build_that_git_has_checked_out(terminal: Terminal):
    shop = terminal.folder / "shop"
    a_repository(shop, "dirty")
    crash = f"raise RuntimeError({'from a followed program'!r})"
    unsaid = {"KINTSUGI_BUILD_SHA": "", "GITHUB_SHA": "", "CI_COMMIT_SHA": ""}

    terminal.types("capture", "-", "--repo", "shop", stdin=TRACEBACK, **unsaid)
    terminal.types("capture", "--repo", "shop", "--follow", "--", sys.executable, "-c", crash, **unsaid)
    terminal.types(
        "capture",
        "-",
        "--repo",
        "shop",
        stdin=TRACEBACK.replace("KeyError", "IndexError"),
        KINTSUGI_BUILD_SHA="c0ffee0",
    )

    builds = [
        json.loads(terminal.types("incident", "show", id, "--json").stdout)["payload"]["build"]["sha"] for id in "123"
    ]
    assert builds == [Git(shop).resolve("HEAD"), Git(shop).resolve("HEAD"), "c0ffee0"]
