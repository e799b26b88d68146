"""Looking at the program behind any server: by calls of tools where it has them, else by JSON replies. What a refusal
or an odd form teaches is known from then on, and costs at most one answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from kintsugi.integrations.model.analyst import ModelAnalyst
from kintsugi.integrations.model.looking import LookPolicy
from kintsugi.integrations.model.manners import Api, Calls
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.model.remembered import Manners
from kintsugi.integrations.model.reply import Step, UnreadableReply, read_reply
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Diagnosis
from kintsugi.workflow.looks import Unkept
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.integrations.test_looking import CountingTools
from tests.world.make import a_payload, an_incident
from tests.world.model_servers import Asked, Played, Server, openai_error, played, wants_a_fix
from tests.world.model_tools import (
    IN_TEXT,
    NATIVE,
    READ,
    WITHOUT_A_CHOICE,
    WITHOUT_CALLS,
    calls_are,
    looks,
    pieces,
    whole,
)
from tests.world.openai import a_fix, called, serving

SEEN = [("find", "total"), ("read", "shop/a.py", 1, 9), ("propose", 1)]


async def looked(
    play: Played, manners: Manners, api: Api = "chat", policy: LookPolicy | None = None
) -> tuple[Diagnosis, list[Any]]:
    """A diagnosis, and what was looked at for it."""
    access = ModelAccess("stand-in", "key", play.url, api, deadline=timedelta(seconds=30), manners=manners)
    tools = CountingTools(proves=True)
    analyst = ModelAnalyst(
        OpenAIModel(access), lambda case, tokens: "def total(): ...", str, lambda case: tools, policy
    )
    case = Case(an_incident(State.CAPTURED), a_payload(), looks=Unkept())
    diagnosis = await analyst.diagnose(case, lambda words: None)
    return diagnosis, [*tools.asked, case.looks.cost.calls + diagnosis.cost.calls]  # type: ignore[attr-defined]


async def faults_of(server: Server, calls: Calls, refusals: int) -> list[str]:
    """What is wrong in a diagnosis behind this server, and in a second one, which knows what was refused."""
    faults, manners = [], Manners()
    async with played(server) as play:
        for time in ("first", "second") if refusals else ("first",):
            play.asked.clear()
            refused = play.refused
            try:
                diagnosis, (*seen, paid) = await looked(play, manners)
            except StepFailed as failed:
                faults.append(f"{server.name}, {time}: {failed}")
                continue
            most = 4 + (server.paid_twice and (time == "first" or calls is Calls.MUST))
            if seen != SEEN or diagnosis.title != "Seen":
                faults.append(f"{server.name}, {time}: looked at {seen}")
            if paid > most or play.refused - refused > (refusals if time == "first" else 0):
                faults.append(f"{server.name}, {time}: {paid} paid, {play.refused - refused} refused")
            if (manner := manners.of(play.url, "stand-in")) is None or manner.calls is not calls:
                faults.append(f"{server.name}, {time}: {manner and manner.words}")
    return faults


@pytest.mark.parametrize(
    ("servers", "calls", "refusals"),
    [
        (NATIVE, Calls.MUST, 0),
        (IN_TEXT, Calls.NONE, 1),
        (WITHOUT_A_CHOICE, Calls.MAY, 1),
        (WITHOUT_CALLS, Calls.NONE, 3),
    ],
    ids=["that call tools", "that leave calls in the text", "that take no tool_choice", "that take no tools"],
)
async def test_servers(servers: Sequence[Server], calls: Calls, refusals: int):
    assert [fault for server in servers for fault in await faults_of(server, calls, refusals)] == []


async def test_the_responses_api_calls_tools_too_and_is_told_what_it_called():
    manners = Manners()
    async with serving() as provider:  # which holds what is sent to the contract
        provider.thinks = lambda asked: looks({"messages": as_turns(asked["input"])})
        diagnosis, seen = await looked(Played(provider.url), manners, "responses")

    assert (diagnosis.title, seen) == ("Seen", [*SEEN, 4])
    assert [item.get("type") for item in provider.asked[-1]["input"][-4:]] == [
        "function_call",
        "function_call_output",
    ] * 2
    assert provider.asked[-1]["input"][-2] == {
        "type": "function_call",
        "call_id": "look00002",
        "name": "read",
        "arguments": '{"path": "shop/a.py", "first": 1, "last": 9}',
    }
    assert diagnosis.manner == "JSON by a schema, streamed, max_tokens"  # of the cause; the looks' is kept
    assert (found := manners.of(provider.url, "stand-in"))
    assert found.words == "JSON by a schema, streamed, max_tokens, tools called as its own"


def as_turns(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"content": item.get("content") or item.get("output", "")} for item in items]


@pytest.mark.parametrize("with_tools", [True, False])
async def test_a_server_whose_template_wants_the_sides_to_alternate_is_asked_so(with_tools: bool):
    def alternate(asked: Asked) -> bool:
        sides = [turn["role"] for turn in asked["messages"]]
        return sides == ["user", "assistant"] * (len(sides) // 2) + ["user"]

    no = openai_error(400, "After the optional system message, conversation roles must alternate user/assistant/...")
    server = Server(
        "",
        thinks=lambda asked: a_fix() if wants_a_fix(asked) else looks(asked),
        refuses=lambda asked: None if (alternate(asked) and (with_tools or "tools" not in asked)) else no,
    )
    async with played(server) as play:
        diagnosis, (*seen, paid) = await looked(play, Manners(), policy=LookPolicy(calls=2))

    assert seen == SEEN[:2]  # and then the change is asked for, behind what was answered last
    assert diagnosis.proposes_a_patch
    assert (paid, play.refused) == (4, 0 if with_tools else 1)


async def test_a_hundred_calls_at_once_are_as_many_as_may_be_asked():
    def sends(asked: Asked, words: str) -> web.Response:
        numbered = [called(READ | {"path": f"shop/{at}.py"}) for at in range(100)]
        return calls_are(
            asked, lambda call: pieces(*([whole(one, index=at)] for at, one in enumerate(numbered))), words
        )

    async with played(
        Server("", thinks=lambda asked: a_fix() if wants_a_fix(asked) else looks(asked), sends=sends)
    ) as play:
        diagnosis, (*seen, paid) = await looked(play, Manners())

    assert len(seen) == diagnosis.places == 12
    assert paid == 3  # the cause, all looks, the change
    assert diagnosis.proposes_a_patch


@pytest.mark.parametrize(
    "piece", ["read ", "read:0", "read <| tool_call ", "<function=read>", "<tool_call>read\n", "<parameter=a>"]
)
def test_a_text_made_to_be_slow_holds_no_call(piece: str):
    with pytest.raises(UnreadableReply):
        read_reply(Step, piece * (200_000 // len(piece)))
