"""Alerts from what is logged: rules in TOML, sinks that are told, and the same rules for Grafana Loki."""

from kintsugi.telemetry.alerts.discord_channel import DiscordChannel
from kintsugi.telemetry.alerts.engine import Alert, Alerts, Sink
from kintsugi.telemetry.alerts.loki import export_loki
from kintsugi.telemetry.alerts.rules import BadRule, Rule, built_in_rules, read_rules
from kintsugi.telemetry.alerts.webhook import SignedWebhook, signature

__all__ = [
    "Alert",
    "Alerts",
    "BadRule",
    "DiscordChannel",
    "Rule",
    "SignedWebhook",
    "Sink",
    "built_in_rules",
    "export_loki",
    "read_rules",
    "signature",
]
