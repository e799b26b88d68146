"""A receipt holds as it was made, and where one byte of it was changed says which part that is in."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from kintsugi.persistence.chaining import history_of
from kintsugi.persistence.codec import incident_from_json
from kintsugi.persistence.database import Database, connect
from kintsugi.persistence.keep import Keep
from kintsugi.persistence.retention import Pruner
from kintsugi.receipt.checking import check
from kintsugi.receipt.envelope import key_id, public_key, sealed
from kintsugi.receipt.statement import statement_of
from kintsugi.workflow.chain import canonical
from tests.world.make import a_diagnosis
from tests.world.migrated import migrate
from tests.world.world import World, a_world

KEY = Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key()

Json = dict[str, Any]


@pytest.fixture
async def world(database_url: Database) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        yield world


@pytest.fixture
async def sqlite_world(sqlite_url: Database) -> AsyncIterator[World]:
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        yield world


async def heals(world: World) -> None:
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    await world.merges()
    await world.settles()
    assert str(await world.state()) == "healed"


async def the_statement(world: World) -> Json:
    found: Json = json.loads(statement_of(await world.store.chain(1)))
    return found


def resealed(statement: Json, key: Ed25519PrivateKey | None = None) -> bytes:
    return sealed(canonical(statement), key)


def faults_of(statement: Json) -> tuple[str, ...]:
    return check(resealed(statement), None).faults


def a_byte_on(text: str) -> str:
    """The text with one of its letters changed."""
    return ("b" if text[0] != "b" else "c") + text[1:] if text else "x"


def fields_of(row: Json) -> Iterator[tuple[str, Any]]:
    """Each field of a row, with another value of its kind."""
    for name, value in row.items():
        match value:
            case str():
                yield name, a_byte_on(value)
            case int():
                yield name, value + 1
            case None:
                yield name, "2026-01-01T00:00:00.000000Z" if name == "chained_at" else "a" * 64
            case dict():
                yield name, value | {"payload": "a" * 64}
                yield from ((name, value | {each: a_byte_on(sha or "")}) for each, sha in value.items() if sha)


async def test_a_receipt_holds_and_says_what_it_shows(world: World):
    await heals(world)

    verdict = check(sealed(statement_of(await world.store.chain(1)), None), None)

    assert verdict.faults == ()
    assert verdict.says[0].startswith("INC-1: 10 rows, from ")
    assert "deployment, diagnosis, patch, payload, proof, pull_request" in verdict.says[1]
    assert "proves nothing against the operator" in verdict.says[-1]


async def test_each_field_of_each_row_is_found_changed(world: World):
    await heals(world)
    whole = await the_statement(world)

    for at, row in enumerate(whole["predicate"]["history"]):
        for name, other in fields_of(row):
            changed = json.loads(json.dumps(whole))
            changed["predicate"]["history"][at][name] = other

            assert any(fault.startswith(f"row {at + 1}") for fault in faults_of(changed)), (at, name)
            if name not in ("holds",):
                assert len(faults_of(changed)) == 1, (at, name, faults_of(changed))


async def test_each_document_is_found_changed(world: World):
    await heals(world)
    whole = await the_statement(world)
    names = [each["name"] for each in whole["predicate"]["documents"]]
    assert names == ["deployment", "diagnosis", "patch", "payload", "proof", "pull_request"]

    for at, name in enumerate(names):
        for change in (a_byte_within, a_byte_of_the_digest, no_content, another_name):
            changed = json.loads(json.dumps(whole))
            change(changed["predicate"]["documents"][at])

            says = " ".join(faults_of(changed))
            if change is no_content and name in ("payload", "proof"):
                assert says == ""  # it may have been pruned
            else:
                assert name in says, (name, change)


def a_byte_within(document: Json) -> None:
    content = bytearray(b64decode(document["content"]))
    content[len(content) // 2] ^= 1
    document["content"] = b64encode(content).decode()


def a_byte_of_the_digest(document: Json) -> None:
    document["digest"]["sha256"] = a_byte_on(document["digest"]["sha256"])


def no_content(document: Json) -> None:
    del document["content"]


def another_name(document: Json) -> None:
    document["name"] = a_byte_on(document["name"])


async def test_head_and_subjects_are_found_changed(world: World):
    await heals(world)
    whole = await the_statement(world)

    other = json.loads(json.dumps(whole))
    other["predicate"]["head"] = a_byte_on(whole["predicate"]["head"])
    assert faults_of(other) == ("head: it is not the hash of the last row.",)
    assert [each["name"] for each in whole["subject"]] == ["INC-1", "patch", "merge commit"]
    for at in range(3):
        other = json.loads(json.dumps(whole))
        (kind,) = other["subject"][at]["digest"]
        other["subject"][at]["digest"][kind] = a_byte_on(other["subject"][at]["digest"][kind])
        assert faults_of(other) == ("subject: it is not what the history, the patch and the pull request say.",)


async def test_rows_that_are_missing_are_told(world: World):
    await heals(world)
    whole = await the_statement(world)

    def without(first: int, last: int) -> tuple[str, ...]:
        changed = json.loads(json.dumps(whole))
        del changed["predicate"]["history"][first:last]
        return faults_of(changed)

    assert without(3, 4)[0].startswith("row 4 is missing")
    assert without(0, 1)[0].startswith("row 1 is missing")
    assert "rows after it are missing" in without(9, 10)[0]


@pytest.mark.parametrize("named", [True, False])
async def test_a_byte_anywhere_in_the_file_is_found_where_it_is_signed(sqlite_world: World, named: bool):
    """Of the wrapping, white space is nobody's; of what it holds, every byte counts."""
    await heals(sqlite_world)
    file = sealed(statement_of(await sqlite_world.store.chain(1)), KEY)
    assert check(file, PUBLIC).holds
    for at in range(0, len(file), 97 if named else 89):
        changed = bytearray(file)
        changed[at] ^= 1
        assert not check(bytes(changed), PUBLIC).holds or chr(file[at]).isspace(), file[at - 9 : at + 9]


