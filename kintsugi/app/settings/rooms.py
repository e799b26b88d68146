"""The settings, room by room. Each is documented by its description here."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kintsugi.app.settings.values import (
    WHERE_IDS_ARE,
    Address,
    Bind,
    CommandName,
    Commands,
    GatewayAddress,
    Id,
    Ids,
    Json,
    Origin,
    Paths,
    PersonalKinds,
    RepositoryName,
    SheetId,
    SigningSecret,
    Token,
    VariableNames,
    Words,
    database_of,
    revealed,
)
from kintsugi.persistence.database import Database
from kintsugi.persistence.keep import Keep
from kintsugi.workflow.calling import Calling, quiet_hours
from kintsugi.workflow.incident import Budget, Price
from kintsugi.workflow.severity import Severity

PREFIX = "KINTSUGI_"


class Room(BaseSettings):
    """The settings of one room, under its prefix. What is empty is not set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", frozen=True, extra="ignore", env_ignore_empty=True
    )


def _direct_database(address: object) -> Database | None:
    database = None if address is None else database_of(address)
    if database and database.one_process:
        raise ValueError("should be postgresql://…: SQLite has no pooler")
    return database


class DatabaseSettings(Room, env_prefix=f"{PREFIX}DATABASE_"):
    """Where incidents are kept."""

    url: Annotated[Database, NoDecode, PlainValidator(database_of)] = Field(
        Database.parse("sqlite:///.kintsugi/kintsugi.db"),
        description="sqlite:///path or postgresql://…, with ?schema=name for tables in a schema of their own",
    )
    direct_url: Annotated[Database | None, NoDecode, PlainValidator(_direct_database)] = Field(
        None, description="the same PostgreSQL past a pooler in transaction mode: for wake-ups, locks and `db upgrade`"
    )

    @property
    def database(self) -> Database:
        """With both its addresses."""
        return replace(self.url, direct=self.direct_url.url) if self.direct_url else self.url


class KeepSettings(Room, env_prefix=f"{PREFIX}KEEP_PAYLOADS_"):
    """How long what was captured is kept."""

    days: int | None = Field(
        None, ge=1, description="for how many days what was captured is kept after an incident's end; none: for good"
    )
    mb: int | None = Field(
        None, ge=1, description="… and how many megabytes of it in all: of ended incidents the oldest is pruned first"
    )

    @property
    def keep(self) -> Keep:
        return Keep(timedelta(days=self.days) if self.days else None, self.mb * 2**20 if self.mb else None)


class ReceiptSettings(Room, env_prefix=f"{PREFIX}RECEIPT_"):
    """Receipts, which show that an incident's history was not changed."""

    key: SecretStr | None = Field(None, description="signs them: an Ed25519 private key, the PEM or its file")


class ProgramSettings(Room):
    """The program that is watched: what it is called, which build of it runs, where it answers."""

    env_name: str = Field(
        default_factory=lambda: on_railway("RAILWAY_ENVIRONMENT_NAME") or "development",
        description="the environment's name, such as production",
    )
    build_sha: str | None = Field(None, description="the commit that runs; else the host's own variable, else git's")
    program_url: Address | None = Field(None, description="where the program answers; its /version tells the commit")
    telemetry: Literal["ring", "json", "off"] = Field(
        "ring",
        description="in your own bot: ring keeps what is logged and leaves the console alone, json takes it over, off",
    )
    log_stream: Literal["stdout", "stderr"] = Field("stderr", description="where lines of the log go")
    log_direct: bool = Field(
        False, description="true: each line is written before its log call returns; a full pipe then holds that up"
    )
    redact_pii: PersonalKinds = Field(
        (),
        description="personal data that is hidden like secrets: some of card,iban,email,phone,ip; nothing is promised",
    )
    capture: Literal["unhandled", "logged", "off"] = Field(
        "unhandled",
        description="in your own bot, what opens an incident by itself: unhandled failures; logged adds those that it "
        "handles and logs or prints as an error; off",
    )


class IncidentSettings(Room):
    """How incidents go their way."""

    at_once: int = Field(
        4, ge=1, le=64, description="how many steps of one kind a worker takes at a time; no other kind waits for them"
    )
    dry_run: bool = Field(False, description="true: captured failures are staged, and no model is called")
    rounds: int = Field(3, ge=1, le=10, description="how often a patch may be proposed for one incident")
    confirm_hours: float = Field(24.0, gt=0, le=720, description="how long a confirmation stays open")


class NetworkSettings(Room):
    """Certificates of the services that we ask."""

    ca_file: Path | None = Field(
        None, description="a PEM file with one's own certificate authorities, trusted beside the public ones"
    )


