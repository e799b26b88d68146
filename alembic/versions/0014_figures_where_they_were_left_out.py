"""The tables of 0008, for databases that went past it.

0008 was put beneath 0009 when databases at 0009 and 0010 were there already. Alembic took these for done with it.

Revision: 0014, after 0013. Code before it goes on on it.
"""

from __future__ import annotations

import sqlalchemy as sa

from alembic import context, op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_LEFT_OUT = "0008"


def upgrade() -> None:
    if not sa.inspect(op.get_bind()).has_table("stage_time"):
        context.script.get_revision(_LEFT_OUT).module.upgrade()


def downgrade() -> None:
    """Nothing: what it made is 0008's, and goes with that."""
