"""The Grafana dashboard, docs/grafana.json: rows of panels, each a title and what it asks Prometheus.

Figures of the store are the same from every process, so the largest is taken; what processes counted is added up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kintsugi.workflow.states import ENDED

_SOURCE = {"type": "prometheus", "uid": "${source}"}
_COLUMNS = 24
_OVER = "$__rate_interval"


@dataclass(frozen=True, slots=True)
class Panel:
    """`asks`: each query with what its lines are called. `bad_from`: the value from which it is shown in red."""

    title: str
    asks: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    stacked: bool = False
    bad_from: float | None = None
    good_from: float | None = None


def _stat(title: str, ask: str, **more: Any) -> Panel:
    return Panel(title, ((ask, ""),), kind="stat", width=4, **more)


def _spread(metric: str, label: str, gathered: str) -> tuple[tuple[str, str], ...]:
    """The median and what nine of ten stay below."""
    return tuple(
        (
            f"histogram_quantile({share}, {gathered} by (le, {label}) (rate({metric}_bucket[$__range])))",
            f"{{{{{label}}}}} {name}",
        )
        for share, name in ((0.5, "p50"), (0.9, "p90"))
    )


_OPEN = f'state!~"{"|".join(sorted(ENDED))}"'

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Now",
        (
            _stat("Database", "min(kintsugi_database_up)", good_from=1),
            _stat("Open incidents", f"sum(max by (state) (kintsugi_incidents{{{_OPEN}}}))"),
            _stat("Wait for a human", 'sum(max by (state) (kintsugi_incidents{state=~"awaiting_confirm|needs_human"}))'),
            _stat("Stuck", 'max(kintsugi_incidents{state="stuck"})', bad_from=1),
            _stat("Oldest effect due for", "max(kintsugi_effects_late_seconds)", unit="s", bad_from=300),
            _stat("Model, last 24 h", "sum(max by (kind) (increase(kintsugi_model_cost_dollars_total[24h])))", unit="currencyUSD"),
        ),
    ),
    (
        "Incidents",
        (
            Panel("By state", (("max by (state) (kintsugi_incidents)", "{{state}}"),), width=12, stacked=True),
            Panel("Time to each step", _spread("kintsugi_stage_seconds", "stage", "max"), unit="s", kind="bargauge", width=12),
        ),
    ),
    (
        "Effects",
        (
            Panel("Owed", (("max by (kind, status) (kintsugi_effects_owed) > 0", "{{kind}} {{status}}"),), stacked=True),
            Panel("Oldest due for", (("max by (kind) (kintsugi_effects_late_seconds)", "{{kind}}"),), unit="s"),
            Panel("Attempts", ((f"sum by (kind, outcome) (rate(kintsugi_effect_attempts_total[{_OVER}]))", "{{kind}} {{outcome}}"),), unit="ops"),
            Panel("Retries", ((f"sum by (kind) (rate(kintsugi_effect_retries_total[{_OVER}]))", "{{kind}}"),), unit="ops"),
            Panel("Time of an attempt", _spread("kintsugi_effect_seconds", "kind", "sum"), unit="s", kind="bargauge"),
            Panel(
                "Since the last look",
                (
                    ("time() - max(kintsugi_reconciled_timestamp_seconds)", "at the code host"),
                    ("time() - min(kintsugi_figures_timestamp_seconds)", "at the database"),
                ),
                unit="s",
            ),
        ),
    ),
    (
        "Model",
        (
            Panel("Cost a day", (("max by (kind) (increase(kintsugi_model_cost_dollars_total[1d]))", "{{kind}}"),), unit="currencyUSD"),
            Panel("Tokens a day", (("max by (kind) (increase(kintsugi_model_tokens_total[1d]))", "{{kind}}"),)),
            Panel("Calls a day", (("max by (kind) (increase(kintsugi_model_calls_total[1d]))", "{{kind}}"),)),
        ),
    ),
    (
        "In and out",
        (
            Panel("Deliveries", ((f"sum by (source, outcome) (rate(kintsugi_deliveries_total[{_OVER}]))", "{{source}} {{outcome}}"),), unit="ops"),
            Panel("Reports passed over", ((f"sum by (kind) (rate(kintsugi_report_items_passed_over_total[{_OVER}]))", "{{kind}}"),), unit="ops"),
            Panel("Secrets hidden", ((f"sum by (kind) (rate(kintsugi_redactions_total[{_OVER}]))", "{{kind}}"),), unit="ops"),
            Panel("Log lines lost", ((f"sum by (instance) (increase(kintsugi_log_lines_dropped_total[{_OVER}]))", "{{instance}}"),)),
        ),
    ),
    (
        "Processes",
        (
            Panel("Builds", (("kintsugi_build_info", "{{instance}} {{version}} {{revision}}"),), kind="table"),
            Panel("Who holds what", (("kintsugi_lease_info", "{{name}}: {{holder}}"),), kind="table"),
            Panel("Memory", (("process_resident_memory_bytes", "{{instance}}"),), unit="bytes"),
        ),
    ),
)  # fmt: skip


def dashboard() -> str:
    """docs/grafana.json: for Grafana's import."""
    return json.dumps(
        {
            "title": "Kintsugi",
            "uid": "kintsugi",
            "tags": ["kintsugi"],
            "schemaVersion": 39,
            "time": {"from": "now-24h", "to": "now"},
            "refresh": "1m",
            "templating": {"list": [{"name": "source", "label": "Source", "type": "datasource", "query": "prometheus"}]},
            "panels": list(_placed()),
        },
        indent=1,
    )  # fmt: skip


