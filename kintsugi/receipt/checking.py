"""Checking a receipt with nothing but the file: what is wrong with it, and what it can show at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kintsugi.receipt.envelope import PAYLOAD_TYPE, Envelope, Unreadable, from_base64, key_id, opened
from kintsugi.receipt.reading import Document, Predicate, RowThere, Statement, read
from kintsugi.receipt.statement import subjects
from kintsugi.workflow.chain import PRUNED, held_at_last, sha_of

_UNSIGNED = (
    "It is not signed. Anybody who can write to the database could have rewritten all of it: it shows that nothing was "
    "changed by accident, and proves nothing against the operator."
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`faults`: what is wrong, each with the name of what it is about. `says`: what the receipt shows, and what not."""

    faults: tuple[str, ...]
    says: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.faults


def check(file: bytes, key: Ed25519PublicKey | None) -> Verdict:
    """`key`: whose signature it should have; None where nobody's is known."""
    try:
        envelope = opened(file)
    except Unreadable as error:
        return Verdict((f"{error}.",))
    signed, faults = _signatures(envelope, key)
    try:
        statement = read(envelope.body)
    except Unreadable as error:
        return Verdict((*faults, f"{error}."))
    faults += _faults_in(statement)
    return Verdict(tuple(faults), () if faults else (*_shown(statement.predicate), signed))


# --- the signature ------------------------------------------------------------------------------------------------


def _signatures(envelope: Envelope, key: Ed25519PublicKey | None) -> tuple[str, list[str]]:
    """What the signature shows in a sentence, and what is wrong with it."""
    faults = []
    if envelope.type != PAYLOAD_TYPE:
        faults.append(f"envelope: `payloadType` should be {PAYLOAD_TYPE}.")
    if not envelope.signatures:
        return _UNSIGNED, faults + (["signature: there is none, and a key was named."] if key else [])
    if key is None:
        names = ", ".join(each.key[:16] or "unnamed" for each in envelope.signatures)
        return f"It is signed (key {names}), which was not checked: name the public key with --key.", faults
    good = [each for each in envelope.signatures if envelope.is_signed_by(each, key)]
    if not good:
        faults.append("signature: it is not by the key that was named, or what was signed was changed.")
    faults += ["signature: `keyid` is not that of its key." for each in good if each.key not in ("", key_id(key))]
    return f"It is signed by the key {key_id(key)[:16]}: as long as that is secret, nobody else wrote this.", faults


# --- the chain ----------------------------------------------------------------------------------------------------


def _faults_in(statement: Statement) -> list[str]:
    predicate, subject = statement.predicate, statement.subject
    history = predicate.history
    broken = _broken(history, predicate.head)
    found = [*_out_of_place(history, broken)] or [*_changed(predicate, broken, _head_in(subject))]
    contents, faults = _documents(predicate, broken)
    found += faults
    if not found and subject != subjects(history[0].incident, predicate.head, contents):
        found.append("subject: it is not what the history, the patch and the pull request say.")
    return found


def _broken(history: Sequence[RowThere], head: str) -> frozenset[int]:
    """The places of the rows that do not have the hash that is carried of them."""
    carried = [*(row.previous for row in history[1:]), head]
    return frozenset(at for at, (row, sha) in enumerate(zip(history, carried, strict=True)) if row.sha != sha)


def _out_of_place(history: Sequence[RowThere], broken: frozenset[int]) -> Iterator[str]:
    """The first row that is as it was written, but belongs elsewhere."""
    whole = [(at, row) for at, row in enumerate(history) if at not in broken]
    for at, row in whole:
        if row.seq != at + 1 or row.incident != whole[0][1].incident:
            yield f"row {at + 1} is missing: in its place stands row {row.seq} of INC-{row.incident}."
            return


def _changed(predicate: Predicate, broken: frozenset[int], subject_head: str) -> Iterator[str]:
    history, last = predicate.history, len(predicate.history) - 1
    for at in sorted(broken):
        follower = at + 1
        if at == last and history[at].sha == subject_head:
            yield "head: it is not the hash of the last row."
        elif at == last and at - 1 not in broken:
            yield f"row {at + 1}: it was changed, or rows after it are missing: its hash is not the history's last."
        elif follower in broken and _fits_but_for_its_link(history, follower, predicate.head):
            continue  # told of the follower
        elif at - 1 in broken and _fits_but_for_its_link(history, at, predicate.head):
            yield f"row {at + 1}: its `previous` was changed: it is not the hash of row {at}."
        else:
            yield f"row {at + 1}: it was changed: it has not the hash that is carried of it."


