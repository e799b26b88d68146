"""A model's reply as it comes in, from the Chat Completions and the Responses API, in the manner of its server.

Both are asked to stream, so that progress can be shown. A stream whose socket ends early looks like success to the
SDK; here it has ended well only when the provider has said so. A server that streams nothing answers with one JSON
document, and one that streams without being asked is read all the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from openai import AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent, ResponseUsage

from kintsugi.integrations.model.manners import Calls, Form, Manner
from kintsugi.integrations.model.port import Message, Tool
from kintsugi.integrations.model.refusals import Refusal, refusal_of
from kintsugi.integrations.model.tool_calls import as_call, as_reply

Ended = Literal["well", "cut off", "filtered"]
_CUT_OFF = ("length", "max_tokens", "max_output_tokens", "model_length", "model_context_window_exceeded")
_FILTERED = ("content_filter", "safety", "recitation", "prohibited_content", "blocklist", "sensitive")
_BROKEN_OFF = ("error", "abort", "network_error", "insufficient_system_resource")
_THOUGHTS = ("thinking", "reasoning", "reasoning_content", "redacted_thinking")
_UNIT, _TIMES, _EVERY = 240, 12, 2_000  # characters: what is repeated at most, how often at least, looked at how often


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of which model, the JSON Schema of the reply, and in which manner."""

    model: str
    messages: Sequence[Message]
    schema_name: str
    schema: dict[str, Any]
    max_output_tokens: int
    manner: Manner = field(default_factory=Manner)
    tools: Sequence[Tool] = ()

    @property
    def offers(self) -> bool:
        """Whether its tools are offered as the server's own."""
        return bool(self.tools) and self.manner.calls is not Calls.NONE

    @property
    def characters(self) -> int:
        return sum(len(message.content) for message in self.messages)

    @property
    def limit(self) -> int:
        """How long the reply may become, in tokens."""
        return min(self.max_output_tokens, self.manner.most_output or self.max_output_tokens)

    def but(self, manner: Manner) -> Question:
        return replace(self, manner=manner)


@dataclass(slots=True)
class Call:
    """A tool that was called, as far as it has come in. `index`: its place, where the server counts."""

    name: str
    arguments: str
    index: int | None

    @property
    def is_whole(self) -> bool:
        try:
            json.loads(self.arguments)
        except (ValueError, RecursionError):
            return False
        return True


@dataclass(slots=True)
class Heard:
    """What has come in so far. `ended` is None until the provider says how the reply ended."""

    began: bool = False
    text: str = ""
    called: list[Call] = field(default_factory=list)
    wanted: Literal["text", "call", "calls"] = "text"  # "call": one whose arguments are the reply
    thought: str = ""
    refusal: str = ""
    ended: Ended | None = None
    repeats: bool = False  # it said the same without end, and was not listened to any longer
    model: str = ""
    counted: bool = False  # whether the provider told the tokens
    tokens_in: int = 0
    tokens_cached: int = 0  # of those in
    tokens_out: int = 0
    looked_at: int = 0

    @property
    def said(self) -> str:
        """The reply, in whatever field it came: some servers take all of it for thoughts."""
        called = "".join((call.name if self.wanted == "calls" else "") + call.arguments for call in self.called)
        ways = (self.text, called) if self.wanted == "text" else (called, self.text)
        return next((said for said in ways if said.strip()), self.thought)

    @property
    def calls(self) -> tuple[str, ...]:
        """Each call as a JSON reply, once: some models make the same many times."""
        return tuple(dict.fromkeys(as_reply(call.name, call.arguments) for call in self.called))

    @property
    def ends_blank(self) -> bool:
        """Whether it came to nothing but blanks: a grammar allows any number, and forbids what the model means."""
        said = self.said
        return len(said) > _UNIT and not said[-_UNIT:].strip()

    def goes_round(self) -> bool:
        """Whether the same was said so often by now that nothing else will come."""
        said = self.said
        if len(said) - self.looked_at >= _EVERY:
            self.looked_at = len(said)
            self.repeats = is_repetition(said[-_UNIT * _TIMES :])
        return self.repeats


class NoReply(Exception):
    """The address answered with something that is no reply of a model."""


