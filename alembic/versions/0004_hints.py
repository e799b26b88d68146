"""Hints to look at an incident, on disk before they are answered. The code of 0003 goes on on it.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "hint",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("incident_id", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
    )
    to_look = sa.text("looked_at IS NULL")
    op.create_index("ix_hint_to_look", "hint", ["at"], sqlite_where=to_look, postgresql_where=to_look)


def downgrade() -> None:
    op.drop_table("hint")
