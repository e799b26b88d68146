"""Text that somebody else than the program reads and obeys: interpreters, installers, pytest, agents, the database."""

from __future__ import annotations

from collections.abc import Iterator

from kintsugi.repair.policy.changes import Change
from kintsugi.repair.policy.migrations import without_undoing
from kintsugi.repair.policy.screen import Screened, first_new
from kintsugi.repair.policy.tests import is_test_path
from kintsugi.telemetry import lazy_re as re

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
    r"<[^<>]*(?:display:\s*none|font-size:\s*0|\bhidden\b)[^<>]*>|^\[(?://|comment)\]:\s*#", re.IGNORECASE | re.M
)
_RST_COMMENT = re.compile(r"^[ \t]*\.\.[ \t]+(?![\w:-]+::|_|\[|\|)(.+)$", re.M)
_MIGRATION = re.compile(r"(?:^|/)(?:migrations?|alembic|versions|db/migrate|flyway|liquibase)/|\.sql$", re.IGNORECASE)
_DROPS = Screened(
    r"\bDROP\s+(?:TABLE|COLUMN|DATABASE|SCHEMA|CONSTRAINT|TYPE|COLLECTION)\b|\bTRUNCATE\s+TABLE\s+[\w\"`\[]"
    # Without TABLE it is a common word: in capitals, or as a whole statement.
    r"|\b(?-i:TRUNCATE)[ \t]+[\w\"`\[{%]"
    r"|\bTRUNCATE[ \t]+[\w\"`\].\[]+[ \t]*(?:;|[\"'](?![\"'\w])|\bCASCADE\b|\bRESTART\b)"
    r"|\b(?:batch_)?op\.drop_(?!index\b)\w+|\bmigrations\.(?:Delete|Remove)\w+|\bdrop_all\s*\(|\bdrop_collection\s*\("
    r"|\b_?drop_databases?\s*\(|\bdrop_(?:table|column)\b|\bremove_(?:column|columns|table)\b"
    r"|\bflushall\s*\(|\bflushdb\s*\("
    r"|\bDROP\s+(?:MATERIALIZED\s+)?(?:INDEX|VIEW)\b[^;\"']*\bCASCADE\b"
    r"|\bALTER\s+TABLE\s+\S+\s+DROP\b|\bGRANT\s+[\w ,]{1,200}\s(?:ON\b|TO\s+PUBLIC)"
    r"|\bdrop(?:Table|Column|Database|Schema)\w*\s*\("
    # The same by the words of libraries: all rows of a table, a whole collection, index or bucket.
    r"|\.all\(\s*\)\.delete\(|\.query\([\w.]+\)\.delete\(|\bexecute\(\s*(?:\w+\.)?delete\([\w.]+\)\s*\)"
    r"|\bsync\(\s*\{[^{}]*\bforce:\s*true|\bdestroy\(\s*\{[^{}]*(?:\btruncate:\s*true|\bwhere:\s*\{\s*\})"
    r"|\.delete\(\s*\)\.execute\(|\bdelete_?many\(\s*(?:\{\s*\}\s*)?\)|\bindices\.delete\(|\bdelete_(?:bucket|index|collection)\(",
    re.IGNORECASE,
)
_DELETES = Screened(r"\bDELETE\s+FROM\s+[\w\"`\[.]+", re.IGNORECASE)
_DELETES_ALL = Screened(
    r"\bDELETE\s+FROM\s+[\w\"`\].]+\s*(?:;|[\"']|$|WHERE\s+(?:TRUE\b|1\b(?!\s*=\s*[^1\s])))",
    re.IGNORECASE | re.MULTILINE,
)
_REWRITES = Screened(
    r"\bUPDATE\s+[\w\"`.]+\s+SET\b|\bop\.(?:rename_table|alter_column)\b|\bmigrations\.Rename\w+"
    r"|\brename_(?:table|column)\b",
    re.IGNORECASE,
)
_EMPTIES = Screened(r"\.delete\(\s*\)")
# An index or a view holds nothing of its own.
_MAY_DROP = Screened(
    r"\.drop\(\s*\)|\bDROP\s+(?:MATERIALIZED\s+)?(?:INDEX|VIEW)\b|\b(?:batch_)?op\.drop_index\b|\bdropIndex\w*\s*\(",
    re.IGNORECASE,
)
_UPDATES_ALL = Screened(r"\bUPDATE\s+[\w\"`.\[\]]+\s+SET\s(?!(?s:.{0,400}?)\bWHERE\b)", re.IGNORECASE)
_SEAM = re.compile(r"(['\"])[ \t]*(?:\+[ \t]*)?[rbfu]?\1(?!\1)", re.IGNORECASE)  # of texts that Python puts together
_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget)\s+(?:all\s+|any\s+)?(?:of\s+)?(?:the\s+|your\s+)?"
    r"(?:previous|prior|earlier|above|preceding)\s+(?:\w+\s+)?(?:instructions?|prompts?)"
    r"|(?:#|//|/\*|<!--|[\"']{3})\s*(?:(?:ai|llm|coding)\s+(?:agents?|assistants?|reviewers?)\s*[:,]"
    r"|(?-i:SYSTEM|ASSISTANT)(?:\s+PROMPT)?:)"
    r"|\b(?:ai|llm|coding)\s+(?:agents?|assistants?|reviewers?)\s+(?:must|should|are\s+to|please)\b"
    r"|\b(?:note|message|instructions?|attention|important)\s*(?:to|for|:)\s*(?:all\s+)?(?:the\s+)?"
    r"(?:ai|llm|coding)\s+(?:agents?|assistants?|reviewers?)\b",
    re.IGNORECASE,
)
# Words that a program with a model or an opponent of its own has as well: a human is shown them.
_MAYBE_ORDERS = re.compile(
    r"\b(?:ignore|disregard|forget)\s+(?:(?:all|any|of|the|your)\s+){0,3}"
    r"(?:previous|prior|earlier|above|preceding)\s+(?:\w+\s+)?(?:rules|messages)"
    r"|\b(?:note|message|instructions?|attention)\s*(?:to|for|:)\s*(?:all\s+)?(?:the\s+)?(?:ai|llm|coding)\b"
    r"|\b(?:ai|llm|coding)\s+(?:models?|tools?)\s+(?:must|should|are\s+to|please)\b"
    r"|(?:#|//|/\*|[\"']{3})\s*(?-i:CLAUDE|Claude|COPILOT|Copilot|CODEX|Codex|GEMINI|Gemini|CURSOR|LLM|AI)\s*:",
    re.IGNORECASE,
)


