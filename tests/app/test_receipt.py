"""`kintsugi incident receipt` and `incident verify` as they are typed, and other people's readers of what they write."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import text

from kintsugi.persistence.database import Database
from tests.app.test_command_line import Terminal
from tests.persistence.test_move import connected
from tests.world.migrated import migrate
from tests.world.world import a_world


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """A folder whose database has one incident."""
    database = Database.at(tmp_path / ".kintsugi" / "kintsugi.db")
    migrate(database)

    async def crashes() -> None:
        async with a_world(database) as world:
            await world.crashes()
            await world.settles()

    asyncio.run(crashes())
    return Terminal(tmp_path)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[str, str]:
    """The files of a private key and of its public half."""
    key = Ed25519PrivateKey.generate()
    private, public = tmp_path / "receipts.key", tmp_path / "receipts.pub"
    private.write_text(as_pem(key))
    as_public = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    public.write_bytes(key.public_key().public_bytes(*as_public))
    return str(private), str(public)


def as_pem(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> str:
    written = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*written).decode()


def test_a_receipt_is_written_and_checked_without_the_database(terminal: Terminal):
    written = terminal.types("incident", "receipt", "INC-1", "-o", "INC-1.json")

    assert written.returncode == 0, written.stderr
    assert "not signed. To sign receipts, set KINTSUGI_RECEIPT_KEY." in written.stderr
    assert stat.S_IMODE((terminal.folder / "INC-1.json").stat().st_mode) == 0o600
    (terminal.folder / ".kintsugi" / "kintsugi.db").unlink()
    checked = terminal.types("incident", "verify", "INC-1.json")
    assert checked.returncode == 0, checked.stderr
    assert "INC-1: 4 rows, from " in checked.stdout
    assert "proves nothing against the operator" in checked.stdout


def test_standard_output_and_input_do(terminal: Terminal):
    written = terminal.types("incident", "receipt", "1")

    checked = terminal.types("incident", "verify", "-", "--json", stdin=written.stdout)

    assert checked.returncode == 0
    assert json.loads(checked.stdout)["holds"] is True


@pytest.mark.parametrize("as_file", [True, False])
def test_a_signed_one_is_checked_with_the_public_key(terminal: Terminal, keys: tuple[str, str], as_file: bool):
    private, public = keys
    setting = private if as_file else Path(private).read_text().replace("\n", "\\n")
    written = terminal.types("incident", "receipt", "1", "-o", "r.json", KINTSUGI_RECEIPT_KEY=setting)
    assert (written.returncode, written.stderr) == (0, "")

    assert "It is signed by the key " in terminal.types("incident", "verify", "r.json", "--key", public).stdout
    assert (
        "It is signed by the key "
        in terminal.types("incident", "verify", "r.json", KINTSUGI_RECEIPT_KEY=setting).stdout
    )
    assert "was not checked: name the public key" in terminal.types("incident", "verify", "r.json").stdout


def test_what_was_changed_is_named_and_the_status_says_so(terminal: Terminal, keys: tuple[str, str]):
    terminal.types("incident", "receipt", "1", "-o", "r.json")
    file = terminal.folder / "r.json"
    file.write_bytes(file.read_bytes().replace(b'"payloadType"', b'"payloadTypf"'))

    broken = terminal.types("incident", "verify", "r.json")
    unsigned = terminal.types(
        "incident", "verify", "-", "--key", keys[1], stdin=terminal.types("incident", "receipt", "1").stdout
    )

    assert broken.returncode == unsigned.returncode == 3
    assert broken.stderr.startswith("This receipt does not hold.\nenvelope: it should be a JSON object with ")
    assert "signature: there is none, and a key was named." in unsigned.stderr


def test_a_database_that_was_changed_is_told_when_the_receipt_is_written(terminal: Terminal):
    with connected(Database.at(terminal.folder / ".kintsugi" / "kintsugi.db")) as connection:
        connection.execute(text("DROP TRIGGER transition_no_update"))
        connection.execute(text("UPDATE transition SET actor = 'mallory' WHERE seq = 2"))

    written = terminal.types("incident", "receipt", "1", "-o", "r.json")

    assert written.returncode == 1
    assert "The history of INC-1 in the database was changed:\nrow 2: it was changed" in written.stderr
    assert terminal.types("incident", "verify", "r.json").returncode == 3
    with connected(Database.at(terminal.folder / ".kintsugi" / "kintsugi.db")) as connection:
        connection.execute(text("UPDATE transition SET dest = 'nowhere' WHERE seq = 2"))
    written = terminal.types("incident", "receipt", "1", "-o", "r.json")
    assert written.returncode == 1
    assert "The history of INC-1 in the database was changed: 'nowhere' is not a valid State." in written.stderr


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("receipt", "7"), 3, "There is no INC-7."),
        (("receipt", "x"), 2, "is not an incident"),
        (("receipt", "1", "-o", "nowhere/r.json"), 1, "nowhere"),
        (("verify", "nowhere.json"), 2, "cannot be read"),
        (("verify", "r.json", "--key", "nowhere.pub"), 2, "cannot be read"),
        (("verify", "r.json", "--key", "r.json"), 2, "This is no public key."),
    ],
)
def test_what_cannot_be_done_says_why(terminal: Terminal, words: tuple[str, ...], status: int, says: str):
    terminal.types("incident", "receipt", "1", "-o", "r.json")

    done = terminal.types("incident", *words)

    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_key_is_told_without_a_word_of_it(terminal: Terminal):
    of_another_kind = as_pem(ec.generate_private_key(ec.SECP256R1()))

    for wrong in (of_another_kind, "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", "hunter2"):
        done = terminal.types("incident", "receipt", "1", KINTSUGI_RECEIPT_KEY=wrong)

        assert done.returncode == 2
        assert done.stderr.startswith("KINTSUGI_RECEIPT_KEY")
        assert "hunter2" not in done.stderr
