"""The least rights, as docs/running.md has them: a service goes the whole way with them, and can do nothing more."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from tests.app.test_away import REPORTS, diagnosed
from tests.app.test_misbehaving import reports
from tests.world.service import a_service

PAGE = Path(__file__).parents[2] / "docs" / "running.md"


@pytest.fixture
def roles(empty_postgres_url: Database) -> Iterator[dict[str, Database]]:
    """The page's statements, run by a superuser and then by the owner; the database as each of the roles sees it."""
    end = uuid.uuid4().hex[:8]
    before, after = (
        _named(sql, empty_postgres_url, end) for sql in re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.S)
    )
    with psycopg.connect(empty_postgres_url.conninfo, autocommit=True) as superuser:
        superuser.execute(before.encode())
    found = {
        name: Database(empty_postgres_url.url.set(username=f"{name}_{end}"), None).in_schema("kintsugi")
        for name in ("kintsugi_owner", "kintsugi_service")
    }
    upgrade(found["kintsugi_owner"])
    with psycopg.connect(found["kintsugi_owner"].conninfo, autocommit=True) as owner:
        owner.execute(after.encode())
    yield found
    with psycopg.connect(empty_postgres_url.conninfo, autocommit=True) as superuser:
        for name in (f"kintsugi_service_{end}", f"kintsugi_owner_{end}"):
            superuser.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}".encode())


def _named(sql: str, database: Database, end: str) -> str:
    """The page's names are everybody's on this server: here they are this test's."""
    named = re.sub(r"\bkintsugi_(owner|service)\b", rf"kintsugi_\1_{end}", sql)
    return named.replace("DATABASE shop", f'DATABASE "{database.url.database}"')


async def test_a_service_goes_the_whole_way_with_the_least_rights(roles: dict[str, Database], tmp_path: Path):
    with psycopg.connect(roles["kintsugi_owner"].conninfo, autocommit=True) as owner:
        owner.execute("CREATE TABLE kintsugi.theirs (word TEXT)")  # after the grants
    async with a_service(tmp_path, KINTSUGI_DATABASE_URL=roles["kintsugi_service"].address, **REPORTS) as service:
        await service.becomes("/readyz", 200)
        status, _ = await reports(service, "1", "KeyError")
        await diagnosed(service)
        ended = await service.is_told_to_end()

    with psycopg.connect(roles["kintsugi_service"].conninfo, autocommit=True) as connection:
        for forbidden in (
            "CREATE TABLE kintsugi.more (id INTEGER)",
            "DROP TABLE kintsugi.incident",
            "ALTER TABLE kintsugi.incident ADD COLUMN more TEXT",
            "TRUNCATE kintsugi.incident",
            "SELECT * FROM kintsugi.theirs",
            "DELETE FROM kintsugi.alembic_version",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden.encode())

    assert (status, ended) == (200, 0)
