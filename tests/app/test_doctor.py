"""`kintsugi doctor`: each broken setting is named with its mend, and nothing is green where `run` fails."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from kintsugi.app import checks, names
from kintsugi.app.connectors import FAULT, OFF, OK
from kintsugi.app.settings import AnalystSettings, CodeSettings
from kintsugi.commands.doctor import findings
from kintsugi.integrations import authorities
from kintsugi.integrations.git import Git
from tests.world import terminal
from tests.world.make import NOON

ROOT = Path(__file__).parents[2]
SECRET = "f" * 24
NOBODY = "http://127.0.0.1:9"


def nothing(folder: Path) -> dict[str, str]:
    return {}


def a_file(name: str, text: str, setting: str) -> Callable[[Path], dict[str, str]]:
    def make(folder: Path) -> dict[str, str]:
        (folder / name).write_text(text)
        return {setting: str(folder / name)}

    return make


def a_script(folder: Path) -> dict[str, str]:
    (folder / "deploy.sh").write_text("#!/bin/sh\n")
    return {"DEPLOY_FOLDER": str(folder)}


def an_env_file(text: str) -> Callable[[Path], dict[str, str]]:
    def make(folder: Path) -> dict[str, str]:
        (folder / ".env").write_text(text, encoding="utf-8")
        return {}

    return make


def an_empty_repository(folder: Path) -> dict[str, str]:
    return {"REPO": str(Git.init_bare(folder / "origin.git", "main").directory)}


def a_program_in_node_and_python(
    folder: Path,
    package: bytes = b'{"devDependencies": {"vitest": "^3"}}',
    names: Sequence[str] = ("package.json", "pyproject.toml"),
) -> dict[str, str]:
    git = Git.init_bare(folder / "origin.git", "main")
    blob = git.write_blob(package)
    listed = "".join(f"100644 blob {blob}\t{name}\n" for name in names)
    tree = git.run("mktree", stdin=listed.encode()).decode().strip()
    git.run("update-ref", "refs/heads/main", git.commit(tree, [], "First", NOON, "Somebody"))
    return {"REPO": str(git.directory)}


def another_branch(folder: Path) -> dict[str, str]:
    git = Git.init_bare(folder / "origin.git", "main")
    git.run("update-ref", "refs/heads/main", git.commit(git.read("mktree"), [], "First", NOON, "Somebody"))
    return {"REPO": str(git.directory), "BRANCH": "production"}


def a_file_in_the_way(folder: Path) -> dict[str, str]:
    (folder / "here").write_text("no folder")
    return {"DATABASE_URL": f"sqlite:///{folder}/here/kintsugi.db"}


@dataclass(frozen=True)
class Broken:
    """Settings, by their names without the prefix, and what doctor says of them: a regular expression."""

    set: dict[str, str]
    says: str
    make: Callable[[Path], dict[str, str]] = field(default=nothing)

    def __str__(self) -> str:
        return re.sub(r"\W+", "-", self.says)[:50]


A_KEY = "-----BEGIN KEY-----\nMIIE\n-----END KEY-----"

BROKEN = [
    # what a setting is
    Broken({"DATABASE_URL": "mysql://db/kintsugi"}, "DATABASE_URL: mysql is not supported"),
    Broken({"DATABASE_DIRECT_URL": "sqlite:///x.db"}, "DATABASE_DIRECT_URL: should be postgresql://"),
    Broken({}, "DATABASE_URL: .*cannot be made.*Name another place", a_file_in_the_way),
    Broken({"KEEP_PAYLOADS_DAYS": "0"}, "KEEP_PAYLOADS_DAYS: should be 1 or more"),
    Broken({"KEEP_PAYLOADS_MB": "plenty"}, "KEEP_PAYLOADS_MB: should be a whole number"),
    Broken({"RECEIPT_KEY": "not a key"}, "RECEIPT_KEY should be the private key's PEM, or its file"),
    Broken({"PROGRAM_URL": "shop.example"}, "PROGRAM_URL: should be an address that begins with http"),
    Broken({"PROGRAM_URL": NOBODY}, "PROGRAM_URL: http://127.0.0.1:9/version does not answer.*Start the program"),
    Broken({"TELEMETRY": "loud"}, "TELEMETRY: should be 'ring', 'json' or 'off'"),
    Broken({"AT_ONCE": "100"}, "AT_ONCE: should be 64 or less"),
    Broken({"DRY_RUN": "perhaps"}, "DRY_RUN: should be true or false"),
    Broken({"ROUNDS": "1.5"}, "ROUNDS: should be a whole number"),
    Broken({"CONFIRM_HOURS": "0"}, "CONFIRM_HOURS: should be more than 0"),
    Broken({}, "CA_FILE: .*holds no certificate", a_file("ca.pem", "no certificate", "CA_FILE")),
    # the code and its tests
    Broken({"REPO": "/nowhere/at/all"}, "REPO: /nowhere/at/all does not exist. Set it to a bare git repository"),
    Broken({}, "has no branch main", an_empty_repository),
    Broken({}, "has no branch production", another_branch),
    Broken({"TEST_SECONDS": "soon"}, "TEST_SECONDS: should be a number"),
    Broken({"TEST_MOUNTS": "data"}, "TEST_MOUNTS: should name folders that are there"),
    Broken({"TEST_ENV": "[1]"}, "TEST_ENV: should be a JSON object"),
    Broken({"TEST_PYTHON": "/nowhere/python"}, "TEST_PYTHON: /nowhere/python cannot be run. Name an interpreter"),
    Broken({"TEST_DEPENDENCIES": "/nowhere"}, "TEST_DEPENDENCIES: there is no folder /nowhere. Make it"),
    Broken({"ANALYST_COMMAND": "no-such-agent --fix"}, "ANALYST_COMMAND: no-such-agent cannot be found. Install it"),
    Broken({"PROGRAM_URL": f"{NOBODY}/version"}, "PROGRAM_URL: .* should not end with /version. Leave it out"),
    Broken({}, "begins with a byte order mark.*Save it", an_env_file("\ufeffKINTSUGI_ENV_NAME=x\n")),
    Broken({}, ".env, line 1: not NAME=value.*Mend or remove", an_env_file("production\n")),
    Broken({}, ".env, line 4: not NAME=value", an_env_file(f'KINTSUGI_GITHUB_APP_KEY="{A_KEY}"\nproduction\n')),
    Broken({"TEST_COMMAND": 'pytest "tests'}, "TEST_COMMAND: should be a command; a quotation mark"),
    Broken({"TEST_COMMAND": "true && true"}, "TEST_COMMAND: no shell runs it, so && would be.*Name a script"),
    Broken({"DISCORD_TOKEN": f"Bot {SECRET}"}, "DISCORD_TOKEN: should be the token alone, without quotes"),
    Broken(
        {"DATABASE_URL": "postgresql://127.0.0.1:9/x"}, "could not be opened.*check KINTSUGI_DATABASE_URL, which is"
    ),
    Broken({"ALERT_RULES": "/no/rules.toml"}, "ALERT_RULES: /no/rules.toml: no such file.*Name a file"),
    Broken({"TEST_COMMAND": "no-such-runner -q"}, "TEST_COMMAND: no-such-runner cannot be found.*Install it"),
    Broken(
        {"DEPLOY_COMMAND": "deploy.sh", "PROGRAM_URL": "http://127.0.0.1:9"},
        "DEPLOY_COMMAND: deploy.sh cannot be run. Name its path",
        a_script,
    ),
    # GitHub
    Broken({"GITHUB_REPO": "checkout"}, "GITHUB_REPO: should be owner/name"),
    Broken({"GITHUB_REPO": "a/b"}, "GITHUB_REPO needs KINTSUGI_GITHUB_TOKEN"),
    Broken({"GITHUB_REPO": "a/b", "GITHUB_APP_ID": "7"}, "GITHUB_APP_ID is set.*Set KINTSUGI_GITHUB_APP_KEY"),
    Broken({"GITHUB_APP_KEY": "x"}, "GITHUB_APP_KEY is set, and does nothing alone. Set KINTSUGI_GITHUB_APP_ID"),
    Broken({"GITHUB_REPO": "a/b", "GITHUB_APP_ID": "7", "GITHUB_APP_KEY": "/no/key"}, "GITHUB_APP_KEY should be"),
    Broken({"GITHUB_TOKEN": SECRET}, "GITHUB_TOKEN is set.*Set KINTSUGI_GITHUB_REPO"),
    Broken({"GITHUB_WEBHOOK_SECRET": "short"}, "GITHUB_WEBHOOK_SECRET: should have 8 characters or more.*openssl"),
    Broken({"GITHUB_RERUNS": "9"}, "GITHUB_RERUNS: should be 3 or less"),
    # Discord
    Broken({"DISCORD_CHANNEL": "#incidents"}, "DISCORD_CHANNEL: should be one id.*developer mode"),
    Broken({"DISCORD_CHANNEL": "123456"}, "DISCORD_CHANNEL is set.*Set KINTSUGI_DISCORD_TOKEN"),
    Broken({"DISCORD_ADMIN_ROLES": "admins"}, "DISCORD_ADMIN_ROLES: should be ids.*not 'admins'"),
    Broken({"DISCORD_ADMIN_USERS": "4001"}, "_ADMIN_USERS is set.*Set KINTSUGI_DISCORD_TOKEN"),
    Broken({"DISCORD_TOKEN": SECRET, "DISCORD_API_BASE": NOBODY}, "nobody may use it. Set KINTSUGI_DISCORD_ADMIN"),
    Broken({"DISCORD_DEBUG_COMMAND": "/Debug"}, "DISCORD_DEBUG_COMMAND: should be 1 to 32 letters"),
    Broken({"DISCORD_DEPLOY_COMMAND": "debug"}, "DISCORD_DEPLOY_COMMAND: should differ"),
    Broken({"DISCORD_CLIENT_ID": "77"}, "DISCORD_CLIENT_ID needs KINTSUGI_DISCORD_CLIENT_SECRET, KINTSUGI_WEB_URL"),
    Broken({"DISCORD_GATEWAY_URL": "https://gateway"}, "DISCORD_GATEWAY_URL: should be an address.*ws://"),
    Broken({"DISCORD_PING": "@oncall"}, "DISCORD_PING: should be the id of a role"),
    Broken({"DISCORD_PING": "123456"}, "DISCORD_PING is set.*Set KINTSUGI_DISCORD_TOKEN and KINTSUGI_DISCORD_CHANNEL"),
    Broken({"DISCORD_PING_QUIET": "at night"}, "DISCORD_PING_QUIET: should be hours such as 22-07"),
    Broken({"DISCORD_PING_QUIET": "22-07 Mars/Base"}, "DISCORD_PING_QUIET: should end with a time zone"),
    Broken({"DISCORD_PING_FROM": "bad"}, "DISCORD_PING_FROM: should be 'critical', 'high', 'medium' or 'low'"),
    # the model
    Broken({"LLM_BASE_URL": "model.example"}, "LLM_BASE_URL: should be an address"),
    Broken({"LLM_BASE_URL": f"{NOBODY}/v1", "LLM_API_KEY": SECRET}, "127.0.0.1:9"),
    Broken({"LLM_PRICES": "{"}, "LLM_PRICES: should be a JSON object"),
    Broken({"LLM_PRICES": '{"gpt-5": {"tokens_in": 1}}'}, "LLM_PRICES: is missing .at gpt-5.tokens_out"),
    Broken({"LLM_BUDGET_USD": "-1"}, "LLM_BUDGET_USD: should be more than 0"),
    Broken({"LLM_API": "soap"}, "LLM_API: should be 'chat' or 'responses'"),
    # deploying
    Broken({"RAILWAY_TOKEN": SECRET}, "RAILWAY_TOKEN needs KINTSUGI_RAILWAY_PROJECT_ID"),
    Broken({"RAILWAY_SERVICE_ID": "s"}, "RAILWAY_SERVICE_ID is set.*Set KINTSUGI_RAILWAY_TOKEN"),
    Broken({"DEPLOY_COMMAND": "sh deploy.sh"}, "DEPLOY_COMMAND is set.*Set KINTSUGI_PROGRAM_URL"),
    Broken(
        {"DEPLOY_COMMAND": "no-such-program", "PROGRAM_URL": NOBODY}, "no-such-program cannot be run. Name its path"
    ),
    Broken({"DEPLOY_COMMAND": "true", "DEPLOY_FOLDER": "/no/folder"}, "DEPLOY_FOLDER: there is no folder /no/folder"),
    Broken({"DEPLOY_ENV": "KINTSUGI_LLM_API_KEY"}, "DEPLOY_ENV: should name variables of the program's"),
    Broken({"DEPLOY_WEBHOOK_URL": NOBODY}, "DEPLOY_WEBHOOK_URL needs KINTSUGI_DEPLOY_WEBHOOK_SECRET"),
    Broken({"DEPLOY_WEBHOOK_SECRET": SECRET}, "DEPLOY_WEBHOOK_SECRET is set.*Set KINTSUGI_DEPLOY_WEBHOOK_URL"),
    # the web, reports, alerts, the sheet
    Broken({"WEB_BIND": "8000"}, "WEB_BIND: should be host:port, such as 127.0.0.1:8000"),
    Broken({"WEB_BIND": "127.0.0.1:99999"}, "WEB_BIND: should be host:port"),
    Broken({"WEB_BIND": "192.0.2.1:8000"}, "WEB_BIND: nothing can listen at 192.0.2.1:8000.*Name another"),
    Broken({"WEB_TOKEN": "guess"}, "WEB_TOKEN: should have 16 characters or more"),
    Broken({"METRICS_BIND": "no-such-host.invalid:9000"}, "METRICS_BIND: nothing can listen.*Name another"),
    Broken({"SENTRY_PROJECTS": '{"1": {"key": "short"}}'}, "SENTRY_PROJECTS: should have 8 characters.*at 1.key"),
    Broken(
        {"SENTRY_PROJECTS": '{"1": {"key": "longenough", "a_dya": 2}}'},
        "SENTRY_PROJECTS: is not known here .at 1.a_dya",
    ),
    Broken({"ALERT_WEBHOOK_URL": NOBODY}, "ALERT_WEBHOOK_URL is set.*KINTSUGI_ALERT_WEBHOOK_SECRET"),
    Broken({"ALERT_CHANNEL": "123456"}, "ALERT_CHANNEL is set.*Set KINTSUGI_DISCORD_TOKEN"),
    Broken({}, "ALERT_RULES: .*Mend the file", a_file("rules.toml", "[[rule]]\nname = ", "ALERT_RULES")),
    Broken({"SHEET_ID": "https://docs.google.com/x"}, "SHEET_ID: should be the sheet's id: the part of its address"),
    Broken({"SHEET_ID": "abc"}, "SHEET_ID is set.*Set KINTSUGI_SHEET_API_KEY"),
    # names
    Broken({"DISCORD_TOKN": SECRET}, "KINTSUGI_DISCORD_TOKN is not a setting. Did you mean KINTSUGI_DISCORD_TOKEN"),
    Broken({"GITHUB_REPOSITORY": "a/b"}, "KINTSUGI_GITHUB_REPOSITORY is not a setting"),
    Broken({"OPENAI_KEY": SECRET}, "KINTSUGI_OPENAI_KEY is not a setting"),
]
PYDANTIC = re.compile(
    r"validation|valid [a-z]+,|Input|pattern|parsing|type=|greater than or|\\d|unable to", re.IGNORECASE
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name in [name for name in os.environ if name.startswith("KINTSUGI_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    authorities.trust(None)


def put(broken: Broken, folder: Path) -> dict[str, str]:
    return {f"KINTSUGI_{name}": value for name, value in (broken.set | broken.make(folder)).items()}


@pytest.mark.parametrize("broken", BROKEN, ids=str)
async def test_a_broken_setting_is_named_with_its_mend(broken: Broken, folder: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in put(broken, folder).items():
        monkeypatch.setenv(name, value)

    found = await findings(battery=False)

    faults = [each.says for each in found if each.how == FAULT]
    assert any(re.search(broken.says, says, re.DOTALL) for says in faults), faults
    assert not [says for says in faults if PYDANTIC.search(says)]
    assert not [says for says in faults if SECRET in says]


A_PAGE = web.Response(text="<title>Log in</title>", content_type="text/html")
NO_PAGE = web.Response(text="Application not found", status=404)
SERVED: list[tuple[str, web.Response, str, str]] = [
    # a setting, what answers there to everything, how that is told, and in which words
    ("PROGRAM_URL", web.json_response({"commit": "f00d" * 10}), OK, "says that it runs f00df00df0$"),
    (
        "PROGRAM_URL",
        web.json_response({"commit": "HEAD"}),
        FAULT,
        "names HEAD as its commit, which is no commit's hash",
    ),
    ("PROGRAM_URL", web.json_response({"commit": None}), FAULT, "answers 200 without a commit"),
    ("PROGRAM_URL", web.json_response({"commit": "f00d" * 10}, status=503), FAULT, "answers 503 without a commit"),
    ("PROGRAM_URL", A_PAGE, FAULT, "answers 200 and no JSON"),
    ("WEB_URL", A_PAGE, FAULT, "is answered by something that is not Kintsugi"),
    ("WEB_URL", NO_PAGE, OFF, "what answers there is not Kintsugi: 404 at /login"),
    ("WEB_URL", web.Response(status=302, headers={"Location": "https://sso.example/"}), OK, "cannot be seen from here"),
    ("DEPLOY_WEBHOOK_URL", NO_PAGE, OK, "knows of no deployment. If anything was deployed, check its address"),
    ("DEPLOY_WEBHOOK_URL", A_PAGE, FAULT, "does not tell how it stands .200."),
]


@pytest.mark.parametrize(("setting", "answer", "how", "says"), SERVED, ids=str)
async def test_what_answers_is_not_taken_for_what_should(
    folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str, answer: web.Response, how: str, says: str
):
    async def everything(request: web.Request) -> web.Response:
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    application = web.Application()
    application.router.add_route("*", "/{any:.*}", everything)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    monkeypatch.setenv(f"KINTSUGI_{setting}", f"http://127.0.0.1:{runner.addresses[0][1]}")
    monkeypatch.setenv("KINTSUGI_DEPLOY_WEBHOOK_SECRET", SECRET)

    found = await findings(battery=False)
    await runner.cleanup()

    assert [each.how for each in found if re.search(says, each.says)] == [how], found


@pytest.mark.parametrize("command", ["./agent.sh --fix", "bin/agent", "set -e; agent", "KEY=x agent", "sh agent"])
def test_an_agent_that_lies_in_the_program_or_that_a_shell_knows_is_no_fault(command: str):
    assert list(checks.agent(AnalystSettings(command=command))) == []


def test_there_are_enough_of_them():
    assert len(BROKEN) >= 40


async def test_packages_that_are_not_here_are_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in put(Broken({}, "", a_program_in_node_and_python), folder).items():
        monkeypatch.setenv(name, value)

    before = [each for each in await findings(battery=False) if each.what == "packages"]
    (folder / "checkout" / "node_modules").mkdir(parents=True)
    monkeypatch.setenv("KINTSUGI_TEST_DEPENDENCIES", "checkout")
    monkeypatch.setenv("KINTSUGI_TEST_PYTHON", sys.executable)
    after = [each for each in await findings(battery=False) if each.what == "packages"]

    assert {each.how for each in before} == {OFF}
    assert [re.findall("Set (KINTSUGI_TEST_[A-Z]+)", each.says) for each in before] == [
        ["KINTSUGI_TEST_PYTHON"],
        ["KINTSUGI_TEST_DEPENDENCIES"],
    ]
    assert after == []


def test_an_interpreter_without_the_pytest_that_tests_import_is_named(folder: Path):
    settings = a_program_in_node_and_python(folder, b"import pytest\n", ("setup.py", "test_shop.py"))
    venv.create(folder / "bare", symlinks=True)

    told = {
        python: [
            each.says
            for each in checks.packages(
                CodeSettings(repo=settings["REPO"], test_python=python), Git(Path(settings["REPO"]))
            )
        ]
        for python in (folder / "bare" / "bin" / "python", Path(sys.executable), folder / "nowhere")
    }

    assert [len(each) for each in told.values()] == [1, 0, 0]
    assert "bare/bin/python has no pytest" in str(told)


async def test_a_program_in_node_or_go_without_packages_needs_its_tools_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    package = b'{"scripts": {"test": "node --test"}}'
    settings = a_program_in_node_and_python(folder, package, ("go.mod", "package.json"))
    code = CodeSettings(repo=settings["REPO"])
    (folder / "git").symlink_to(shutil.which("git") or "")
    monkeypatch.setenv("PATH", str(folder))

    assert [each.says.partition(":")[0] for each in checks.packages(code, Git(Path(settings["REPO"])))] == [
        "node cannot be found on this machine",
        "go cannot be found on this machine",
    ]


async def test_without_settings_nothing_is_wrong(folder: Path):
    assert not [each for each in await findings() if each.how == FAULT]


def test_what_is_somebody_elses_is_no_misspelt_setting(folder: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("KINTSUGI_REPORT_URL", "KINTSUGI_COMMIT", "kintsugi_env_name", "KINTSUGISH", "DISCORD_TOKN"):
        monkeypatch.setenv(name, "x")

    assert names.misspelt() == []


# --- what `run` refuses -----------------------------------------------------------------------------------------

REFUSED = [
    each
    for each in BROKEN
    if any(
        name in each.says
        for name in (
            "KEEP_PAYLOADS_DAYS",
            "CA_FILE",
            "REPO: /nowhere",
            "GITHUB_REPO needs",
            "DISCORD_CLIENT_ID needs",
            "RAILWAY_TOKEN needs",
            "DEPLOY_WEBHOOK_URL needs",
            "nothing can listen at 192",
            "METRICS_BIND: nothing",
            "ALERT_RULES",
            "ALERT_WEBHOOK_URL is",
        )
    )
]


@pytest.mark.parametrize("broken", REFUSED, ids=str)
def test_what_run_refuses_doctor_says_first(broken: Broken, folder: Path):
    """`run` starts all that is configured; METRICS_BIND is listened at where the web is not."""
    env = os.environ | {"PYTHONPATH": str(ROOT)} | {"KINTSUGI_WEB_BIND": f"127.0.0.1:{a_free_port()}"}
    only = ["--only", "worker"] if "METRICS_BIND" in broken.says else []

    ran = terminal.run(["run", *only], folder, env | put(broken, folder))

    assert ran.returncode in (1, 2), ran.stderr.decode()
    assert ran.stderr.strip()


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listens:
        return int(listens.getsockname()[1])


# --- what can be mended at once ---------------------------------------------------------------------------------


def test_fix_mends_names_comments_and_permissions(folder: Path):
    file = folder / ".env"
    file.write_text('KINTSUGI_ENV_NAM=production  # ours\nexport KINTSUGI_BRANCHH="a # b"\n')
    file.chmod(0o644)
    env = os.environ | {"PYTHONPATH": str(ROOT)}

    before = terminal.run(["doctor"], folder, env)
    after = terminal.run(["doctor", "--fix"], folder, env)

    assert (before.returncode, after.returncode) == (1, 0), after.stdout.decode()
    assert b"`kintsugi doctor --fix` mends" in before.stdout
    assert file.read_text() == '# ours\nKINTSUGI_ENV_NAME=production\nexport KINTSUGI_BRANCH="a # b"\n'
    assert file.stat().st_mode & 0o777 == 0o600
    said = " ".join(after.stdout.decode().split())
    assert "renamed KINTSUGI_ENV_NAM to KINTSUGI_ENV_NAME" in said


async def test_the_box_is_tried_out_with_its_battery(folder: Path, monkeypatch: pytest.MonkeyPatch):
    for name, value in another_branch(folder).items():
        monkeypatch.setenv(f"KINTSUGI_{name}", "main" if name == "BRANCH" else value)

    (box,) = [each for each in await findings() if each.what == "sandbox"]

    assert (
        re.search(r"\d+ of \d+ hostile actions contained", box.says)
        if box.how == OK
        else "Install bubblewrap" in box.says
    )

    monkeypatch.setenv("KINTSUGI_TEST_PYTHON", "/nowhere/python")
    (box,) = [each for each in await findings() if each.what == "sandbox"]

    assert "Correct KINTSUGI_TEST_PYTHON" in box.says
    assert "bubblewrap" not in box.says  # which would not help
