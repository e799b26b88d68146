"""Alembic's entry: runs the migrations on the connection it is handed, or on KINTSUGI_DATABASE_URL."""

from __future__ import annotations

import os

from sqlalchemy import Connection
from sqlmodel import SQLModel

from alembic import context
from kintsugi.persistence import tables
from kintsugi.persistence.database import Database, connect
from kintsugi.persistence.migrations import is_compared


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_object=is_compared,
    )
    with context.begin_transaction():
        context.run_migrations()


assert tables.IncidentRow  # importing the tables fills SQLModel's metadata
given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with connect(Database.parse(os.environ["KINTSUGI_DATABASE_URL"])).connect() as connection:
        run(connection)
        connection.commit()
