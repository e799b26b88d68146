"""All rooms together. Only the bootstrap sees them so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from kintsugi.app.settings.rooms import (
    AlertSettings,
    AnalystSettings,
    CodeSettings,
    DatabaseSettings,
    DeploySettings,
    DiscordSettings,
    GitHubSettings,
    IncidentSettings,
    KeepSettings,
    McpSettings,
    MetricsSettings,
    ModelSettings,
    NetworkSettings,
    ProgramSettings,
    RailwaySettings,
    ReceiptSettings,
    Room,
    SentrySettings,
    SheetSettings,
    WebSettings,
)
from kintsugi.persistence.database import Database


class Settings(BaseModel):
    """Every setting there is, by room. What is not handed in is read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    program: ProgramSettings = Field(default_factory=ProgramSettings)
    incidents: IncidentSettings = Field(default_factory=IncidentSettings)
    keep: KeepSettings = Field(default_factory=KeepSettings)
    receipt: ReceiptSettings = Field(default_factory=ReceiptSettings)
    network: NetworkSettings = Field(default_factory=NetworkSettings)
    code: CodeSettings = Field(default_factory=CodeSettings)
    github: GitHubSettings = Field(default_factory=GitHubSettings)
    discord: DiscordSettings = Field(default_factory=DiscordSettings)
    model: ModelSettings = Field(default_factory=ModelSettings)
    analyst: AnalystSettings = Field(default_factory=AnalystSettings)
    railway: RailwaySettings = Field(default_factory=RailwaySettings)
    deploy: DeploySettings = Field(default_factory=DeploySettings)
    web: WebSettings = Field(default_factory=WebSettings)
    metrics: MetricsSettings = Field(default_factory=MetricsSettings)
    agents: McpSettings = Field(default_factory=McpSettings)
    sentry: SentrySettings = Field(default_factory=SentrySettings)
    sheet: SheetSettings = Field(default_factory=SheetSettings)
    alerts: AlertSettings = Field(default_factory=AlertSettings)

    def secrets(self) -> tuple[str, ...]:
        """Every secret value, however deep it lies, for the redactor to know."""
        return (*_secrets_in(self), *self.github.webhook_secrets)


def rooms_of(settings: type[Settings]) -> Mapping[str, type[Room]]:
    """The rooms by name, in the order of the documentation."""
    annotations: dict[str, Any] = {name: field.annotation for name, field in settings.model_fields.items()}
    return annotations


def _secrets_in(value: object) -> Iterator[str]:
    match value:
        case SecretStr():
            yield value.get_secret_value()
        case Database():
            yield from _password(value.address)
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets_in(getattr(value, name))
        case Mapping():
            for each in value.values():
                yield from _secrets_in(each)
        case str():
            yield from _password(value)


def _password(address: str) -> Iterator[str]:
    """The password in an address, if this is one and has one."""
    try:
        password = urlsplit(address).password if "://" in address else None
    except ValueError:
        return
    if password:
        yield from {password, unquote(password)}
