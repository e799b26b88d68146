"""What a receipt states: an in-toto Statement about one history.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md. It holds nothing but what follows from the chain,
so that each byte of it can be checked, signed or not.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from kintsugi.workflow.chain import History, Row, canonical, held_at_last

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://kintsugi.example/receipt/v1"
_MEDIA_TYPE = "application/json"


def statement_of(history: History) -> bytes:
    """The statement as canonical JSON (RFC 8785)."""
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects(history.incident, history.head, history.documents),
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "history": [row.as_json() for row in history.rows],
                "head": history.head,
                "documents": _documents(history.rows, history.documents),
            },
        }
    )


def subjects(incident: int, head: str, documents: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """What the statement is about: the history, the patch as a git tree, the commit that it was merged as."""
    found = [{"name": f"INC-{incident}", "digest": {"sha256": head}}]
    if tree := _said_in(documents, "patch", "tree"):
        found.append({"name": "patch", "digest": {"gitTree": tree}})
    if commit := _said_in(documents, "pull_request", "merged_as"):
        found.append({"name": "merge commit", "digest": {"gitCommit": commit}})
    return found


def _documents(rows: Sequence[Row], kept: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Each document that the history holds at its end, with its content where that is kept."""
    held = held_at_last([row.holds for row in rows])
    return [_descriptor(name, sha, kept.get(name)) for name, (_, sha) in sorted(held.items())]


def _descriptor(name: str, sha: str, content: bytes | None) -> dict[str, Any]:
    """in-toto's ResourceDescriptor."""
    found: dict[str, Any] = {"name": name, "mediaType": _MEDIA_TYPE, "digest": {"sha256": sha}}
    return found if content is None else found | {"content": b64encode(content).decode()}


def _said_in(documents: Mapping[str, bytes], name: str, field: str) -> str:
    """A text in one of the documents; "" where there is none."""
    try:
        said = json.loads(documents.get(name, b"{}")).get(field)
    except (ValueError, AttributeError):
        return ""
    return said if isinstance(said, str) else ""
