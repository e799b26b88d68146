"""What `doctor` looks at besides the services of others: this machine, and settings that only make sense together."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator

from kintsugi.app.connectors import FAULT, OFF, OK, Health
from kintsugi.app.pem import pem_of
from kintsugi.app.settings import (
    AlertSettings,
    AnalystSettings,
    CodeSettings,
    DeploySettings,
    DiscordSettings,
    GitHubSettings,
    MetricsSettings,
    ModelSettings,
    RailwaySettings,
    SheetSettings,
    WebSettings,
)
from kintsugi.integrations.git import Git, GitError
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox import BoxFailed, Mechanism, NoInterpreter
from kintsugi.repair.sandbox.probe import found
from kintsugi.repair.sandbox.room import interpreter
from kintsugi.telemetry.alerts import BadRule, read_rules
from kintsugi.workflow.errors import SettingsError
from kintsugi.workflow.severity import Severity, rated

# --- settings that need each other ------------------------------------------------------------------------------


def pairs(
    github: GitHubSettings,
    railway: RailwaySettings,
    deploy: DeploySettings,
    program_url: str | None,
) -> Iterator[Health]:
    """Settings of the code host and the deployer that do nothing without another."""
    if github.app_id and not github.app_key:
        yield _needs("GitHub", "KINTSUGI_GITHUB_APP_ID", "KINTSUGI_GITHUB_APP_KEY")
    if github.app_key and not github.app_id:
        yield _needs("GitHub", "KINTSUGI_GITHUB_APP_KEY", "KINTSUGI_GITHUB_APP_ID")
    for name, is_set in (
        ("TOKEN", github.token),
        ("APP_ID", github.app_id),
        ("WEBHOOK_SECRET", github.webhook_secret),
        ("PROOF_WORKFLOW", github.proof_workflow),
    ):
        if is_set and not github.repo:
            yield _needs("GitHub", f"KINTSUGI_GITHUB_{name}", "KINTSUGI_GITHUB_REPO")
    for name in ("project_id", "environment_id", "service_id", "webhook_secret"):
        if getattr(railway, name) and not railway.token:
            yield _needs("Railway", f"KINTSUGI_RAILWAY_{name.upper()}", "KINTSUGI_RAILWAY_TOKEN")
    if deploy.command and not program_url and not (railway.token or deploy.webhook_url):
        yield _needs("deployer", "KINTSUGI_DEPLOY_COMMAND", "KINTSUGI_PROGRAM_URL")
    if deploy.webhook_secret and not deploy.webhook_url:
        yield _needs("deployer", "KINTSUGI_DEPLOY_WEBHOOK_SECRET", "KINTSUGI_DEPLOY_WEBHOOK_URL")


def more_pairs(
    discord: DiscordSettings, alerts: AlertSettings, model: ModelSettings, sheet: SheetSettings, environment: str
) -> Iterator[Health]:
    """… and those of Discord, alerts, the model and the sheet."""
    if discord.channel and not discord.token:
        yield _needs("Discord", "KINTSUGI_DISCORD_CHANNEL", "KINTSUGI_DISCORD_TOKEN")
    if discord.has_admins and not (discord.token or discord.client_id):
        yield _needs("Discord", "KINTSUGI_DISCORD_ADMIN_ROLES or _ADMIN_USERS", "KINTSUGI_DISCORD_TOKEN")
    if discord.token and not discord.has_admins:
        says = "nobody may use it. Set KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS."
        yield Health("Discord", FAULT, says)
    if discord.ping and not (discord.token and discord.channel):
        yield _needs("calling", "KINTSUGI_DISCORD_PING", "KINTSUGI_DISCORD_TOKEN and KINTSUGI_DISCORD_CHANNEL")
    elif discord.ping and rated(0, 0, environment).severity is Severity.LOW and discord.ping_from is not Severity.LOW:
        says = f"nobody is called: incidents of {environment!r} are low. Set KINTSUGI_ENV_NAME, or _DISCORD_PING_FROM."
        yield Health("calling", FAULT, says)
    if alerts.webhook_url and not alerts.webhook_secret:
        yield _needs("alerts", "KINTSUGI_ALERT_WEBHOOK_URL", "KINTSUGI_ALERT_WEBHOOK_SECRET, which signs them")
    if alerts.webhook_secret and not alerts.webhook_url:
        yield _needs("alerts", "KINTSUGI_ALERT_WEBHOOK_SECRET", "KINTSUGI_ALERT_WEBHOOK_URL")
    if alerts.channel and not discord.token:
        yield _needs("alerts", "KINTSUGI_ALERT_CHANNEL", "KINTSUGI_DISCORD_TOKEN")
    if sheet.id and not (sheet.api_key or sheet.service_account):
        yield _needs("sheet", "KINTSUGI_SHEET_ID", "KINTSUGI_SHEET_API_KEY or KINTSUGI_SHEET_SERVICE_ACCOUNT")
    if model.prices and model.is_set and not model.name:
        says = "KINTSUGI_LLM_PRICES are for models by name: only tokens are limited. Set KINTSUGI_LLM_MODEL."
        yield Health("model", FAULT, says)
    elif model.prices and model.is_set and model.name not in model.prices:
        says = f"KINTSUGI_LLM_PRICES has no price for {model.name}: only tokens are limited. Add it."
        yield Health("model", FAULT, says)


def _needs(what: str, name: str, other: str) -> Health:
    return Health(what, FAULT, f"{name} is set, and does nothing alone. Set {other}, or remove it.")


# --- this machine -----------------------------------------------------------------------------------------------


def folders(code: CodeSettings, deploy: DeploySettings) -> Iterator[Health]:
    """Where the tests and the deploy command run."""
    if code.test_python and not os.access(code.test_python, os.X_OK):
        says = f"KINTSUGI_TEST_PYTHON: {code.test_python} cannot be run. Name an interpreter, such as /venv/bin/python."
        yield Health("tests", FAULT, says)
    if code.test_command and code.test_python is None and not _runs(code.test_command[0]):
        says = f"KINTSUGI_TEST_COMMAND: {code.test_command[0]} cannot be found on this machine. Install it, or name it."
        yield Health("tests", FAULT, says)
    if code.test_dependencies and not code.test_dependencies.is_dir():
        says = f"KINTSUGI_TEST_DEPENDENCIES: there is no folder {code.test_dependencies}. Make it, or name another."
        yield Health("tests", FAULT, says)
    for name, command in (("TEST_COMMAND", code.test_command), ("DEPLOY_COMMAND", deploy.command)):
        if found := next((part for part in command or () if part in _OF_A_SHELL), ""):
            says = f"KINTSUGI_{name}: no shell runs it, so {found} would be an argument. Name a script instead."
            yield Health("commands", FAULT, says)
    if deploy.command and not deploy.folder.is_dir():
        says = f"KINTSUGI_DEPLOY_FOLDER: there is no folder {deploy.folder}. Make it, or name another."
        yield Health("deployer", FAULT, says)


def packages(code: CodeSettings, git: Git) -> Iterator[Health]:
    """Whether the tests find what the program needs, as far as the top of its branch tells that it needs something."""
    try:
        names = set(git.read("ls-tree", "--name-only", code.branch).splitlines())
    except GitError:
        return  # which is said of the repository
    if names & _NAMES_PACKAGES and code.test_python is None:
        says = "its tests run with our own Python, which may lack its packages. Set KINTSUGI_TEST_PYTHON."
        yield Health("packages", OFF, says)
    if why := _without_pytest(code, git):
        yield Health("packages", OFF, why)
    for name, (tool, what) in _TOOLS.items():
        if name in names and shutil.which(tool) is None:
            says = f"{tool} cannot be found on this machine: patches in {what} cannot be proven here."
            yield Health("packages", OFF, says)
    folder = code.test_dependencies or git.directory
    if "package.json" in names and _needs_packages(code, git) and not (folder / "node_modules").is_dir():
        mend = "Set KINTSUGI_TEST_DEPENDENCIES to a checkout with its packages installed."
        says = f"{folder} has no node_modules: patches in JavaScript and TypeScript cannot be proven here. {mend}"
        yield Health("packages", OFF, says)


def _without_pytest(code: CodeSettings, git: Git) -> str:
    """What to say where tests import pytest and the interpreter that is named for them has none; "" else."""
    if code.test_command or code.test_python is None:
        return ""
    try:
        git.read("grep", "--files-with-matches", "--extended-regexp", _IMPORTS_PYTEST, code.branch, "--", "*.py")
        has_it = interpreter(code.test_python).has("pytest")
    except (GitError, OSError, ValueError):  # none does; or no such interpreter, which is said of the sandbox
        return ""
    says = f"{code.test_python} has no pytest, which tests of the program import: they cannot run. Install it there."
    return "" if has_it else says


def _needs_packages(code: CodeSettings, git: Git) -> bool:
    """A program of Node that has none runs its tests with Node's own runner, as it is."""
    try:
        package = json.loads(git.run("cat-file", "blob", f"{code.branch}:package.json"))
    except (GitError, ValueError, RecursionError):
        return True
    return not isinstance(package, dict) or any(package.get(name) for name in _LISTS_PACKAGES)


