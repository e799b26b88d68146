"""Text that somebody else than the program reads and obeys: interpreters, installers, pytest, agents, the database."""

from __future__ import annotations

import re
from collections.abc import Iterator

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.screen import Screened, first_new
from kintsugi.repair.policy.tests import is_test_path

_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")  # PEP 263
_UTF_8 = re.compile(r"utf[-_]?8(?:[-_].*)?$|ascii$|us-ascii$", re.IGNORECASE)
_SCRIPT = Screened(r"^# /// script[ \t]*$", re.MULTILINE)  # PEP 723
_PLUGINS = Screened(r"\bpytest_plugins\s*(?::[^=\n]*)?=|\bload_plugins\s*=|\bpytest_load_initial_conftests\b")
_COMMENT = re.compile(r"<!--(.*?)(?:-->|\Z)", re.DOTALL)
_TO_AGENTS = re.compile(
    r"\b(?:ai|llm|agents?|assistants?|models?|bots?|claude|copilot|cursor|codex|gemini|gpt|instructions?|prompts?|system"
    r"|ignore|disregard|previous|secretly|execute|run)\b",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\.(?:md|mdx|markdown|rst|txt|html?|adoc)$", re.IGNORECASE)
_HIDING = re.compile(
    r"<[^>]*(?:display:\s*none|font-size:\s*0|\bhidden\b)[^>]*>|^\[(?://|comment)\]:\s*#", re.IGNORECASE | re.M
)
_MIGRATION = re.compile(r"(?:^|/)(?:migrations?|alembic|versions|db/migrate|flyway|liquibase)/|\.sql$", re.IGNORECASE)
_DROPS = Screened(
    r"\bDROP\s+(?:TABLE|COLUMN|DATABASE|SCHEMA|INDEX|VIEW|CONSTRAINT|TYPE|COLLECTION)\b|\bTRUNCATE\s+TABLE\s+[\w\"`\[]"
    # Without TABLE it is a common word: in capitals, or as a whole statement.
    r"|\b(?-i:TRUNCATE)[ \t]+[\w\"`\[{%]"
    r"|\bTRUNCATE[ \t]+[\w\"`\].\[]+[ \t]*(?:;|[\"'](?![\"'\w])|\bCASCADE\b|\bRESTART\b)"
    r"|\bop\.drop_\w+|\bbatch_op\.drop_\w+|\bmigrations\.(?:Delete|Remove)\w+|\bdrop_all\s*\(|\bdrop_collection\s*\("
    r"|\bdrop_database\s*\(|\bdrop_(?:table|column)\b|\bremove_(?:column|columns|table)\b|\bflushall\s*\(|\bflushdb\s*\(",
    re.IGNORECASE,
)
_DELETES = Screened(r"\bDELETE\s+FROM\s+[\w\"`\[.]+", re.IGNORECASE)
_DELETES_ALL = Screened(r"\bDELETE\s+FROM\s+[\w\"`\].]+\s*(?:;|[\"']|$)", re.IGNORECASE | re.MULTILINE)


def read_by_others(change: Change) -> Iterator[tuple[str, str, bool]]:
    """(rule, sentence, whether it refuses) for what a change newly tells others than the program."""
    if change.path.endswith((".py", ".pyi", ".pyw")):
        yield from _of_python(change)
    if _MARKUP.search(change.path):
        yield from _to_agents(change)
    yield from _of_data(change)


def _of_python(change: Change) -> Iterator[tuple[str, str, bool]]:
    coding = _cookie(change.new)
    if coding and not _UTF_8.match(coding) and coding != _cookie(change.old):
        yield "hidden-characters", f"Python reads it as {coding}, not as UTF-8: what is shown is not what runs.", True
    if first_new(_SCRIPT, change.added_text, change.removed_text):
        yield "dependencies", "It says what is installed before it runs (PEP 723).", True
    if first_new(_PLUGINS, change.added_text, change.removed_text):
        yield "test-setup", "It loads plugins into the tests, which can make any patch look proven.", True


def _cookie(text: str) -> str:
    found = (_COOKIE.match(line) for line in text.split("\n", 2)[:2])
    return next((one[1].lower() for one in found if one), "")


def _to_agents(change: Change) -> Iterator[tuple[str, str, bool]]:
    known = set(_COMMENT.findall(change.old))
    hidden = [text for text in _COMMENT.findall(change.new) if text not in known and _TO_AGENTS.search(text)]
    hides = _HIDING.search(change.added_text)
    if hidden or (hides and not _HIDING.search(change.removed_text)):
        yield "agents", "It has a text that pages do not show and that coding agents read.", True


def _of_data(change: Change) -> Iterator[tuple[str, str, bool]]:
    added, removed = change.added_text, change.removed_text
    if (sign := first_new(_DROPS, added, removed)) or (sign := first_new(_DELETES_ALL, added, removed)):
        yield (
            "data",
            f"It deletes what the program keeps: {sign.strip()!r}. A human has to do that.",
            not is_test_path(change.path),
        )
    elif sign := first_new(_DELETES, added, removed):
        is_migration = _MIGRATION.search(change.path) is not None
        yield "data", f"It deletes rows: {sign.strip()!r}.", is_migration and not is_test_path(change.path)
