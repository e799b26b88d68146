"""Any server that calls itself compatible: a diagnosis and a patch with at most one wasted call, or one sentence."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.model.remembered import Manners
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cost, Diagnosis
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.world.make import a_payload, an_incident
from tests.world.model_servers import DEAD_ENDS, SERVERS, STUBBORN, Played, Server, played

CODE = "def discount(total, coupon):\n    return total * coupon['percent']\n"


async def diagnosed(play: Played, manners: Manners) -> Diagnosis:
    access = ModelAccess("stand-in", "key", play.url, deadline=timedelta(seconds=30), manners=manners)
    code = (CODE * 1000)[:30_000]
    analyst = ModelAnalyst(OpenAIModel(access), lambda case, tokens: code[: tokens * 4], lambda text: text)
    return await analyst.diagnose(Case(an_incident(State.CAPTURED), a_payload()), lambda words: None)


@pytest.mark.parametrize("server", SERVERS, ids=lambda server: server.name)
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
    if server.name != "Groq, a reply it found invalid":  # that is no manner of the server
        assert len(play.asked) == 2 + wasted + 2


async def test_one_that_names_one_thing_after_the_other_is_asked_for_the_least_after_the_second(tmp_path: Path):
    async with played(STUBBORN) as play:
        found = await diagnosed(play, Manners(tmp_path / "models.json"))

    assert found.proposes_a_patch
    assert play.refused == 2
    assert found.manner == "JSON in plain text, streamed, max_tokens, without stream_options"


@pytest.mark.parametrize("server", DEAD_ENDS, ids=lambda server: server.name)
async def test_what_can_never_answer_ends_with_one_sentence_and_nothing_paid(server: Server, tmp_path: Path):
    async with played(server) as play:
        with pytest.raises(StepFailed, match=server.ends) as failed:
            await diagnosed(play, Manners(tmp_path / "models.json"))

    assert failed.value.final is server.final
    assert failed.value.spent == Cost()
    assert len(play.asked) == 1 or not server.final
