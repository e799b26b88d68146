"""What an effect's attempts have cost in tokens, for the budget of a day where no price is known.

Revision: 0002, after 0001. The code of 0001 goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("effect", sa.Column("tokens", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("effect", "tokens")
