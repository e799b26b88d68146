"""Who may do what only one process may do: a row a name, by the database's clock."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, or_, select

from kintsugi.persistence.ledger import SqlLedger
from kintsugi.persistence.store import SqlStore
from kintsugi.persistence.tables import LEASE
from kintsugi.workflow.ports import Ledger

_PROBE = "probe"  # of nobody: it is over when it begins


class Leases:
    """Leases in the database of this store. A holder is any text that no other process uses."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    async def take(self, name: str, holder: str, length: timedelta) -> bool:
        """Take a lease that nobody has, or lengthen one's own. False: somebody else has it."""

        def take(ledger: Ledger) -> bool:
            assert isinstance(ledger, SqlLedger)
            until = ledger.now + length
            row = ledger.insert(LEASE).values(name=name, holder=holder, until=until)
            free = or_(LEASE.c.until <= ledger.now, LEASE.c.holder == holder)
            taken = row.on_conflict_do_update(
                index_elements=["name"], set_={"holder": holder, "until": until}, where=free
            )
            return ledger.connection.execute(taken.returning(LEASE.c.name)).first() is not None

        return await self._store.transact(take)

    async def give_up(self, name: str, holder: str) -> None:
        """Let another take it at once."""

        def give_up(ledger: Ledger) -> None:
            assert isinstance(ledger, SqlLedger)
            ledger.connection.execute(delete(LEASE).where(LEASE.c.name == name, LEASE.c.holder == holder))

        await self._store.transact(give_up)

    async def probe(self) -> None:
        """Write something that nobody reads. Raises StoreUnavailable where nothing can be written."""

        def probe(ledger: Ledger) -> None:
            assert isinstance(ledger, SqlLedger)
            row = ledger.insert(LEASE).values(name=_PROBE, holder="", until=ledger.now)
            row = row.on_conflict_do_update(index_elements=["name"], set_={"until": ledger.now})
            ledger.connection.execute(row)

        await self._store.transact(probe)

    async def holder(self, name: str) -> str | None:
        """Who has it now; None where nobody does."""

        def look(ledger: Ledger) -> str | None:
            assert isinstance(ledger, SqlLedger)
            query = select(LEASE.c.holder).where(LEASE.c.name == name, LEASE.c.until > ledger.now)
            found: str | None = ledger.connection.execute(query).scalar()
            return found

        return await self._store.transact(look)
