"""The tables. Alembic owns them; the store alone reads and writes them.

States, kinds and statuses are kept as text: a database enum would have to be migrated with every new word.
`incident.facts` is the whole incident as JSON; the columns beside it are what is searched for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Dialect, Index, Table, Text, TypeDecorator, false, text
from sqlalchemy import DateTime as SqlDateTime
from sqlmodel import Field, SQLModel


class Instant(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite keeps none, so it is kept there as UTC without saying so; a naive one is refused."""

    impl = SqlDateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _instant(nullable: bool = False) -> Any:
    return Field(sa_column=Column(Instant(), nullable=nullable))


def _text() -> Any:
    return Field(sa_column=Column(Text, nullable=False))


class IncidentRow(SQLModel, table=True):
    """The present."""

    __tablename__ = "incident"

    id: int | None = Field(default=None, primary_key=True)
    state: str = Field(index=True)
    fingerprint: str = Field(index=True)
    open_fingerprint: str | None = Field(default=None, unique=True)  # set while it is open: one failure, one incident
    has_open_pull_request: bool = Field(default=False)
    is_quiet: bool = Field(default=False, sa_column_kwargs={"server_default": false()})  # it ended, and opens nothing
    opened_at: datetime = _instant()
    updated_at: datetime = _instant()
    facts: str = _text()
    chained: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # the last seq that is chained
    head: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=""))  # that row's hash

    __table_args__ = (
        Index(
            "ix_incident_open_pull_request",
            "id",
            sqlite_where=text("has_open_pull_request"),
            postgresql_where=text("has_open_pull_request"),
        ),
    )


class PayloadRow(SQLModel, table=True):
    """What was captured: large, written once, and pruned once its incident ended long ago."""

    __tablename__ = "payload"

    incident_id: int = Field(primary_key=True, foreign_key="incident.id")
    body: str = _text()
    bytes: int = Field(default=0, sa_column_kwargs={"server_default": "0"})  # of the body; 0: not counted
    pruned_at: datetime | None = _instant(nullable=True)  # from then on the body is what is left of it

    __table_args__ = (
        Index(
            "ix_payload_whole",
            "incident_id",
            "bytes",
            sqlite_where=text("pruned_at IS NULL"),
            postgresql_where=text("pruned_at IS NULL"),
        ),
    )


class SearchRow(SQLModel, table=True):
    """The words an incident is found by, of what was captured; written once. Each database indexes them its own way."""

    __tablename__ = "search"

    incident_id: int = Field(primary_key=True, foreign_key="incident.id")
    words: str = _text()  # as `kintsugi.persistence.search` cuts them


class SightingRow(SQLModel, table=True):
    """How often a failure was seen, by `kind`: in an hour (2026-11-23T12, in UTC), in an environment, by somebody.

    Of somebody only a digest is kept.
    """

    __tablename__ = "sighting"

    incident_id: int = Field(primary_key=True, foreign_key="incident.id")
    kind: str = Field(primary_key=True)  # hour, environment or user
    value: str = Field(primary_key=True)
    times: int


class TalkRow(SQLModel, table=True):
    """A conversation with a model, beside the history's row that came of it. `turns`: JSON, [[ours, text], …]."""

    __tablename__ = "talk"

    incident_id: int = Field(primary_key=True, foreign_key="incident.id")
    seq: int = Field(primary_key=True)
    analyst: str
    prompt: str
    at: datetime = _instant()
    turns: str = _text()


class LookRow(SQLModel, table=True):
    """One call of a tool by the analyst, and its answer: `kintsugi.workflow.looks`."""

    __tablename__ = "look"

    incident_id: int = Field(primary_key=True, foreign_key="incident.id")
    round: int = Field(primary_key=True)  # the history's row that asked for the diagnosis
    number: int = Field(primary_key=True)
    tool: str
    asked: str = _text()
    answer: str = _text()
    at: datetime = _instant()


class TransitionRow(SQLModel, table=True):
    """The past. Append-only; a row without a chain may be chained once, as `kintsugi.workflow.chain` says."""

    __tablename__ = "transition"

    incident_id: int = Field(primary_key=True, foreign_key="incident.id")
    seq: int = Field(primary_key=True)
    trigger: str
    source: str
    dest: str
    actor: str
    at: datetime = Field(sa_column=Column(Instant(), nullable=False, index=True))
    says: str = _text()
    attempts: int = 0
    seconds: float = 0.0
    usd: float = 0.0
    previous: str | None = None  # the hash of the row before
    holds: str | None = Field(default=None, sa_column=Column(Text, nullable=True))  # JSON; NULL: not chained
    chained_at: datetime | None = _instant(nullable=True)  # NULL: when it was written


class InboxRow(SQLModel, table=True):
    """Every trigger by its natural key. `body` is kept only while a fact waits."""

    __tablename__ = "inbox"

    key: str = Field(primary_key=True)
    incident_id: int = Field(foreign_key="incident.id")
    trigger: str
    actor: str
    outcome: str
    says: str = _text()
    at: datetime = _instant()
    body: str | None = Field(default=None, sa_column=Column(Text, nullable=True))

    __table_args__ = (
        Index(
            "ix_inbox_waiting",
            "incident_id",
            "at",
            sqlite_where=text("outcome = 'waiting'"),
            postgresql_where=text("outcome = 'waiting'"),
        ),
    )