def _placed() -> Iterator[dict[str, Any]]:
    """Each row's heading, and below it its panels from left to right."""
    number, y = 1, 0
    for title, panels in ROWS:
        yield {"id": number, "type": "row", "title": title, "gridPos": _place(0, y, _COLUMNS, 1)}
        x, height, y, number = 0, 4 if panels[0].kind == "stat" else 8, y + 1, number + 1
        for panel in panels:
            if x + panel.width > _COLUMNS:
                x, y = 0, y + height
            yield {"id": number, "gridPos": _place(x, y, panel.width, height), **_drawn(panel)}
            x, number = x + panel.width, number + 1
        y += height


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _drawn(panel: Panel) -> dict[str, Any]:
    at_once = panel.kind != "timeseries"
    return {
        "type": panel.kind,
        "title": panel.title,
        "datasource": _SOURCE,
        "targets": [_target(letter, ask, at_once) for letter, ask in zip("AB", panel.asks, strict=False)],
        "fieldConfig": {"defaults": _looks(panel), "overrides": []},
        "options": _OPTIONS.get(panel.kind, {}),
    }


_OPTIONS: dict[str, dict[str, Any]] = {
    "stat": {"colorMode": "value", "graphMode": "area", "reduceOptions": {"calcs": ["lastNotNull"]}},
    "bargauge": {"orientation": "horizontal", "displayMode": "basic", "reduceOptions": {"calcs": ["lastNotNull"]}},
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
}


def _target(letter: str, ask: tuple[str, str], at_once: bool) -> dict[str, Any]:
    query, legend = ask
    return {"refId": letter, "datasource": _SOURCE, "expr": query, "legendFormat": legend, "instant": at_once}


def _looks(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "red" if panel.good_from is not None else "green", "value": None}]
    if panel.good_from is not None:
        steps.append({"color": "green", "value": panel.good_from})
    if panel.bad_from is not None:
        steps.append({"color": "red", "value": panel.bad_from})
    custom = {"fillOpacity": 20 if panel.stacked else 0, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    looks = {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}
    return {**looks, "custom": custom} if panel.kind == "timeseries" else looks
