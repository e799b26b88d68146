"""The analysts: the real openai SDK against a stand-in that is held to OpenAI's own contract, and the one without."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from integrations.git import NO_OBJECT, Git, RefChange
from integrations.offline_analyst import OfflineAnalyst
from integrations.openai_analyst import ModelSettings, OpenAIAnalyst
from tests.world.make import NOON, a_diagnosis, a_payload, an_incident
from tests.world.openai import Answer, OpenAIStandIn, a_completion, a_reply, an_error, serving
from tests.world.wire import needs_the_wire
from workflow.errors import StepFailed
from workflow.incident import Category, Cost, Diagnosis
from workflow.ports import Case
from workflow.words import State


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIStandIn]:
    async with serving() as stand_in:
        yield stand_in


def a_case(**changes: object) -> Case:
    return Case(an_incident(State.CAPTURED, **changes), a_payload())


def an_analyst(provider: OpenAIStandIn, **changes: object) -> OpenAIAnalyst:
    settings = ModelSettings("stand-in", "key", provider.url, 2.0, 10.0, timedelta(seconds=20))
    hide = "hunter2", "[redacted]"
    return OpenAIAnalyst(
        replace(settings, **changes), lambda case: "def discount(): hunter2", lambda text: text.replace(*hide)
    )  # type: ignore[arg-type]


async def diagnosed(provider: OpenAIStandIn, case: Case | None = None, **changes: object) -> Diagnosis:
    return await an_analyst(provider, **changes).diagnose(case or a_case(), lambda words: None)


@needs_the_wire
async def test_a_good_reply_becomes_a_diagnosis_with_its_cost(provider: OpenAIStandIn):
    diagnosis = await diagnosed(provider)

    assert diagnosis.proposes_a_patch
    assert diagnosis.edits[0].path == "shop/pricing.py"
    assert diagnosis.regression_test
    assert diagnosis.analyst == "stand-in"
    assert diagnosis.prompt.startswith("repair v1 ")
    assert diagnosis.cost == Cost(1, 1200, 300, 0.0054)


async def test_the_prompt_holds_failure_and_code_between_markers_and_no_secret(provider: OpenAIStandIn):
    await diagnosed(provider)

    prompt = provider.asked[0]["messages"][0]["content"]
    assert "fingerprint: v1:00000000000000aa" in prompt
    assert "<<<DATA" in prompt
    assert "def discount(): [redacted]" in prompt
    assert "hunter2" not in json.dumps(provider.asked)


async def test_the_schema_is_the_strict_subset(provider: OpenAIStandIn):
    await diagnosed(provider)

    schema = provider.asked[0]["response_format"]["json_schema"]
    assert schema["strict"] is True
    for kind in (schema["schema"], *schema["schema"]["$defs"].values()):
        if kind["type"] == "object":
            assert kind["additionalProperties"] is False
            assert set(kind["required"]) == set(kind["properties"])


async def test_a_second_round_shows_the_last_answer_and_why_it_was_refused(provider: OpenAIStandIn):
    await diagnosed(provider, a_case(feedback="It swallows the exception.", diagnosis=a_diagnosis()))

    first, last, why = provider.asked[0]["messages"]
    assert [message["role"] for message in (first, last, why)] == ["user", "assistant", "user"]
    assert "shop/pricing.py" in last["content"]
    assert "It swallows the exception." in why["content"]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(a_completion("")), "The model's reply is empty"),
        (Answer(a_completion(None)), "The model's reply is empty"),
        (Answer(a_completion("I think it is the coupon.")), "is no JSON"),
        (Answer(a_completion('{"cause": "x"}')), "has the wrong shape at explanation"),
        (Answer(a_completion("[" * 100_000)), "The model's reply"),
        (Answer(a_completion('{"cause": "the co', finish_reason="length")), "was cut off after 300 tokens"),
        (Answer(a_completion(choices=[])), "holds no choice"),
    ],
)
async def test_a_reply_that_cannot_be_read_is_a_sentence_and_its_cost_is_kept(
    provider: OpenAIStandIn, answer: Answer, says: str
):
    provider.answers_first(answer)

    with pytest.raises(StepFailed, match=says) as failed:
        await diagnosed(provider)
    assert not failed.value.final
    assert failed.value.spent.tokens_out == 300


@pytest.mark.parametrize(
    "answer",
    [
        Answer(a_completion(None, refusal="I cannot help with that.")),
        Answer(a_completion("", finish_reason="content_filter")),
    ],
)
async def test_a_refusal_is_a_diagnosis_without_a_patch(provider: OpenAIStandIn, answer: Answer):
    provider.answers_first(answer)

    diagnosis = await diagnosed(provider)

    assert not diagnosis.proposes_a_patch
    assert diagnosis.cause.startswith("The model refused to answer: ")
    assert diagnosis.cost.calls == 1


async def test_json_in_a_fence_is_read_all_the_same(provider: OpenAIStandIn):
    provider.answers_first(Answer(a_completion(f"```json\n{json.dumps(a_reply())}\n```")))

    assert (await diagnosed(provider)).proposes_a_patch


async def test_null_usage_costs_nothing_and_breaks_nothing(provider: OpenAIStandIn):
    completion = a_completion(json.dumps(a_reply()))
    del completion["usage"]
    provider.answers_first(Answer(completion))

    assert (await diagnosed(provider)).cost == Cost(calls=1)


async def test_a_short_fault_is_tried_again_at_once(provider: OpenAIStandIn):
    provider.answers_first(an_error(500, "server_error", "oops"), Answer(drops=True))

    assert (await diagnosed(provider)).proposes_a_patch
    assert len(provider.asked) == 3


async def test_a_long_fault_is_left_to_the_ledger(provider: OpenAIStandIn):
    provider.answers_first(*[an_error(503, "overloaded", "later")] * 3)

    with pytest.raises(StepFailed, match="cannot be reached"):
        await diagnosed(provider)
    assert len(provider.asked) == 3


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (an_error(401, "invalid_api_key", "no"), "does not accept the key"),
        (an_error(429, "insufficient_quota", "no credit"), "has no credit left"),
        (an_error(400, "context_length_exceeded", "too long"), "does not take the request: .*too long"),
        (an_error(404, "model_not_found", "no such model"), "no such model"),
    ],
)
async def test_what_waiting_cannot_mend_is_final(provider: OpenAIStandIn, answer: Answer, says: str):
    provider.answers_first(answer)

    with pytest.raises(StepFailed, match=says) as failed:
        await diagnosed(provider)
    assert failed.value.final
    assert len(provider.asked) == 1


async def test_retry_after_is_the_ledgers_to_wait_for_and_holds_no_worker(provider: OpenAIStandIn):
    provider.answers_first(an_error(429, "rate_limit_exceeded", "slow down", Retry_After="120"))

    with pytest.raises(StepFailed, match="asks us to wait") as failed:
        await diagnosed(provider)
    assert failed.value.retry_after == timedelta(seconds=120)
    assert len(provider.asked) == 1


async def test_a_model_that_hangs_is_left_at_our_own_deadline(provider: OpenAIStandIn):
    provider.answers_first(Answer(hangs=True))

    with pytest.raises(StepFailed, match="did not answer within 0:00:00.3"):
        await diagnosed(provider, deadline=timedelta(seconds=0.3))


async def test_an_address_that_answers_with_a_page_is_said_to(provider: OpenAIStandIn):
    provider.answers_first(Answer("<html>welcome</html>", headers={"Content-Type": "application/json"}))

    with pytest.raises(StepFailed, match="no JSON|cannot be reached"):
        await diagnosed(provider)


async def test_without_a_key_the_stack_and_the_history_are_read_and_nothing_is_proposed(tmp_path: Path):
    git = Git.init_bare(tmp_path / "origin.git", "main")
    source = b"\n" * 11 + b"    return total * coupon['percent']\n"
    tree = git.write_tree("4b825dc642cb6eb9a060e54bf8d69288fbee4904", {"shop/pricing.py": source})
    commit = git.commit(tree, [], "Coupons by percent", NOON, "Somebody")
    git.update_refs([RefChange("refs/heads/main", commit, NO_OBJECT)])
    payload = a_payload()
    payload = payload.model_copy(update={"build": payload.build.model_copy(update={"sha": commit})})
    earlier = an_incident(State.HEALED, id=3, says="GET /checkout answers 200.")

    diagnosis = await OfflineAnalyst(git).diagnose(Case(an_incident(), payload, (earlier,)), lambda words: None)

    assert not diagnosis.proposes_a_patch
    assert diagnosis.category is Category.UNKNOWN
    assert "shop/pricing.py:12 in discount()" in diagnosis.explanation
    assert f'changed last in {commit[:10]} by Somebody: "Coupons by percent"' in diagnosis.explanation
    assert "INC-3 ended healed: GET /checkout answers 200." in diagnosis.explanation
