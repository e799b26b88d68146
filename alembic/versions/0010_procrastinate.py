"""The distributed executor's queue on PostgreSQL, and when an effect was last delivered.

The queue's tables are procrastinate's own, as the installed release has them; they hold wake-ups alone, so that nothing
is lost where they are made anew. A release that changes them comes with a revision of ours.

Revision: 0010, after 0009. Code before it goes on on it.
"""

from __future__ import annotations

from importlib import resources

import sqlalchemy as sa

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("effect") as effect:
        effect.add_column(sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        _run((resources.files("procrastinate.sql") / "schema.sql").read_text())


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _run(_DROP)
    with op.batch_alter_table("effect") as effect:
        effect.drop_column("delivered_at")


def _run(script: str) -> None:
    """Several statements at once, which only the driver itself takes."""
    driver = op.get_bind().connection.driver_connection
    assert driver
    driver.execute(script)


_DROP = r"""
DO $$
DECLARE name text;
BEGIN
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relname LIKE 'procrastinate\_%' AND relkind = 'r'
        AND relnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', name);
    END LOOP;
    FOR name IN SELECT oid::regprocedure FROM pg_proc WHERE proname LIKE 'procrastinate\_%'
        AND pronamespace = current_schema()::regnamespace LOOP
        EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', name);
    END LOOP;
    FOR name IN SELECT oid::regtype FROM pg_type WHERE typname LIKE 'procrastinate\_%' AND typtype IN ('e', 'c')
        AND typnamespace = current_schema()::regnamespace LOOP
        EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', name);
    END LOOP;
END $$
"""
