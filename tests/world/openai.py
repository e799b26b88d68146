"""A stand-in for a model's provider: chat completions over loopback, with the answers a test puts in line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.world import wire

PATH = "/chat/completions"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer. `body` is sent as it is where it is text, else as JSON; `hangs` sends nothing."""

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    drops: bool = False


def a_reply(**changes: Any) -> dict[str, Any]:
    """What a good model answers."""
    return {
        "cause": "discount() reads percent from every coupon.",
        "explanation": "Fixed amounts have none.",
        "category": "code",
        "probability": 0.9,
        "edits": [{"path": "shop/pricing.py", "search": "a", "replace": "b", "occurrence": None}],
        "regression_test": {"path": "tests/test_fixed.py", "content": "assert True\n"},
        "branch": "fixed-amounts",
        "title": "Take fixed amounts off",
        "body": "As they are.",
    } | changes


def a_completion(content: str | None = None, **changes: Any) -> dict[str, Any]:
    """A chat completion around `content`. `finish_reason`, `refusal` and `usage` can be given."""
    message = {"role": "assistant", "content": content, "refusal": changes.pop("refusal", None)}
    choice = {"index": 0, "finish_reason": changes.pop("finish_reason", "stop"), "logprobs": None, "message": message}
    usage = {"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500}
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "stand-in",
        "choices": [choice],
        "usage": usage,
    }
    return {**whole, **changes}


def an_error(status: int, code: str, message: str, **headers: str) -> Answer:
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


class OpenAIStandIn:
    """Answers what is in line, then a good reply. `asked` holds the requests' bodies."""

    def __init__(self) -> None:
        self.line: list[Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.url = ""

    def answers_first(self, *answers: Answer) -> None:
        self.line += answers

    async def complete(self, request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        self.asked.append(asked)
        self._judge(lambda: wire.openai().judge_request(PATH, "post", asked))
        answer = self.line.pop(0) if self.line else Answer(a_completion(json.dumps(a_reply())))
        if answer.hangs:
            await asyncio.sleep(3600)
        if answer.drops:
            assert request.transport
            request.transport.close()
        if isinstance(answer.body, str):
            return web.Response(text=answer.body, status=answer.status, headers=answer.headers)
        self._judge(lambda: wire.openai().judge_reply(PATH, "post", answer.status, answer.body))
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)

    async def model(self, request: web.Request) -> web.Response:
        told = {"id": request.match_info["name"], "object": "model", "created": 1, "owned_by": "stand-in"}
        self._judge(lambda: wire.openai().judge_reply("/models/{model}", "get", 200, told))
        return web.json_response(told)

    def _judge(self, look: Any) -> None:
        if not wire.ROOT.is_dir():
            return
        try:
            look()
        except AssertionError as fault:
            self.faults.append(str(fault))


@asynccontextmanager
async def serving() -> AsyncIterator[OpenAIStandIn]:
    """Start it, and at the end fail the test that broke the contract."""
    stand_in = OpenAIStandIn()
    application = web.Application(client_max_size=2**26)
    application.router.add_post(f"/v1{PATH}", stand_in.complete)
    application.router.add_get("/v1/models/{name}", stand_in.model)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield stand_in
    finally:
        await runner.cleanup()
    assert stand_in.faults == []
