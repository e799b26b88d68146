"""Which code still works on these tables: what a revision that older code does not survive has to raise.

Revision: 0012, after 0011. Code before it goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    compatible = op.create_table("compatible", sa.Column("since", sa.String, primary_key=True))
    op.execute(compatible.insert().values(since="0011"))


def downgrade() -> None:
    op.drop_table("compatible")
