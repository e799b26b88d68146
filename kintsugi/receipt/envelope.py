"""DSSE v1: the envelope around a statement, and its signature.

https://github.com/secure-systems-lab/dsse/blob/master/protocol.md and envelope.md. Ed25519 is the one algorithm.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


class Unreadable(ValueError):
    """This is no envelope, or no key; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Signature:
    """`key`: whose it says it is, which anybody can write."""

    key: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    body: bytes
    type: str
    signatures: tuple[Signature, ...]

    def is_signed_by(self, signature: Signature, key: Ed25519PublicKey) -> bool:
        try:
            key.verify(signature.signature, _authenticated(self.type, self.body))
        except InvalidSignature:
            return False
        return True


def sealed(body: bytes, key: Ed25519PrivateKey | None) -> bytes:
    """The envelope as JSON, signed where there is a key."""
    signatures = []
    if key:
        signed = key.sign(_authenticated(PAYLOAD_TYPE, body))
        signatures = [{"keyid": key_id(key.public_key()), "sig": b64encode(signed).decode()}]
    envelope = {"payloadType": PAYLOAD_TYPE, "payload": b64encode(body).decode(), "signatures": signatures}
    return json.dumps(envelope, indent=1).encode() + b"\n"


def opened(file: bytes) -> Envelope:
    """Raises Unreadable."""
    try:
        found = json.loads(file)
    except (ValueError, RecursionError):
        raise Unreadable("envelope: this is no JSON") from None
    if not isinstance(found, dict) or not {"payload", "payloadType", "signatures"} <= found.keys():
        raise Unreadable("envelope: it should be a JSON object with `payload`, `payloadType` and `signatures`")
    if not isinstance(found["payloadType"], str) or not isinstance(found["signatures"], list):
        raise Unreadable("envelope: `payloadType` should be a text, and `signatures` a list")
    signatures = tuple(_signature(each) for each in found["signatures"])
    return Envelope(from_base64(found["payload"], "envelope: `payload`"), found["payloadType"], signatures)


def public_key(pem: bytes) -> Ed25519PublicKey:
    """From a public key, or from a private one. Raises Unreadable."""
    if b"PRIVATE KEY" in pem:
        return private_key(pem).public_key()
    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError:
        raise Unreadable("This is no public key. It should be PEM, as `openssl pkey -pubout` writes it.") from None
    if not isinstance(key, Ed25519PublicKey):
        raise Unreadable("This is a key of another kind. Receipts are signed with Ed25519.")
    return key


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """Raises Unreadable, which says nothing of the key."""
    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise Unreadable("should be a private key in PEM, without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise Unreadable("should be an Ed25519 key, as `openssl genpkey -algorithm ed25519` makes one")
    return key


def key_id(key: Ed25519PublicKey) -> str:
    """The SHA-256 of the key as it is written in certificates (SubjectPublicKeyInfo, DER)."""
    written = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha256(written).hexdigest()


def _authenticated(type: str, body: bytes) -> bytes:
    """DSSE's pre-authentication encoding: what is signed."""
    kind = type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(body), body)


def _signature(found: Any) -> Signature:
    if not isinstance(found, dict) or not isinstance(found.get("keyid", ""), str):
        raise Unreadable("signature: it should be an object with `sig`, and `keyid` as a text")
    return Signature(found.get("keyid", ""), from_base64(found.get("sig"), "signature: `sig`"))


def from_base64(text: Any, where: str) -> bytes:
    """Both alphabets, as DSSE asks for. What decodes to the same bytes but is written otherwise was changed."""
    if not isinstance(text, str):
        raise Unreadable(f"{where} should be a text")
    standard = text.replace("-", "+").replace("_", "/")
    try:
        found = b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable(f"{where} is no base64") from None
    if b64encode(found).decode() != standard:
        raise Unreadable(f"{where} is no base64 as it is written")
    return found
