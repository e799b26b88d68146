"""`kintsugi doctor`: every setting and connection, each fault with its mend."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.text import Text

from kintsugi.app.deploys import deployer_of
from kintsugi.app.desk import opened
from kintsugi.app.discord_oauth import discord_oauth
from kintsugi.app.github import github_parts
from kintsugi.app.settings import Settings, SettingsError, read_settings
from kintsugi.executors.lock import is_held
from kintsugi.integrations import google_sheets
from kintsugi.integrations.git import Git, GitError
from kintsugi.persistence.database import DatabaseError, parse_url, sqlite_file
from kintsugi.persistence.migrations import is_current
from kintsugi.workflow.curable import curable
from kintsugi.workflow.errors import StepFailed, StoreUnavailable

OK, OFF, FAULT = "ok", "off", "fault"
_SIGNS = {OK: ("✔", "green"), OFF: ("-", "dim"), FAULT: ("✘", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, how it stands, and in a sentence what that means or what mends it."""

    what: str
    how: str
    says: str


async def doctor() -> int:
    """Look at everything. Answers 1 where there is a fault."""
    console = Console()
    try:
        settings = read_settings()
    except SettingsError as error:
        findings = [Finding("settings", FAULT, line) for line in str(error).splitlines()]
    else:
        findings = [Finding("settings", OK, "every setting can be read")]
        findings += [await check(settings) for check in _CHECKS]
    for finding in findings:
        sign, colour = _SIGNS[finding.how]
        console.print(Text.assemble((f"{sign} {finding.what:<12}", colour), finding.says))
    return int(any(finding.how == FAULT for finding in findings))


async def _git(settings: Settings) -> Finding:
    if shutil.which("git") is None:
        return Finding("git", FAULT, "git is not installed. Install it.")
    return Finding("git", OK, Git(Path()).read("--version"))


async def _database(settings: Settings) -> Finding:
    try:
        url = parse_url(settings.database_url)
        place = url.render_as_string(hide_password=True)
        current, file = is_current(url), sqlite_file(url)
    except DatabaseError as error:
        return Finding("database", FAULT, str(error))
    if current:
        busy = ", a service is at work on it" if file and is_held(file.with_name(f"{file.name}.lock")) else ""
        return Finding("database", OK, f"{place} is up to date{busy}")
    if file:
        return Finding("database", OK, f"{place} will be made at the first use")
    return Finding("database", FAULT, f"{place} is not up to date. Run `kintsugi db upgrade`.")


async def check_github(settings: Settings) -> Finding:
    if settings.github_repo is None:
        return Finding("github", OFF, "pull requests stay in a local repository. Set KINTSUGI_GITHUB_REPO.")
    try:
        github = github_parts(settings)
        assert github
        head = await github.host.head()
    except (SettingsError, StepFailed) as error:
        return Finding("github", FAULT, str(error))
    signed = "webhooks are signed" if settings.webhook_secrets() else "no webhook secret is set: merges are looked for"
    return Finding("github", OK, f"{settings.github_repo}, {settings.branch} at {head[:10]}; {signed}")


async def _repository(settings: Settings) -> Finding:
    if settings.github_repo:
        return Finding("repository", OK, "a copy of GitHub's")
    if settings.repo is None:
        return Finding("repository", OFF, "no patches are checked or pushed. Set KINTSUGI_REPO.")
    git = Git(settings.repo)
    try:
        git.check()
    except GitError as error:
        return Finding("repository", FAULT, f"{error} Set KINTSUGI_REPO to a bare git repository.")
    if git.read("rev-parse", "--is-bare-repository") != "true":
        return Finding("repository", FAULT, f"{settings.repo} has a work tree. Name a bare one (git clone --bare).")
    head = git.resolve(f"refs/heads/{settings.branch}")
    if head is None:
        return Finding("repository", FAULT, f"There is no branch {settings.branch}. Set KINTSUGI_BRANCH, or push it.")
    return Finding("repository", OK, f"{settings.repo}, {settings.branch} at {head[:10]}")


async def check_model(settings: Settings) -> Finding:
    if settings.llm_api_key is None:
        return Finding("model", OFF, "failures are read, no patches are proposed. Set KINTSUGI_LLM_API_KEY.")
    from openai import APIError, AsyncOpenAI  # noqa: PLC0415  # takes half a second

    client = AsyncOpenAI(
        api_key=settings.llm_api_key.get_secret_value(), base_url=settings.llm_base_url, max_retries=0, timeout=10
    )
    try:
        async with client:
            await client.models.retrieve(settings.llm_model)
    except (APIError, ValueError) as error:
        says = f"{settings.llm_model} does not answer ({type(error).__name__}). Check KINTSUGI_LLM_API_KEY and _MODEL."
        return Finding("model", FAULT, says)
    return Finding("model", OK, f"{settings.llm_model} answers")


