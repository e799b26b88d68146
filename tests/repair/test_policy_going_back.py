"""What the way back of a migration in SQL drops: what its way there made is no loss, anything else is."""

from __future__ import annotations

from collections.abc import Mapping

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
    "another by its capitals": ("CREATE TABLE Teas (id int);", "DROP TABLE teas;"),
    "another by its quotes": ('CREATE TABLE "TEAS" (id int);', "DROP TABLE TEAS;"),
    "another by a dot in its quotes": ('CREATE TABLE "shop.teas" (id int);', "DROP TABLE shop.teas;"),
    "another in its schema": (f"{TEAS} ALTER TABLE teas SET SCHEMA x; ALTER TABLE y.teas SET SCHEMA z;", "DROP TABLE teas;"),
    "where a role's names lead elsewhere": (f"ALTER ROLE app SET search_path TO x; {TEAS}", "DROP TABLE teas;"),
    "where a row leads names elsewhere": (f"INSERT INTO a VALUES (set_config('search_path', 'x', false)); {TEAS}", "DROP TABLE teas;"),
    "where a query does": (f"CREATE TABLE b AS SELECT set_config('search_path', 'x', false); {TEAS}", "DROP TABLE teas;"),
    "where a function of its own does": (f"CREATE FUNCTION f() RETURNS text AS 'x'; UPDATE a SET b = f(); {TEAS}", "DROP TABLE teas;"),
    "where names lead elsewhere on the way back": (TEAS, "UPDATE a SET b = set_config('search_path', 'x', false); DROP TABLE teas;"),
    "rows that came from another": (f"{TEAS} ALTER TABLE sales EXCHANGE PARTITION p WITH TABLE teas;", "DROP TABLE teas;"),
    "rows that came by a switch": (f"{TEAS} ALTER TABLE sales SWITCH TO teas;", "DROP TABLE teas;"),
    "a table that became its part": (f"{TEAS} ALTER TABLE teas ATTACH PARTITION sales DEFAULT;", "DROP TABLE teas;"),
    "numbers that became its own": (f"{TEAS} ALTER SEQUENCE numbers OWNED BY teas.id;", "DROP TABLE teas;"),
    "a column that got its name": ("ALTER TABLE users ADD a text, CHANGE a b text, CHANGE mail a text;", "ALTER TABLE users DROP a;"),
    "made in a procedure": (f"CREATE PROCEDURE p AS INSERT INTO a VALUES (1); {TEAS}", "DROP TABLE teas;"),
    "made on a condition": (f"INSERT INTO a VALUES (1) IF 1 = 0 BEGIN; {TEAS} INSERT INTO a VALUES (1) END", "DROP TABLE teas;"),
    "made after the end": (f"INSERT INTO a VALUES (1) RETURN; {TEAS}", "DROP TABLE teas;"),
    "made where nothing is run": (f"ALTER TABLE a ADD b int SET NOEXEC ON; {TEAS}", "DROP TABLE teas;"),
    "elsewhere without a semicolon": (TEAS, "INSERT INTO a VALUES (1) USE x; DROP TABLE teas;"),
    "made with a space of another kind": ("CREATE TABLE\u00a0teas (id int);", "DROP TABLE teas;"),
}  # fmt: skip
UNDONE = {
    "a table": (f"{TEAS} -- brown\nCREATE INDEX of_teas ON teas (id);", "DROP TABLE IF EXISTS teas;"),
    "a table by a quoted name": ('CREATE TABLE "teas" (id int, `name` text);', 'DROP TABLE "teas"'),
    "a table with rows": (
        f"BEGIN; {TEAS} INSERT INTO teas (id) VALUES (1), (2); UPDATE users SET tea = 1 WHERE tea IS NULL; COMMIT;",
        "BEGIN; DROP TABLE teas; COMMIT;",
    ),
    "a column": ("alter table teas add name varchar default '' not null;", "alter table teas drop column name;"),
    "a constraint": (
        "ALTER TABLE teas ADD CONSTRAINT few CHECK (id < 9);",
        "ALTER TABLE teas DROP CONSTRAINT IF EXISTS few;",
    ),
}


def refused(files: Mapping[str, str | None], known: dict[str, str] | None = None) -> list[str]:
    tree = MemoryTree({path: text.encode() for path, text in (known or {}).items()})
    found = check(Patch({path: None if text is None else text.encode() for path, text in files.items()}), tree)
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


def test_it_is_no_way_back_where_its_way_there_may_never_have_been_gone() -> None:
    there, back = UNDONE["a table"]
    files, later = in_two(there, back), {"db/10_milk.up.sql": "CREATE TABLE milk (id int);\n"}
    marked = "-- +migrate Up\nINSERT INTO a VALUES (1);\n{}-- +migrate Down\n{}\n{}"
    options = "-- +migrate {} notransaction\n"

    assert "data" in refused(files, later)
    assert "data" in refused({**files, "db/8_teas.sql": None}, {"db/8_teas.sql": "CREATE TABLE others (id int);\n"})
    assert "data" in refused({"db/9_teas.sql": marked.format(f"{options.format('Down')}{there}\n", back, "")})
    assert "data" in refused({"db/9_teas.sql": marked.format(f"{there}\n", back, options.format("Up"))})
