"""The settings, read once from the environment and `.env`, prefix KINTSUGI_, room by room.

Only the bootstrap sees the whole of them; what it makes is handed the values of its own room. A wrong setting is named
at start with what it should be. A secret's value is never printed.
"""

from kintsugi.app.settings.reading import read_room, read_settings, unknown_names
from kintsugi.app.settings.rooms import (
    PREFIX,
    AlertSettings,
    AnalystSettings,
    CodeSettings,
    DatabaseSettings,
    DeploySettings,
    DiscordSettings,
    GitHubSettings,
    KeepSettings,
    MetricsSettings,
    ModelSettings,
    ProgramSettings,
    RailwaySettings,
    ReceiptSettings,
    Room,
    SentryProject,
    SentrySettings,
    SheetSettings,
    WebSettings,
    on_railway,
    variable,
)
from kintsugi.app.settings.values import revealed
from kintsugi.app.settings.whole import Settings, rooms_of

__all__ = [
    "PREFIX",
    "AlertSettings",
    "AnalystSettings",
    "CodeSettings",
    "DatabaseSettings",
    "DeploySettings",
    "DiscordSettings",
    "GitHubSettings",
    "KeepSettings",
    "MetricsSettings",
    "ModelSettings",
    "ProgramSettings",
    "RailwaySettings",
    "ReceiptSettings",
    "Room",
    "SentryProject",
    "SentrySettings",
    "Settings",
    "SheetSettings",
    "WebSettings",
    "on_railway",
    "read_room",
    "read_settings",
    "revealed",
    "rooms_of",
    "unknown_names",
    "variable",
]