async def test_signature_and_key_are_named(sqlite_world: World):
    await heals(sqlite_world)
    file = sealed(statement_of(await sqlite_world.store.chain(1)), KEY)
    another = Ed25519PrivateKey.generate().public_key()

    assert check(file, another).faults == (
        "signature: it is not by the key that was named, or what was signed was changed.",
    )
    assert "which was not checked" in check(file, None).says[-1]
    unsigned = sealed(statement_of(await sqlite_world.store.chain(1)), None)
    assert check(unsigned, PUBLIC).faults == ("signature: there is none, and a key was named.",)

    def changed(change: Callable[[Json], None]) -> tuple[str, ...]:
        envelope = json.loads(file)
        change(envelope)
        return check(json.dumps(envelope).encode(), PUBLIC).faults

    def of_the_signature(envelope: Json) -> None:
        signature = bytearray(b64decode(envelope["signatures"][0]["sig"]))
        signature[20] ^= 1
        envelope["signatures"][0]["sig"] = b64encode(signature).decode()

    def of_the_key(envelope: Json) -> None:
        envelope["signatures"][0]["keyid"] = a_byte_on(envelope["signatures"][0]["keyid"])

    def of_the_type(envelope: Json) -> None:
        envelope["payloadType"] = "application/vnd.in-toto+jsom"

    assert [fault.split(":")[0] for fault in changed(of_the_signature)] == ["signature"]
    assert changed(of_the_key) == ("signature: `keyid` is not that of its key.",)
    assert [fault.split(":")[0] for fault in changed(of_the_type)] == ["envelope", "signature"]


async def test_a_changed_row_is_named_although_the_signature_no_longer_fits(sqlite_world: World):
    await heals(sqlite_world)
    statement = await the_statement(sqlite_world)
    statement["predicate"]["history"][4]["actor"] = "discord:mallory"
    envelope = json.loads(sealed(statement_of(await sqlite_world.store.chain(1)), KEY))
    envelope["payload"] = b64encode(canonical(statement)).decode()

    faults = check(json.dumps(envelope).encode(), PUBLIC).faults

    assert [fault.split(":")[0] for fault in faults] == ["signature", "row 5"]


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"payload": 1, "payloadType": "x", "signatures": []}',
        b'{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []}',
        b'{"payload": "ew==", "payloadType": "application/vnd.in-toto+json", "signatures": []}',
        b'{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": [1]}',
        b'{"payload": "e31=", "payloadType": "application/vnd.in-toto+json", "signatures": []}',
    ],
)
def test_what_is_no_receipt_is_told_and_never_holds(file: bytes):
    verdict = check(file, PUBLIC)

    assert verdict.faults
    assert all(": " in fault and fault.endswith(".") for fault in verdict.faults)