_TOOLS = {"package.json": ("node", "JavaScript and TypeScript"), "go.mod": ("go", "Go")}
_IMPORTS_PYTEST = r"^[[:space:]]*(import|from) pytest\b"
_LISTS_PACKAGES = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "workspaces")
_NAMES_PACKAGES = frozenset({"pyproject.toml", "requirements.txt", "setup.py", "setup.cfg", "Pipfile", "manage.py"})


def agent(settings: AnalystSettings) -> Iterator[Health]:
    """The coding agent that is the analyst."""
    program, *_ = settings.command.split() or [""]
    if _PROGRAM.fullmatch(program) and program not in _BUILT_IN and not _runs(program):
        says = f"KINTSUGI_ANALYST_COMMAND: {program} cannot be found. Install it, or name it with its path."
        yield Health("analyst", FAULT, says)


_PROGRAM = re.compile(r"[\w./-]+")
_BUILT_IN = frozenset({"cd", "exec", "source", ".", "set", "export", "eval", "command", "if", "for", "while", "test"})
_OF_A_SHELL = frozenset({"&&", "||", ";", "|", "&", ">", ">>", "<", "2>&1"})


def _runs(program: str) -> bool:
    """A relative path is the program's own, in its repository."""
    return ("/" in program and not program.startswith("/")) or shutil.which(program) is not None