class Refused(Exception):
    """The provider answered with an error where a reply should be: in a 200, or within a stream."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.says)
        self.refusal = refusal


def is_repetition(text: str) -> bool:
    """Whether a text of some thousand characters is one short piece, again and again."""
    if len(text) < _UNIT * _TIMES:
        return False
    again = (text + text).find(text[: len(text) // 2], 1)
    return 0 < again <= _UNIT and text[again:] == text[:-again]


async def chat(client: AsyncOpenAI, question: Question, heard: Heard, tell: Callable[[], None]) -> None:
    """By the Chat Completions API. Raises Refused, NoReply and what the SDK raises."""
    raw = await client.chat.completions.with_raw_response.create(**_chat_body(question))
    heard.began, heard.wanted = True, _wanted(question)
    if not _is_stream(raw.headers):
        for document in await _documents(raw.http_response, "choices"):
            _chat_document(document, heard)
        return
    stream: Any = raw.parse()
    async for chunk in stream:
        _chat_chunk(chunk, heard)
        tell()
        if heard.goes_round():
            await stream.close()
            return


async def responses(client: AsyncOpenAI, question: Question, heard: Heard, tell: Callable[[], None]) -> None:
    """By the Responses API; nothing is kept at the provider. Raises as `chat` does."""
    raw = await client.responses.with_raw_response.create(**_responses_body(question))
    heard.began, heard.wanted = True, _wanted(question)
    if not _is_stream(raw.headers):
        for document in await _documents(raw.http_response, "output"):
            _response_whole(Response.construct(**document), heard)
        return
    stream: Any = raw.parse()
    async for event in stream:
        _response_event(event, heard)
        tell()
        if heard.goes_round():
            await stream.close()
            return


def _wanted(question: Question) -> Literal["text", "call", "calls"]:
    if question.offers:
        return "calls"
    return "call" if question.manner.form is Form.CALL else "text"


def _chat_body(question: Question) -> dict[str, Any]:
    manner = question.manner
    body: dict[str, Any] = {"model": question.model, "messages": _turns(question)}
    if manner.limit:
        body[manner.limit] = question.limit
    if manner.streams:
        body["stream"] = True
        if manner.counts:
            body["stream_options"] = {"include_usage": True}
    return body | _chat_form(question)


def _chat_form(question: Question) -> dict[str, Any]:
    name, schema = question.schema_name, question.schema
    if question.offers:
        return {
            "tools": [{"type": "function", "function": _told(tool)} for tool in question.tools],
            **_choice(question),
        }
    match question.manner.form:
        case Form.SCHEMA:
            described = {"name": name, "strict": True, "schema": schema}
            return {"response_format": {"type": "json_schema", "json_schema": described}}
        case Form.CALL:
            tool = {"type": "function", "function": {"name": name, "description": "The reply.", "parameters": schema}}
            return {"tools": [tool], "tool_choice": {"type": "function", "function": {"name": name}}}
        case Form.OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Form.TEXT:
            return {}


def _responses_body(question: Question) -> dict[str, Any]:
    manner = question.manner
    body: dict[str, Any] = {"model": question.model, "input": _items(question), "store": False}
    if manner.limit:
        body["max_output_tokens"] = question.limit
    if manner.streams:
        body["stream"] = True
    if question.offers:
        body["tools"] = [{"type": "function", "strict": False, **_told(tool)} for tool in question.tools]
        body |= _choice(question)
    elif manner.form is Form.SCHEMA:
        described = {"name": question.schema_name, "strict": True, "schema": question.schema}
        body["text"] = {"format": {"type": "json_schema", **described}}
    elif manner.form is Form.OBJECT:
        body["text"] = {"format": {"type": "json_object"}}
    return body


def _told(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.says, "parameters": tool.parameters}


def _choice(question: Question) -> dict[str, str]:
    return {} if question.manner.calls is Calls.MAY else {"tool_choice": "required"}


def _turns(question: Question) -> list[dict[str, Any]]:
    """The conversation: with calls of tools where these are offered, else as the text that says the same. Turns of one
    side are one turn, as many templates want the sides to alternate."""
    turns: list[dict[str, Any]] = []
    for turn, call in _with_calls(question):
        told = _call_turn(turn, call) if call else _text_turn(turn)
        if turns and call is None and turns[-1].keys() == told.keys() and turns[-1]["role"] == told["role"]:
            turns[-1]["content"] += f"\n\n{told['content']}"
        else:
            turns.append(told)
    return turns


def _items(question: Question) -> list[dict[str, Any]]:
    """The same, for the Responses API."""
    return [_call_item(turn, call) if call else _text_turn(turn) for turn, call in _with_calls(question)]


def _with_calls(question: Question) -> Iterable[tuple[Message, tuple[str, str] | None]]:
    """Each turn with the name and the arguments of the call that it makes or answers."""
    calls: dict[str, tuple[str, str] | None] = {}
    for turn in question.messages:
        if turn.call and turn.role == "assistant" and question.offers:
            calls[turn.call] = as_call(turn.content)
        yield turn, calls.get(turn.call)


def _text_turn(turn: Message) -> dict[str, Any]:
    return {"role": turn.role, "content": turn.content}


def _call_turn(turn: Message, call: tuple[str, str]) -> dict[str, Any]:
    if turn.role == "user":
        return {"role": "tool", "tool_call_id": turn.call, "content": turn.content}
    function = {"name": call[0], "arguments": call[1]}
    calls = [{"id": turn.call, "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def _call_item(turn: Message, call: tuple[str, str]) -> dict[str, Any]:
    if turn.role == "user":
        return {"type": "function_call_output", "call_id": turn.call, "output": turn.content}
    return {"type": "function_call", "call_id": turn.call, "name": call[0], "arguments": call[1]}


def _is_stream(headers: Any) -> bool:
    return "text/event-stream" in str(headers.get("content-type", ""))


async def _documents(response: Any, holds: str) -> list[dict[str, Any]]:
    """The JSON objects of a reply that is not announced as a stream: one, or those of a stream. Raises as `chat`."""
    text = (await response.aread()).decode("utf-8-sig", "replace").strip()
    lines = [line.removeprefix("data:").strip() for line in text.splitlines() if line.startswith(("data:", "{"))]
    if text.startswith(("data:", ":")) or (len(lines) > 1 and all(line.endswith("}") for line in lines)):
        return [_document(line, holds) for line in lines if line and line != "[DONE]"]
    return [_document(text, holds)]


def _document(text: str, holds: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise NoReply from error
    one = document[0] if isinstance(document, list) and document else document
    if isinstance(one, dict) and isinstance(one.get("result"), dict):
        one = one["result"] or one  # Cloudflare's own envelope
    if isinstance(one, dict) and not one.get("error") and isinstance(one.get(holds), list):
        return one
    if isinstance(one, dict) and (refusal := refusal_of(200, one)).has_words:
        raise Refused(refusal)
    raise NoReply


def _chat_document(document: dict[str, Any], heard: Heard) -> None:
    if any("delta" in choice for choice in document["choices"] if isinstance(choice, dict)):
        _chat_chunk(ChatCompletionChunk.construct(**document), heard)
    else:
        _chat_whole(ChatCompletion.construct(**document), heard)


def _chat_chunk(chunk: ChatCompletionChunk, heard: Heard) -> None:
    heard.model = getattr(chunk, "model", None) or heard.model
    _chat_usage(getattr(chunk, "usage", None), heard)
    for choice in getattr(chunk, "choices", None) or ():
        _hear_choice(choice, heard)
        heard.ended = _how(getattr(choice, "finish_reason", None)) or heard.ended


def _chat_whole(completion: ChatCompletion, heard: Heard) -> None:
    heard.model = getattr(completion, "model", None) or ""
    _chat_usage(getattr(completion, "usage", None), heard)
    for choice in completion.choices[:1]:
        _hear_choice(choice, heard)
        heard.ended = _how(getattr(choice, "finish_reason", None)) or "well"


def _hear_choice(choice: Any, heard: Heard) -> None:
    """A piece of a message, a whole one, or the text of the API of old. Raises Refused."""
    if failed := getattr(choice, "error", None):
        raise Refused(refusal_of(200, {"error": failed}))
    whole = getattr(choice, "message", None) or getattr(choice, "text", None)
    if piece := getattr(choice, "delta", None):
        _hear(piece, heard)
    if isinstance(whole, str):
        heard.text += whole
    elif whole and not heard.said:  # some send all of it again at the end
        _hear(whole, heard, whole=True)


def _hear(said: Any, heard: Heard, *, whole: bool = False) -> None:
    """What a message says, or a piece of one."""
    content = _field(said, "content")
    heard.text += _text_of(content)
    heard.refusal += _field(said, "refusal") or ""
    heard.thought += _text_of(_field(said, "reasoning_content") or _field(said, "reasoning"))
    for call in _field(said, "tool_calls") or ():
        _hear_call(_field(call, "function"), None if whole else _field(call, "index"), heard, whole=whole)
    _hear_call(_field(said, "function_call"), None, heard, whole=whole)
    for part in content if isinstance(content, list) else ():  # as Anthropic writes them
        if isinstance(part, dict) and part.get("type") == "tool_use":
            _hear_call({"name": part.get("name"), "arguments": part.get("input")}, None, heard, whole=True)


def _hear_call(function: Any, index: int | None, heard: Heard, *, whole: bool) -> None:
    """A call, or a piece of one. Some count none of them, some count each as the first, some say the name in every
    piece: what comes with a name after a call that is whole is another one."""
    if not function:
        return
    name, given = _field(function, "name") or "", _field(function, "arguments") or ""
    arguments = given if isinstance(given, str) else json.dumps(given)
    before = next((call for call in reversed(heard.called) if index is None or call.index == index), None)
    if before is None or whole or (name and arguments and before.is_whole):
        heard.called.append(Call(name, arguments, index))
        return
    before.name += "" if before.name.endswith(name) else name
    before.arguments += arguments


def _field(held: Any, name: str) -> Any:
    """Of an object, or of a dict where the SDK could not tell its type."""
    return held.get(name) if isinstance(held, dict) else getattr(held, name, None)


def _text_of(content: Any) -> str:
    """Content as text, as a list of parts, as one part, or as the object itself, where JSON was asked for. A model's
    thoughts are no part of its reply."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(map(_text_of, content))
    part = content if isinstance(content, dict) else {}
    if part and "type" not in part:
        return json.dumps(part)
    if part.get("type") in _THOUGHTS:
        return ""
    return _text_of(part.get("text") or part.get("content") or "")