async def test_what_is_in_no_field_that_is_known_is_refused(sqlite_world: World):
    await heals(sqlite_world)
    statement = await the_statement(sqlite_world)
    statement["predicate"]["history"][2]["note"] = "x"

    assert faults_of(statement) == ("row 3: `note`: extra inputs are not permitted.",)


async def test_pruning_leaves_the_chain_whole(world: World):
    await heals(world)
    before = await the_statement(world)

    world.clock.passes(days=31)
    await Pruner(world.store, Keep(time=timedelta(days=30)), world.clock.now()).run()

    after = await the_statement(world)
    verdict = check(resealed(after), None)
    assert verdict.faults == ()
    assert "By hash alone: payload, proof. What they said was pruned, or left out of this file." in verdict.says
    assert after["predicate"]["history"] == before["predicate"]["history"]
    assert after["subject"] == before["subject"]


async def test_each_round_takes_the_last_ones_patch_away(world: World):
    world.analyst.answers_first(a_diagnosis(), a_diagnosis(cause="another"))
    world.checker.answers_first("it does not apply")
    await heals(world)

    statement = await the_statement(world)

    assert check(resealed(statement), None).holds
    held = [row["holds"].get("diagnosis") for row in statement["predicate"]["history"]]
    assert len({sha for sha in held if sha}) == 2


# --- in the database ----------------------------------------------------------------------------------------------


OF_A_ROW = {
    "trigger": "trigger || 'x'",
    "source": "source || 'x'",
    "dest": "'stuck'",
    "actor": "'mallory'",
    "at": "'2001-01-01 00:00:00.000000'",
    "says": "says || '.'",
    "attempts": "attempts + 1",
    "seconds": "seconds + 0.001",
    "usd": "usd + 0.001",
    "holds": "'[]'",
    "previous": f"'{'a' * 64}'",
    "chained_at": "'2001-01-01 00:00:00.000000'",
}
ELSEWHERE = {
    "UPDATE payload SET body = replace(body, 'KeyError', 'KeyErrer')": "payload",
    """UPDATE incident SET facts = replace(facts, '"diff":"', '"diff":"+')""": "patch",
    """UPDATE incident SET facts = replace(facts, '"tier":"E2"', '"tier":"E1"')""": "proof",
    """UPDATE incident SET facts = replace(facts, '"cause":"', '"cause":"!')""": "diagnosis",
    """UPDATE incident SET facts = replace(facts, '"merged_as":"', '"merged_as":"0')""": "pull_request",
    "DELETE FROM transition WHERE seq = 4": "row 4",
    "DELETE FROM transition WHERE seq = 10": "row 9",
    f"UPDATE incident SET head = '{'a' * 64}'": "row 10",
}


async def test_what_is_changed_in_the_database_is_named(sqlite_world: World, sqlite_url: Database):
    await heals(sqlite_world)
    changes = {
        f"UPDATE transition SET {name} = {to} WHERE seq = {seq}": f"row {seq}"
        for seq in (1, 4, 10)
        for name, to in OF_A_ROW.items()
    }
    engine = connect(sqlite_url)
    with engine.connect() as connection:
        connection.execute(text("DROP TRIGGER transition_no_update"))
        connection.execute(text("DROP TRIGGER transition_no_delete"))
        connection.commit()
        for statement, where in (changes | ELSEWHERE).items():
            assert connection.execute(text(statement)).rowcount, statement
            facts, head = connection.execute(text("SELECT facts, head FROM incident")).one()

            faults = check(
                sealed(statement_of(history_of(connection, incident_from_json(facts), head)), None), None
            ).faults

            assert any(fault.startswith(f"{where}") for fault in faults), (statement, faults)
            connection.rollback()
    engine.dispose()


def test_canonical_json_is_that_of_the_rfc():
    values = st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(max_codepoint=127)), inner),
    )

    @settings(suppress_health_check=[HealthCheck.too_slow])
    @given(values)
    def holds(value: Any) -> None:
        assert canonical(value) == rfc8785.dumps(value)

    holds()


def test_a_public_key_is_read_from_either_half():
    pem = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = PUBLIC.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    assert key_id(public_key(pem)) == key_id(public_key(public)) == key_id(PUBLIC)