def read_by_others(change: Change) -> Iterator[tuple[str, str, bool]]:
    """(rule, sentence, whether it refuses) for what a change newly tells others than the program."""
    if change.path.endswith((".py", ".pyi", ".pyw")):
        yield from _of_python(change)
    if _MARKUP.search(change.path):
        yield from _to_agents(change)
    yield from _orders(change)
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
    if change.path.endswith((".rst", ".txt")):
        hidden += [text for text in _RST_COMMENT.findall(change.added_text) if _TO_AGENTS.search(text)]
    if hidden or (hides and not _HIDING.search(change.removed_text)):
        yield "agents", "It has a text that pages do not show and that coding agents read.", True


def _orders(change: Change) -> Iterator[tuple[str, str, bool]]:
    """What is said to agents that read the source, in comments or anywhere else."""
    if (found := _ORDERS.search(change.added_text)) and not _ORDERS.search(change.removed_text):
        yield "agents", f"It speaks to coding agents that read it: {found[0].strip()!r}.", True
    elif (found := _MAYBE_ORDERS.search(change.added_text)) and not _MAYBE_ORDERS.search(change.removed_text):
        yield "agents", f"It may speak to coding agents that read it: {found[0].strip()!r}.", False


def _of_data(change: Change) -> Iterator[tuple[str, str, bool]]:
    added, removed = (_SEAM.sub("", text) for text in (without_undoing(change), change.removed_text))
    if (sign := first_new(_DROPS, added, removed)) or (sign := first_new(_DELETES_ALL, added, removed)):
        yield (
            "data",
            f"It deletes what the program keeps: {sign.strip()!r}. A human has to do that.",
            not is_test_path(change.path),
        )
    elif sign := first_new(_DELETES, added, removed):
        is_migration = _MIGRATION.search(change.path) is not None
        yield "data", f"It deletes rows: {sign.strip()!r}.", is_migration and not is_test_path(change.path)
    elif _MIGRATION.search(change.path) and (sign := first_new(_EMPTIES, added, removed)):
        yield "data", f"A migration deletes what is kept: {sign.strip()!r}.", True
    elif sign := first_new(_MAY_DROP, added, removed):
        yield "data", f"It may delete what the program keeps: {sign.strip()!r}.", False
    elif sign := first_new(_UPDATES_ALL, added, removed):
        yield "data", f"It changes all rows: {sign.strip()!r}.", False
    elif _MIGRATION.search(change.path) and (sign := first_new(_REWRITES, added, removed)):
        yield "data", f"A migration changes what is kept: {sign.strip()!r}.", False
