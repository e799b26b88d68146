"""Any server that calls itself compatible: a diagnosis and a patch with at most one wasted call, or one sentence."""

from __future__ import annotations

import logging
import queue
from dataclasses import replace
from datetime import timedelta
from logging.handlers import QueueHandler
from pathlib import Path
from typing import Any

import pytest

from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.manners import Api, Form, Manner
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.model.remembered import Manners
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cost, Diagnosis
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.world.make import a_payload, an_incident
from tests.world.model_dead_ends import DEAD_ENDS, WITHOUT_RESPONSES
from tests.world.model_manners import BROKEN, SERVERS, STUBBORN
from tests.world.model_replies import FAILING, SENDERS
from tests.world.model_servers import No, Played, Server, played, stream, when
from tests.world.model_vendors import VENDORS

CODE = "def discount(total, coupon):\n    return total * coupon['percent']\n"


async def diagnosed(play: Played, manners: Manners, api: Api = "chat") -> Diagnosis:
    access = ModelAccess("stand-in", "key", play.url, api, deadline=timedelta(seconds=30), manners=manners)
    code = (CODE * 1000)[:30_000]
    analyst = ModelAnalyst(OpenAIModel(access), lambda case, tokens: code[: tokens * 4], lambda text: text)
    return await analyst.diagnose(Case(an_incident(State.CAPTURED), a_payload()), lambda words: None)


@pytest.mark.parametrize("server", [*SERVERS, *VENDORS, *SENDERS], ids=lambda server: server.name)
async def test_a_server_answers_with_at_most_one_call_wasted_and_with_none_the_next_time(
    server: Server, tmp_path: Path
):
    async with played(server) as play:
        first = await diagnosed(play, Manners(tmp_path / "models.json"))
        wasted = len(play.asked) - 2
        second = await diagnosed(play, Manners(tmp_path / "models.json"))

    assert first.proposes_a_patch
    assert second.proposes_a_patch
    assert first.edits[0].path == "shop/pricing.py"
    assert wasted <= 1
    assert first.cost.calls == 2 + server.paid_twice
    assert len(play.asked) == 2 + wasted + 2 + wasted * server.each_time


async def test_each_step_down_is_in_the_log_with_what_the_server_said(tmp_path: Path):
    (deepseek,) = [server for server in SERVERS if server.name == "DeepSeek"]
    heard: queue.SimpleQueue[Any] = queue.SimpleQueue()
    log, handler = logging.getLogger("kintsugi.model"), QueueHandler(heard)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        async with played(deepseek) as play:
            found = await diagnosed(play, Manners(tmp_path / "models.json"))
    finally:
        log.removeHandler(handler)
        log.setLevel(logging.NOTSET)

    refused, kept = heard.get_nowait(), heard.get_nowait()
    assert (refused.msg, refused.why) == ("model_options_refused", "This response_format type is unavailable now")
    assert (kept.msg, kept.manner) == ("model_options", found.manner)
    assert found.manner == "JSON without a schema, streamed, max_tokens"


@pytest.mark.parametrize(
    ("name", "manner"),
    [
        ("OpenAI, a small model", Manner(limit="max_tokens", most_output=4096)),
        ("OpenAI, gpt-5 through a gateway", Manner(limit="max_completion_tokens")),
        ("DeepSeek, its range of max_tokens", Manner(limit="max_tokens", most_output=8192)),
        ("Anthropic's endpoint", Manner(limit="max_tokens", most_output=8192)),
        ("Groq, a reply it found invalid", Manner(limit="max_tokens")),
        ("one that lists what it takes", Manner(limit="max_tokens", counts=False)),
        ("Mistral", Manner(limit="max_tokens", counts=False)),
        ("vLLM 0.4", Manner(Form.OBJECT, "max_tokens", counts=False)),
        ("vLLM, a window that the reply does not fit in", Manner(limit="max_tokens", window=16384)),
        ("llama.cpp, a small context", Manner(limit="max_tokens", window=8192)),
        ("TGI, a window", Manner(limit="max_tokens", window=16000)),
        ("Cerebras", Manner(Form.TEXT, "max_tokens")),
        ("Cerebras, a model that thinks", Manner(limit="max_tokens", streams=False)),
        ("a gateway to Bedrock, tools alone", Manner(Form.CALL, "max_tokens")),
        ("xAI, a small window", Manner(limit="max_tokens", window=8192)),
    ],
)
async def test_what_is_kept_of_a_server_is_what_it_said(name: str, manner: Manner, tmp_path: Path):
    (server,) = [server for server in SERVERS if server.name == name]
    manners = Manners()
    async with played(server) as play:
        await diagnosed(play, manners)

        assert manners.of(play.url.partition("?")[0], "stand-in") == manner