def _how(finish: Any) -> Ended | None:
    if not finish:
        return None
    name = str(finish).lower()
    if name in _BROKEN_OFF:
        return None
    return "cut off" if name in _CUT_OFF else "filtered" if name in _FILTERED else "well"


def _chat_usage(usage: CompletionUsage | None, heard: Heard) -> None:
    if usage is None:
        return
    read = _reader(usage)
    heard.counted = True
    heard.tokens_in, heard.tokens_out = read("prompt_tokens"), read("completion_tokens")
    heard.tokens_cached = _reader(getattr(usage, "prompt_tokens_details", None))("cached_tokens")


def _reader(held: Any) -> Callable[[str], int]:
    """Numbers of an object, or of a dict where the SDK could not tell its type; 0 for what is not there."""
    values = held if isinstance(held, dict) else getattr(held, "__dict__", {})

    def read(name: str) -> int:
        value = values.get(name)
        return int(value) if isinstance(value, int | float) else 0

    return read


def _response_event(event: ResponseStreamEvent, heard: Heard) -> None:
    if event.type == "response.output_text.delta":
        heard.text += event.delta
    elif event.type == "response.refusal.delta":
        heard.refusal += event.delta
    elif event.type in ("response.completed", "response.incomplete", "response.failed"):
        _response_whole(event.response, heard)
    elif event.type == "error":
        raise Refused(refusal_of(200, {"message": event.message, "code": event.code}))


