"""Reading a statement strictly: what does not belong there is named, as nothing in a receipt is left unchecked."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from kintsugi.receipt.envelope import Unreadable
from kintsugi.workflow.chain import canonical, sha_of

_Sha = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RowThere(_Strict):
    incident: int
    seq: int
    trigger: str
    source: str
    dest: str
    actor: str
    at: str
    says: str
    attempts: int
    seconds: str
    usd: str
    holds: dict[str, _Sha | None]
    previous: _Sha | None
    chained_at: str | None

    @property
    def sha(self) -> str:
        return sha_of(canonical(self.model_dump()))


class _Digest(_Strict):
    sha256: _Sha


class Document(_Strict):
    name: str
    mediaType: Literal["application/json"]  # noqa: N815  # in-toto's name
    digest: _Digest
    content: str | None = None


class Predicate(_Strict):
    history: list[RowThere] = Field(min_length=1)
    head: _Sha
    documents: list[Document]


class Statement(_Strict):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: list[dict[str, Any]]
    predicateType: Literal["https://kintsugi.example/receipt/v1"]  # noqa: N815
    predicate: Predicate


def read(body: bytes) -> Statement:
    """Raises Unreadable."""
    try:
        found = json.loads(body)
        statement = Statement.model_validate(found)
        written = canonical(found)
    except ValidationError as error:
        raise Unreadable("; ".join(dict.fromkeys(map(_misfit, error.errors())))) from None
    except (ValueError, RecursionError):
        raise Unreadable("statement: this is no JSON") from None
    if written != body:
        raise Unreadable("statement: it is not written as canonical JSON (RFC 8785), as it was when it was made")
    return statement


def _misfit(error: Any) -> str:
    """What does not fit, by the row or document that it is in."""
    says = str(error["msg"]).lower()
    match error["loc"]:
        case ("predicate", "history", int(at), *rest):
            return f"row {at + 1}: `{'.'.join(map(str, rest))}`: {says}"
        case ("predicate", "documents", int(at), *rest):
            return f"document {at + 1}: `{'.'.join(map(str, rest))}`: {says}"
        case where:
            return f"statement: `{'.'.join(map(str, where))}`: {says}"
