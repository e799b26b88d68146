"""What was spent on which day, how long the stages took, and which payloads are whole.

Revision: 0008. The code before it goes on on it; what that code pays for and moves is not counted here meanwhile.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0008"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = sa.text("status in ('pending', 'running')")
_WHOLE = sa.text("pruned_at IS NULL")
_DAY = {"sqlite": "substr(created_at, 1, 10)", "postgresql": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')"}


def upgrade() -> None:
    _spending()
    op.create_table(
        "stage_time",
        sa.Column("stage", sa.String, primary_key=True),
        sa.Column("at_most", sa.Float, primary_key=True),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.add_column("payload", sa.Column("bytes", sa.Integer, nullable=False, server_default="0"))
    op.add_column("payload", sa.Column("pruned_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_payload_whole", "payload", ["incident_id", "bytes"], sqlite_where=_WHOLE, postgresql_where=_WHOLE
    )
    _index_of_debts(["due", "kind", "status"])


def downgrade() -> None:
    _index_of_debts(["due"])
    op.drop_index("ix_payload_whole", "payload")
    op.drop_column("payload", "pruned_at")
    op.drop_column("payload", "bytes")
    op.drop_table("stage_time")
    op.drop_table("spending")


def _spending() -> None:
    """What was spent so far goes to the days on which the effects began, which is all that was known."""
    op.create_table(
        "spending",
        sa.Column("day", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("usd", sa.Float, nullable=False),
    )
    op.execute(
        "INSERT INTO spending (day, kind, calls, tokens, usd) "  # noqa: S608  # nothing in it is anybody else's
        f"SELECT {_DAY[op.get_bind().dialect.name]}, kind, COUNT(*), SUM(tokens), SUM(usd) FROM effect "
        "WHERE tokens > 0 OR usd > 0 GROUP BY 1, 2"
    )


def _index_of_debts(columns: list[str]) -> None:
    """With kind and status in it, what is owed is counted without reading the debts themselves."""
    op.drop_index("ix_effect_open", "effect")
    op.create_index("ix_effect_open", "effect", columns, sqlite_where=_OPEN, postgresql_where=_OPEN)