class CodeSettings(Room):
    """The program's code, and how it is tested."""

    repo: Path | None = Field(None, description="a bare git repository with the program's code")
    branch: str = Field("main", description="the branch that is deployed")
    test_command: Words = Field((), description="the program's test command, such as `python -m pytest`")
    test_python: Path | None = Field(None, description="the interpreter that has the program's dependencies")
    test_seconds: float = Field(300, ge=10, description="how long a whole proof may take")
    test_memory_mb: int = Field(1024, ge=128, description="how much memory its tests may use")
    test_mounts: Paths = Field((), description="more of this machine that its tests may read: folders, with commas")
    test_dependencies: Path | None = Field(
        None, description="for Node: a checkout with its packages installed (node_modules); none: KINTSUGI_REPO"
    )
    test_env: Json[str] = Field(
        default_factory=dict, description="variables for its tests, nothing secret: a JSON object"
    )
    test_services: Commands = Field(
        (), description="what is started beside its tests in the box: shell commands, with ;"
    )


class GitHubSettings(Room, env_prefix=f"{PREFIX}GITHUB_"):
    """Pull requests on GitHub."""

    repo: RepositoryName | None = Field(None, description="the repository on GitHub, as owner/name")
    token: SecretStr | None = Field(None, description="a token that may write contents and pull requests")
    app_id: int | None = Field(None, description="instead of a token: the GitHub App's id")
    app_key: SecretStr | None = Field(None, description="… and its private key: the PEM, or its file")
    base_url: Address = Field("https://api.github.com", description="of an Enterprise server: https://host/api/v3")
    webhook_secret: SigningSecret | None = Field(None, description="the webhook's secret; several with commas")
    proof_workflow: str = Field("", description="the workflow whose proofs of pull requests count, such as `prove.yml`")
    proof_issuer: Address | None = Field(None, description="who signs its tokens, where that is not GitHub's usual one")
    labels: Words = Field((), description="labels for pull requests")
    reviewers: Words = Field((), description="who is asked for a review, by login")
    draft: bool = Field(False, description="true: pull requests are opened as drafts")
    reruns: int = Field(1, ge=0, le=3, description="how often failed checks are run again before they count")

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that GitHub may sign with: two while one takes over from the other."""
        return tuple(secret.strip() for secret in revealed(self.webhook_secret).split(",") if secret.strip())


class DiscordSettings(Room, env_prefix=f"{PREFIX}DISCORD_"):
    """The bot, and who may use it."""

    token: SecretStr | None = Field(None, description="the bot's token")
    admin_roles: Ids = Field(frozenset(), description="the ids of the roles that may use it; none: no role")
    admin_users: Ids = Field(frozenset(), description="the ids of the users that may use it; none: no user")
    guilds: Ids = Field(frozenset(), description="the ids of the servers it works in; none: all it is in")
    deploy_roles: Ids = Field(
        frozenset(), description="who may deploy and roll back in Discord and on the pages, by role; none: the admins"
    )
    deploy_users: Ids = Field(frozenset(), description="… and by user; none of both: the admins")
    channel: Id | None = Field(None, description="the id of the channel that incidents are shown in")
    debug_command: CommandName = Field("debug", description="what /debug is called, where the bot has its own")
    deploy_command: CommandName = Field("deploy", description="… and /deploy")
    ping: str = Field("", description="who is called about an incident: the id of a role, or user:ID; none: nobody")
    ping_from: Severity = Field(Severity.MEDIUM, description="… from this severity on: critical, high, medium or low")
    ping_again_minutes: float = Field(
        15.0, ge=0, le=1440, description="… again after so long where nobody acknowledged it; 0: not again"
    )
    ping_quiet: str = Field(
        "", description="quiet hours, in which only what is critical calls, such as `22-07 Europe/Berlin`"
    )
    two_persons: bool = Field(False, description="true: who opened an incident may not confirm its patch, at any door")
    client_id: Id | None = Field(
        None, description="logs in to the operator's pages with Discord: the application's client id"
    )
    client_secret: SecretStr | None = Field(None, description="… and its client secret")
    api_base: Address | None = Field(None, description="another API than Discord's, as https://host/api/v10")
    gateway_url: GatewayAddress | None = Field(None, description="another gateway than Discord's, as wss://host/")

    @field_validator("token")
    @classmethod
    def _bare(cls, value: SecretStr | None) -> SecretStr | None:
        if value and re.search(r"\s|[\"']", value.get_secret_value()):
            raise ValueError("should be the token alone, without quotes, spaces or the word Bot")
        return value

    @field_validator("ping")
    @classmethod
    def _callable(cls, value: str) -> str:
        if value and not re.fullmatch(r"(?:(?:role|user):)?\d{5,20}", value.strip()):
            raise ValueError(f"should be the id of a role, or user: and the id of a user. {WHERE_IDS_ARE}")
        return value.strip()

    @field_validator("ping_quiet")
    @classmethod
    def _hours(cls, value: str) -> str:
        if value:
            quiet_hours(value)
        return value

    @field_validator("deploy_command")
    @classmethod
    def _another(cls, value: str, others: ValidationInfo) -> str:
        if value == others.data.get("debug_command"):
            raise ValueError("should differ from KINTSUGI_DISCORD_DEBUG_COMMAND")
        return value

    @property
    def calling(self) -> Calling:
        again = timedelta(minutes=self.ping_again_minutes) if self.ping_again_minutes else None
        return Calling(self.ping_from, again, quiet_hours(self.ping_quiet) if self.ping_quiet else None)

    @property
    def has_admins(self) -> bool:
        return bool(self.admin_roles or self.admin_users)


class SheetSettings(Room, env_prefix=f"{PREFIX}SHEET_"):
    """A Google Sheet that the program reads."""

    id: SheetId | None = Field(None, description="a Google Sheet that `/debug status` looks at")
    api_key: SecretStr | None = Field(None, description="a key for it, where everybody may read it")
    service_account: SecretStr | None = Field(None, description="… or a service account's JSON, or its file")
    base_url: Address = Field("https://sheets.googleapis.com", description="another address than Google's")


class AlertSettings(Room, env_prefix=f"{PREFIX}ALERT_"):
    """Where alerts go."""

    rules: Path | None = Field(None, description="a TOML file of alert rules, beside the built-in ones")
    channel: Id | None = Field(None, description="the id of a Discord channel that alerts are posted to")
    webhook_url: Address | None = Field(None, description="where alerts are posted as signed JSON")
    webhook_secret: SecretStr | None = Field(None, description="… and what they are signed with")
    incidents: bool = Field(False, description="true: an alert opens an incident")


class WebSettings(Room, env_prefix=f"{PREFIX}WEB_"):
    """Webhooks and the operator's pages."""

    bind: Bind = Field(
        default_factory=lambda: f"0.0.0.0:{port}" if (port := on_railway("PORT")) else "127.0.0.1:8000",
        description="where the web listens, as host:port",
    )
    token: Token | None = Field(
        None, description="logs in to the operator's pages; none: by Discord, or by links of `kintsugi login`"
    )
    url: Address | None = Field(
        default_factory=lambda: f"https://{host}" if (host := on_railway("RAILWAY_PUBLIC_DOMAIN")) else None,
        description="where people reach the web, for links to an incident",
    )


