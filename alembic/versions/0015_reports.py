"""Runs that reports tell of: each report counts once, and what a request is answered where it works.

Revision: 0015, after 0014. Code before it goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
    )
    op.create_table(
        "answer",
        sa.Column("request", sa.String, primary_key=True),
        sa.Column("build", sa.String, primary_key=True),
        sa.Column("status", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, index=True),
    )
    op.create_index("ix_runs_build", "runs", ["build"])


def downgrade() -> None:
    op.drop_index("ix_runs_build", "runs")
    op.drop_table("answer")
    op.drop_table("report")
