"""A stand-in for a model's provider: Chat Completions and Responses over loopback, streamed, with the answers a test
puts in line. Every exchange is held to the shapes in wire/openai.py."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.world.wire import Contract
from tests.world.wire.openai import OPENAI

CHAT = "/chat/completions"
RESPONSES = "/responses"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer, or how one goes wrong.

    `body` is sent as it is where it is text, else as JSON, or as a stream where a stream was asked for. `hangs` sends
    nothing, `drops` breaks the connection off before an answer, `breaks_off` within it. `ends_early` ends a stream
    without a word on how it ended, `fails` with an error in it. `whole` knows no streams. `odd` breaks the contract on
    purpose, as some compatible servers do.
    """

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    drops: bool = False
    breaks_off: bool = False
    ends_early: bool = False
    fails: bool = False
    whole: bool = False
    odd: bool = False


def a_finding(**changes: Any) -> dict[str, Any]:
    """What a good model finds."""
    return {
        "cause": "discount() reads percent from every coupon.",
        "explanation": "Fixed amounts have none.",
        "category": "code",
        "probability": 0.9,
    } | changes


def a_fix(**changes: Any) -> dict[str, Any]:
    """What a good model changes."""
    return {
        "edits": [{"path": "shop/pricing.py", "search": "a", "replace": "b", "occurrence": None}],
        "regression_test": {"path": "tests/test_fixed.py", "content": "assert True\n"},
        "branch": "fixed-amounts",
        "title": "Take fixed amounts off",
        "body": "As they are.",
        "probability": 0.8,
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


def a_call(step: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A chat completion that calls the tool of a step."""
    completion = a_completion(None, finish_reason="tool_calls", **changes)
    completion["choices"][0]["message"]["tool_calls"] = [{"id": "call_1", "type": "function", "function": called(step)}]
    return completion


def called(step: dict[str, Any]) -> dict[str, str]:
    """Name and arguments of the call that says the same as a step."""
    given = step.get("fix") or {name: value for name, value in step.items() if value is not None and name != "tool"}
    return {"name": step["tool"], "arguments": json.dumps(given)}


def a_response(content: str | None = None, **changes: Any) -> dict[str, Any]:
    """A response of the Responses API around `content`. `refusal`, `status`, `error` and `usage` can be given."""
    part: dict[str, Any] = {"type": "output_text", "text": content or "", "annotations": [], "logprobs": []}
    if refusal := changes.pop("refusal", None):
        part = {"type": "refusal", "refusal": refusal}
    status = changes.get("status", "completed")
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed" if status == "completed" else "incomplete",
        "content": [part],
    }
    whole = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": "stand-in",
        "output": [] if content is None and not refusal else [message],
        "parallel_tool_calls": True,
        "metadata": {},
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1,
        "usage": {
            "input_tokens": 1200,
            "input_tokens_details": {"cached_tokens": 200, "cache_write_tokens": 0},
            "output_tokens": 300,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 1500,
        },
    }
    return {**whole, **changes}


def an_error(status: int, code: str, message: str, **headers: str) -> Answer:
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return Answer(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


class OpenAIStandIn:
    """Answers what is in line, then a good reply. `asked` holds the requests' bodies."""

    def __init__(self, contract: Contract = OPENAI) -> None:
        self._contract = contract
        self.line: list[Answer] = []
        self.asked: list[dict[str, Any]] = []
        self.faults: list[str] = []
        self.url = ""
        self.thinks: Callable[[dict[str, Any]], dict[str, Any]] = a_good_reply

    def answers_first(self, *answers: Answer) -> None:
        self.line += answers

    async def chat(self, request: web.Request) -> web.StreamResponse:
        asked = await self._asked(request, CHAT)
        answer = self.line.pop(0) if self.line else Answer(self._completed(asked))
        return await self._answer(request, CHAT, answer, _chunks)

    async def responses(self, request: web.Request) -> web.StreamResponse:
        asked = await self._asked(request, RESPONSES)
        answer = self.line.pop(0) if self.line else Answer(self._responded(asked))
        return await self._answer(request, RESPONSES, answer, _events)

    def _completed(self, asked: dict[str, Any]) -> dict[str, Any]:
        thought = self.thinks(asked)
        return a_call(thought) if "tools" in asked else a_completion(json.dumps(thought))

    def _responded(self, asked: dict[str, Any]) -> dict[str, Any]:
        thought = self.thinks(asked)
        if "tools" not in asked:
            return a_response(json.dumps(thought))
        call = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "status": "completed", **called(thought)}
        return a_response(None, output=[call])

    async def model(self, request: web.Request) -> web.Response:
        told = {"id": request.match_info["name"], "object": "model", "created": 1, "owned_by": "stand-in"}
        self._judge(lambda: self._contract.judge_reply("/models/{model}", "get", 200, told))
        return web.json_response(told)

    async def _asked(self, request: web.Request, path: str) -> dict[str, Any]:
        asked: dict[str, Any] = await request.json()
        self.asked.append(asked)
        self._judge(lambda: self._contract.judge_request(path, "post", asked))
        return asked

    async def _answer(
        self, request: web.Request, path: str, answer: Answer, cut: Callable[[dict[str, Any]], Iterator[dict[str, Any]]]
    ) -> web.StreamResponse:
        if answer.hangs:
            await asyncio.sleep(3600)
        if answer.drops:
            assert request.transport
            request.transport.close()
        if isinstance(answer.body, str):
            return web.Response(text=answer.body, status=answer.status, headers=answer.headers)
        if not answer.odd:
            self._judge(lambda: self._contract.judge_reply(path, "post", answer.status, answer.body))
        if answer.status != 200 or answer.whole:
            return web.json_response(answer.body, status=answer.status, headers=answer.headers)
        return await self._stream(request, path, answer, list(cut(answer.body)))

    async def _stream(
        self, request: web.Request, path: str, answer: Answer, events: list[dict[str, Any]]
    ) -> web.StreamResponse:
        told = events[: len(events) // 2] if answer.breaks_off or answer.ends_early or answer.fails else events
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **answer.headers})
        await response.prepare(request)
        for event in told:
            self._judge(lambda event=event: self._contract.judge_event(path, "post", event))  # type: ignore[misc]
            await response.write(_sse(event))
        if answer.breaks_off:
            assert request.transport
            request.transport.close()
        if answer.fails and path == CHAT:
            await response.write(_sse({"error": {"message": "the engine is overloaded", "code": "server_error"}}))
        elif answer.fails:
            said = {"code": "server_error", "message": "the engine is overloaded", "param": None}
            await response.write(_sse({"type": "error", "sequence_number": 9, **said}))
        elif told is events and path == CHAT:
            await response.write(b"data: [DONE]\n\n")
        return response

    def _judge(self, look: Callable[[], None]) -> None:
        try:
            look()
        except AssertionError as fault:
            self.faults.append(str(fault))