class MetricsSettings(Room, env_prefix=f"{PREFIX}METRICS_"):
    """What Prometheus reads."""

    token: Token | None = Field(None, description="reads /metrics and opens nothing else; none: the web token does")
    loopback: bool = Field(
        False, description="true: without a token, whatever comes from this machine may read it: a proxy's requests too"
    )
    bind: Bind | None = Field(None, description="where a process without the web serves /metrics and health")


class AnalystSettings(Room, env_prefix=f"{PREFIX}ANALYST_"):
    """How the model works, or a coding agent of yours in its place."""

    tools: bool = Field(
        True, description="whether the model may look at the program, where it asks to or its first change was refused"
    )
    command: str = Field("", description="a command that changes the code in its folder; left out: the model is asked")
    seconds: float = Field(1200.0, gt=0, le=14400, description="how long it may take")
    memory_mb: int = Field(2048, ge=64, description="memory for it and all that it starts")
    mounts: Paths = Field((), description="folders of this machine that it may read, such as where it is installed")
    env: VariableNames = Field((), description="variables of ours that it gets; never one of KINTSUGI_*")


class McpSettings(Room, env_prefix=f"{PREFIX}MCP_"):
    """Other people's agents, over HTTP."""

    token: Token | None = Field(None, description="lets agents call the tools at /mcp; none: only `kintsugi mcp`")


