"""Which process performs an effect, so that an operator finds it among many.

Revision: 0013, after 0012. Code before it goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("effect", sa.Column("holder", sa.String, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("effect") as effect:
        effect.drop_column("holder")
