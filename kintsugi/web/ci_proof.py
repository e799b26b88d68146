"""What a workflow of GitHub Actions proved of one of our pull requests: is it GitHub that says so, and of what?

The workflow asks GitHub for an identity token (OpenID Connect) whose audience is the hash of its statement. So GitHub's
signature is on the statement too, with the repository, workflow and pull request that it ran for; no secret is shared.
The statement is an in-toto one, of the pull request's head, with what `kintsugi prove --json` printed. The claims are
described in https://docs.github.com/actions/reference/security/oidc.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Literal, TypeVar

import jwt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kintsugi.telemetry.redact import redact
from kintsugi.web.github import Ignored
from kintsugi.web.no_delivery import Unreadable
from kintsugi.workflow.patch import Evidence, Run, Tier
from kintsugi.workflow.pull_requests import OUR_BRANCH
from kintsugi.workflow.triggers import ProvenInCi

T = TypeVar("T", bound=BaseModel)

PREDICATE = "urn:kintsugi:proof:1"
"""The type of the predicate, and the beginning of the token's audience; the statement's SHA-256 in hex follows."""

_ALGORITHM = "RS256"
_CLOCKS_DIFFER = timedelta(minutes=1)
_MERGE_REF = re.compile(r"refs/pull/(\d{1,18})/merge")
_COMMIT = r"^[0-9a-f]{40,64}$"
_LONGEST = 20_000  # characters kept of what a run printed
_MOST_FLAGS = 50


class Unsigned(Exception):
    """Not GitHub's word on this statement."""


@dataclass(frozen=True, slots=True)
class ProofDoor:
    """Whose results count: of `workflow` (a file in .github/workflows) of `repository` (owner/name).

    `key` answers the public key of this id, as a JWK, of whoever `issuer` is; None where there is none. It raises
    StepFailed where it cannot be asked.
    """

    repository: str
    workflow: str
    issuer: str
    key: Callable[[str], Awaitable[Mapping[str, Any] | None]]


async def read_proof(door: ProofDoor, body: bytes, at: datetime) -> ProvenInCi | Ignored:
    """What a delivery proves. Raises Unsigned, Unreadable, and what the door's `key` raises."""
    delivery = _parsed(_Delivery, body)
    statement = _decoded(delivery.statement)
    claims = await _claims(door, delivery.token, statement, at)
    if why := _not_ours(door, claims):
        return Ignored(why)
    return _proven(door, claims, _parsed(_Statement, statement), at)


class _Delivery(BaseModel):
    statement: str
    token: str


class _Run(BaseModel):
    command: tuple[str, ...]
    exit_status: int | None
    seconds: float
    output: str


class _Verdict(BaseModel):
    """As `kintsugi prove --json` prints it."""

    tier: Tier
    says: str = Field(max_length=_LONGEST)
    flags: tuple[str, ...] = Field(max_length=_MOST_FLAGS)
    red: _Run | None
    green: _Run | None
    reproduced: bool | None


class _Predicate(BaseModel):
    commit: str = Field(pattern=_COMMIT)
    tree: str = Field(min_length=1, max_length=64)
    verdict: _Verdict


class _Digest(BaseModel):
    commit: str = Field(alias="gitCommit", pattern=_COMMIT)


class _Subject(BaseModel):
    digest: _Digest


class _Statement(BaseModel):
    """Of one subject, the pull request's head. `commit` is what was checked out and proven: its merge into the base."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: tuple[_Subject]
    kind: Literal["urn:kintsugi:proof:1"] = Field(alias="predicateType")
    predicate: _Predicate


class _Claims(BaseModel):
    """What of GitHub's claims matters here."""

    model_config = ConfigDict(coerce_numbers_to_str=True)

    repository: str
    event_name: str
    ref: str
    head_ref: str
    sha: str
    workflow_ref: str
    job_workflow_ref: str = ""
    run_id: str
    run_attempt: str
    nbf: float = 0
    exp: float


