"""Scheduled jobs that check in, and when nothing is amiss with each any more.

Revision: 0019, after 0018. Code before it goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scheduled_job",
        sa.Column("project", sa.String, primary_key=True),
        sa.Column("slug", sa.String, primary_key=True),
        sa.Column("environment", sa.String, primary_key=True),
        sa.Column("deadline", sa.DateTime(timezone=True), nullable=False, index=True),
        sa.Column("facts", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("scheduled_job")
