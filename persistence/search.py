"""Finding incidents by the words of what was captured.

The words are written down as letters and digits alone, so that both databases cut them alike: SQLite's FTS5 and
PostgreSQL's text search. Migration 0009 has the indexes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import TextClause, text

from workflow.payload import Payload

_WORD = re.compile(r"[^\W_]+")
_MOST_WORDS, _LONGEST, _MOST_WANTED = 400, 60, 20
_FOUND = """
    SELECT incident.facts FROM {index} JOIN incident ON incident.id = {id}
    WHERE {has} AND {id} < :before AND :state IN ('', incident.state) ORDER BY {id} DESC LIMIT :limit
"""
_BY_DATABASE = {
    "sqlite": text(_FOUND.format(index="search_words", id="search_words.rowid", has="search_words MATCH :match")),
    "postgresql": text(
        _FOUND.format(
            index="search",
            id="search.incident_id",
            has="to_tsvector('simple', search.words) @@ to_tsquery('simple', :match)",
        )
    ),
}


def words_of(payload: Payload) -> str:
    """What an incident is found by: its summary, errors, places in our code, intent, user, build and fingerprint."""
    found = dict.fromkeys(word[:_LONGEST] for text in _texts(payload) for word in _WORD.findall(text.casefold()))
    return " ".join(list(found)[:_MOST_WORDS])


def search(words: str, dialect: str) -> TextClause | None:
    """The facts of the incidents that have a word beginning with each of these, newest first; by `before` (an id),
    `state` ("" is any) and `limit`. None where these words hold no letter and no digit.
    """
    wanted = [word[:_LONGEST] for word in _WORD.findall(words.casefold())][:_MOST_WANTED]
    if not wanted:
        return None
    fts5 = dialect == "sqlite"
    match = " ".join(f'"{word}"*' for word in wanted) if fts5 else " & ".join(f"{word}:*" for word in wanted)
    return _BY_DATABASE[dialect].bindparams(match=match)


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