class EffectRow(SQLModel, table=True):
    """The ledger of effects. `due`: of a pending one, not before; of a running one, the end of its lease."""

    __tablename__ = "effect"

    id: str = Field(primary_key=True)  # <incident>:<kind>:<seq that owed it>
    incident_id: int = Field(foreign_key="incident.id", index=True)
    kind: str
    seq: int
    status: str
    epoch: int = 0
    attempts: int = 0
    due: datetime = _instant()
    created_at: datetime = Field(sa_column=Column(Instant(), nullable=False, index=True))
    finished_at: datetime | None = _instant(nullable=True)
    error: str = _text()
    usd: float = 0.0  # what its attempts cost, those that failed too
    tokens: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    delivered_at: datetime | None = _instant(nullable=True)  # to a worker, where a queue delivers
    holder: str | None = None  # the process that began it last, as host:pid

    __table_args__ = (
        Index(
            "ix_effect_open",
            "due",
            "kind",  # this and the status, so that what is owed is counted without reading them
            "status",
            sqlite_where=text("status in ('pending', 'running')"),
            postgresql_where=text("status in ('pending', 'running')"),
        ),
    )


class RunsRow(SQLModel, table=True):
    """How often an intent ended well and badly on a build, as one process counted since its start, or reports added up.

    `process`: a process of telemetry's, or the teller of reports; `public:` begins one that anybody can write as.
    """

    __tablename__ = "runs"

    process: str = Field(primary_key=True)
    intent: str = Field(primary_key=True)
    build: str = Field(primary_key=True)
    succeeded: int
    failed: int
    updated_at: datetime = _instant()

    __table_args__ = (Index("ix_runs_intent", "intent", "updated_at"), Index("ix_runs_build", "build"))


class ReportRow(SQLModel, table=True):
    """A report whose runs were counted, so that it counts once however often it is delivered."""

    __tablename__ = "report"

    key: str = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(Instant(), nullable=False, index=True))


class AnswerRow(SQLModel, table=True):
    """That a request, kept by its digest, was answered with this status on this build."""

    __tablename__ = "answer"

    request: str = Field(primary_key=True)
    build: str = Field(primary_key=True)
    status: int = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(Instant(), nullable=False, index=True))


class ScheduledJobRow(SQLModel, table=True):
    """A job that checks in by a schedule. `deadline`: until when nothing is amiss; `facts`: all that is known of it."""

    __tablename__ = "scheduled_job"

    project: str = Field(primary_key=True)
    slug: str = Field(primary_key=True)
    environment: str = Field(primary_key=True)
    deadline: datetime = Field(sa_column=Column(Instant(), nullable=False, index=True))
    facts: str = _text()


class HintRow(SQLModel, table=True):
    """Somebody hinted that something changed about an incident, which need not be there. `key` is the delivery's."""

    __tablename__ = "hint"

    key: str = Field(primary_key=True)
    incident_id: int
    at: datetime = _instant()
    looked_at: datetime | None = _instant(nullable=True)

    __table_args__ = (
        Index(
            "ix_hint_to_look",
            "at",
            sqlite_where=text("looked_at IS NULL"),
            postgresql_where=text("looked_at IS NULL"),
        ),
    )


class SpendingRow(SQLModel, table=True):
    """What model calls cost, by the day (in UTC) on which they were paid for and the kind of effect."""

    __tablename__ = "spending"

    day: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    calls: int
    tokens: int = Field(sa_type=BigInteger)
    usd: float


class StageTimeRow(SQLModel, table=True):
    """How often a stage took at most so many seconds, and more than the next smaller bound: a histogram."""

    __tablename__ = "stage_time"

    stage: str = Field(primary_key=True)
    at_most: float = Field(primary_key=True)
    times: int
    seconds: float


class LeaseRow(SQLModel, table=True):
    """What one process at a time does, and which one, until when."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    holder: str
    until: datetime = _instant()


class SessionRow(SQLModel, table=True):
    """Somebody who is logged in to the pages: by the digest of the name in their cookie. `facts` is the pages' own."""

    __tablename__ = "web_session"

    id: str = Field(primary_key=True)
    owner: str
    facts: str = _text()
    began_at: datetime = _instant()
    ends_at: datetime = Field(sa_column=Column(Instant(), nullable=False, index=True))

    __table_args__ = (Index("ix_web_session_owner", "owner", "began_at"),)


class CompatibleRow(SQLModel, table=True):
    """One row: the oldest revision whose code works on these tables. One that older code cannot bear raises it."""

    __tablename__ = "compatible"

    since: str = Field(primary_key=True)


# As SQLAlchemy's own tables, of which statements are made.
INCIDENT: Table = IncidentRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it to table classes
PAYLOAD: Table = PayloadRow.__table__  # type: ignore[attr-defined]
TRANSITION: Table = TransitionRow.__table__  # type: ignore[attr-defined]
INBOX: Table = InboxRow.__table__  # type: ignore[attr-defined]
EFFECT: Table = EffectRow.__table__  # type: ignore[attr-defined]
RUNS: Table = RunsRow.__table__  # type: ignore[attr-defined]
ANSWER: Table = AnswerRow.__table__  # type: ignore[attr-defined]
REPORT: Table = ReportRow.__table__  # type: ignore[attr-defined]
HINT: Table = HintRow.__table__  # type: ignore[attr-defined]
SEARCH: Table = SearchRow.__table__  # type: ignore[attr-defined]
SIGHTING: Table = SightingRow.__table__  # type: ignore[attr-defined]
LOOK: Table = LookRow.__table__  # type: ignore[attr-defined]
TALK: Table = TalkRow.__table__  # type: ignore[attr-defined]
SPENDING: Table = SpendingRow.__table__  # type: ignore[attr-defined]
LEASE: Table = LeaseRow.__table__  # type: ignore[attr-defined]
SESSION: Table = SessionRow.__table__  # type: ignore[attr-defined]
STAGE_TIME: Table = StageTimeRow.__table__  # type: ignore[attr-defined]
SCHEDULED_JOB: Table = ScheduledJobRow.__table__  # type: ignore[attr-defined]
