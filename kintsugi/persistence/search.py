"""Finding incidents by the words of what was captured.

The words are written down as letters and digits alone, so that both databases cut them alike: SQLite's FTS5 and
PostgreSQL's text search. Migration 0009 has the indexes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import TextClause, text

from kintsugi.workflow.payload import Payload

_WORD = re.compile(r"[^\W_]+")
_VERSION = re.compile(r"\bv\d+:(?=[0-9a-f]{8})")  # of a fingerprint: every incident has it, so it finds none
_MOST_WORDS, _LONGEST, _MOST_WANTED = 400, 60, 20
# Words that many have are found among the newest, words that few have by the index: FTS5 merges all that begins with a
# word before it answers. PostgreSQL, left to choose, reads all where few have them: it knows no frequencies of
# beginnings, and would walk through all incidents to meet the one that was found. CROSS JOIN, OFFSET 0 and MATERIALIZED
# keep them from choosing.
_NEAR_FTS5 = """
    SELECT incident.facts FROM search CROSS JOIN incident ON incident.id = search.incident_id
    WHERE search.incident_id < :before
      AND search.incident_id >= min(:before, (SELECT max(incident_id) + 1 FROM search)) - 1000
      AND {has_all} AND :state IN ('', incident.state)
    ORDER BY search.incident_id DESC LIMIT :limit
"""
_FAR_FTS5 = """
    SELECT incident.facts FROM search_words JOIN incident ON incident.id = search_words.rowid
    WHERE search_words MATCH :match AND search_words.rowid < :before AND :state IN ('', incident.state)
    ORDER BY search_words.rowid DESC LIMIT :limit
"""
_NEAR_GIN = """
    SELECT incident.facts FROM (
        SELECT incident_id, terms FROM search
        WHERE incident_id < :before
          AND incident_id >= least(:before, (SELECT max(incident_id) + 1 FROM search)) - 5000
        ORDER BY incident_id DESC OFFSET 0
    ) AS near JOIN incident ON incident.id = near.incident_id
    WHERE near.terms @@ to_tsquery('simple', :match) AND :state IN ('', incident.state)
    ORDER BY near.incident_id DESC LIMIT :limit
"""
_ROOM = "SET LOCAL work_mem = '64MB'"  # else it forgets which rows of a page have a word, and reads them all again
_UNCOMPILED = "SET LOCAL jit = off"  # to compile what reads few rows takes longer than to read them
_FAR_GIN = """
    WITH found AS MATERIALIZED (
        SELECT incident_id FROM search WHERE terms @@ to_tsquery('simple', :match) AND incident_id < :before
    )
    SELECT incident.facts FROM (SELECT incident_id FROM found ORDER BY incident_id DESC OFFSET 0) AS newest
    CROSS JOIN LATERAL (
        SELECT facts FROM incident WHERE id = newest.incident_id AND :state IN ('', state) OFFSET 0
    ) AS incident
    ORDER BY newest.incident_id DESC LIMIT :limit
"""


def words_of(payload: Payload) -> str:
    """What an incident is found by: its summary, errors, places in our code, intent, user, build and fingerprint."""
    found = dict.fromkeys(word for text in _texts(payload) for word in _cut(text))
    return " ".join(list(found)[:_MOST_WORDS])


def searches(words: str, dialect: str) -> list[TextClause]:
    """Statements for the facts of the incidents that have a word beginning with each of these, newest first; by
    `before` (an id), `state` ("" is any) and `limit`. Each is for where the one before it found fewer than `limit`; one
    that answers no rows prepares the next.
    """
    wanted = _cut(words)[:_MOST_WANTED]
    if not wanted:
        return []
    return _fts5(wanted) if dialect == "sqlite" else _gin(wanted)


def _fts5(wanted: list[str]) -> list[TextClause]:
    has_all = " AND ".join(f"instr(' ' || search.words, :word{at}) > 0" for at in range(len(wanted)))
    near = text(_NEAR_FTS5.format(has_all=has_all))
    match = " ".join(f'"{word}"*' for word in wanted)
    return [
        near.bindparams(**{f"word{at}": f" {word}" for at, word in enumerate(wanted)}),
        text(_FAR_FTS5).bindparams(match=match),
    ]


def _gin(wanted: list[str]) -> list[TextClause]:
    match = " & ".join(f"{word}:*" for word in wanted)
    near, far = (text(way).bindparams(match=match) for way in (_NEAR_GIN, _FAR_GIN))
    return [near, text(_ROOM), text(_UNCOMPILED), far]


def _cut(text: str) -> list[str]:
    return [word[:_LONGEST] for word in _WORD.findall(_VERSION.sub(" ", text.casefold()))]


def _texts(payload: Payload) -> Iterator[str]:
    yield payload.incident.summary
    for raised in payload.exception.chain if payload.exception else ():
        yield raised.type
        yield raised.message
        for frame in raised.frames:
            if frame.in_project:
                yield f"{frame.path} {frame.function}"
    for value in (payload.request.intent, payload.request.user, payload.build.sha, payload.build.environment):
        yield value or ""
    yield payload.incident.fingerprint