async def _claims(door: ProofDoor, token: str, statement: bytes, at: datetime) -> _Claims:
    audience = f"{PREDICATE}:{sha256(statement).hexdigest()}"
    try:
        header = jwt.get_unverified_header(token)
        key = await door.key(str(header.get("kid")))
        if key is None or header.get("alg") != _ALGORITHM:
            raise Unsigned(f"The token is not signed by {door.issuer}.")
        told = jwt.decode(
            token,
            jwt.PyJWK.from_dict(dict(key), _ALGORITHM),
            algorithms=[_ALGORITHM],
            audience=audience,
            issuer=door.issuer,
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},  # by our own clock, below
        )
        claims = _Claims.model_validate(told)
    except jwt.InvalidAudienceError as error:
        raise Unsigned("The token is of another statement.") from error
    except (jwt.PyJWTError, ValidationError, ValueError) as error:
        raise Unsigned(f"The token is not one of {door.issuer} for this: {type(error).__name__}.") from error
    if not _from(claims.nbf) - _CLOCKS_DIFFER <= at <= _from(claims.exp) + _CLOCKS_DIFFER:
        raise Unsigned("The token has expired, or is of the future. Run the workflow again.")
    return claims


def _from(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise Unsigned("The token has a time that is none.") from error


def _not_ours(door: ProofDoor, claims: _Claims) -> str | None:
    """Why nothing follows from the word of this run, true as it is."""
    if claims.repository.lower() != door.repository.lower():
        return f"This is about {claims.repository}, not about {door.repository}."
    if claims.event_name != "pull_request":
        return f"The workflow ran for {claims.event_name}: only what it proves of a pull_request counts."
    wanted = f"{claims.repository}/.github/workflows/{door.workflow.rpartition('/')[2]}@"
    if not claims.workflow_ref.startswith(wanted) or claims.job_workflow_ref not in ("", claims.workflow_ref):
        return (
            f"Another workflow says so ({claims.workflow_ref.partition('@')[0]}): set KINTSUGI_GITHUB_PROOF_WORKFLOW."
        )
    if not (_MERGE_REF.fullmatch(claims.ref) and OUR_BRANCH.match(claims.head_ref)):
        return "The pull request is not one of ours."
    return None


def _proven(door: ProofDoor, claims: _Claims, statement: _Statement, at: datetime) -> ProvenInCi | Ignored:
    predicate, head = statement.predicate, statement.subject[0].digest.commit
    if predicate.commit != claims.sha:
        return Ignored(
            "What was proven is not what GitHub checks out for the pull request: leave the checkout's ref out."
        )
    if not predicate.verdict.tier.proves:
        return Ignored("The workflow could not try it (E0), which is no proof.")
    number, ours = _MERGE_REF.fullmatch(claims.ref), OUR_BRANCH.match(claims.head_ref)
    assert number
    assert ours
    run = f"{claims.run_id}.{claims.run_attempt}"
    return ProvenInCi(
        incident=int(ours[1]),
        key=f"github:{door.repository}:proof#{number[1]}:{head}:{run}",
        at=at,
        actor="github:actions",
        number=int(number[1]),
        head=head,
        tree=predicate.tree,
        evidence=_evidence(predicate.verdict, f"GitHub Actions, run {run} of {claims.workflow_ref.partition('@')[0]}"),
    )


def _evidence(verdict: _Verdict, where: str) -> Evidence:
    """Redacted once more: what the workflow's Kintsugi knew of secrets is not what ours knows."""
    flags = tuple(redact(flag) for flag in verdict.flags)
    says = f"Proven in your own CI. {redact(verdict.says)}"
    return Evidence(verdict.tier, says, where, _run(verdict.red), _run(verdict.green), flags, verdict.reproduced)


def _run(told: _Run | None) -> Run | None:
    if told is None:
        return None
    command = tuple(redact(word) for word in told.command)
    return Run(command, told.exit_status, told.seconds, redact(told.output[-_LONGEST:]))


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Unreadable("The statement is not in base64.") from error


def _parsed(kind: type[T], text: bytes) -> T:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the whole of it"
        raise Unreadable(f"{kind.__name__.strip('_')}: {where} is not as it should be.") from error