class SentryProject(BaseModel):
    """One program that reports by a Sentry SDK, under its number in the DSN."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: SecretStr = Field(min_length=8)  # the DSN's user
    opens: bool = True  # false: its failures only count on incidents that are open
    a_day: int = Field(20, ge=0)  # incidents that it may open
    a_failure: int = Field(3, ge=1)  # of these, of one failure
    public: bool | None = None  # anybody can read the key: what it tells is not believed alone; none: if it has origins
    check_ins: bool = False  # a scheduled job that does not check in is a failure
    origins: tuple[Origin, ...] = ()  # of pages; none: any

    @model_validator(mode="after")
    def _can_be_watched(self) -> Self:
        if self.check_ins and (bool(self.origins) if self.public is None else self.public):
            raise ValueError("check_ins needs a key that nobody else can read: give the jobs a project of their own")
        return self


class SentrySettings(Room, env_prefix=f"{PREFIX}SENTRY_"):
    """Programs that report by a Sentry SDK."""

    projects: Json[SentryProject] = Field(
        default_factory=dict,
        description='programs that report by a Sentry SDK: {"1": {"key": "…", "opens": true, "a_day": 20}}',
    )


class RailwaySettings(Room, env_prefix=f"{PREFIX}RAILWAY_"):
    """Deploying on Railway."""

    token: SecretStr | None = Field(None, description="a token of the account, the workspace or the project")
    project_id: str | None = Field(None, description="the project's id on Railway")
    environment_id: str | None = Field(None, description="… the environment's")
    service_id: str | None = Field(None, description="… and the id of the service that is deployed")
    webhook_secret: Token | None = Field(None, description="the end of /webhooks/railway/…: long, random")
    url: Address = Field("https://backboard.railway.com/graphql/v2", description="another address than Railway's")


class DeploySettings(Room, env_prefix=f"{PREFIX}DEPLOY_"):
    """Deploying by a command or a service of your own."""

    command: Words = Field((), description="checks out $KINTSUGI_COMMIT and restarts the program")
    folder: Path = Field(Path(), description="where the deploy command runs")
    env: VariableNames = Field((), description="the variables that it gets besides PATH, HOME, TMPDIR and the locale")
    webhook_url: Address | None = Field(None, description="a service that deploys, asked by a signed POST")
    webhook_secret: SigningSecret | None = Field(None, description="… and what it is signed with")


class ModelSettings(Room, env_prefix=f"{PREFIX}LLM_"):
    """The model, and what it may cost."""

    api_key: SecretStr | None = Field(
        None, description="the model's key; without one or an address of your own, no patches are proposed"
    )
    base_url: Address | None = Field(
        None, description="any OpenAI-compatible address; left out: OpenAI's. One that asks for no key needs none"
    )
    model: str = Field(
        "", description="the model's name; left out: gpt-5 at OpenAI, and at an address of your own its only model"
    )
    budget_usd: float = Field(2.0, gt=0, description="how much the model may cost for one incident, in US dollars")
    budget_day_usd: float = Field(20.0, gt=0, description="… and in one day")
    budget_tokens: int = Field(1_000_000, gt=0, description="… in tokens, for one incident")
    budget_day_tokens: int = Field(10_000_000, gt=0, description="… in tokens, in one day")
    prices: Json[Price] = Field(
        default_factory=dict,
        description='US dollars for a million tokens, such as {"gpt-5": {"tokens_in": 1, "tokens_out": 8}}',
    )
    api: Literal["chat", "responses"] = Field("chat", description="chat completions, which all speak, or responses")
    seconds: float = Field(900.0, gt=0, le=14400, description="how long one answer may take, once it is its turn")
    silent_seconds: float = Field(120.0, gt=0, le=3600, description="… and how long it may pause between two words")
    window: int | None = Field(
        None, ge=2048, description="the tokens that the model takes, question and reply together; left out: found out"
    )
    output: int | None = Field(
        None, ge=256, description="the tokens that a reply may have; left out: 16000, or a quarter of a known window"
    )
    at_once: int | None = Field(
        None, ge=1, description="questions at a time; left out: 1 at an address of this machine, else any number"
    )

    @property
    def is_set(self) -> bool:
        return bool(self.api_key or self.base_url)

    @property
    def name(self) -> str:
        """The model that is asked; empty where it is the only one of its server, which is looked up there."""
        return self.model or ("" if self.base_url else "gpt-5")

    @property
    def budget(self) -> Budget:
        return Budget(self.budget_usd, self.budget_day_usd, self.budget_tokens, self.budget_day_tokens)


def variable(room: type[Room], name: str) -> str:
    """What a setting is called in the environment."""
    return f"{room.model_config['env_prefix']}{name}".upper()


def on_railway(name: str) -> str:
    """What Railway says of itself in its containers; "" anywhere else. https://docs.railway.com/reference/variables"""
    return os.environ.get(name, "") if os.environ.get("RAILWAY_PROJECT_ID") else ""
