"""The hash chain of each history. What is there already is chained now, and says so.

Revision: 0016, after 0015. Code before it goes on on it; the rows it writes are chained by the next move of newer code.
"""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from alembic import op
from kintsugi.persistence.chaining import chain_all

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_OF_THE_CHAIN = ("previous", "holds", "chained_at")
_OF_THE_STEP = ("incident_id", "seq", "trigger", "source", "dest", "actor", "at", "says", "attempts", "seconds", "usd")


def upgrade() -> None:
    op.add_column("incident", sa.Column("chained", sa.Integer, nullable=False, server_default="0"))
    op.add_column("incident", sa.Column("head", sa.Text, nullable=False, server_default=""))
    op.add_column("transition", sa.Column("previous", sa.String))
    op.add_column("transition", sa.Column("holds", sa.Text))
    op.add_column("transition", sa.Column("chained_at", sa.DateTime(timezone=True)))
    _append_only(but_for_chaining=True)
    chain_all(op.get_bind(), datetime.now(UTC))


def downgrade() -> None:
    _append_only(but_for_chaining=False)
    for column in _OF_THE_CHAIN:
        op.drop_column("transition", column)
    op.drop_column("incident", "head")
    op.drop_column("incident", "chained")


def _append_only(*, but_for_chaining: bool) -> None:
    """A row that has no chain may be given one, and nothing else of it changed."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE OR REPLACE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            + (_POSTGRES_CHAINING if but_for_chaining else "")
            + "RAISE EXCEPTION 'history is append-only'; END $$"
        )
        return
    op.execute("DROP TRIGGER transition_no_update")
    op.execute(
        "CREATE TRIGGER transition_no_update BEFORE UPDATE ON transition "
        + (f"WHEN NOT ({_SQLITE_CHAINING}) " if but_for_chaining else "")
        + "BEGIN SELECT RAISE(ABORT, 'history is append-only'); END"
    )


_POSTGRES_CHAINING = (
    "IF TG_OP = 'UPDATE' AND OLD.holds IS NULL AND NEW.holds IS NOT NULL AND "
    + " AND ".join(f'NEW."{name}" IS NOT DISTINCT FROM OLD."{name}"' for name in _OF_THE_STEP)
    + " THEN RETURN NEW; END IF; "
)
_SQLITE_CHAINING = "OLD.holds IS NULL AND NEW.holds IS NOT NULL AND " + " AND ".join(
    f'NEW."{name}" IS OLD."{name}"' for name in _OF_THE_STEP
)