def a_good_reply(asked: dict[str, Any]) -> dict[str, Any]:
    return a_fix() if schema_name(asked) == "fix" else a_finding()


def schema_name(asked: dict[str, Any]) -> str:
    """Which reply a request asks for; calls of tools are steps."""
    if "tools" in asked:
        return "step"
    form = asked["text"]["format"] if "text" in asked else asked["response_format"]["json_schema"]
    return str(form["name"])


def turns(asked: dict[str, Any]) -> list[dict[str, str]]:
    """The conversation of a request."""
    told: list[dict[str, str]] = asked.get("messages") or asked["input"]
    return told


def _sse(event: dict[str, Any]) -> bytes:
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _chunks(completion: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A completion in pieces, the way it is streamed."""
    head = {name: completion[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    for choice in completion["choices"]:
        message = choice["message"]
        yield {**head, "choices": [_delta({"role": "assistant", "content": ""})]}
        for piece in _pieces(message["content"] or ""):
            yield {**head, "choices": [_delta({"content": piece})]}
        for at, call in enumerate(message.get("tool_calls", ())):
            begun = call | {"index": at, "function": call["function"] | {"arguments": ""}}
            yield {**head, "choices": [_delta({"tool_calls": [begun]})]}
            for piece in _pieces(call["function"]["arguments"]):
                yield {**head, "choices": [_delta({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})]}
        if message["refusal"]:
            yield {**head, "choices": [_delta({"refusal": message["refusal"]})]}
        yield {**head, "choices": [_delta({}, choice["finish_reason"])]}
    if "usage" in completion:
        yield {**head, "choices": [], "usage": completion["usage"]}


def _delta(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}


def _events(response: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A response in pieces, the way it is streamed."""
    begun = {**response, "status": "in_progress", "output": [], "error": None}
    begun.pop("usage")
    numbers = iter(range(1_000_000))
    yield {"type": "response.created", "sequence_number": next(numbers), "response": begun}
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    for item in response["output"]:
        for part in item.get("content", ()):
            kind = "output_text" if part["type"] == "output_text" else "refusal"
            for piece in _pieces(part.get("text") or part.get("refusal") or ""):
                event = {"type": f"response.{kind}.delta", "sequence_number": next(numbers), **where, "delta": piece}
                yield {**event, "logprobs": []} if kind == "output_text" else event
    yield {"type": f"response.{response['status']}", "sequence_number": next(numbers), "response": response}


def _pieces(text: str) -> Iterator[str]:
    size = max(len(text) // 8, 1)
    return (text[at : at + size] for at in range(0, len(text), size))


@asynccontextmanager
async def serving(contract: Contract = OPENAI) -> AsyncIterator[OpenAIStandIn]:
    """Start it, and at the end fail the test that broke the contract."""
    stand_in = OpenAIStandIn(contract)
    application = web.Application(client_max_size=2**26)
    application.router.add_post(f"/v1{CHAT}", stand_in.chat)
    application.router.add_post(f"/v1{RESPONSES}", stand_in.responses)
    application.router.add_get("/v1/models/{name}", stand_in.model)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield stand_in
    finally:
        await runner.cleanup()
    assert not stand_in.faults, stand_in.faults
