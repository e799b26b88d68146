"""What reports tell of a program's runs, added up in one transaction. Each report counts once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.tables import ANSWER, REPORT, RUNS
from kintsugi.workflow.cure import Counted

PUBLIC = "public:"
"""Begins the name of a teller that anybody can write as."""

_KNOWN_FOR = timedelta(days=7)  # a report: an SDK that was offline delivers it late, and perhaps twice
_ANSWERS_KEPT = timedelta(days=30)


def add_runs(ledger: SqlLedger, key: str, counted: Counted) -> bool:
    """False: the report with this key was added before."""
    newest = ledger.connection.execute(select(func.max(REPORT.c.at))).scalar_one()
    known = ledger.insert(REPORT).values(key=key, at=ledger.now).on_conflict_do_nothing().returning(REPORT.c.key)
    if ledger.connection.execute(known).first() is None:
        return False
    _add(ledger, counted)
    _keep_answers(ledger, counted)
    if newest is None or _hour(newest) != _hour(ledger.now):  # the first of an hour clears up for all
        ledger.connection.execute(REPORT.delete().where(REPORT.c.at < ledger.now - _KNOWN_FOR))
        ledger.connection.execute(ANSWER.delete().where(ANSWER.c.at < ledger.now - _ANSWERS_KEPT))
    return True


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _add(ledger: SqlLedger, counted: Counted) -> None:
    process = counted.teller if counted.believed else f"{PUBLIC}{counted.teller}"
    row = ledger.insert(RUNS)
    sums = {name: RUNS.c[name] + row.excluded[name] for name in ("succeeded", "failed")}
    add = row.on_conflict_do_update(
        index_elements=["process", "intent", "build"], set_={**sums, "updated_at": row.excluded.updated_at}
    )
    for each in sorted(
        counted.runs, key=lambda runs: (runs.intent, runs.build)
    ):  # one order, so that no two wait in a ring
        values = {"intent": each.intent, "build": each.build, "succeeded": each.succeeded, "failed": each.failed}
        ledger.connection.execute(add, {"process": process, "updated_at": ledger.now, **values})


def _keep_answers(ledger: SqlLedger, counted: Counted) -> None:
    """Of a teller that is believed: what anybody could write shows no request to work."""
    row = ledger.insert(ANSWER)
    keep = row.on_conflict_do_update(index_elements=["request", "build", "status"], set_={"at": row.excluded.at})
    for each in counted.answers if counted.believed else ():
        values = {"request": each.request, "build": each.build, "status": each.status}
        ledger.connection.execute(keep, {"at": ledger.now, **values})
