"""`kintsugi doctor`: every setting and connection, each fault with its mend."""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.text import Text

from kintsugi.app import checks, names
from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.connectors import FAULT, OFF, OK, Health
from kintsugi.app.desk import lock_of, opened
from kintsugi.app.discord_oauth import discord_oauth
from kintsugi.app.settings import DiscordSettings, SentrySettings, WebSettings
from kintsugi.app.stranger import asked_as_a_stranger
from kintsugi.commands.receipt import own_key
from kintsugi.executors.lock import is_held
from kintsugi.integrations.authorities import context
from kintsugi.integrations.git import Git
from kintsugi.integrations.program import commit_in, said_by
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.persistence.database import Database, DatabaseAway, DatabaseError
from kintsugi.persistence.leases import Leases
from kintsugi.persistence.migrations import differences, is_current, upgrade
from kintsugi.workflow.commits import is_commit
from kintsugi.workflow.curable import curable
from kintsugi.workflow.errors import SettingsError, StoreUnavailable

_VERSION = '{"commit": "<the commit that runs>"}.'
_INDENT = 14
_SIGNS = {OK: ("✔", "green"), OFF: ("-", "dim"), FAULT: ("✘", "red")}


async def doctor(*, fix: bool = False) -> int:
    """Look at everything. Answers 1 if there is a fault. `fix`: what can be mended at once is, before it looks."""
    console = PlainConsole()
    if fix:
        for did in _mended():
            console.print(Text.assemble(("🛠  mended      ", "green"), did))
    found = await findings()
    for finding in found:
        sign, colour = _SIGNS[finding.how]
        console.print(Text.assemble((f"{sign} {finding.what.lower():<12}", colour), _beside(finding.says, console)))
    if not fix and any(finding.fix for finding in found):
        console.print(Text("`kintsugi doctor --fix` mends what can be mended at once.", style="yellow"))
    faults = sum(finding.how == FAULT for finding in found)
    console.print(Text(_sum(faults), style="bold"))
    return int(faults > 0)


def _sum(faults: int) -> str:
    if not faults:
        return "No faults. `kintsugi run` starts the service."
    return f"{faults} fault{'s' if faults > 1 else ''}. Mend what is marked with ✘ first."


def _beside(says: str, console: Console) -> Text:
    """Its lines below each other, to the right of the name."""
    lines = Text(says).wrap(console, max(console.width - _INDENT, 20))
    return Text("\n" + " " * _INDENT).join(Text(line.plain.rstrip()) for line in lines)


async def findings(*, battery: bool = True) -> list[Health]:
    """All there is to say, the settings first. `battery`: the sandbox is tried out, which takes some seconds."""
    found = [*names.misspelt(), *names.env_file()]
    try:
        bootstrap = Bootstrap.read()
    except SettingsError as error:
        return [*(Health("settings", FAULT, line) for line in str(error).splitlines()), *found]
    found += [Health("settings", OK, "every setting can be read"), *_together(bootstrap)]
    found += [await look() for look in _looks(bootstrap, battery=battery)]
    settings = bootstrap.settings
    if not (bootstrap.code_host.missing or settings.github.proof_workflow):
        with suppress(SettingsError):  # which is said above
            found += checks.packages(settings.code, bootstrap.code_host.make().git)
    return found


def _mended() -> list[str]:
    """What was done about each fault that can be mended at once. A database is upgraded, where it is not up to date."""
    done = [finding.fix() for finding in (*names.misspelt(), *names.env_file()) if finding.fix]
    try:
        database = Bootstrap.read().database
        if not database.one_process and not is_current(database):
            upgrade(database)
            done.append(f"{database} is up to date now")
    except (SettingsError, DatabaseError):
        pass  # which is said below
    return done


def _together(bootstrap: Bootstrap) -> list[Health]:
    """Settings that need each other, and what is on this machine."""
    settings, database = bootstrap.settings, bootstrap.database
    at_work = database.file is not None and is_held(lock_of(database.file))
    return [
        *checks.pairs(settings.github, settings.railway, settings.deploy, settings.program.program_url),
        *checks.more_pairs(
            settings.discord, settings.alerts, settings.model, settings.sheet, settings.program.env_name
        ),
        *checks.folders(settings.code, settings.deploy),
        *checks.agent(settings.analyst),
        *checks.alert_rules(settings.alerts),
        *checks.keys(settings.github, own_key),
        *checks.addresses(settings.web, settings.metrics, at_work=at_work),
    ]


def _looks(bootstrap: Bootstrap, *, battery: bool) -> list[Callable[[], Awaitable[Health]]]:
    """All that is looked at, in this order: what is here, every service, what others reach us by."""
    settings = bootstrap.settings
    has_code = battery and bool(settings.github.repo or settings.code.repo)
    return [
        _git,
        partial(_database, bootstrap.database),
        bootstrap.discord.look,
        *(each.look for each in bootstrap.connectors),
        partial(checks.sandbox, settings.code, has_code=has_code),
        partial(_reports, settings.sentry),
        partial(_pages, settings.discord, settings.web),
        partial(asked_as_a_stranger, settings.web.url),
        partial(_program, settings.program.program_url),
        partial(_cure, bootstrap.database, settings.program.program_url),
    ]


async def _git() -> Health:
    if shutil.which("git") is None:
        return Health("git", FAULT, "git is not installed. Install it.")
    return Health("git", OK, Git(Path()).read("--version"))


