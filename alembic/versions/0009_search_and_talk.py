"""What incidents are found by, indexed as each database does it best; and what was said with models.

Revision: 0009, after 0008. Code before it goes on on it: what it captures is not found by its words, and shows no talk.
"""

from __future__ import annotations

import json
import re

import sqlalchemy as sa

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ROWS = 500


def upgrade() -> None:
    search = op.create_table(
        "search",
        sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("words", sa.Text, nullable=False),
    )
    op.create_table(
        "talk",
        sa.Column("incident_id", sa.Integer, sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("analyst", sa.String, nullable=False),
        sa.Column("prompt", sa.String, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("turns", sa.Text, nullable=False),
    )
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        _index_with_fts5()
    else:
        terms = "tsvector GENERATED ALWAYS AS (to_tsvector('simple', words)) STORED"
        op.execute(f"ALTER TABLE search ADD COLUMN terms {terms}")
        op.execute("CREATE INDEX ix_search_terms ON search USING gin (terms)")
    _fill(connection, search)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER search_is_indexed")
        op.execute("DROP TABLE search_words")
    op.drop_table("talk")
    op.drop_table("search")


def _index_with_fts5() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE search_words USING fts5(words, content='search', content_rowid='incident_id', "
        "detail='none', prefix='3', tokenize='unicode61 remove_diacritics 0')"
    )
    op.execute(
        "CREATE TRIGGER search_is_indexed AFTER INSERT ON search BEGIN "
        "INSERT INTO search_words(rowid, words) VALUES (new.incident_id, new.words); END"
    )


def _fill(connection: sa.Connection, search: sa.Table) -> None:
    """What is there already is found by its summary and its errors."""
    after = 0
    read = sa.text("SELECT incident_id, body FROM payload WHERE incident_id > :after ORDER BY incident_id LIMIT :rows")
    while rows := connection.execute(read, {"after": after, "rows": _ROWS}).all():
        connection.execute(
            search.insert(), [{"incident_id": row.incident_id, "words": _words(row.body)} for row in rows]
        )
        after = rows[-1].incident_id


def _words(body: str) -> str:
    payload = json.loads(body)
    chain = (payload.get("exception") or {}).get("chain", ())
    texts = (payload["incident"]["summary"], *(f"{each['type']} {each.get('message', '')}" for each in chain))
    return " ".join(dict.fromkeys(word for text in texts for word in re.findall(r"[^\W_]+", text.casefold())))
