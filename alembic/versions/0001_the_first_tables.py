"""The first tables: incident, payload, transition, inbox, effect.

Revision: 0001.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_OPEN = "status in ('pending', 'running')"
_WAITING = "outcome = 'waiting'"


def upgrade() -> None:
    _incident()
    _payload()
    _transition()
    _inbox()
    _effect()


def downgrade() -> None:
    for table in ("effect", "inbox", "transition", "payload", "incident"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION history_is_append_only()")


def _incident() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("fingerprint", sa.String, nullable=False, index=True),
        sa.Column("open_fingerprint", sa.String, unique=True),
        sa.Column("has_open_pull_request", sa.Boolean, nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    _partial_index("ix_incident_open_pull_request", "incident", ["id"], "has_open_pull_request")


def _payload() -> None:
    op.create_table(
        "payload",
        sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
    )


def _transition() -> None:
    op.create_table(
        "transition",
        sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("trigger", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("dest", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("says", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
    )
    _append_only("transition")


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id"), nullable=False),
        sa.Column("trigger", sa.String, nullable=False),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("says", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.Text),
    )
    _partial_index("ix_inbox_waiting", "inbox", ["incident_id", "at"], _WAITING)


def _effect() -> None:
    op.create_table(
        "effect",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id"), nullable=False, index=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
    )
    _partial_index("ix_effect_open", "effect", ["due"], _OPEN)


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _append_only(table: str) -> None:
    """History cannot be rewritten, not even by us: the database refuses."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'history is append-only'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION history_is_append_only()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
        )
