"""The one rule for "the database is unavailable": away, full, read-only, overloaded or silent, and nothing was changed.

PostgreSQL says it by SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), libpq by an error
without one, SQLite by an OperationalError, a pool by a time-out; procrastinate wraps all of these. What the rule does
not name is a fault of ours and flies on.

The drivers are told by the names that PEP 249 gives their errors: who is on SQLite has no psycopg to import.
"""

from __future__ import annotations

from sqlalchemy.exc import DatabaseError as BrokenDatabase
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

_CLASSES = ("08", "53", "57", "58")  # connection, resources, an operator's doing, the system's own faults
_STATES = {
    "25006",  # read-only: a standby, a failover under way
    "25P03",  # idle in a transaction for longer than an administrator allows
    "55P03",  # a lock that was not to be had in time
}
_MET = {"40001", "40P01"}  # two transactions met: the loser tries again, which is no absence
_TROUBLE = {"OperationalError", "InterfaceError"}


def is_away(error: BaseException | None) -> bool:
    """Whether this says that the database cannot be used just now. Looks through what others wrapped around it."""
    match error:
        case None:
            return False
        case PoolTimeout() | OSError():  # the latter is TimeoutError's base too
            return True
        case DBAPIError():
            damaged = type(error) is BrokenDatabase  # SQLite: malformed, or no database
            return error.connection_invalidated or damaged or is_away(error.orig)
        case _ if type(error).__name__ == "ConnectorException":
            return is_away(error.__cause__)
    if state := getattr(error, "sqlstate", None):
        return state in _STATES or str(state).startswith(_CLASSES)
    return not _TROUBLE.isdisjoint(each.__name__ for each in type(error).__mro__)


def has_met(error: BaseException) -> bool:
    """Whether two transactions met, so that the same one may go through at the next try."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _MET


def words_of(error: BaseException) -> str:
    """The database's own first line."""
    cause: BaseException | None = error
    while isinstance(cause, DBAPIError) or (cause and type(cause).__name__ == "ConnectorException"):
        cause = cause.orig if isinstance(cause, DBAPIError) else cause.__cause__
    lines = str(cause or error).strip().splitlines()
    return lines[0] if lines else type(cause or error).__name__
