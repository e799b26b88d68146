"""What a workflow proved counts for our pull request where GitHub signed just that; and where it does not."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import jwt
import pytest

from kintsugi.integrations.github.oidc import PUBLIC, IssuerKeys, issuer_of
from kintsugi.persistence.database import Database
from kintsugi.web.ci_proof import ProofDoor
from kintsugi.workflow.patch import Evidence, Tier
from kintsugi.workflow.states import State
from tests.world.actions import Actions, a_key, github_actions
from tests.world.deliveries import Door, a_door, a_merge
from tests.world.make import HEAD, MERGE, a_patch
from tests.world.world import World, a_world

PATH = "/webhooks/github/proof"
WHERE = "GitHub Actions, run 7001.1 of shop/checkout/.github/workflows/prove.yml"


@pytest.fixture
async def world(database_url: Database) -> AsyncIterator[World]:
    async with a_world(database_url) as world:
        world.host.name = "github:shop/checkout"
        evidence = Evidence(Tier.E0, "It applies. The tests can't run here.", "no box", flags=("a limit",))
        world.checker.evidence = evidence
        yield world


@pytest.fixture
async def actions(world: World) -> AsyncIterator[Actions]:
    async with github_actions(world.clock.now().timestamp()) as actions:
        yield actions


@pytest.fixture
async def door(world: World, actions: Actions) -> AsyncIterator[Door]:
    proofs = ProofDoor("shop/checkout", "prove.yml", actions.url, IssuerKeys(actions.url))
    async with a_door(world, proofs) as door:
        yield door


async def opened(world: World) -> None:
    await world.crashes()
    await world.settles()
    await world.confirms()
    await world.settles()
    assert await world.state() is State.PR_OPENED


def a_statement(**changes: Any) -> bytes:
    run = {"command": ["pytest"], "exit_status": 1, "seconds": 0.5, "output": "KeyError"}
    verdict = {
        "tier": "E2",
        "says": "Red to green.",
        "flags": ["a default"],
        "red": run,
        "green": run,
        "reproduced": True,
    }
    predicate = {"commit": "feed" * 10, "tree": a_patch().tree, "verdict": verdict}
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "the pull request's head", "digest": {"gitCommit": HEAD}}],
        "predicateType": "urn:kintsugi:proof:1",
        "predicate": predicate | {name: value for name, value in changes.items() if name in predicate},
    }
    return json.dumps(statement | {name: value for name, value in changes.items() if name not in predicate}).encode()


def audience(statement: bytes) -> str:
    return f"urn:kintsugi:proof:1:{sha256(statement).hexdigest()}"


def a_delivery(actions: Actions, statement: bytes | None = None, **claims: Any) -> dict[str, str]:
    statement = statement or a_statement()
    token = actions.token(claims.pop("audience", audience(statement)), **claims)
    return {"statement": base64.b64encode(statement).decode(), "token": token}


async def test_what_a_workflow_proved_is_the_proof_with_its_tier_named(world: World, door: Door, actions: Actions):
    await opened(world)

    status, says = await door.posts(PATH, a_delivery(actions))

    found = await world.incident()
    assert (status, says) == (
        202,
        f"E2 (failed before, passes now) at {HEAD[:10]}: Proven in your own CI. Red to green.",
    )
    assert found.state is State.PR_OPENED
    assert found.evidence
    assert (found.evidence.tier, found.evidence.says) == (Tier.E2, "Proven in your own CI. Red to green.")
    assert found.evidence.box == WHERE
    assert found.evidence.flags == ("a limit", "a default")
    assert found.evidence.reproduced is True


async def test_what_a_workflow_could_not_try_is_no_proof(world: World, door: Door, actions: Actions):
    await opened(world)
    verdict = {"tier": "E0", "says": "It applies.", "flags": [], "red": None, "green": None, "reproduced": None}

    status, says = await door.posts(PATH, a_delivery(actions, a_statement(verdict=verdict)))

    assert (status, says) == (200, "The workflow could not try it (E0), which is no proof.")
    assert "ProvenInCi" not in [step.trigger for step in await world.store.history(1)]


async def test_told_twice_it_counts_once(world: World, door: Door, actions: Actions):
    await opened(world)

    answers = [await door.posts(PATH, a_delivery(actions)) for _ in range(3)]

    assert [status for status, _ in answers] == [202, 200, 200]
    assert actions.asked_for_keys == 1
    assert [step.trigger for step in await world.store.history(1)].count("ProvenInCi") == 1


async def test_weaker_evidence_takes_the_place_of_none(world: World, door: Door, actions: Actions):
    await opened(world)
    await door.posts(PATH, a_delivery(actions))
    verdict = {"tier": "E1", "says": "Kept.", "flags": [], "red": None, "green": None, "reproduced": None}

    await door.posts(PATH, a_delivery(actions, a_statement(verdict=verdict), run_id="7002"))

    found = await world.incident()
    assert found.evidence
    assert found.evidence.tier is Tier.E2


async def test_what_comes_early_waits_for_its_pull_request(world: World, door: Door, actions: Actions):
    await world.crashes()
    await world.settles()

    status, _ = await door.posts(PATH, a_delivery(actions))
    await world.confirms()
    await world.settles()

    found = await world.incident()
    assert status == 202
    assert found.evidence
    assert found.evidence.box == WHERE


async def test_what_comes_late_changes_nothing(world: World, door: Door, actions: Actions):
    await opened(world)
    await door.delivers("pull_request", a_merge())

    status, says = await door.posts(PATH, a_delivery(actions))

    found = await world.incident()
    assert (status, says) == (
        200,
        "INC-1 stays merged: this came too late: its pull request is not open any more.",
    )
    assert found.evidence
    assert found.evidence.tier is Tier.E0


FORGED = {
    "another key": {},  # made in the test
    "a key that nobody knows": {"kid": "two"},
    "another statement": {"audience": audience(b"{}")},
    "another audience": {"audience": "https://github.com/shop"},
    "another issuer": {"iss": "https://elsewhere.example"},
    "expired": {"exp": 1.0},
    "of the future": {"nbf": 99_999_999_999.0},
    "no run": {"run_id": None},
}


@pytest.mark.parametrize("what", FORGED)
async def test_what_is_not_githubs_word_on_this_statement_is_refused(
    what: str, world: World, door: Door, actions: Actions
):
    await opened(world)

    status, _ = await door.posts(PATH, a_delivery(actions, **(FORGED[what] or {"key": a_key()})))

    found = await world.incident()
    assert status == 401
    assert found.evidence
    assert found.evidence.tier is Tier.E0


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
async def test_a_token_that_needs_no_key_is_refused(algorithm: str, world: World, door: Door, actions: Actions):
    await opened(world)
    statement = a_statement()
    claims = jwt.decode(actions.token(audience(statement)), options={"verify_signature": False})
    token = jwt.encode(claims, "" if algorithm == "none" else "x" * 32, algorithm=algorithm, headers={"kid": "one"})

    status, _ = await door.posts(PATH, {"statement": base64.b64encode(statement).decode(), "token": token})

    assert status == 401


OTHERS = {
    "another repository": {"repository": "fork/checkout"},
    "a push": {"event_name": "push"},
    "with the rights of the target": {"event_name": "pull_request_target"},
    "another workflow": {"workflow_ref": "shop/checkout/.github/workflows/other.yml@refs/pull/41/merge"},
    "a workflow that is called": {"job_workflow_ref": "fork/tools/.github/workflows/prove.yml@main"},
    "another branch": {"head_ref": "feature"},
    "no pull request": {"ref": "refs/heads/main"},
    "another checkout": {"sha": "abcd" * 10},
}


@pytest.mark.parametrize("what", OTHERS)
async def test_a_true_word_about_something_else_changes_nothing(what: str, world: World, door: Door, actions: Actions):
    await opened(world)

    status, _ = await door.posts(PATH, a_delivery(actions, **OTHERS[what]))

    found = await world.incident()
    assert status == 200
    assert found.evidence
    assert found.evidence.tier is Tier.E0


@pytest.mark.parametrize(
    ("statement", "claims", "why"),
    [
        (
            a_statement(subject=[{"digest": {"gitCommit": MERGE}}]),
            {},
            f"this is about {MERGE[:10]}, not the current head.",
        ),
        (a_statement(tree="0" * 40), {}, "this is about the tree 0000000000, which is not what was confirmed."),
        (a_statement(), {"ref": "refs/pull/7/merge"}, "pull request #7 is not its own, which is #41."),
    ],
    ids=["another commit", "another patch", "a fork's pull request with our branch's name"],
)
async def test_a_word_of_another_change_is_refused_with_a_sentence(
    statement: bytes, claims: dict[str, Any], why: str, world: World, door: Door, actions: Actions
):
    await opened(world)

    assert await door.posts(PATH, a_delivery(actions, statement, **claims)) == (200, f"INC-1 stays pr_opened: {why}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"statement": "!", "token": "a.b.c"}',
        b"[" * 100_000,
        b'{"statement": 5, "token": null}',
    ],
)
async def test_what_cannot_be_read_is_refused(body: bytes, door: Door):
    status, _ = await door.posts(PATH, body)

    assert status == 400


async def test_a_statement_of_another_shape_is_refused(world: World, door: Door, actions: Actions):
    await opened(world)
    bad = [
        b"{}",
        a_statement(predicateType="urn:other"),
        a_statement(subject=[]),
        a_statement(verdict={"tier": "E9"}),
        a_statement(commit="x"),
    ]

    assert [(await door.posts(PATH, a_delivery(actions, one)))[0] for one in bad] == [400] * 5


async def test_where_the_keys_cannot_be_had_it_is_to_be_delivered_again(world: World, actions: Actions):
    nowhere = IssuerKeys("http://127.0.0.1:1")
    async with a_door(world, ProofDoor("shop/checkout", "prove.yml", actions.url, nowhere)) as door:
        status, _ = await door.posts(PATH, a_delivery(actions))

    assert status == 503


async def test_nobodys_word_counts_where_no_workflow_is_named(world: World, actions: Actions):
    async with a_door(world) as door:
        status, says = await door.posts(PATH, a_delivery(actions))

    assert (status, says) == (200, "No workflow's word counts here: set KINTSUGI_GITHUB_PROOF_WORKFLOW.")


def test_an_enterprise_server_signs_by_itself():
    assert issuer_of("https://api.github.com") == PUBLIC
    assert issuer_of("https://git.example:8443/api/v3") == "https://git.example:8443/_services/token"
