"""Alembic's entry: runs the migrations on the connection it is handed, or on KINTSUGI_DATABASE_URL."""

from __future__ import annotations

import os

from sqlalchemy import Connection
from sqlmodel import SQLModel

from alembic import context
from kintsugi.persistence import tables
from kintsugi.persistence.database import Database, connect

_OF_ONE_DATABASE = ("search_words", "terms", "ix_search_terms", "procrastinate_")  # as 0009 and 0010 made them


def _is_ours(object: object, name: str | None, *_: object) -> bool:
    """Whether autogenerate compares it with the tables."""
    return not (name or "").startswith(_OF_ONE_DATABASE)


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        include_object=_is_ours,
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