async def test_azures_address_is_taken_as_it_is_with_its_version_and_its_own_header(tmp_path: Path):
    (azure,) = [server for server in SERVERS if server.name == "Azure, an old version"]
    async with played(azure) as play:
        await diagnosed(play, Manners(tmp_path / "models.json"))

    assert {asked["_path"] for asked in play.asked} == {
        "/openai/deployments/stand-in/chat/completions?api-version=2024-06-01"
    }
    assert {headers["api-key"] for headers in play.headers} == {"key"}


async def test_one_that_names_one_thing_after_the_other_is_asked_for_the_least_after_the_second(tmp_path: Path):
    async with played(STUBBORN) as play:
        found = await diagnosed(play, Manners(tmp_path / "models.json"))

    assert found.proposes_a_patch
    assert play.refused == 2
    assert found.manner == "JSON in plain text, streamed, max_tokens, without stream_options"


async def test_one_that_breaks_at_what_it_does_not_know_is_asked_for_the_least_once_trying_again_does_not_help(
    tmp_path: Path,
):
    async with played(BROKEN) as play:
        found = await diagnosed(play, Manners(tmp_path / "models.json"))

    assert found.proposes_a_patch
    assert play.refused == 3
    assert found.cost.calls == 2


@pytest.mark.parametrize("no", WITHOUT_RESPONSES, ids=lambda no: str(no.status))
async def test_one_without_responses_is_asked_by_chat_completions_from_then_on(no: No, tmp_path: Path):
    async with played(Server("", when(lambda asked: "input" in asked, no))) as play:
        first = await diagnosed(play, Manners(tmp_path / "models.json"), "responses")
        second = await diagnosed(play, Manners(tmp_path / "models.json"), "responses")

    assert first.proposes_a_patch
    assert second.proposes_a_patch
    assert ["input" in asked for asked in play.asked] == [True, False, False, False, False]
    assert first.manner == "JSON by a schema, streamed, max_tokens, by chat completions, as it has no /responses"


async def test_a_limit_of_replies_that_cut_one_off_is_found_out_anew():
    (little,) = [server for server in VENDORS if server.name == "OpenRouter, little money"]
    cut = replace(little, sends=lambda asked, words: stream(asked, words[:50], finish="length"))
    manners = Manners()
    async with played(cut) as play:
        with pytest.raises(StepFailed, match="cut off at the limit of its length"):
            await diagnosed(play, manners)

        assert manners.of(play.url, "stand-in") == Manner(limit="max_tokens")
    assert [asked["max_tokens"] for asked in play.asked] == [16000, 3012, 16000, 3012]


@pytest.mark.parametrize("server", DEAD_ENDS, ids=lambda server: server.name)
async def test_what_can_never_answer_ends_with_one_sentence_and_nothing_paid(server: Server, tmp_path: Path):
    async with played(server) as play:
        with pytest.raises(StepFailed, match=server.ends) as failed:
            await diagnosed(play, Manners(tmp_path / "models.json"))

    assert failed.value.final is server.final
    assert failed.value.retry_after == (None if server.waits is None else timedelta(seconds=server.waits))
    assert failed.value.spent == Cost()
    assert len(play.asked) == 1 or not server.final


@pytest.mark.parametrize("server", FAILING, ids=lambda server: server.name)
async def test_what_fails_where_a_reply_should_be_is_said_and_not_asked_again(server: Server):
    async with played(server) as play:
        with pytest.raises(StepFailed, match=server.ends) as failed:
            await diagnosed(play, Manners())

    assert failed.value.final is server.final
    assert len(play.asked) == 1
