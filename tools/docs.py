"""The documentation that is made from the code: `python -m tools.docs` writes it, `--check` holds it to the code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from prometheus_client.core import Metric
from pydantic.fields import FieldInfo

from kintsugi.app.settings import PREFIX, Room, Settings, rooms_of, variable
from kintsugi.capture.readers import new_readers
from kintsugi.capture.wrappers import CARRIERS
from kintsugi.telemetry.counts import Spreads, Tally
from kintsugi.web.metrics import MetricNeeds, families
from kintsugi.workflow.asking import ASKABLE, AT_LARGE, Askable
from kintsugi.workflow.figures import Figures, Paid
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.states import ENDED, MAIN_LINE, NEW, TRANSITIONS, Effect, State, Transition
from kintsugi.workflow.triggers import Command, Fact, Fixed, Reopened, words
from tools.dashboard import dashboard
from tools.outputs import outputs

_ROOT = Path(__file__).parent.parent / "docs"
_READ = "<!-- what is read, by python -m tools.docs -->"
_TABLE = "<!-- every metric, by python -m tools.docs -->"
_ASKED = "<!-- what can be asked for, by python -m tools.docs -->"


def documents() -> dict[str, str]:
    """File name below docs/ to content."""
    schema = json.dumps(Payload.model_json_schema(), indent=2) + "\n"
    return {
        "lifecycle.md": lifecycle(),
        "asking.md": asking(),
        "settings.md": settings(),
        "payload.schema.json": schema,
        "metrics.md": metrics(),
        "capture.md": capture(),
        "outputs.md": outputs(),
        "grafana.json": dashboard() + "\n",
    }


def settings() -> str:
    """Every setting there is, as kintsugi/app/settings/rooms.py declares it."""
    head = [
        "# Settings",
        "",
        f"From the environment, prefix `{PREFIX}`, or a file `.env` in the folder where `kintsugi` runs. Made from",
        "`kintsugi/app/settings/rooms.py` by `python -m tools.docs`. `kintsugi doctor` checks them all.",
        "A program that only reports reads `KINTSUGI_REPORT_URL`, `KINTSUGI_ENV_NAME` and `KINTSUGI_BUILD_SHA`: see",
        "[telemetry](telemetry.md).",
    ]
    return "\n".join([*head, *(line for room in rooms_of(Settings).values() for line in _room(room)), ""])


def _room(room: type[Room]) -> list[str]:
    head = ["", f"## {(room.__doc__ or '').rstrip('.')}", "", "| setting | default | is |", "|---|---|---|"]
    return head + [_setting(variable(room, name), field) for name, field in room.model_fields.items()]


def _setting(name: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    shown = f"`{default}`" if default not in (None, (), {}, "", False, frozenset()) else ""
    return f"| `{name}` | {shown} | {(field.description or '').replace('|', chr(92) + '|')} |"


def metrics() -> str:
    """docs/metrics.md as it was written, with the table of every metric there is."""
    written = (_ROOT / "metrics.md").read_text(encoding="utf-8")
    before, _, rest = written.partition(_TABLE)
    counted, owed = Tally(), Paid(Effect.DIAGNOSE, 1, 1, 1.0)
    counted.count("github", "taken")
    now, spreads = datetime.now(UTC), Spreads((1.0,))
    found = Figures(now, paid=(owed,))
    spreads.add("diagnose", 1.0)
    watched = MetricNeeds(
        figures=partial(_answered, found),
        deliveries=counted,
        attempts=counted,
        retries=counted,
        seconds=spreads,
        hidden=lambda: {"keyed": 1},
        reconciled_at=lambda: now,
        leases=lambda: {"worker": "host:1"},
    )
    rows = [_metric(each) for each in families(watched, found)]
    head = "| metric | type | labels | is |\n|---|---|---|---|"
    return "\n".join([f"{before}{_TABLE}", head, *rows, f"{_TABLE}{rest.partition(_TABLE)[2]}"])


def capture() -> str:
    """docs/capture.md as it was written, with the table of what is read."""
    written = (_ROOT / "capture.md").read_text(encoding="utf-8")
    before, _, rest = written.partition(_READ)
    rows = [f"| {reader.name} | {reader.reads} |" for reader in new_readers()]
    rows += [f"| in: {carrier} | {how} |" for carrier, how in CARRIERS]
    return "\n".join([f"{before}{_READ}", "| what | is read |\n|---|---|", *rows, f"{_READ}{rest.partition(_READ)[2]}"])


def _metric(family: Metric) -> str:
    labels = dict.fromkeys(f"`{label}`" for sample in family.samples for label in sample.labels if label != "le")
    name = f"{family.name}_total" if family.type == "counter" else family.name
    return f"| `{name}` | {family.type} | {', '.join(labels)} | {family.documentation} |"


async def _answered(found: Figures) -> Figures:
    return found


def lifecycle() -> str:
    """The table of kintsugi/workflow/states.py as a page."""
    return "\n".join(
        [
            "# The lifecycle",
            "",
            "Made from the table in `kintsugi/workflow/states.py` by `python -m tools.docs`; the gate holds it",
            "to the table.",
            "",
            "```mermaid",
            "stateDiagram-v2",
            *(f"    {arrow}" for arrow in _arrows()),
            "```",
            "",
            "Left out of the picture, as they lead to it from almost everywhere: `cancelled`, `stuck` with the way "
            "back out of it, and what people mended by hand or reopened.",
            "",
            "| when | who | from | to | owes | only if |",
            "|---|---|---|---|---|---|",
            *(_row(row) for row in TRANSITIONS),
            "",
            "**Who**: a *command* that does not fit is refused with a sentence; a *fact* from outside that comes early "
            "waits until it fits; a *result* of our own that comes late is dropped. A repeated key changes nothing.",
            "",
            f"**Ends**: {', '.join(f'`{state}`' for state in State if state in ENDED)}. An end makes room for a new "
            "incident of the same failure.",
            "",
        ]
    )


def asking() -> str:
    """docs/asking.md as it was written, with the table of kintsugi/workflow/asking.py."""
    written = (_ROOT / "asking.md").read_text(encoding="utf-8")
    before, _, rest = written.partition(_ASKED)
    head = "| asked for | who may | twice | when | it |\n|---|---|---|---|---|"
    rows = [_askable(row) for row in ASKABLE]
    rows += [f"| {each.name} | {each.role} | {_yes(each.twice)} | {each.when} | {each.does} |" for each in AT_LARGE]
    return "\n".join([f"{before}{_ASKED}", head, *rows, f"{_ASKED}{rest.partition(_ASKED)[2]}"])


def _askable(row: Askable) -> str:
    does = (row.does.__doc__ or "").split("\n")[0]
    when = [f"{row.when.__doc__}"] if row.when else []
    fits = dict.fromkeys(_fits(each) for each in TRANSITIONS if each.on is row.on)
    how = " ".join([*when, " Or ".join(_joined(list(fits)))])
    return f"| {row.name} | {row.role} | {_yes(row.twice)} | {how} | {does} |"


def _yes(it: bool) -> str:
    return "yes" if it else "no"


def _fits(row: Transition) -> tuple[str, str]:
    """In which states, and only if."""
    open_ones = {state for state in State if state not in ENDED}
    states = ", ".join(f"`{each}`" for each in row.sources)
    states = "in any state" if set(row.sources) == set(State) else states
    states = "any open state" if set(row.sources) == open_ones else states
    own = row.when if row.sources != (State.STUCK,) else None  # where it got stuck says where it goes, not whether
    reasons = [check.__doc__ or "" for check in ((own,) if own else ()) + row.guards]
    return states, " ".join(reason.split("\n")[0] for reason in reasons)


def _joined(fits: Sequence[tuple[str, str]]) -> list[str]:
    """Where one row fits without a reason, the others with its states say nothing more."""
    always = {states for states, only_if in fits if not only_if}
    told = [(states, only_if) for states, only_if in fits if not only_if or states not in always]
    return [f"{states}: {only_if}" if only_if else states for states, only_if in told]


def _arrows() -> list[str]:
    arrows = ["[*] --> captured", "[*] --> staged: dry run"]
    for row in TRANSITIONS:
        if row.dest in (None, State.CANCELLED, State.STUCK) or NEW in row.sources or row.on in (Fixed, Reopened):
            continue
        arrows += [
            f"{source} --> {row.dest}: {words(row.on)}"
            for source in row.sources
            if source is not State.STUCK and _is_drawn(row, source)
        ]
    return list(dict.fromkeys(arrows))


def _is_drawn(row: Transition, source: State | str) -> bool:
    """Of the many states a merge is possible from, the ordinary one stands for all."""
    return row.dest is not State.MERGED or source is MAIN_LINE[4]


def _row(row: Transition) -> str:
    who = "command" if issubclass(row.on, Command) else "fact" if issubclass(row.on, Fact) else "result"
    sources = ", ".join(f"`{source}`" for source in row.sources)
    dest = f"`{row.dest}`" if row.dest else "(the same)"
    owes = ", ".join(effect.name for effect in row.owes) or "-"
    reasons = [check.__doc__ or "" for check in ((row.when,) if row.when else ()) + row.guards + row.typed]
    only_if = " ".join(reason.split("\n")[0] for reason in reasons) or "-"
    return f"| {words(row.on)} | {who} | {sources} | {dest} | {owes} | {only_if} |"


def main() -> int:
    """Write the documents, or with --check say which are out of date."""
    stale = [name for name, text in documents().items() if _read(_ROOT / name) != text]
    if "--check" in sys.argv[1:]:
        for name in stale:
            print(f"docs/{name} is out of date: run `python -m tools.docs`.", file=sys.stderr)
        return int(bool(stale))
    for name in stale:
        (_ROOT / name).write_text(documents()[name], encoding="utf-8")
    return 0


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
