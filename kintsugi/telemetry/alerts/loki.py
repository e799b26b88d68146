"""The rules as alert rules of Grafana Loki, for those who send their lines to a central place."""

import json
import logging
import re
from collections.abc import Iterable

from kintsugi.telemetry.alerts.rules import Rule

_SELECTOR = '{app="kintsugi"}'
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


def export_loki(rules: Iterable[Rule], selector: str = _SELECTOR) -> str:
    """A rules file in YAML for Loki's ruler. `selector` picks the stream that the lines arrive in."""
    lines = ["groups:", "  - name: telemetry", "    rules:"]
    for rule in rules:
        lines += _rule(rule, selector)
    return "\n".join(lines) + "\n"


def _rule(rule: Rule, selector: str) -> list[str]:
    query = f"sum(count_over_time({_query(rule, selector)} [{_duration(rule.window)}])) >= {rule.threshold}"
    return [
        f"      - alert: {_quoted(rule.name)}",
        f"        expr: {_quoted(query)}",
        "        for: 0s",
        f"        keep_firing_for: {_duration(rule.cooldown)}",
        "        labels:",
        f"          severity: {_quoted(rule.level.lower())}",
        "        annotations:",
        f"          summary: {_quoted(rule.summary or rule.name)}",
    ]


def _query(rule: Rule, selector: str) -> str:
    stages = [selector]
    if rule.text:
        stages.append(f"|~ {_quoted('(?i)' + re.escape(rule.text))}")
    if rule.regex:
        stages.append(f"|~ {_quoted(rule.regex)}")
    stages.append(f'| json level="level", logger="logger", exception="exception" | level=~"{_levels(rule)}"')
    if rule.logger:
        stages.append(f"| logger=~{_quoted(re.escape(rule.logger) + '([.].*)?')}")
    if rule.exception:
        stages.append(f"| exception=~{_quoted('(?s).*' + re.escape(rule.exception) + '.*')}")
    return " ".join(stages)


def _levels(rule: Rule) -> str:
    numbers = logging.getLevelNamesMapping()
    return "|".join(level for level in _LEVELS if numbers[level] >= rule.least_level) or "CRITICAL"


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))}s"


def _quoted(text: str) -> str:
    """A string for LogQL and for YAML alike: both read JSON's double-quoted form."""
    return json.dumps(text, ensure_ascii=True)
