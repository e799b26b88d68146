"""The receipt of an incident: writing it, and checking one without a database."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kintsugi.app.pem import pem_of
from kintsugi.app.settings import ReceiptSettings, read_room, revealed
from kintsugi.commands.common import a_desk, incident_number
from kintsugi.commands.files import read_bytes
from kintsugi.commands.outcome import FAULT, REFUSED, UsageError
from kintsugi.commands.voice import say, say_json
from kintsugi.receipt.checking import Verdict, check
from kintsugi.receipt.envelope import Unreadable, private_key, public_key, sealed
from kintsugi.receipt.statement import statement_of
from kintsugi.telemetry.plain import plain
from kintsugi.workflow.errors import SettingsError, StepFailed

_SETTING = "KINTSUGI_RECEIPT_KEY"


async def write(id: str, out: str) -> int:
    """Write an incident's receipt. 1 if the chain in the database does not hold; it is written all the same."""
    number, key = incident_number(id), own_key()
    async with a_desk() as desk:
        try:
            history = await desk.store.chain(number)
        except ValueError as error:
            raise StepFailed(
                f"The history of INC-{number} in the database was changed: {plain(str(error))}."
            ) from error
    file = sealed(statement_of(history), key)
    _put(file, out)
    verdict = check(file, key.public_key() if key else None)
    if not verdict.holds:
        _tell(f"The history of INC-{number} in the database was changed:", *verdict.faults)
        return FAULT
    if key is None:
        _tell(f"This receipt is not signed. To sign receipts, set {_SETTING}.")
    return 0


def verify(file: str, key_file: str, as_json: bool) -> int:
    """Check a receipt. 3 if it does not hold."""
    verdict = check(read_bytes(file), _key_to_check_with(key_file))
    if as_json:
        told = {"holds": verdict.holds, "faults": verdict.faults, "says": verdict.says}
        say_json(told, indent=1)
    else:
        _show(verdict)
    return 0 if verdict.holds else REFUSED


def _show(verdict: Verdict) -> None:
    for sentence in verdict.says:
        say(sentence)
    if not verdict.holds:
        _tell("This receipt does not hold.", *verdict.faults)


def own_key() -> Ed25519PrivateKey | None:
    """Raises SettingsError."""
    value = revealed(read_room(ReceiptSettings).key)
    if not value:
        return None
    try:
        return private_key(pem_of(_SETTING, value).encode())
    except Unreadable as error:
        raise SettingsError(f"{_SETTING}: {error}.") from None


def _key_to_check_with(file: str) -> Ed25519PublicKey | None:
    """Raises UsageError where the file holds no such key."""
    if not file:
        own = own_key()
        return own.public_key() if own else None
    try:
        return public_key(read_bytes(file))
    except Unreadable as error:
        raise UsageError(f"{file}: {error}") from None


def _put(content: bytes, out: str) -> None:
    """In one step, and for its owner alone: what was captured is in it."""
    if out == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    file = Path(out)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink()
        raise


def _tell(*sentences: str) -> None:
    for sentence in sentences:
        say(sentence, err=True)
