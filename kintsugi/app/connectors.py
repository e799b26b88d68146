"""The services of others that we work with, each as one value.

It knows how its client is made, how that is asked whether it works, and what is missing where it is not configured.
`doctor`, `/debug status` and what `run` leaves out are loops over them.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from kintsugi.app.code_hosts import CodeHostParts, check_repository, github_parts, local_parts
from kintsugi.app.deployers import command_deployer, railway_deployer, webhook_deployer
from kintsugi.app.settings import (
    CodeSettings,
    DeploySettings,
    DiscordSettings,
    GitHubSettings,
    ModelSettings,
    RailwaySettings,
    SheetSettings,
    revealed,
)
from kintsugi.integrations.git import GitError
from kintsugi.integrations.model.port import Model
from kintsugi.integrations.program import Running
from kintsugi.workflow.errors import SettingsError, StepFailed
from kintsugi.workflow.ports import Deployer

if TYPE_CHECKING:  # a client is loaded where it is made
    import discord

    from kintsugi.bot.checkup import Wanted
    from kintsugi.integrations.google_sheets import Sheet

OK, OFF, FAULT = "ok", "off", "fault"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Health:
    """What was looked at, how it stands, and in a sentence what that means or what mends it."""

    what: str
    how: str
    says: str
    fix: Callable[[], str] | None = None  # mends it at once, and says what it did


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What is not there, the settings that bring it, and how things go without it."""

    what: str
    set: str
    meanwhile: str

    @property
    def line(self) -> str:
        return f"Left out: {self.what} (set {self.set}); {self.meanwhile}."


@dataclass(frozen=True, slots=True)
class Connector(Generic[T]):
    """One service. `make` gives the client that the work uses, and `check` asks it for a few words that it works.

    Both raise SettingsError and StepFailed. `missing` is None where it is configured.
    """

    name: str
    make: Callable[[], T]
    check: Callable[[T], Awaitable[str]]
    missing: LeftOut | None = None

    async def look(self) -> Health:
        """How it stands now."""
        if self.missing:
            return Health(self.name, OFF, f"{self.missing.meanwhile}. Set {self.missing.set}.")
        try:
            return Health(self.name, OK, await self.check(self.make()))
        except (SettingsError, StepFailed, GitError) as error:
            return Health(self.name, FAULT, str(error))


def code_host(github: GitHubSettings, code: CodeSettings, incident_url: str) -> Connector[CodeHostParts]:
    """GitHub, else a local repository."""

    async def on_github(parts: CodeHostParts) -> str:
        secret, none = "webhooks have to be signed with our secret", "no webhook secret is set: merges are looked for"
        signed = secret if github.webhook_secrets else none
        head = await parts.host.head()
        if lacking := await asyncio.to_thread(parts.lacking):
            who = "The App" if github.app_id else "The token"
            raise SettingsError(f"{who} lacks {'; '.join(lacking)}. Grant it on GitHub: docs/github.md has the list.")
        tried = "" if github.app_id else "; of the token's rights only one was tried: to set statuses"
        return f"{github.repo}, {code.branch} at {head[:10]}; {signed}{tried}"

    async def here(parts: CodeHostParts) -> str:
        check_repository(parts.git.directory)
        if parts.git.read("rev-parse", "--is-bare-repository") != "true":
            raise SettingsError(f"{code.repo} has a work tree. Name a bare one (git clone --bare).")
        return f"{code.repo}, {code.branch} at {(await parts.host.head())[:10]}"

    if github.repo:
        return Connector("GitHub", lambda: github_parts(github, code, incident_url), on_github)
    ways = "KINTSUGI_GITHUB_REPO, or KINTSUGI_REPO"
    missing = LeftOut("checking patches and pull requests", ways, "no patches are checked or pushed")
    return Connector("repository", lambda: local_parts(code), here, None if code.repo else missing)


def discord_account(settings: DiscordSettings) -> Connector[discord.Client]:
    """The bot's own account."""

    def make() -> discord.Client:
        import discord

        from kintsugi.bot.address import point_at

        point_at(settings.api_base, settings.gateway_url)
        return discord.Client(intents=discord.Intents.none(), max_messages=None)

    async def look(client: discord.Client) -> str:
        import discord

        from kintsugi.bot.checkup import checkup
        from kintsugi.bot.presence import AWAY, REFUSED, why

        async with client:
            try:
                await client.login(revealed(settings.token))
                return f"the token is that of {client.user}{await checkup(client, _wanted(settings))}"
            except discord.LoginFailure as error:
                raise SettingsError(REFUSED) from error
            except AWAY as error:
                answered = isinstance(error, discord.HTTPException)
                mend = "Try again later." if answered else "Check this host's network, or KINTSUGI_DISCORD_API_BASE."
                raise StepFailed(f"{why(error)} {mend}") from error

    missing = LeftOut("Discord", "KINTSUGI_DISCORD_TOKEN", "incidents are shown in the terminal only")
    return Connector("Discord", make, look, None if settings.token else missing)


