"""Sessions of the pages, for every process that serves them: a text each, which only the pages understand."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, update

from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.store import SqlStore
from kintsugi.persistence.tables import SESSION
from kintsugi.workflow.ports import Ledger


class SqlSessions:
    """The SessionStore of the pages, in the database of this store."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def put(self, id: str, owner: str, facts: str, ends_at: datetime, *, most: int) -> None:
        def put(ledger: Ledger) -> None:
            assert isinstance(ledger, SqlLedger)
            ledger.connection.execute(delete(SESSION).where(SESSION.c.ends_at <= ledger.now))
            row = ledger.insert(SESSION).values(id=id, owner=owner, facts=facts, began_at=ledger.now, ends_at=ends_at)
            ledger.connection.execute(row)
            others = (SESSION.c.owner == owner, SESSION.c.id != id)  # of one moment this one is the newest
            newest = select(SESSION.c.id).where(*others).order_by(SESSION.c.began_at.desc(), SESSION.c.id)
            kept = [each.id for each in ledger.connection.execute(newest.limit(most - 1))]
            ledger.connection.execute(delete(SESSION).where(*others, SESSION.c.id.not_in(kept)))

        await self._store.transact(put)

    async def find(self, id: str) -> str | None:
        """Beside the work: every request asks. That its time is over, its signed cookie says."""
        query = select(SESSION.c.facts).where(SESSION.c.id == id)
        return await self._store.read_aside(lambda connection: connection.execute(query).scalar())

    async def change(self, id: str, facts: str) -> bool:
        def change(ledger: Ledger) -> bool:
            assert isinstance(ledger, SqlLedger)
            query = update(SESSION).where(SESSION.c.id == id).values(facts=facts).returning(SESSION.c.id)
            return ledger.connection.execute(query).first() is not None

        return await self._store.transact(change)

    async def end(self, id: str) -> bool:
        def end(ledger: Ledger) -> bool:
            assert isinstance(ledger, SqlLedger)
            gone = delete(SESSION).where(SESSION.c.id == id).returning(SESSION.c.owner)
            owner = ledger.connection.execute(gone).scalar()
            others = select(SESSION.c.id).where(SESSION.c.owner == owner, SESSION.c.ends_at > ledger.now)
            return owner is not None and ledger.connection.execute(others.limit(1)).first() is None

        return await self._store.transact(end)