def _response_whole(response: Response, heard: Heard) -> None:
    """The last word on a reply: what the parts before it have left out is in it."""
    heard.model = str(getattr(response, "model", None) or heard.model)
    _response_usage(getattr(response, "usage", None), heard)
    parts = list(_parts(response))
    for item in response.output:
        if item.type == "function_call":
            _hear_call(item, None, heard, whole=True)
    heard.text = "".join(part.text for part in parts if part.type == "output_text") or heard.text
    heard.refusal = "".join(part.refusal for part in parts if part.type == "refusal") or heard.refusal
    if response.status == "failed" and response.error:
        raise Refused(refusal_of(200, {"message": response.error.message, "code": response.error.code}))
    if response.status == "incomplete":
        reason = response.incomplete_details and response.incomplete_details.reason
        heard.ended = _how(reason) or "cut off"
    elif response.status == "completed":
        heard.ended = "well"


def _parts(response: Response) -> Iterable[Any]:
    return (part for item in response.output if item.type == "message" for part in item.content)


def _response_usage(usage: ResponseUsage | None, heard: Heard) -> None:
    if usage is None:
        return
    read = _reader(usage)
    heard.counted = True
    heard.tokens_in, heard.tokens_out = read("input_tokens"), read("output_tokens")
    heard.tokens_cached = _reader(getattr(usage, "input_tokens_details", None))("cached_tokens")