async def check_deployer(settings: Settings) -> Finding:
    if settings.railway_token or settings.deploy_webhook_url:
        return await _far_deployer(settings)
    if not settings.deploy_command:
        says = "nothing is deployed. Set KINTSUGI_RAILWAY_TOKEN, KINTSUGI_DEPLOY_WEBHOOK_URL or _DEPLOY_COMMAND."
        return Finding("deployer", OFF, says)
    program = settings.deploy_command[0]
    if shutil.which(program) is None and not (settings.deploy_folder / program).exists():
        return Finding("deployer", FAULT, f"{program} cannot be found. Check KINTSUGI_DEPLOY_COMMAND.")
    return Finding("deployer", OK, " ".join(settings.deploy_command))


async def _far_deployer(settings: Settings) -> Finding:
    try:
        newest = await deployer_of(settings).latest()
    except (SettingsError, StepFailed) as error:
        return Finding("deployer", FAULT, str(error))
    return Finding("deployer", OK, newest.says if newest else "it answers, and nothing was deployed yet")


async def _program(settings: Settings) -> Finding:
    if settings.program_url is None:
        return Finding("program", OFF, "no cure can be shown. Set KINTSUGI_PROGRAM_URL.")
    url = f"{settings.program_url.rstrip('/')}/version"
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            commit = (await client.get(url)).json()["commit"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        says = f"{url} does not tell the running commit ({type(error).__name__}). It should answer {{'commit': …}}."
        return Finding("program", FAULT, says)
    return Finding("program", OK, f"{settings.program_url} runs {str(commit)[:10]}")


async def _cure(settings: Settings) -> Finding:
    """By what the newest incidents hold, where there is a database to look into."""
    try:
        url = parse_url(settings.database_url)
        if not is_current(url):
            return Finding("cure", OFF, "no incident yet, so it is not known what the program reports")
        async with opened(url) as desk:
            found = await curable(desk.store, can_ask=settings.program_url is not None)
    except (DatabaseError, StoreUnavailable) as error:
        return Finding("cure", FAULT, str(error))
    return Finding("cure", OFF if found.neither or not found.incidents else OK, str(found))


async def _reports(settings: Settings) -> Finding:
    if not settings.sentry_projects:
        return Finding("reports", OFF, "Sentry's SDKs are not listened to. Set KINTSUGI_SENTRY_PROJECTS.")
    told = [
        f"{name} ({f'opens {each.a_day} a day' if each.opens else 'only counts'})"
        for name, each in settings.sentry_projects.items()
    ]
    return Finding("reports", OK, f"of Sentry's SDKs, for {', '.join(told)}")


async def _login(settings: Settings) -> Finding:
    try:
        by_discord = discord_oauth(settings)
    except SettingsError as error:
        return Finding("pages", FAULT, str(error))
    if by_discord and not (settings.discord_admin_roles or settings.discord_admin_users):
        says = "nobody may log in with Discord. Set KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS."
        return Finding("pages", FAULT, says)
    ways = ["the token"] if settings.web_token else []
    ways += [f"Discord, back at {by_discord.redirect}"] if by_discord else []
    says = f"people log in with {' or '.join(ways)}" if ways else "no login is set: they are for this machine alone"
    return Finding("pages", OK if ways else OFF, says)


async def check_sheet(settings: Settings) -> Finding:
    try:
        sheet = sheet_of(settings)
        if sheet is None:
            return Finding("sheet", OFF, "no Google Sheet is looked at. Set KINTSUGI_SHEET_ID and a key for it.")
        async with httpx.AsyncClient(timeout=5) as client:
            return Finding("sheet", OK, await google_sheets.look(sheet, client))
    except StepFailed as error:
        return Finding("sheet", FAULT, str(error))


def sheet_of(settings: Settings) -> google_sheets.Sheet | None:
    """The sheet that is configured. Raises StepFailed where its service account cannot be read."""
    if settings.sheet_id is None:
        return None
    given, key = settings.sheet_service_account, settings.sheet_api_key
    account = google_sheets.service_account(given.get_secret_value()) if given else None
    return google_sheets.Sheet(
        settings.sheet_id, account, key.get_secret_value() if key else "", settings.sheet_base_url
    )


_CHECKS: tuple[Callable[[Settings], Awaitable[Finding]], ...] = (
    _git,
    _database,
    check_github,
    _repository,
    check_model,
    check_deployer,
    check_sheet,
    _reports,
    _login,
    _program,
    _cure,
)
