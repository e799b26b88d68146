"""Reading GitHub's deliveries, which have the shapes in tests/world/wire, and what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.web.github import Ignored, Look, parse, verify
from kintsugi.web.no_delivery import Unreadable
from kintsugi.workflow import triggers as t
from kintsugi.workflow.by_hand import incident_named
from tests.world.deliveries import BRANCH, REPOSITORY, a_merge, a_pull_request_event, a_review, on_a_branch, signed
from tests.world.make import MERGE, NOON

JSON = "application/json"


def told(event: str, payload: object, kind: str = JSON) -> object:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return parse({"X-GitHub-Event": event, "Content-Type": kind}, body, REPOSITORY, NOON)


def about(**more: Any) -> dict[str, Any]:
    return {"repository": {"full_name": REPOSITORY}, "sender": {"login": "rita"}, **more}


# --- signatures -------------------------------------------------------------------------------------------------


def test_any_of_several_secrets_is_good_while_one_takes_over_from_the_other():
    assert verify(b"body", signed(b"body", "old"), ["new", "old"])
    assert verify(b"body", signed(b"body", "new"), ["new", "old"])


@pytest.mark.parametrize(
    "signature",
    [None, "", "sha256=", "sha1=6", f"sha256={'0' * 64}", signed(b"body", "other"), signed(b"body", "")[:-1], "ü"],
)
def test_what_is_not_signed_under_our_secret_is_refused(signature: str | None):
    assert not verify(b"body", signature, ["secret"])


def test_without_a_secret_nothing_is_accepted():
    assert not verify(b"body", signed(b"body", ""), [])
    assert not verify(b"body", signed(b"body", ""), [""])


@given(st.binary(), st.binary())
def test_a_signature_is_good_for_its_own_body_alone(body: bytes, other: bytes):
    assert verify(other, signed(body, "secret"), ["secret"]) == (body == other)


# --- what they say ----------------------------------------------------------------------------------------------


def test_a_merge_is_a_fact_with_a_key_of_its_own():
    merge = told("pull_request", a_merge())

    assert merge == t.PullRequestMerged(
        incident=1, key=f"github:{REPOSITORY}:merged#41:{MERGE}", at=NOON, actor="github:rita", number=41, sha=MERGE
    )


def test_a_closing_without_a_merge_is_a_fact():
    closing = told("pull_request", a_pull_request_event("closed"))

    assert isinstance(closing, t.PullRequestClosed)
    assert closing.key.endswith("closed#41:2026-11-23T13:00:00Z")


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "converted_to_draft", "ready_for_review"])
def test_other_changes_of_our_pull_request_are_a_hint_to_look(action: str):
    assert told("pull_request", a_pull_request_event(action, incident=7)) == Look(7)


@pytest.mark.parametrize("event", ["push", "status", "check_run", "check_suite", "workflow_run", "deployment_status"])
def test_what_happens_to_our_branch_is_a_hint_to_look(event: str):
    assert told(event, on_a_branch(event, BRANCH)) == Look(1)
    assert isinstance(told(event, on_a_branch(event, "main")), Ignored)


def test_a_review_that_asks_for_changes_is_a_fact():
    asked = told("pull_request_review", a_review())

    assert isinstance(asked, t.ChangesRequested)
    assert (asked.head, asked.review, asked.actor) == ("c0ffee" * 6 + "c0ff", "please not", "github:rita")


@pytest.mark.parametrize("changes", [{"state": "approved"}, {"author_association": "NONE"}])
def test_an_approval_and_a_strangers_review_are_none(changes: dict[str, Any]):
    assert isinstance(told("pull_request_review", a_review(**changes)), Ignored)


def test_a_branch_of_our_name_on_a_fork_is_not_ours():
    merge = a_merge()
    merge["pull_request"]["head"]["repo"]["full_name"] = "mallory/checkout"

    assert told("pull_request", merge) == Ignored("The pull request comes from a fork.")


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened", "edited", "closed", "ready_for_review"])
@pytest.mark.parametrize("named", [{"title": "Fix INC-7: amounts"}, {"title": "Fix", "body": "For INC-7.\r\n"}])
def test_somebodys_own_pull_request_that_names_an_incident_is_a_hint_to_look(action: str, named: dict[str, str]):
    assert told("pull_request", by_hand(action, **named)) == Look(7)
    assert told("pull_request", by_hand(action, fork="rita/checkout", **named)) == Look(7)


@pytest.mark.parametrize("association", ["NONE", "CONTRIBUTOR", "FIRST_TIMER", "MANNEQUIN", ""])
def test_a_strangers_is_not(association: str):
    answer = told("pull_request", by_hand("opened", title="Fix INC-7", author_association=association))

    assert answer == Ignored("Only pull requests of members and collaborators are taken as proposals.")


@pytest.mark.parametrize(
    ("title", "body", "incident"),
    [
        ("INC-7", "", 7),
        ("fix(INC-7): amounts", "INC-8", 7),
        ("Fix INC-7 (INC-7)", "", 7),
        ("Fix INC-7 and INC-8", "", None),
        ("Fix", "INC-7, see also INC-8", None),
        ("Fix", "https://kintsugi.example/INC-7", 7),
        ("Fix KINC-7, INC-7a, INC-0, INC-, INC7, ZINC-7", "", None),
        ("Fix inc-7", "", None),
        ("INC-" + "9" * 19, "", None),
        ("", "", None),
    ],
)
def test_which_incident_it_names(title: str, body: str, incident: int | None):
    assert incident_named(title, body) == incident


def test_other_things_that_happen_to_it_are_nothing():
    assert isinstance(told("pull_request", by_hand("labeled", title="Fix INC-7")), Ignored)
    assert isinstance(told("pull_request", by_hand("opened", title="Fix amounts", body=None)), Ignored)


def by_hand(action: str, *, fork: str = REPOSITORY, **more: Any) -> dict[str, Any]:
    head = {"ref": "amounts", "sha": "0" * 40, "repo": {"full_name": fork}}
    return a_pull_request_event(action, 7, **{"head": head, "author_association": "MEMBER", **more})


def test_a_delivery_from_another_repository_is_ignored():
    answer = told("pull_request", a_merge(repository="mallory/checkout"))

    assert answer == Ignored("This is about mallory/checkout, not about shop/checkout.")


def test_a_form_is_read_as_well():
    body = b"payload=%7B%22zen%22%3A%22x%22%7D"

    assert told("ping", body, "application/x-www-form-urlencoded") == Ignored("pong")


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"", JSON), (b"{", JSON), (b"[]", JSON), (b"\xff", JSON), (b"{}", "text/plain"), (b"[" * 100_000, JSON)],
)
def test_what_is_no_json_object_is_unreadable(body: bytes, kind: str):
    with pytest.raises(Unreadable):
        told("ping", body, kind)


@given(
    st.sampled_from(["pull_request", "pull_request_review", "push", "status", "check_run", "workflow_run", "x"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["pull_request", "review", "head", "ref", "branches", "repo"]), inner)
        ),
    ),
)
def test_whatever_is_in_a_payload_it_is_read_or_refused(event: str, payload: object):
    body = about(**payload) if isinstance(payload, dict) else payload
    try:
        answer = told(event, body)
    except Unreadable:
        return
    assert isinstance(answer, t.Trigger | Look | Ignored)
