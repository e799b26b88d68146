"""Models that are slow, small or on this machine: what was found and paid is kept, and nothing waits for ever."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from kintsugi.integrations.model.address import address_of
from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.model.openai_streams import is_repetition
from kintsugi.integrations.model.port import Message
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Diagnosis
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.world.make import a_payload, an_incident
from tests.world.openai import Answer, OpenAIStandIn, a_completion, a_finding, a_fix, serving, turns
from tests.world.patience import PATIENCE

QUESTION = [Message("user", "Why?")]
SCHEMA = "finding", {"type": "object", "properties": {}, "required": [], "additionalProperties": False}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIStandIn]:
    async with serving() as stand_in:
        yield stand_in


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_post("/v1/chat/completions", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def begun(request: web.Request, content: str = "{") -> web.StreamResponse:
    """A stream with its first words on it."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": None}
    await response.write(f"data: {json.dumps({'id': 'c', 'model': 'm', 'choices': [choice]})}\n\n".encode())
    return response


def a_model(url: str, **changes: Any) -> OpenAIModel:
    return OpenAIModel(replace(ModelAccess("m", "", url, deadline=timedelta(seconds=PATIENCE)), **changes))


def a_case(**changes: Any) -> Case:
    return Case(an_incident(State.CAPTURED, **changes), a_payload())


async def diagnosed(model: OpenAIModel, case: Case | None = None, code: str = "") -> Diagnosis:
    analyst = ModelAnalyst(model, lambda case, tokens: code[: tokens * 4], lambda text: text)
    return await analyst.diagnose(case or a_case(), lambda words: None)


async def test_a_model_that_falls_silent_is_waited_for_no_longer_than_a_pause_may_be_and_paid_for():
    async def falls_silent(request: web.Request) -> web.StreamResponse:
        response = await begun(request)
        await asyncio.Event().wait()
        return response

    async with answering(falls_silent) as url:
        with pytest.raises(StepFailed, match="or fell silent for 0:00:00.2.*: 1 characters had come") as failed:
            await a_model(url, silence=timedelta(seconds=0.2)).ask(QUESTION, SCHEMA, lambda words: None)

    assert failed.value.spent.calls == 1


async def test_before_the_first_word_only_the_whole_deadline_counts():
    async def thinks(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.3)
        return web.json_response(a_completion("{}"))

    async with answering(thinks) as url:
        answer = await a_model(url, silence=timedelta(seconds=0.1)).ask(QUESTION, SCHEMA, lambda words: None)

    assert answer.text == "{}"


async def test_on_this_machine_one_question_is_asked_at_a_time_and_waiting_for_it_costs_no_deadline():
    under_way = most = 0

    async def one_slot(request: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.3)
        under_way -= 1
        return web.json_response(a_completion("{}"))

    async with answering(one_slot) as url:
        model = a_model(url, deadline=timedelta(seconds=0.9))
        answers = await asyncio.gather(*(model.ask(QUESTION, SCHEMA, lambda words: None) for _ in range(4)))

    assert [answer.text for answer in answers] == ["{}"] * 4
    assert most == 1


async def test_elsewhere_any_number_is_asked_at_a_time():
    assert not address_of("https://llm.example/v1", "m", "").is_here
    assert all(address_of(f"http://{host}:1/v1", "m", "").is_here for host in ("127.0.0.1", "localhost", "[::1]"))


async def test_endless_repetition_is_stopped_and_said_once():
    stopped = asyncio.Event()
    asked = 0

    async def goes_round(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        response = await begun(request, '{"cause": "')
        try:
            while True:
                choice = {"index": 0, "delta": {"content": "the total and "}, "finish_reason": None}
                await response.write(f"data: {json.dumps({'id': 'c', 'choices': [choice]})}\n\n".encode())
        except ConnectionError:
            stopped.set()
        return response

    async with answering(goes_round) as url:
        with pytest.raises(StepFailed, match="the same again and again, and was stopped"):
            await diagnosed(a_model(url))
        async with asyncio.timeout(PATIENCE):
            await stopped.wait()

    assert asked == 2


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("a" * 4000, True),
        ("I think so. " * 400, True),
        ("\n" * 3000, True),
        ("".join(f"line {number}\n" for number in range(900)), False),
        ("a" * 1000, False),
    ],
)
def test_what_counts_as_repetition(text: str, is_one: bool):
    assert is_repetition(text[-2880:]) is is_one


async def test_one_that_reads_for_long_is_told_to_be_silent_so_far():
    told: list[str] = []
    seen = asyncio.Event()

    async def answers_when_it_was_told(request: web.Request) -> web.StreamResponse:
        await seen.wait()
        return web.json_response(a_completion(json.dumps(a_finding())))

    def progress(words: str) -> None:
        told.append(words)
        seen.set()

    async with answering(answers_when_it_was_told) as url, asyncio.timeout(PATIENCE):
        await a_model(url, tell_every=timedelta(milliseconds=5)).ask(QUESTION, SCHEMA, progress)

    assert told[0].startswith("the model has said nothing so far, after ")


async def test_what_was_asked_is_paid_for_when_it_is_interrupted():
    came = asyncio.Event()

    async def answers_slowly(request: web.Request) -> web.StreamResponse:
        response = await begun(request, "{" * 400)
        came.set()
        await asyncio.Event().wait()
        return response

    told = asyncio.Event()
    async with answering(answers_slowly) as url:
        model = a_model(url, tell_every=timedelta())
        asking = asyncio.create_task(model.ask(QUESTION, SCHEMA, lambda words: told.set()))
        async with asyncio.timeout(PATIENCE):
            await told.wait()
        asking.cancel()
        with pytest.raises(StepFailed, match="was interrupted") as failed:
            await asking

    assert (failed.value.spent.calls, failed.value.spent.tokens_out) == (1, 100)