async def _database(database: Database) -> Health:
    try:
        current = is_current(database)
        lacking = differences(database) if current else []
    except DatabaseAway as error:
        says = str(error).rstrip(".")
        return Health("database", FAULT, f"{says}. Start it, or check KINTSUGI_DATABASE_URL, which is {database}.")
    except DatabaseError as error:
        return Health("database", FAULT, str(error))
    if lacking:
        return Health("database", FAULT, f"{database}: {'; '.join(lacking)}. Restore a backup, or name a new database.")
    if current:
        busy = ", a service is at work on it" if database.file and is_held(lock_of(database.file)) else ""
        if why := await _cannot_write(database):
            return Health("database", FAULT, why)
        return Health("database", OK, f"{database} is up to date{busy}{await _listening(database)}")
    if database.file and (why := _no_room_for(database.file)):
        return Health("database", FAULT, why)
    if database.one_process:
        return Health("database", OK, f"{database} will be made when it is first used")
    return Health("database", FAULT, f"{database} is not up to date. Run `kintsugi db upgrade`.")


async def _cannot_write(database: Database) -> str:
    """Why nothing can be written to it; "" where something can."""
    try:
        async with opened(database) as desk:
            await Leases(desk.store).probe()
    except (StoreUnavailable, DatabaseError) as error:
        return f"nothing can be written to {database}: {error} Check its permissions and the disk."
    return ""


def _no_room_for(file: Path) -> str:
    """Why this file cannot be made; "" where it can."""
    there = next(folder for folder in file.absolute().parents if folder.exists())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return ""
    return f"KINTSUGI_DATABASE_URL: {file} cannot be made: {there} cannot be written to. Name another place."


async def _listening(database: Database) -> str:
    """What is to be known of the way to PostgreSQL; nothing where wake-ups pass."""
    if database.one_process:
        return ""
    import psycopg  # noqa: PLC0415  # SQLite has no use for it

    from kintsugi.executors.server_lock import hears  # noqa: PLC0415

    try:
        heard = await hears(database.past_poolers().conninfo, timedelta(seconds=2))
    except psycopg.Error as error:
        return f"; the direct address does not work: {str(error).strip().splitlines()[0]}"
    slow = "wake-ups do not pass, as behind a pooler in transaction mode: work begins within seconds, not at once"
    return "" if heard else f"; {slow}. Set KINTSUGI_DATABASE_DIRECT_URL"


async def _reports(settings: SentrySettings) -> Health:
    if not settings.projects:
        return Health("reports", OFF, "reports of Sentry's SDKs are not accepted. Set KINTSUGI_SENTRY_PROJECTS.")
    told = [
        f"{name} ({f'opens {each.a_day} a day' if each.opens else 'only counts'})"
        for name, each in settings.projects.items()
    ]
    return Health("reports", OK, f"of Sentry's SDKs, for {', '.join(told)}")


async def _pages(discord: DiscordSettings, web: WebSettings) -> Health:
    try:
        by_discord = discord_oauth(discord, web.url)
    except SettingsError as error:
        return Health("pages", FAULT, str(error))
    if by_discord and not discord.has_admins:
        says = "nobody may log in with Discord. Set KINTSUGI_DISCORD_ADMIN_ROLES or KINTSUGI_DISCORD_ADMIN_USERS."
        return Health("pages", FAULT, says)
    ways = ["the token"] if web.token else []
    ways += [f"Discord, back at {by_discord.redirect}"] if by_discord else []
    says = (
        f"people log in with {' or '.join(ways)}" if ways else "people log in with a link that `kintsugi login` prints"
    )
    return Health("pages", OK if ways else OFF, says)


async def _program(program_url: str | None) -> Health:
    if program_url is None:
        says = "no request can be sent again, so that only counted runs show a cure. Set KINTSUGI_PROGRAM_URL."
        return Health("program", OFF, says)
    if program_url.rstrip("/").endswith("/version"):
        return Health(
            "program", FAULT, f"KINTSUGI_PROGRAM_URL: {program_url} should not end with /version. Leave it out."
        )
    url = f"{program_url.rstrip('/')}/version"
    try:
        async with httpx.AsyncClient(timeout=5, verify=context(), trust_env=False) as client:
            answer = await client.get(url)
        commit = commit_in(said_by(answer))
        if is_commit(commit):
            return Health("program", OK, f"{program_url} says that it runs {commit[:10]}")
        got = f"{url} answers {answer.status_code} without a commit. Have it"
        if commit:
            got = f"{url} names {commit[:40]} as its commit, which is no commit's hash: no fix is seen to run. Have it"
    except ValueError:
        got = f"{url} answers {answer.status_code} and no JSON. Have it"
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        got = f"{url} does not answer ({type(error).__name__}). Start the program, and have that address"
    return Health("program", FAULT, f"KINTSUGI_PROGRAM_URL: {got} answer {_VERSION}")


async def _cure(database: Database, program_url: str | None) -> Health:
    """By what the newest incidents hold, where there is a database to look into."""
    try:
        if not is_current(database):
            return Health("cure", OFF, "no incident yet, so it is not known what the program reports")
        async with opened(database) as desk:
            found = await curable(desk.store, can_ask=program_url is not None)
    except (DatabaseError, StoreUnavailable):
        return Health("cure", OFF, "not known while the database cannot be read")
    return Health("cure", OFF if found.neither or not found.incidents else OK, str(found))