def _fits_but_for_its_link(history: Sequence[RowThere], at: int, head: str) -> bool:
    """Whether the row is as it was written, once it carries the hash of the row before."""
    carried = head if at == len(history) - 1 else history[at + 1].previous
    return history[at].model_copy(update={"previous": history[at - 1].sha}).sha == carried


def _head_in(subject: Iterable[Mapping[str, Any]]) -> str:
    digests = (each.get("digest") for each in subject)
    found = next((each for each in digests if isinstance(each, dict)), {}).get("sha256")
    return found if isinstance(found, str) else ""


# --- the documents ------------------------------------------------------------------------------------------------


def _documents(predicate: Predicate, broken: frozenset[int]) -> tuple[dict[str, bytes], list[str]]:
    """The contents that are there, and what is wrong with the documents. Nothing is believed of a changed row."""
    held = held_at_last([row.holds for row in predicate.history])
    listed = {each.name: each for each in predicate.documents}
    contents: dict[str, bytes] = {}
    faults = [
        f"{name}: row {at + 1} holds it, and it is not in the receipt."
        for name, (at, _) in held.items()
        if name not in listed and at not in broken
    ]
    if [each.name for each in predicate.documents] != sorted(listed):
        faults.append("documents: they are not each there once, by name.")
    for name, document in listed.items():
        at, sha = held.get(name, (None, document.digest.sha256))
        if at is None and not broken:
            faults.append(f"{name}: no row holds it.")
        believed = document.digest.sha256 if at is None or at in broken else sha
        content, fault = _content(document, believed, at)
        faults += [fault] if fault else []
        contents |= {} if content is None else {name: content}
    return contents, faults


def _content(document: Document, sha: str, at: int | None) -> tuple[bytes | None, str]:
    """What the document says, and what is wrong with it; "" for nothing."""
    name, row = document.name, f"row {(at or 0) + 1}"
    if document.content is None:
        kept = name in PRUNED
        fault = "" if kept else f"{name}: its content is missing, and nothing prunes that."
        return None, fault or _digest_fault(document, sha, row)
    try:
        content = from_base64(document.content, f"{name}: its content")
    except Unreadable as error:
        return None, f"{error}."
    if sha_of(content) != sha:
        return content, f"{name}: it was changed: it has not the hash that {row} holds."
    return content, _digest_fault(document, sha, row)


def _digest_fault(document: Document, sha: str, row: str) -> str:
    fits = document.digest.sha256 == sha
    return "" if fits else f"{document.name}: its `digest` was changed: it is not the hash that {row} holds."


# --- what it shows ------------------------------------------------------------------------------------------------


def _shown(predicate: Predicate) -> Iterator[str]:
    history = predicate.history
    first, last = history[0], history[-1]
    many = f"{len(history)} rows" if len(history) > 1 else "1 row"
    span = f"from {first.at[:19]} to {last.at[:19]} UTC"
    yield f"INC-{first.incident}: {many}, {span}, {last.dest}. Each carries the hash of the one before, and all fit."
    for at, rows in groupby(history, key=lambda row: row.chained_at):
        if at:
            which = _span([row.seq for row in rows])
            yield f"{which} chained on {at[:19]} UTC, after they were written: nothing shows what they said before."
    inside = [each.name for each in predicate.documents if each.content is not None]
    pruned = [each.name for each in predicate.documents if each.content is None]
    if inside:
        yield f"Inside, and as the rows hold it: {', '.join(inside)}."
    if pruned:
        yield f"By hash alone: {', '.join(pruned)}. What they said was pruned, or left out of this file."


def _span(seqs: Sequence[int]) -> str:
    return f"Rows {seqs[0]} to {seqs[-1]} were" if len(seqs) > 1 else f"Row {seqs[0]} was"