def alert_rules(settings: AlertSettings) -> Iterator[Health]:
    if settings.rules is None:
        return
    try:
        rules = read_rules(settings.rules)
    except OSError as error:
        says = f"{settings.rules}: {os.strerror(error.errno or 0).lower()}. Name a file that can be read."
        yield Health("alerts", FAULT, f"KINTSUGI_ALERT_RULES: {says}")
    except (BadRule, UnicodeDecodeError) as error:
        yield Health(
            "alerts", FAULT, f"KINTSUGI_ALERT_RULES: {error}. Mend the file; docs/telemetry.md has an example."
        )
    else:
        yield Health("alerts", OK, f"{len(rules)} rules, with those of {settings.rules}")


def keys(github: GitHubSettings, receipts: Callable[[], object]) -> Iterator[Health]:
    """Private keys that cannot be read."""
    try:
        receipts()
    except SettingsError as error:
        yield Health("receipts", FAULT, str(error))
    if github.app_id and github.app_key:
        try:
            pem_of("KINTSUGI_GITHUB_APP_KEY", github.app_key.get_secret_value())
        except SettingsError as error:
            yield Health("GitHub", FAULT, str(error))


def addresses(web: WebSettings, metrics: MetricsSettings, *, at_work: bool) -> Iterator[Health]:
    """Whether something can listen where it should. `at_work`: a service of ours may be listening there."""
    for setting, bind in (("KINTSUGI_WEB_BIND", web.bind), ("KINTSUGI_METRICS_BIND", metrics.bind)):
        if bind and not at_work and (why := _cannot_listen(bind)):
            yield Health("web", FAULT, f"{setting}: nothing can listen at {bind}: {why}. Name another.")


def _cannot_listen(bind: str) -> str:
    host, _, port = bind.rpartition(":")
    try:
        with socket.create_server((host, int(port))):
            return ""
    except socket.gaierror:
        return "there is no such host"
    except OSError as error:
        return os.strerror(error.errno) if error.errno else str(error)


async def sandbox(code: CodeSettings, *, has_code: bool) -> Health:
    """The box that patches are proven in, tried out with the battery."""
    if not has_code:
        return Health("sandbox", OFF, "nothing to prove: there is no repository")
    proof = ProofSettings(seconds=code.test_seconds, memory_mb=code.test_memory_mb)
    try:
        box = await found(code.test_python or proof.python, proof.limits)
    except NoInterpreter:
        return Health(
            "sandbox", FAULT, "not tried out, as there is no interpreter for the tests. Correct KINTSUGI_TEST_PYTHON."
        )
    except BoxFailed as error:
        return Health("sandbox", FAULT, f"{error} Install bubblewrap, or let a workflow prove: docs/proof.md.")
    if box.mechanism is Mechanism.LIMITS:
        says = f"{box.says}: strangers' code is not run here, so nothing is proven. Install bubblewrap: docs/proof.md."
        return Health("sandbox", FAULT, says)
    return Health("sandbox", OK, box.says)