async def test_a_cause_is_kept_where_its_fix_could_not_be_had_and_the_next_try_asks_for_the_fix_alone(
    provider: OpenAIStandIn,
):
    provider.answers_first(Answer(a_completion(json.dumps(a_finding()))), *[Answer(a_completion("no"))] * 2)
    with pytest.raises(StepFailed) as failed:
        await diagnosed(a_model(provider.url))
    provider.asked.clear()

    found = failed.value.found
    assert found
    diagnosis = await diagnosed(a_model(provider.url), a_case(diagnosis=found))

    assert (found.cause, found.unfinished) == (a_finding()["cause"], True)
    assert failed.value.spent.calls == 3
    (asked,) = provider.asked
    assert json.loads(turns(asked)[1]["content"])["probability"] == 0.9
    assert "smallest change that mends this cause" in turns(asked)[2]["content"]
    assert diagnosis.proposes_a_patch
    assert not diagnosis.unfinished
    assert diagnosis.cost.calls == 1


@pytest.mark.parametrize(
    ("words", "is_read"),
    [
        (json.dumps(a_fix()), True),
        (json.dumps(a_fix())[:-9], False),
        ("--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n", False),
    ],
    ids=["whole", "cut", "a bare patch"],
)
async def test_a_reply_whose_end_nobody_told_counts_where_it_is_whole(words: str, is_read: bool):
    async def breaks_off(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        response = await begun(request, words if len(asked["messages"]) > 1 else json.dumps(a_finding()))
        assert request.transport
        request.transport.close()
        return response

    async with answering(breaks_off) as url:
        if is_read:
            assert (await diagnosed(a_model(url))).proposes_a_patch
            return
        with pytest.raises(StepFailed, match="was broken off on the way") as failed:
            await diagnosed(a_model(url))

    assert failed.value.spent.calls == 2


async def test_a_patch_with_a_word_of_doubt_is_no_refusal(provider: OpenAIStandIn):
    said = "I can't be sure, but:\n\n```diff\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+b\n```\n"
    provider.answers_first(Answer(a_completion(json.dumps(a_finding()))), Answer(a_completion(said)))

    diagnosis = await diagnosed(a_model(provider.url))

    assert diagnosis.edits[0].path == "x.py"
    assert diagnosis.probability == 0.9  # the cause's, as the patch came without


async def test_a_known_window_is_kept_to_with_what_matters_most(provider: OpenAIStandIn):
    model = a_model(provider.url, window=4096)

    await diagnosed(model, code="x = 1\n" * 10_000)

    cause, fix = provider.asked
    assert cause["max_tokens"] == fix["max_tokens"] == 1024
    assert all(sum(len(turn["content"]) for turn in turns(asked)) <= 3072 * 2.8 for asked in (cause, fix))
    assert "KeyError" in turns(cause)[0]["content"]


async def test_what_came_of_the_last_round_is_fitted_too_with_its_beginning_and_its_end(provider: OpenAIStandIn):
    feedback = "It swallows the exception.\n" + "x" * 50_000 + "\nthe last line"
    first = await diagnosed(a_model(provider.url))
    provider.asked.clear()

    await diagnosed(a_model(provider.url, window=8192), a_case(diagnosis=first, feedback=feedback))

    (asked,) = provider.asked
    assert sum(len(turn["content"]) for turn in turns(asked)) <= 6144 * 2.8
    assert "It swallows the exception." in turns(asked)[4]["content"]
    assert "the last line" in turns(asked)[4]["content"]


async def test_a_window_that_holds_nothing_is_said_before_anything_is_asked(provider: OpenAIStandIn):
    with pytest.raises(StepFailed, match="too small to show it the failure") as failed:
        await diagnosed(a_model(provider.url, window=700))

    assert failed.value.final
    assert provider.asked == []


async def test_a_limit_of_the_reply_is_sent(provider: OpenAIStandIn):
    await diagnosed(a_model(provider.url, max_output_tokens=2000))

    assert {asked["max_tokens"] for asked in provider.asked} == {2000}


async def test_a_price_that_is_not_known_is_told_as_such(provider: OpenAIStandIn):
    cost = (await diagnosed(a_model(provider.url))).cost

    assert (cost.usd, cost.unpriced, cost.price) == (0.0, 2, "price unknown")


async def test_a_server_that_asks_for_no_key_needs_none(provider: OpenAIStandIn):
    assert (await diagnosed(a_model(provider.url))).proposes_a_patch


async def test_a_second_round_shows_the_model_its_own_words(provider: OpenAIStandIn):
    whole = a_fix(edits=[{"path": "a.py", "search": "a", "replace": "b", "occurrence": 2}])
    said = f"Here it is:\n```json\n{json.dumps(whole)}\n```"
    provider.answers_first(Answer(a_completion(json.dumps(a_finding()))), Answer(a_completion(said)))
    first = await diagnosed(a_model(provider.url))
    provider.asked.clear()

    case = a_case(diagnosis=replace(first, talk=()), feedback="It does not apply.")
    await diagnosed(a_model(provider.url), replace(case, talk=first.talk))
    await diagnosed(a_model(provider.url), case)  # what was said is pruned

    with_words, without = provider.asked
    assert turns(with_words)[1]["content"] == json.dumps(a_finding())
    assert turns(with_words)[3]["content"] == said
    told = json.loads(turns(without)[3]["content"])
    assert {name: told[name] for name in whole} == whole