def model(settings: ModelSettings, found_out: Path | None = None) -> Connector[Model]:
    """The one that diagnoses and proposes. `found_out`: the file with what is known of models' servers."""
    ways = "KINTSUGI_LLM_API_KEY, or KINTSUGI_LLM_BASE_URL"
    missing = LeftOut("the model", ways, "incidents show where it failed, and get no patch")
    return Connector(
        "model",
        lambda: _model(settings, found_out),
        lambda made: made.check(),
        None if settings.is_set else missing,
    )


def deployer(deploy: DeploySettings, railway: RailwaySettings, branch: str, running: Running) -> Connector[Deployer]:
    """Railway, else a webhook, else a command on this machine."""
    if railway.token:
        return Connector("deployer", lambda: railway_deployer(railway, branch, running), _newest)
    if deploy.webhook_url:
        return Connector("deployer", lambda: webhook_deployer(deploy, running), _newest)
    ways = "KINTSUGI_RAILWAY_TOKEN, KINTSUGI_DEPLOY_WEBHOOK_URL, or KINTSUGI_DEPLOY_COMMAND and _PROGRAM_URL"
    missing = LeftOut("deploying", ways, "nothing is deployed")

    async def command_is_there(_: Deployer) -> str:
        program = deploy.command[0]
        if shutil.which(deploy.folder / program if "/" in program else program) is None:
            raise StepFailed(
                f"KINTSUGI_DEPLOY_COMMAND: {program} cannot be run. Name its path, and make it executable."
            )
        return " ".join(deploy.command)

    is_set = deploy.command and running.program_url
    return Connector(
        "deployer", lambda: command_deployer(deploy, running), command_is_there, None if is_set else missing
    )


def sheet(settings: SheetSettings) -> Connector[Sheet]:
    """The Google Sheet that the program reads."""

    def make() -> Sheet:
        from kintsugi.integrations import google_sheets

        given = settings.service_account
        account = google_sheets.service_account(given.get_secret_value()) if given else None
        return google_sheets.Sheet(settings.id or "", account, revealed(settings.api_key), settings.base_url)

    async def look(made: Sheet) -> str:
        import httpx

        from kintsugi.integrations import google_sheets
        from kintsugi.integrations.authorities import context

        async with httpx.AsyncClient(verify=context(), timeout=5) as client:
            return await google_sheets.look(made, client)

    missing = LeftOut("the Google Sheet", "KINTSUGI_SHEET_ID and a key for it", "no Google Sheet is checked")
    return Connector("sheet", make, look, None if settings.id else missing)


def _wanted(settings: DiscordSettings) -> Wanted:
    from kintsugi.bot.checkup import Wanted

    roles = {
        "KINTSUGI_DISCORD_ADMIN_ROLES": settings.admin_roles,
        "KINTSUGI_DISCORD_DEPLOY_ROLES": settings.deploy_roles,
    }
    users = {
        "KINTSUGI_DISCORD_ADMIN_USERS": settings.admin_users,
        "KINTSUGI_DISCORD_DEPLOY_USERS": settings.deploy_users,
    }
    pings_role = bool(settings.ping) and not settings.ping.startswith("user:")
    return Wanted(
        channel=settings.channel,
        roles=frozenset((name, id) for name, ids in roles.items() for id in ids),
        users=frozenset((name, id) for name, ids in users.items() for id in ids),
        guilds=settings.guilds,
        pings_role=int(settings.ping.rpartition(":")[2]) if pings_role else None,
    )


def _model(settings: ModelSettings, found_out: Path | None) -> Model:
    from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel  # takes half a second, as the SDK does
    from kintsugi.integrations.model.prices import price_of
    from kintsugi.integrations.model.remembered import Manners

    return OpenAIModel(
        ModelAccess(
            model=settings.name,
            api_key=revealed(settings.api_key),
            base_url=settings.base_url,
            api=settings.api,
            price=price_of(settings.name, settings.base_url, settings.prices),
            deadline=timedelta(seconds=settings.seconds),
            silence=timedelta(seconds=settings.silent_seconds),
            window=settings.window,
            max_output_tokens=settings.output,
            at_once=settings.at_once,
            manners=Manners(found_out),
        )
    )


async def _newest(made: Deployer) -> str:
    newest = await made.latest()
    return newest.says if newest else _NONE_KNOWN


_NONE_KNOWN = (
    "it answers, and knows of no deployment. If anything was deployed, check its address and ids: they may be those of "
    "another service"
)
