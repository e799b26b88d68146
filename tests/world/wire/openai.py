"""Chat Completions and Responses, as far as we use them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tests.world.wire import ABSENT, Operation, Read, Sent, Shapes

# --- what we send ---


class UserTurn(Sent):
    role: Literal["user"]
    content: str


class AssistantTurn(Sent):
    role: Literal["assistant"]
    content: str


class Called(Sent):
    name: str
    arguments: str


CallId = Annotated[str, Field(pattern="^[a-zA-Z0-9]{9}$", examples=["look00001"])]  # as Mistral takes one


class ChatCall(Sent):
    id: CallId
    type: Literal["function"]
    function: Called


class CallingTurn(Sent):
    role: Literal["assistant"]
    content: None
    tool_calls: list[ChatCall]


class ToolTurn(Sent):
    role: Literal["tool"]
    tool_call_id: CallId
    content: str


Turns = list[UserTurn | AssistantTurn]
ChatTurns = list[UserTurn | AssistantTurn | CallingTurn | ToolTurn]


class CallItem(Called):
    type: Literal["function_call"]
    call_id: CallId


class CallOutput(Sent):
    type: Literal["function_call_output"]
    call_id: CallId
    output: str


Items = list[UserTurn | AssistantTurn | CallItem | CallOutput]


class Function(Sent):
    name: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$", examples=["read"])]
    description: str
    parameters: dict[str, Any]


class ChatTool(Sent):
    type: Literal["function"]
    function: Function


class ResponseTool(Function):
    type: Literal["function"]
    strict: Literal[False]


class Schema(Sent):
    """The form of the reply. In `schema` no rule is checked here: it is ours."""

    name: Annotated[str, Field(pattern="^[a-zA-Z0-9_-]{1,64}$", examples=["fix"])]
    strict: Literal[True]
    schema_: dict[str, Any] = Field(alias="schema")


class ChatForm(Sent):
    type: Literal["json_schema"]
    json_schema: Schema


class StreamOptions(Sent):
    include_usage: Literal[True]


class ChatQuestion(Sent):
    model: str
    stream: Literal[True]
    messages: Turns
    max_tokens: int
    response_format: ChatForm
    stream_options: StreamOptions


class ChatLook(Sent):
    """A question that is answered with calls."""

    model: str
    stream: Literal[True]
    messages: ChatTurns
    max_tokens: int
    tools: list[ChatTool]
    tool_choice: Literal["required"]
    stream_options: StreamOptions


class ResponseForm(Schema):
    type: Literal["json_schema"]


class ResponseText(Sent):
    format: ResponseForm


class ResponseQuestion(Sent):
    model: str
    stream: Literal[True]
    input: Turns
    max_output_tokens: Annotated[int, Field(ge=16)]
    store: Literal[False]
    text: ResponseText


class ResponseLook(Sent):
    model: str
    stream: Literal[True]
    input: Items
    max_output_tokens: Annotated[int, Field(ge=16)]
    store: Literal[False]
    tools: list[ResponseTool]
    tool_choice: Literal["required"]


# --- what we read ---


class Fault(Read):
    message: str
    type: str
    param: str | None
    code: str | None


class Error(Read):
    error: Fault


class Model(Read):
    id: str


class ChatDetails(Read):
    cached_tokens: int = ABSENT


class ChatUsage(Read):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: ChatDetails = ABSENT


Finish = Literal["stop", "length", "content_filter", "tool_calls", "function_call"]


class CalledPart(Read):
    name: str = ABSENT
    arguments: str


class ToolCall(Read):
    function: CalledPart


class ToolCallPiece(ToolCall):
    index: int


class ChatMessage(Read):
    content: str | None
    refusal: str | None
    tool_calls: list[ToolCall] = ABSENT


class ChatChoice(Read):
    index: int
    finish_reason: Finish
    message: ChatMessage


class Chat(Read):
    id: str
    object: Literal["chat.completion"]
    model: str
    choices: list[ChatChoice]
    usage: ChatUsage = ABSENT


class Delta(Read):
    content: str | None = ABSENT
    refusal: str | None = ABSENT
    tool_calls: list[ToolCallPiece] = ABSENT


class ChunkChoice(Read):
    index: int
    finish_reason: Finish | None
    delta: Delta


class Chunk(Read):
    id: str
    object: Literal["chat.completion.chunk"]
    model: str
    choices: list[ChunkChoice]
    usage: ChatUsage | None = ABSENT


class CachedInput(Read):
    cached_tokens: int


class ResponseUsage(Read):
    input_tokens: int
    input_tokens_details: CachedInput
    output_tokens: int


class OutputText(Read):
    type: Literal["output_text"]
    text: str


class Refusal(Read):
    type: Literal["refusal"]
    refusal: str


class Message(Read):
    type: Literal["message"]
    content: list[OutputText | Refusal]


class FunctionCall(Read):
    type: Literal["function_call"]
    name: str
    arguments: str


class Failure(Read):
    code: Literal["server_error", "rate_limit_exceeded"]
    message: str


class Incomplete(Read):
    reason: Literal["max_output_tokens", "content_filter"]


class Response(Read):
    id: str
    object: Literal["response"]
    model: str
    status: Literal["completed", "failed", "in_progress", "incomplete"]
    error: Failure | None
    incomplete_details: Incomplete | None
    output: list[Message | FunctionCall]
    usage: ResponseUsage = ABSENT


class Stage(Read):
    """How far a response is."""

    sequence_number: int
    response: Response


class Created(Stage):
    type: Literal["response.created"]


class Completed(Stage):
    type: Literal["response.completed"]


class Failed(Stage):
    type: Literal["response.failed"]


class CutShort(Stage):
    type: Literal["response.incomplete"]


class Piece(Read):
    sequence_number: int
    delta: str


class TextPiece(Piece):
    type: Literal["response.output_text.delta"]


class RefusalPiece(Piece):
    type: Literal["response.refusal.delta"]


Event = Created | TextPiece | RefusalPiece | Completed | Failed | CutShort

OPENAI = Shapes(
    "openai",
    Error,
    [
        Operation("get", "/models/{model}", tells={200: Model}),
        Operation("post", "/chat/completions", ChatQuestion | ChatLook, {200: Chat}, streams=Chunk),
        Operation("post", "/responses", ResponseQuestion | ResponseLook, {200: Response}, streams=Event),
    ],
)
