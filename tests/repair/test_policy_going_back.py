"""What the way back of a migration in SQL drops: what its way there made is no loss, anything else is."""

from __future__ import annotations

import pytest

from kintsugi.repair.policy import check
from tests.repair.memory_tree import MemoryTree
from tests.repair.programs import Patch

TEAS = "CREATE TABLE teas (id int);"
LOSSES = {
    "a table of others": (TEAS, "DROP TABLE users;"),
    "on the way there": (f"{TEAS} DROP TABLE users;", "DROP TABLE teas;"),
    "a second time": (TEAS, "DROP TABLE teas; DROP TABLE teas;"),
    "what may be there": ("CREATE TABLE IF NOT EXISTS users (id int);", "DROP TABLE users;"),
    "what another session has": ("CREATE TEMP TABLE users (id int);", "DROP TABLE users;"),
    "made in a comment": ("/* ; CREATE TABLE users (id int); */ INSERT INTO a VALUES (1);", "DROP TABLE users;"),
    "made in what one database takes for a comment": (f"{TEAS} # ;\nCREATE TABLE users (a int);", "DROP TABLE users;"),
    "made in a text": ("INSERT INTO a VALUES ('; CREATE TABLE users (a int);');", "DROP TABLE users;"),
    "made in a text with a mark": ("INSERT INTO a VALUES ('\\'; CREATE TABLE users (a int);');", "DROP TABLE users;"),
    "made in a quoted text": ('INSERT INTO a VALUES ("; CREATE TABLE users (a int);");', "DROP TABLE users;"),
    "another by its name": (f"{TEAS} ALTER TABLE teas RENAME TO x; ALTER TABLE users RENAME TO teas;", "DROP TABLE teas;"),
    "where names lead elsewhere": ("SET search_path TO x; CREATE TABLE users (id int);", "DROP TABLE users;"),
    "in another database": ("USE x; CREATE TABLE users (id int);", "DROP TABLE users;"),
    "what hangs on it": (TEAS, "DROP TABLE teas CASCADE;"),
    "another beside it": (TEAS, "DROP TABLE teas, users;"),
    "another in what one database runs": (TEAS, "DROP TABLE teas /*! , users */;"),
    "where a program is run": (f"DO $$ BEGIN END $$; {TEAS}", "DROP TABLE teas;"),
    "a column that may be there": ("ALTER TABLE users ADD COLUMN IF NOT EXISTS a text;", "ALTER TABLE users DROP a;"),
    "a column beside it": ("ALTER TABLE users ADD a text;", "ALTER TABLE users DROP a, DROP name;"),
    "rows": (TEAS, "DROP TABLE teas; DELETE FROM users;"),
    "a database": (TEAS, "DROP DATABASE teas;"),
}  # fmt: skip
UNDONE = {
    "a table": (f"{TEAS} -- brown\nCREATE INDEX of_teas ON teas (id);", "DROP TABLE IF EXISTS teas;"),
    "a table by a quoted name": ('CREATE TABLE "teas" (id int, `name` text);', "DROP TABLE teas"),
    "a column": ("alter table teas add name varchar default '' not null;", "alter table teas drop column name;"),
    "a constraint": (
        "ALTER TABLE teas ADD CONSTRAINT few CHECK (id < 9);",
        "ALTER TABLE teas DROP CONSTRAINT IF EXISTS few;",
    ),
}


def refused(files: dict[str, str], known: dict[str, str] | None = None) -> list[str]:
    tree = MemoryTree({path: text.encode() for path, text in (known or {}).items()})
    found = check(Patch({path: text.encode() for path, text in files.items()}), tree)
    return [str(one.rule) for one in found if one.refuses]


def in_one_file(there: str, back: str) -> list[str]:
    return refused({"db/migrations/9_teas.sql": f"-- +goose Up\n{there}\n\n-- +goose Down\n{back}\n"})


def in_two(there: str, back: str) -> dict[str, str]:
    return {"db/9_teas.up.sql": f"{there}\n", "db/9_teas.down.sql": f"{back}\n"}


@pytest.mark.parametrize("kind", LOSSES)
def test_a_migration_that_loses_what_was_there_is_refused(kind: str) -> None:
    assert in_one_file(*LOSSES[kind])
    assert refused(in_two(*LOSSES[kind]))


@pytest.mark.parametrize("kind", UNDONE)
def test_a_way_back_may_drop_what_its_way_there_makes(kind: str) -> None:
    assert in_one_file(*UNDONE[kind]) == []
    assert refused(in_two(*UNDONE[kind])) == []


def test_it_is_no_way_back_without_a_new_way_there() -> None:
    there, back = UNDONE["a table"]
    files = in_two(there, back)
    down = "db/9_teas.down.sql"

    assert "data" in refused({down: files[down]})
    assert "data" in refused(files, {"db/9_teas.up.sql": "CREATE TABLE others (id int);\n"})
    assert "data" in refused(files, {down: "ALTER TABLE teas ADD name text;\n"})
    assert "data" in refused({"db/9_teas.sql": f"-- +goose Down\n{there}\n-- +goose Up\n{back}\n"})
    assert "data" in refused({"db/9_teas.sql": f"{there}\n{back}\n"})
