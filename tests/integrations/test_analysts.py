"""The analysts: the real openai SDK against a stand-in that is held to OpenAI's own contract, and the one without."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kintsugi.app.bootstrap import code_context
from kintsugi.integrations.git import NO_OBJECT, Git, RefChange
from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.offline import OfflineAnalyst
from kintsugi.integrations.model.openai import Api, ModelAccess, OpenAIModel
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Allowance, Budget, Category, Cost, Diagnosis, Price, Spent
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.world.make import NOON, a_diagnosis, a_payload, an_incident
from tests.world.openai import (
    Answer,
    OpenAIStandIn,
    a_completion,
    a_finding,
    a_fix,
    a_response,
    an_error,
    schema_name,
    serving,
    turns,
)


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIStandIn]:
    async with serving() as stand_in:
        yield stand_in


@pytest.fixture(params=["chat", "responses"])
def api(request: pytest.FixtureRequest) -> Api:
    found: Api = request.param
    return found


def a_reply(api: Api, content: str | None, **changes: Any) -> Answer:
    """A whole reply by either API: `ending` is how it ends, as the Chat Completions API names it."""
    ending = changes.pop("ending", "stop")
    if api == "chat":
        return Answer(a_completion(content, finish_reason=ending, **changes))
    if ending != "stop":
        reason = "max_output_tokens" if ending == "length" else "content_filter"
        changes |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
    return Answer(a_response(content, **changes))


def a_case(**changes: object) -> Case:
    return Case(an_incident(State.CAPTURED, **changes), a_payload())


def a_model(provider: OpenAIStandIn, **changes: object) -> OpenAIModel:
    settings = ModelAccess("stand-in", "key", provider.url, price=Price(2.0, 10.0, 1.0), deadline=timedelta(seconds=20))
    return OpenAIModel(replace(settings, **changes))  # type: ignore[arg-type]


async def diagnosed(provider: OpenAIStandIn, case: Case | None = None, **changes: object) -> Diagnosis:
    hide = "hunter2", "[redacted]"
    analyst = ModelAnalyst(
        a_model(provider, **changes),
        lambda case, tokens: "def discount(): [redacted]",
        lambda text: text.replace(*hide),
    )
    return await analyst.diagnose(case or a_case(), lambda words: None)


async def test_every_exchange_is_held_to_the_contract(provider: OpenAIStandIn, api: Api):
    await diagnosed(provider, api=api)

    assert provider.faults == []


async def test_first_the_cause_is_asked_for_then_its_fix(provider: OpenAIStandIn, api: Api):
    diagnosis = await diagnosed(provider, api=api)

    assert [schema_name(asked) for asked in provider.asked] == ["finding", "fix"]
    assert diagnosis.proposes_a_patch
    assert diagnosis.cause == "discount() reads percent from every coupon."
    assert diagnosis.edits[0].path == "shop/pricing.py"
    assert diagnosis.regression_test
    assert diagnosis.probability == 0.8
    assert diagnosis.analyst == "stand-in"


async def test_every_prompt_is_in_the_history_with_version_and_hash(provider: OpenAIStandIn):
    diagnosis = await diagnosed(provider)

    assert [prompt.rsplit(" ", 1)[0] for prompt in diagnosis.prompt.split(", ")] == ["diagnose v3", "fix v4"]
    assert all(len(prompt.rsplit(" ", 1)[1]) == 8 for prompt in diagnosis.prompt.split(", "))


async def test_both_calls_are_paid_for_and_cached_tokens_at_their_own_price(provider: OpenAIStandIn):
    chat = (await diagnosed(provider, api="chat")).cost
    responses = (await diagnosed(provider, api="responses")).cost

    assert chat == Cost(2, 2400, 600, round(2 * (1200 * 2 + 300 * 10) / 1e6, 6))
    assert responses == Cost(2, 2400, 600, round(2 * (1000 * 2 + 200 * 1 + 300 * 10) / 1e6, 6))


async def test_the_cause_is_asked_for_without_a_word_of_a_fix_and_the_fix_on_top_of_it(provider: OpenAIStandIn):
    await diagnosed(provider)

    cause, fix = (turns(asked) for asked in provider.asked)
    assert "Do not propose a change" in cause[0]["content"]
    assert fix[0] == cause[0]  # the provider has the long part at hand
    assert json.loads(fix[1]["content"]) == a_finding()
    assert "smallest change that mends this cause" in fix[2]["content"]


async def test_the_prompt_holds_failure_and_code_between_markers_and_no_secret(provider: OpenAIStandIn):
    await diagnosed(provider)

    prompt = turns(provider.asked[0])[0]["content"]
    assert "fingerprint: v1:00000000000000aa" in prompt
    assert "<<<DATA" in prompt
    assert "def discount(): [redacted]" in prompt
    assert "hunter2" not in json.dumps(provider.asked)


async def test_the_conversation_is_kept_without_secrets(provider: OpenAIStandIn):
    diagnosis = await diagnosed(provider)

    assert [turn.ours for turn in diagnosis.talk] == [True, False, True, False]
    assert "def discount(): [redacted]" in diagnosis.talk[0].text
    assert json.loads(diagnosis.talk[1].text) == a_finding()
    assert json.loads(diagnosis.talk[3].text) == a_fix()
    assert "hunter2" not in str(diagnosis.talk)


async def test_the_schemas_are_the_strict_subset(provider: OpenAIStandIn):
    await diagnosed(provider)

    for asked in provider.asked:
        form = asked["response_format"]["json_schema"]
        assert form["strict"] is True
        for kind in (form["schema"], *form["schema"].get("$defs", {}).values()):
            if kind["type"] == "object":
                assert kind["additionalProperties"] is False
                assert set(kind["required"]) == set(kind["properties"])


async def test_a_second_round_keeps_the_cause_and_shows_the_last_fix_and_why_it_was_refused(provider: OpenAIStandIn):
    case = a_case(feedback="It swallows the exception.", diagnosis=a_diagnosis(category=Category.CODE))

    diagnosis = await diagnosed(provider, case)

    (asked,) = provider.asked
    assert [turn["role"] for turn in turns(asked)] == ["user", "assistant", "user", "assistant", "user"]
    assert "shop/pricing.py" in turns(asked)[3]["content"]
    assert "It swallows the exception." in turns(asked)[4]["content"]
    assert diagnosis.cause == a_diagnosis().cause
    assert diagnosis.cost.calls == 1
    assert "again v3" in diagnosis.prompt


@pytest.mark.parametrize("category", ["configuration", "dependency", "outage", "data", "unknown"])
async def test_where_the_cause_is_not_in_the_code_no_fix_is_asked_for(provider: OpenAIStandIn, category: str):
    provider.answers_first(Answer(a_completion(json.dumps(a_finding(category=category)))))

    diagnosis = await diagnosed(provider)

    assert (diagnosis.category, diagnosis.edits) == (Category(category), ())
    assert len(provider.asked) == 1


async def test_while_a_service_elsewhere_is_down_no_fix_is_asked_for_whatever_the_model_found(provider: OpenAIStandIn):
    failure = a_payload().exception
    assert failure
    timeout = failure.final.model_copy(update={"type": "httpx.ReadTimeout", "message": ""})
    payload = a_payload().model_copy(update={"exception": failure.model_copy(update={"chain": (timeout,)})})

    diagnosis = await diagnosed(provider, Case(an_incident(State.CAPTURED), payload))

    assert (diagnosis.category, diagnosis.edits) == (Category.OUTAGE, ())
    assert "A service elsewhere was down or slow when it failed (httpx.ReadTimeout)" in diagnosis.explanation
    assert len(provider.asked) == 1


async def test_the_budget_is_looked_at_before_the_second_call(provider: OpenAIStandIn):
    allowance = Allowance(Budget(usd_per_incident=0.1), Spent(0.0999), Spent())

    diagnosis = await diagnosed(provider, replace(a_case(), allowance=allowance))

    assert len(provider.asked) == 1
    assert not diagnosis.proposes_a_patch
    assert diagnosis.explanation.endswith("The budget of $0.10 for one incident is used up; it rests here.")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The model's reply is empty"),
        (None, "The model's reply is empty"),
        ("I think it is the coupon.", "is no JSON"),
        ('{"cause": "x"}', "has the wrong shape at category: Field required; probability: Field required"),
        ("[" * 2_000, "The model's reply"),
    ],
)
async def test_a_reply_that_cannot_be_read_is_a_sentence_and_its_cost_is_kept(
    provider: OpenAIStandIn, api: Api, text: str | None, says: str
):
    provider.answers_first(a_reply(api, text), a_reply(api, text))

    with pytest.raises(StepFailed, match=says) as failed:
        await diagnosed(provider, api=api)
    assert not failed.value.final
    assert len(provider.asked) == 2  # what was wrong is said once, then the ledger waits
    assert says in turns(provider.asked[1])[2]["content"]
    assert failed.value.spent.tokens_out == 600


async def test_a_reply_that_is_cut_off_says_so_and_its_cost_is_kept(provider: OpenAIStandIn, api: Api):
    provider.answers_first(*[a_reply(api, '{"cause": "the co', ending="length")] * 2)

    with pytest.raises(StepFailed, match="was cut off at the limit of its length after 300 tokens") as failed:
        await diagnosed(provider, api=api)
    assert failed.value.spent == Cost(2, 2400, 600, failed.value.spent.usd)


async def test_by_the_responses_api_a_schema_that_is_refused_is_left_out_too(provider: OpenAIStandIn):
    provider.answers_first(an_error(400, "unsupported_parameter", "Unknown parameter: 'text.format'."))
    provider.thinks = lambda asked: a_fix() if "smallest change" in json.dumps(turns(asked)) else a_finding()

    diagnosis = await diagnosed(provider, api="responses")

    assert diagnosis.proposes_a_patch
    assert ["text" in asked for asked in provider.asked] == [True, False, False]
    provider.faults.clear()  # the shape of what we send has a form: this server has none


async def test_a_model_that_is_only_at_responses_is_asked_there(provider: OpenAIStandIn):
    says = "This model is only supported in v1/responses and not in v1/chat/completions."
    provider.answers_first(an_error(404, "invalid_request_error", says))
    provider.thinks = lambda asked: a_fix() if "smallest change" in json.dumps(turns(asked)) else a_finding()

    diagnosis = await diagnosed(provider, api="chat")

    assert diagnosis.proposes_a_patch
    assert ["input" in asked for asked in provider.asked] == [False, True, True]
    assert diagnosis.manner.endswith("by /responses, as it has no chat completions")


async def test_a_second_reply_that_is_unreadable_costs_the_first_one_too(provider: OpenAIStandIn, api: Api):
    provider.answers_first(a_reply(api, json.dumps(a_finding())), *[a_reply(api, "no")] * 2)

    with pytest.raises(StepFailed, match="is no JSON") as failed:
        await diagnosed(provider, api=api)
    assert failed.value.spent.calls == 3


@pytest.mark.parametrize("fault", ["ends_early", "breaks_off"])
async def test_a_stream_that_ends_early_is_no_answer_and_what_came_is_counted(
    provider: OpenAIStandIn, api: Api, fault: str
):
    whole = a_reply(api, json.dumps(a_finding(explanation="word " * 500)))
    provider.answers_first(replace(whole, **{fault: True}))

    with pytest.raises(StepFailed, match="was broken off on the way after") as failed:
        await diagnosed(provider, api=api)
    assert failed.value.spent.calls == 1
    assert failed.value.spent.tokens_in > 100
    assert len(provider.asked) == 1


async def test_an_error_within_a_stream_is_said_and_counted(provider: OpenAIStandIn, api: Api):
    provider.answers_first(replace(a_reply(api, json.dumps(a_finding())), fails=True))

    with pytest.raises(StepFailed, match="failed while it answered: the engine is overloaded") as failed:
        await diagnosed(provider, api=api)
    assert failed.value.spent.calls == 1


async def test_a_response_that_failed_says_why(provider: OpenAIStandIn):
    error = {"code": "server_error", "message": "the engine is overloaded"}
    provider.answers_first(Answer(a_response(None, status="failed", error=error)))

    with pytest.raises(StepFailed, match="failed while it answered: the engine is overloaded"):
        await diagnosed(provider, api="responses")


async def test_a_refusal_is_a_diagnosis_without_a_patch(provider: OpenAIStandIn, api: Api):
    provider.answers_first(a_reply(api, None, refusal="I cannot help with that."))

    diagnosis = await diagnosed(provider, api=api)

    assert not diagnosis.proposes_a_patch
    assert diagnosis.cause == "The model refused to answer: I cannot help with that."
    assert diagnosis.cost.calls == 1


async def test_a_refusal_of_the_fix_keeps_the_cause(provider: OpenAIStandIn, api: Api):
    refusal = a_reply(api, None, refusal="I cannot help with that.")
    provider.answers_first(a_reply(api, json.dumps(a_finding())), refusal)

    diagnosis = await diagnosed(provider, api=api)

    assert diagnosis.cause == a_finding()["cause"]
    assert diagnosis.explanation == "The model refused to answer: I cannot help with that."
    assert diagnosis.cost.calls == 2


async def test_a_content_filter_is_a_diagnosis_without_a_patch(provider: OpenAIStandIn, api: Api):
    provider.answers_first(a_reply(api, "", ending="content_filter"))

    diagnosis = await diagnosed(provider, api=api)

    assert diagnosis.cause == "The model refused to answer: its provider's content filter stopped it."


async def test_json_in_a_fence_is_read_all_the_same(provider: OpenAIStandIn, api: Api):
    provider.answers_first(a_reply(api, f"```json\n{json.dumps(a_finding())}\n```"))

    assert (await diagnosed(provider, api=api)).proposes_a_patch


async def test_an_address_that_knows_no_streams_is_understood(provider: OpenAIStandIn, api: Api):
    provider.answers_first(
        replace(a_reply(api, json.dumps(a_finding())), whole=True),
        replace(a_reply(api, json.dumps(a_fix())), whole=True),
    )

    diagnosis = await diagnosed(provider, api=api)

    assert diagnosis.proposes_a_patch
    assert diagnosis.cost.tokens_out == 600


async def test_tokens_nobody_counted_are_estimated(provider: OpenAIStandIn):
    completion = a_completion(json.dumps(a_finding(category="data")))
    del completion["usage"]
    provider.answers_first(Answer(completion))

    cost = (await diagnosed(provider)).cost

    assert (cost.calls, cost.tokens_out) == (1, -(-len(json.dumps(a_finding(category="data"))) // 4))
    assert cost.tokens_in > 100


async def test_usage_without_details_is_counted(provider: OpenAIStandIn):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "prompt_tokens_details": None}
    completion = a_completion(json.dumps(a_finding(category="data")), usage=usage)
    provider.answers_first(Answer(completion, whole=True, odd=True))

    assert (await diagnosed(provider)).cost.tokens_in == 10


async def test_progress_tells_each_step(provider: OpenAIStandIn):
    told: list[str] = []

    await ModelAnalyst(a_model(provider), lambda case, tokens: "", str).diagnose(a_case(), told.append)

    assert told == ["asking stand-in for the cause", f"asking stand-in for a fix: {a_finding()['cause']}"]


async def test_progress_tells_how_far_the_reply_has_come(provider: OpenAIStandIn, api: Api):
    told: list[str] = []
    model = a_model(provider, api=api, tell_every=timedelta())

    await ModelAnalyst(model, lambda case, tokens: "", str).diagnose(a_case(), told.append)

    whole = f"the model is answering: {len(json.dumps(a_finding())):,} characters in "
    assert any(words.startswith(whole) for words in told)


async def test_a_short_fault_is_tried_again_at_once(provider: OpenAIStandIn, api: Api):
    provider.answers_first(an_error(500, "server_error", "oops"), Answer(drops=True))

    assert (await diagnosed(provider, api=api)).proposes_a_patch
    assert len(provider.asked) == 4


async def test_a_long_fault_is_left_to_the_ledger(provider: OpenAIStandIn, api: Api):
    provider.answers_first(*[an_error(503, "overloaded", "later")] * 3)

    with pytest.raises(StepFailed, match="cannot be reached") as failed:
        await diagnosed(provider, api=api)
    assert len(provider.asked) == 3
    assert failed.value.spent == Cost()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (an_error(401, "invalid_api_key", "no"), "does not accept the key"),
        (an_error(429, "insufficient_quota", "no credit"), "has no credit left"),
        (an_error(404, "model_not_found", "no such model"), "no such model"),
    ],
)
async def test_what_waiting_cannot_mend_is_final(provider: OpenAIStandIn, api: Api, answer: Answer, says: str):
    provider.answers_first(answer)

    with pytest.raises(StepFailed, match=says) as failed:
        await diagnosed(provider, api=api)
    assert failed.value.final
    assert len(provider.asked) == 1


async def test_retry_after_is_the_ledgers_to_wait_for_and_holds_no_worker(provider: OpenAIStandIn, api: Api):
    provider.answers_first(an_error(429, "rate_limit_exceeded", "slow down", Retry_After="120"))

    with pytest.raises(StepFailed, match="asks us to wait") as failed:
        await diagnosed(provider, api=api)
    assert failed.value.retry_after == timedelta(seconds=120)
    assert len(provider.asked) == 1


async def test_a_model_that_hangs_is_left_at_our_own_deadline(provider: OpenAIStandIn, api: Api):
    provider.answers_first(Answer(hangs=True))

    with pytest.raises(StepFailed, match="did not answer within 0:00:00.3"):
        await diagnosed(provider, api=api, deadline=timedelta(seconds=0.3))


@pytest.mark.parametrize("kind", ["application/json", "text/html"])
@pytest.mark.parametrize("text", ["<html>welcome</html>", "null", "{}", ""])
async def test_an_address_that_answers_with_something_else_is_said_to(
    provider: OpenAIStandIn, api: Api, kind: str, text: str
):
    provider.answers_first(Answer(text, headers={"Content-Type": kind}))

    with pytest.raises(StepFailed, match="is no reply of a model"):
        await diagnosed(provider, api=api)


async def test_a_page_that_calls_itself_a_stream_is_no_answer(provider: OpenAIStandIn, api: Api):
    provider.answers_first(Answer("<html>welcome</html>", headers={"Content-Type": "text/event-stream"}))

    with pytest.raises(StepFailed, match="broken off on the way"):
        await diagnosed(provider, api=api)


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


def test_where_the_repository_does_not_know_the_build_the_code_is_shown_as_it_is_now(tmp_path: Path):
    git = Git.init_bare(tmp_path / "origin.git", "main")
    source = b"def discount(total, coupon):\n" + b"\n" * 10 + b"    return total * coupon['percent']\n"
    tree = git.write_tree("4b825dc642cb6eb9a060e54bf8d69288fbee4904", {"shop/pricing.py": source})
    commit = git.commit(tree, [], "Coupons by percent", NOON, "Somebody")
    git.update_refs([RefChange("refs/heads/main", commit, NO_OBJECT)])

    shown = code_context(git.directory)(a_case(), 8000)

    assert "coupon['percent']" in shown


def in_words(words: str = "The chart shows last month", **more: object) -> Case:
    """A case that nothing crashed for."""
    payload = a_payload(summary=words).model_copy(update={"exception": None, **more})
    return Case(an_incident(State.CAPTURED, summary=words), payload)


async def test_a_report_in_words_is_asked_about_as_one(provider: OpenAIStandIn):
    diagnosis = await diagnosed(provider, in_words())

    shown = turns(provider.asked[0])[0]["content"]
    assert "Nothing crashed: there is no stack, only their words." in shown
    assert "The chart shows last month" in shown
    assert "def discount()" in shown
    assert diagnosis.prompt.startswith("reported v")


async def test_without_a_model_a_report_in_words_is_told_where_to_look(tmp_path: Path):
    git = Git.init_bare(tmp_path / "origin.git", "main")
    source = b"def month_chart():\n    return last_month()\n"
    tree = git.write_tree("4b825dc642cb6eb9a060e54bf8d69288fbee4904", {"shop/chart.py": source})
    commit = git.commit(tree, [], "Charts", NOON, "Somebody")
    git.update_refs([RefChange("refs/heads/main", commit, NO_OBJECT)])
    case = in_words(build=a_payload().build.model_copy(update={"sha": commit}))

    diagnosis = await OfflineAnalyst(git).diagnose(case, lambda words: None)

    assert diagnosis.cause.startswith("A report in words, without a crash, cause not analysed")
    assert "Most likely here, by its words: shop/chart.py:month_chart." in diagnosis.explanation
    assert "write a test" not in diagnosis.explanation
    assert "Begin with a test that asserts the right result" in diagnosis.explanation


@pytest.mark.parametrize(
    "earlier",
    [
        None,
        a_diagnosis(category=Category.CONFIGURATION, edits=()),
        a_diagnosis(category=Category.CODE, edits=(), patch="--- a/shop.py\n+++ b/shop.py\n", by="cli:bob"),
    ],
    ids=["nothing was found", "it is none of the code", "somebody handed the patch in"],
)
async def test_what_was_said_since_is_told_where_there_is_nothing_of_its_own_to_go_on_from(
    provider: OpenAIStandIn, earlier: Diagnosis | None
):
    await diagnosed(provider, a_case(hint="Coupons may lack a percentage: hunter2.", diagnosis=earlier))

    asked = [turns(each) for each in provider.asked]
    assert [schema_name(each) for each in provider.asked] == ["finding", "fix"]
    assert "Coupons may lack a percentage: [redacted]." in asked[0][-1]["content"]
    assert [turn["role"] for turn in asked[0]].count("assistant") == 0
