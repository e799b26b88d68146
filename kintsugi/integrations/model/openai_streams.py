"""A model's reply as it comes in, from the Chat Completions and the Responses API.

Both are asked to stream, so that progress can be shown. A stream whose socket ends early looks like success to the
SDK; here it has ended well only when the provider has said so. An address that knows no streams answers with one
JSON document, which is read as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from openai import AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam
from openai.types.responses import Response, ResponseInputParam, ResponseStreamEvent, ResponseUsage

from kintsugi.integrations.model.port import Message

Ended = Literal["well", "cut off", "filtered"]
_FINISHES: dict[str, Ended] = {"length": "cut off", "content_filter": "filtered"}
_REASONS: dict[str, Ended] = {"max_output_tokens": "cut off", "content_filter": "filtered"}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which model, and the JSON Schema of the reply."""

    model: str
    messages: Sequence[Message]
    schema_name: str
    schema: dict[str, Any]
    max_output_tokens: int

    @property
    def characters(self) -> int:
        return sum(len(message.content) for message in self.messages)


@dataclass(slots=True)
class Heard:
    """What has come in so far. `ended` is None until the provider says how the reply ended."""

    began: bool = False
    text: str = ""
    refusal: str = ""
    ended: Ended | None = None
    model: str = ""
    counted: bool = False  # whether the provider told the tokens
    tokens_in: int = 0
    tokens_cached: int = 0  # of those in
    tokens_out: int = 0


class NoReply(Exception):
    """The address answered with something that is no reply of a model."""


class FailedOnTheWay(Exception):
    """The provider failed while it answered; the message is what it said."""


async def chat(client: AsyncOpenAI, question: Question, heard: Heard, tell: Callable[[], None]) -> None:
    """By the Chat Completions API."""
    raw = await client.chat.completions.with_raw_response.create(
        model=question.model,
        messages=cast(list[ChatCompletionMessageParam], _turns(question)),
        response_format={
            "type": "json_schema",
            "json_schema": {"name": question.schema_name, "strict": True, "schema": question.schema},
        },
        max_completion_tokens=question.max_output_tokens,
        stream=True,
        stream_options={"include_usage": True},
    )
    heard.began = True
    if not _is_stream(raw.headers):
        _chat_whole(ChatCompletion.construct(**await _document(raw.http_response, "choices")), heard)
        return
    async for chunk in raw.parse():
        _chat_chunk(chunk, heard)
        tell()


async def responses(client: AsyncOpenAI, question: Question, heard: Heard, tell: Callable[[], None]) -> None:
    """By the Responses API; nothing is kept at the provider."""
    raw = await client.responses.with_raw_response.create(
        model=question.model,
        input=cast(ResponseInputParam, _turns(question)),
        text={
            "format": {
                "type": "json_schema",
                "name": question.schema_name,
                "strict": True,
                "schema": question.schema,
            }
        },
        max_output_tokens=question.max_output_tokens,
        store=False,
        stream=True,
    )
    heard.began = True
    if not _is_stream(raw.headers):
        _response_whole(Response.construct(**await _document(raw.http_response, "output")), heard)
        return
    async for event in raw.parse():
        _response_event(event, heard)
        tell()


def _turns(question: Question) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in question.messages]


def _is_stream(headers: Any) -> bool:
    return "text/event-stream" in str(headers.get("content-type", ""))


async def _document(response: Any, holds: str) -> dict[str, Any]:
    """The JSON object of a reply that is no stream. Raises NoReply."""
    try:
        document = json.loads(await response.aread())
    except ValueError as error:
        raise NoReply from error
    if not isinstance(document, dict) or holds not in document:
        raise NoReply
    return document


def _chat_chunk(chunk: ChatCompletionChunk, heard: Heard) -> None:
    heard.model = chunk.model or heard.model
    _chat_usage(chunk.usage, heard)
    for choice in chunk.choices or ():
        heard.text += (choice.delta and choice.delta.content) or ""
        heard.refusal += (choice.delta and choice.delta.refusal) or ""
        if choice.finish_reason:
            heard.ended = _FINISHES.get(choice.finish_reason, "well")


def _chat_whole(completion: ChatCompletion, heard: Heard) -> None:
    heard.model = completion.model
    _chat_usage(completion.usage, heard)
    for choice in (completion.choices or [])[:1]:
        heard.text, heard.refusal = choice.message.content or "", choice.message.refusal or ""
        heard.ended = _FINISHES.get(choice.finish_reason or "", "well")


def _chat_usage(usage: CompletionUsage | None, heard: Heard) -> None:
    if usage is None:
        return
    details = usage.prompt_tokens_details
    heard.counted = True
    heard.tokens_in, heard.tokens_out = usage.prompt_tokens or 0, usage.completion_tokens or 0
    heard.tokens_cached = (details and details.cached_tokens) or 0


def _response_event(event: ResponseStreamEvent, heard: Heard) -> None:
    if event.type == "response.output_text.delta":
        heard.text += event.delta
    elif event.type == "response.refusal.delta":
        heard.refusal += event.delta
    elif event.type in ("response.completed", "response.incomplete", "response.failed"):
        _response_whole(event.response, heard)
    elif event.type == "error":
        raise FailedOnTheWay(event.message)


def _response_whole(response: Response, heard: Heard) -> None:
    """The last word on a reply: what the parts before it have left out is in it."""
    heard.model = str(response.model or heard.model)
    _response_usage(response.usage, heard)
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    heard.text = "".join(part.text for part in parts if part.type == "output_text") or heard.text
    heard.refusal = "".join(part.refusal for part in parts if part.type == "refusal") or heard.refusal
    if response.status == "failed" and response.error:
        raise FailedOnTheWay(response.error.message)
    if response.status == "incomplete":
        reason = response.incomplete_details and response.incomplete_details.reason
        heard.ended = _REASONS.get(reason or "", "cut off")
    elif response.status == "completed":
        heard.ended = "well"


def _response_usage(usage: ResponseUsage | None, heard: Heard) -> None:
    if usage is None:
        return
    details = usage.input_tokens_details
    heard.counted = True
    heard.tokens_in, heard.tokens_out = usage.input_tokens or 0, usage.output_tokens or 0
    heard.tokens_cached = (details and details.cached_tokens) or 0
