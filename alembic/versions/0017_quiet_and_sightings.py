"""What opens nothing though it ended, and how often, where and by whom a failure was seen.

Revision: 0017, after 0016. Code before it goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incident", sa.Column("is_quiet", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "sighting",
        sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("value", sa.String, primary_key=True),
        sa.Column("times", sa.Integer, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("sighting")
    op.drop_column("incident", "is_quiet")
