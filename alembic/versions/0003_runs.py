"""How often each intent ended well and badly, by the build it ran on: a cure is judged from it.

Revision: 0003, after 0002. The code of 0002 goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("process", sa.String, primary_key=True),
        sa.Column("intent", sa.String, primary_key=True),
        sa.Column("build", sa.String, primary_key=True),
        sa.Column("succeeded", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_runs_intent", "runs", ["intent", "updated_at"])


def downgrade() -> None:
    op.drop_table("runs")
