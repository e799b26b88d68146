"""The settings, read once from the environment and `.env`, prefix KINTSUGI_. Imported by app/ only.

A wrong one is named at start with what it should be. A secret's value is never printed.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kintsugi.telemetry.build import running_build
from kintsugi.workflow.incident import Price

PREFIX = "KINTSUGI_"

Words = Annotated[tuple[str, ...], NoDecode]
Ids = Annotated[frozenset[int], NoDecode]


class SettingsError(Exception):
    """A setting is wrong; the message names each one and what it should be."""


class SentryProject(BaseModel):
    """One program that reports by a Sentry SDK, under its number in the DSN."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr = Field(min_length=8)  # the DSN's user
    opens: bool = True  # false: its failures only count on incidents that are open
    a_day: int = Field(20, ge=0)  # incidents that it may open
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[a-z0-9.:\[\]-]+$")], ...] = ()  # of pages; none: any


class Settings(BaseSettings):
    """Every setting there is. What is empty is not configured, and what needs it is left out by name."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True
    )

    database_url: str = Field("sqlite:///.kintsugi/kintsugi.db", description="sqlite:///path or postgresql://…")
    env_name: str = Field("development", description="the environment's name, such as production")
    build_sha: str | None = Field(None, description="the commit that runs; else the host's own variable, else git's")
    keep_payloads_days: int | None = Field(
        None, ge=1, description="for how many days what was captured is kept after an incident's end; none: for good"
    )
    keep_payloads_mb: int | None = Field(
        None, ge=1, description="… and how many megabytes of it in all: of ended incidents the oldest is pruned first"
    )
    at_once: int = Field(
        4, ge=1, le=64, description="how many steps of one kind a worker takes at a time; no other kind waits for them"
    )
    dry_run: bool = Field(False, description="true: captured failures are staged, and no model is called")

    repo: Path | None = Field(None, description="a bare git repository with the program's code")
    branch: str = Field("main", description="the branch that is deployed")
    test_command: Words = Field((), description="the program's test command, such as `python -m pytest`")
    test_python: Path | None = Field(None, description="the interpreter that has the program's dependencies")

    github_repo: str | None = Field(None, description="the repository on GitHub, as owner/name")
    github_token: SecretStr | None = Field(None, description="a token that may write contents and pull requests")
    github_app_id: int | None = Field(None, description="instead of a token: the GitHub App's id")
    github_app_key: SecretStr | None = Field(None, description="… and its private key: the PEM, or its file")
    github_base_url: str = Field("https://api.github.com", description="of an Enterprise server: https://host/api/v3")
    github_webhook_secret: SecretStr | None = Field(None, description="the webhook's secret; several with commas")
    github_labels: Words = Field((), description="labels for pull requests")
    github_reviewers: Words = Field((), description="who is asked for a review, by login")
    github_draft: bool = Field(False, description="true: pull requests are opened as drafts")
    github_reruns: int = Field(1, ge=0, le=3, description="how often failed checks are run again before they count")

    discord_token: SecretStr | None = Field(None, description="the bot's token")
    discord_admin_roles: Ids = Field(frozenset(), description="the ids of the roles that may use it; none: no role")
    discord_admin_users: Ids = Field(frozenset(), description="the ids of the users that may use it; none: no user")
    discord_guilds: Ids = Field(frozenset(), description="the ids of the servers it works in; none: all it is in")
    discord_deploy_roles: Ids = Field(frozenset(), description="who may use /deploy, by role; none: the admins'")
    discord_deploy_users: Ids = Field(frozenset(), description="… and by user; none of both: the admins")
    discord_channel: int | None = Field(None, description="the id of the channel that incidents are shown in")
    discord_two_persons: bool = Field(False, description="true: who opened an incident may not confirm its patch")
    discord_client_id: int | None = Field(
        None, description="logs in to the operator's pages with Discord: the application's client id"
    )
    discord_client_secret: SecretStr | None = Field(None, description="… and its client secret")
    discord_api_base: str | None = Field(None, description="another API than Discord's, as https://host/api/v10")
    discord_gateway_url: str | None = Field(None, description="another gateway than Discord's, as wss://host/")

    sheet_id: str | None = Field(None, pattern=r"^[\w-]+$", description="a Google Sheet that `/debug status` looks at")
    sheet_api_key: SecretStr | None = Field(None, description="a key for it, where everybody may read it")
    sheet_service_account: SecretStr | None = Field(None, description="… or a service account's JSON, or its file")
    sheet_base_url: str = Field("https://sheets.googleapis.com", description="another address than Google's")

    alert_rules: Path | None = Field(None, description="a TOML file of alert rules, beside the built-in ones")
    alert_channel: int | None = Field(None, description="the id of a Discord channel that alerts are posted to")
    alert_webhook_url: str | None = Field(None, description="where alerts are posted as signed JSON")
    alert_webhook_secret: SecretStr | None = Field(None, description="… and what they are signed with")
    alert_incidents: bool = Field(False, description="true: an alert opens an incident")

    web_bind: str = Field(
        "127.0.0.1:8000", pattern=r"^[^:]+:\d{1,5}$", description="where the web listens, as host:port"
    )
    web_token: SecretStr | None = Field(
        None, description="logs in to the operator's pages; none: only on loopback, or by Discord"
    )
    metrics_token: SecretStr | None = Field(
        None, min_length=16, description="reads /metrics and opens nothing else; none: the web token, or loopback"
    )
    metrics_bind: str | None = Field(
        None, pattern=r"^[^:]+:\d{1,5}$", description="where a process without the web serves /metrics and health"
    )
    web_url: str | None = Field(None, description="where people reach the web, for links to an incident")

    sentry_projects: Annotated[dict[str, SentryProject], NoDecode] = Field(
        default_factory=dict,
        description='programs that report by a Sentry SDK: {"1": {"key": "…", "opens": true, "a_day": 20}}',
    )

    railway_token: SecretStr | None = Field(None, description="a token of the account, the workspace or the project")
    railway_project_id: str | None = Field(None, description="the project's id on Railway")
    railway_environment_id: str | None = Field(None, description="… the environment's")
    railway_service_id: str | None = Field(None, description="… and the id of the service that is deployed")
    railway_webhook_secret: SecretStr | None = Field(None, description="the end of /webhooks/railway/…: long, random")
    railway_url: str = Field("https://backboard.railway.com/graphql/v2", description="another address than Railway's")

    deploy_command: Words = Field((), description="checks out $KINTSUGI_COMMIT and restarts the program")
    deploy_folder: Path = Field(Path(), description="where the deploy command runs")
    deploy_webhook_url: str | None = Field(None, description="a service that deploys, asked by a signed POST")
    deploy_webhook_secret: SecretStr | None = Field(None, description="… and what it is signed with")
    program_url: str | None = Field(None, description="where the program answers; its /version tells the commit")

    llm_api_key: SecretStr | None = Field(None, description="the model's key; without one, no patches are proposed")
    llm_base_url: str | None = Field(None, description="any OpenAI-compatible address")
    llm_model: str = Field("gpt-5", description="the model's name")
    llm_budget_usd: float = Field(2.0, gt=0, description="how much the model may cost for one incident, in US dollars")
    llm_budget_day_usd: float = Field(20.0, gt=0, description="… and in one day")
    llm_budget_tokens: int = Field(1_000_000, gt=0, description="… in tokens, for one incident")
    llm_budget_day_tokens: int = Field(10_000_000, gt=0, description="… in tokens, in one day")
    llm_prices: Annotated[dict[str, Price], NoDecode] = Field(
        default_factory=dict,
        description='US dollars for a million tokens, such as {"gpt-5": {"tokens_in": 1, "tokens_out": 8}}',
    )
    llm_api: Literal["chat", "responses"] = Field("chat", description="chat completions, which all speak, or responses")
    llm_seconds: float = Field(300.0, gt=0, le=3600, description="how long one answer of the model may take")
    rounds: int = Field(3, ge=1, le=10, description="how often a patch may be proposed for one incident")
    confirm_hours: float = Field(24.0, gt=0, le=720, description="how long a confirmation stays open")

    @field_validator("test_command", "deploy_command", "github_labels", "github_reviewers", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator(
        "discord_admin_roles",
        "discord_admin_users",
        "discord_deploy_roles",
        "discord_deploy_users",
        "discord_guilds",
        mode="before",
    )
    @classmethod
    def _ids(cls, value: object) -> object:
        return value.replace(",", " ").split() if isinstance(value, str) else value

    @field_validator("discord_gateway_url")
    @classmethod
    def _gateway(cls, value: str | None) -> str | None:
        if value and not value.startswith(("ws://", "wss://")):
            raise ValueError("should be an address that begins with ws:// or wss://")
        return value

    @field_validator("llm_prices", "sentry_projects", mode="before")
    @classmethod
    def _json(cls, value: object) -> object:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError("should be a JSON object") from error

    @field_validator("github_repo")
    @classmethod
    def _owner_and_name(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[\w.-]+/[\w.-]+", value):
            raise ValueError("should be owner/name")
        return value

    @field_validator(
        "llm_base_url",
        "program_url",
        "github_base_url",
        "web_url",
        "discord_api_base",
        "sheet_base_url",
        "railway_url",
        "deploy_webhook_url",
        "alert_webhook_url",
    )
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("should be an address that begins with http:// or https://")
        return value

    def build(self) -> str | None:
        """The commit that this very process runs, as far as it can be known."""
        return self.build_sha or running_build()

    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that GitHub may sign with: two while one takes over from the other."""
        given = self.github_webhook_secret.get_secret_value() if self.github_webhook_secret else ""
        return tuple(secret.strip() for secret in given.split(",") if secret.strip())

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, for the redactor to know."""
        values = [getattr(self, name) for name in type(self).model_fields]
        kept = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        kept += self.webhook_secrets()
        return (*kept, *_password(self.database_url))


def _password(url: str) -> tuple[str, ...]:
    """The password in a database URL. One that cannot be read is refused elsewhere, with a sentence."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return ()
    return (password,) if password else ()


def read_settings() -> Settings:
    """Raises SettingsError."""
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError("\n".join(_fault(fault["loc"], fault["msg"]) for fault in error.errors())) from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"The file .env is no UTF-8 text (at byte {error.start}). Save it as UTF-8.") from None


def _fault(where: tuple[int | str, ...], message: str) -> str:
    name = str(where[0]) if where else ""
    field = Settings.model_fields.get(name)
    meant = f" It is: {field.description}." if field else ""
    return f"{PREFIX}{name.upper()}: {message.removeprefix('Value error, ')}.{meant}"
