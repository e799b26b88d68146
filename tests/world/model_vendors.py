"""More servers, as their vendors' documentation and reports of their users show what they refuse, and in which words.

Each row is what the server minds, and its answer to that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.world.model_servers import Asked, Body, No, Server, form, letters, limit, when


def has(*names: str) -> Callable[[Asked], bool]:
    return lambda asked: any(name in asked for name in names)


def a_schema(asked: Asked) -> bool:
    return form(asked) == "json_schema"


def an_error(message: str, **more: Any) -> Body:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, **more}}


def by_google(message: str, status: str = "INVALID_ARGUMENT") -> Body:
    return [{"error": {"code": 400, "message": message, "status": status}}]


def by_ibm(code: str, message: str) -> Body:
    return {"errors": [{"code": code, "message": message, "more_info": ""}], "trace": "f26c53", "status_code": 400}


def by_cloudflare(code: int, message: str) -> Body:
    return {"errors": [{"message": f"AiError: {message}", "code": code}], "success": False, "result": {}}


def extra(*names: str, loc: Callable[[str], Any] = lambda name: ["body", name]) -> list[dict[str, Any]]:
    """As pydantic tells all at once."""
    says = "Extra inputs are not permitted"
    return [{"type": "extra_forbidden", "loc": loc(name), "msg": says, "input": 1} for name in names]


def _names_all(*names: str) -> Callable[[Asked], No | None]:
    def refuses(asked: Asked) -> No | None:
        sent = [name for name in names if name in asked]
        return No(422, {"detail": extra(*sent)}) if sent else None

    return refuses


def _as_text(asked: Asked) -> No | None:
    """Its details are JSON within a text."""
    message = json.dumps({"detail": extra("stream_options")})
    body = {"object": "error", "message": message, "type": "internal_error_proxy", "code": "1000"}
    return No(422, body) if "stream_options" in asked else None


def _in_a_tuple(name: str) -> tuple[str, str]:
    return ("body", name)


_NIM = "Your request cannot be validated, it is incorrect. detail={}"
_PERPLEXITY = [
    "At body -> response_format -> ResponseFormatText -> type: Input should be 'text'",
    "At body -> response_format -> ResponseFormatJSONSchema -> strict: Extra inputs are not permitted",
]
_DROP = "To drop these, set `litellm.drop_params=True` or for proxy:\n\n`litellm_settings:\n drop_params: true`\n"
_JAVA = (
    'Unrecognized field "stream_options" (class ChatRequest), not marked as ignorable (5 known properties: "model", '
    '"messages", "max_tokens", "stream", "response_format"])'
)
_RAW = json.dumps({"object": "error", "message": "stream_options: Extra inputs are not permitted", "code": 400})
_INNER = json.dumps(an_error("This response_format type is unavailable now"))

_FORMS = [
    Server("Mistral, its details as text", _as_text),
    Server("FastAPI, two at once", _names_all("stream_options", "response_format")),
    Server(
        "NVIDIA NIM, its error as text",
        when(has("stream_options"), No(400, {"error": str(extra("stream_options", loc=_in_a_tuple))})),
    ),
    Server(
        "NVIDIA NIM, a problem with a detail",
        when(
            has("response_format"),
            No(400, {"status": 400, "detail": _NIM.format(extra("response_format", loc=_in_a_tuple)[0])}),
        ),
    ),
    Server(
        "Cerebras, fields of a schema",
        when(
            a_schema,
            No(
                400,
                {
                    "message": "Unsupported JSON schema fields: {'anyOf', '$defs'}",
                    "param": "response_format",
                    "code": "wrong_api_format",
                },
            ),
        ),
    ),
    Server("Perplexity, a list in its message", when(a_schema, No(400, an_error(json.dumps(_PERPLEXITY), code=400)))),
    Server(
        "DashScope, without schemas",
        when(
            a_schema, No(400, an_error("json_schema is not supported by this model.", code="invalid_parameter_error"))
        ),
    ),
    Server("Gemini, an argument", when(a_schema, No(400, by_google("Request contains an invalid argument.")))),
    Server(
        "watsonx",
        when(
            a_schema,
            No(
                400,
                by_ibm(
                    "invalid_request_entity",
                    "Json field type error: response_format.type must be of type one of [json_object text]",
                ),
            ),
        ),
    ),
    Server(
        "Databricks",
        when(
            has("stream_options"),
            No(400, {"error_code": "BAD_REQUEST", "message": 'Bad request: json: unknown field "stream_options"\n'}),
        ),
    ),
    Server(
        "Cohere, a field",
        when(
            has("stream_options"),
            No(422, {"message": "unknown field: parameter 'stream_options' is not a valid field."}),
        ),
    ),
    Server(
        "a gateway to Bedrock, a key",
        when(
            has("stream_options"),
            No(400, {"detail": "Malformed input request: #: extraneous key [stream_options] is not permitted"}),
        ),
    ),
    Server(
        "OpenRouter, a raw body without its error",
        when(
            has("stream_options"),
            No(400, {"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": _RAW}}}),
        ),
    ),
    Server(
        "LiteLLM, another's error within",
        when(a_schema, No(400, an_error(f"litellm.BadRequestError: DeepseekException - {_INNER}", code="400"))),
    ),
    Server(
        "LiteLLM, two parameters",
        when(
            has("stream_options", "response_format"),
            No(
                400,
                an_error(
                    "litellm.UnsupportedParamsError: groq does not support parameters: ['stream_options', "
                    f"'response_format'], for model=stand-in. {_DROP}"
                ),
            ),
        ),
    ),
    Server(
        "Azure, a validation error",
        when(
            has("stream_options"),
            No(400, an_error("1 validation error for Request\nbody -> stream_options\n  extra fields not permitted")),
        ),
    ),
    Server(
        "OpenAI, who may not stream",
        when(
            lambda asked: asked.get("stream"),
            No(400, an_error("Your organization must be verified to stream this model.", param="stream")),
        ),
    ),
    Server(
        "FastAPI, a stream that must be false",
        when(
            lambda asked: asked.get("stream"),
            No(422, {"detail": [{"type": "literal_error", "loc": ["body", "stream"], "msg": "Input should be False"}]}),
        ),
    ),
    Server(
        "one that takes a stream or a schema",
        when(
            lambda asked: asked.get("stream") and a_schema(asked),
            No(400, an_error("stream is not supported together with response_format")),
        ),
    ),
    Server("one that says nothing at all", when(has("stream_options"), No(422, ""))),
    Server("one that has not implemented it", when(a_schema, No(501, an_error("response_format is not implemented")))),
    Server(
        "SiliconFlow", when(a_schema, No(400, {"code": 20015, "message": "The parameter is invalid.", "data": None}))
    ),
    Server(
        "xAI, an argument",
        when(
            has("response_format"),
            No(
                400,
                {
                    "code": "Client specified an invalid argument",
                    "error": "Argument not supported on this model: response_format",
                },
            ),
        ),
    ),
    Server(
        "TGI of old",
        when(a_schema, No(400, "Failed to parse the request body as JSON: response_format: missing field")),
    ),
    Server(
        "one in Go",
        when(
            has("response_format"),
            No(
                400,
                an_error(
                    "json: cannot unmarshal object into Go struct field ChatCompletionRequest.response_format of type string"
                ),
            ),
        ),
    ),
    Server(
        "one in Java", when(has("stream_options"), No(400, {"status": 400, "error": "Bad Request", "message": _JAVA}))
    ),
    Server(
        "one with a validator",
        when(
            has("stream_options"),
            No(400, an_error("Additional properties are not allowed ('stream_options' was unexpected)")),
        ),
    ),
    Server("one in Chinese", when(a_schema, No(400, an_error("参数 response_format 不支持 json_schema")))),
]


def _replies_up_to(most: int, status: int, body: Callable[[int], Body]) -> Callable[[Asked], No | None]:
    return lambda asked: No(status, body(limit(asked))) if limit(asked) > most else None


def _up_to(
    window: int, status: int, body: Callable[[str], Body], says: str, *, with_reply: bool = False
) -> Callable[[Asked], No | None]:
    """`says` is told the tokens of the question as {asked}, those of the reply as {reply}, and both as {both}."""

    def refuses(asked: Asked) -> No | None:
        tokens, reply = letters(asked) // 4, limit(asked)
        if tokens + (reply if with_reply else 0) <= window:
            return None
        return No(status, body(says.format(asked=tokens, reply=reply, both=tokens + reply)))

    return refuses


def _detail(says: str) -> Body:
    return {"detail": says}


def _message(says: str) -> Body:
    return {"message": says}


_MOST_BY_GOOGLE = (
    "Unable to submit request because it has a maxOutputTokens value of {} but the supported range is from 1 (inclusive) "
    "to 8193 (exclusive). Update the value and try again."
)
_MOST_BY_BEDROCK = (
    "An error occurred (ValidationException) when calling the ConverseStream operation: The maximum tokens you requested "
    "exceeds the model limit of 8192. Try again with a maximum tokens value that is lower than 8192."
)
_AFFORD = (
    "This request requires more credits, or fewer max_tokens. You requested up to {} tokens, but can only afford 3012. To "
    "increase, visit the page of your account and add more credits"
)

_LIMITS = [
    Server(
        "Vertex, a range of replies", _replies_up_to(8192, 400, lambda sent: by_google(_MOST_BY_GOOGLE.format(sent)))
    ),
    Server("a gateway to Bedrock, replies", _replies_up_to(8191, 400, lambda sent: _detail(_MOST_BY_BEDROCK))),
    Server(
        "FastAPI, a limit",
        _replies_up_to(
            4096,
            422,
            lambda sent: {
                "detail": [
                    {"loc": ["body", "max_tokens"], "msg": "Input should be less than or equal to 4096", "input": sent}
                ]
            },
        ),
    ),
    Server(
        "DashScope, a range of replies",
        _replies_up_to(
            8192,
            400,
            lambda sent: an_error("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]"),
        ),
    ),
    Server(
        "SiliconFlow, replies",
        _replies_up_to(
            4096,
            400,
            lambda sent: {"code": 20015, "message": f"max_tokens ({sent}) is too large. Max total len is 4096"},
        ),
    ),
    Server(
        "OpenRouter, little money", _replies_up_to(3012, 402, lambda sent: an_error(_AFFORD.format(sent), code=402))
    ),
    Server(
        "GitHub Models",
        _up_to(
            8000,
            413,
            lambda says: {"error": {"code": "tokens_limit_reached", "message": says, "details": says}},
            "Request body too large for stand-in model. Max size: 8000 tokens.",
        ),
    ),
    Server(
        "OpenAI, tokens by the minute",
        _up_to(
            6000,
            429,
            lambda says: an_error(says, type="tokens", code="rate_limit_exceeded"),
            "Request too large for stand-in in organization org-1 on tokens per min (TPM): Limit 6000, Requested {both}. The "
            "input or output tokens must be reduced in order to run successfully.",
            with_reply=True,
        ),
    ),
    Server(
        "vLLM of 2025, a reply that does not fit",
        _up_to(
            16384,
            400,
            an_error,
            "'max_tokens' or 'max_completion_tokens' is too large: {reply}. This model's maximum context length is 16384 "
            "tokens and your request has {asked} input tokens ({reply} > 16384 - {asked}).",
            with_reply=True,
        ),
    ),
    Server(
        "SGLang",
        _up_to(
            16384,
            400,
            lambda says: {"object": "error", "message": says, "type": "BadRequestError", "code": 400},
            "Requested token count exceeds the model's maximum context length of 16384 tokens. You requested a total of "
            "{both} tokens: {asked} tokens from the input messages and {reply} tokens for the completion.",
            with_reply=True,
        ),
    ),
    Server(
        "Anthropic, question and reply",
        _up_to(
            20000,
            400,
            lambda says: {"type": "error", "error": {"type": "invalid_request_error", "message": says}},
            "input length and `max_tokens` exceed context limit: {asked} + {reply} > 20000, decrease input length or "
            "`max_tokens` and try again",
            with_reply=True,
        ),
    ),
    Server(
        "Kimi, a small window",
        _up_to(
            16384,
            400,
            an_error,
            "Invalid request: Your request exceeded model token limit: 16384 (requested: {both})",
            with_reply=True,
        ),
    ),
    Server(
        "watsonx, a small window",
        _up_to(
            8192,
            400,
            lambda says: by_ibm("invalid_input_argument", says),
            "the number of input tokens {asked} cannot exceed the total tokens limit 8192 for this model",
        ),
    ),
    Server(
        "a gateway to Bedrock, a small window", _up_to(6000, 400, _detail, "Input is too long for requested model.")
    ),
    Server(
        "Fireworks, a small window",
        _up_to(8191, 400, an_error, "The prompt is too long: {asked}, model maximum context length: 8191"),
    ),
    Server(
        "Zhipu, a small window",
        _up_to(6000, 400, lambda says: {"error": {"code": "1261", "message": says}}, "Prompt 超长"),
    ),
    Server(
        "Ollama, a small window",
        _up_to(6000, 400, an_error, "prompt too long; exceeded max context length by 4096 tokens"),
    ),
    Server(
        "Cohere, a small window",
        _up_to(
            8000, 400, _message, "too many tokens: size limit exceeded by 469 tokens. Try using shorter or fewer inputs"
        ),
    ),
    Server(
        "LiteLLM, a small window",
        _up_to(
            8192,
            400,
            an_error,
            "litellm.ContextWindowExceededError: litellm.BadRequestError: this model's maximum context length is 8192 tokens. "
            "However, your messages resulted in {asked} tokens.",
        ),
    ),
    Server(
        "DashScope, a small window",
        _up_to(
            6144, 400, an_error, "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 6144]"
        ),
    ),
    Server(
        "MiniMax, a small window", _up_to(6000, 400, an_error, "invalid params, context window exceeds limit (2013)")
    ),
    Server(
        "Databricks, another's error within",
        _up_to(
            8192,
            400,
            lambda says: {
                "error_code": "BAD_REQUEST",
                "message": json.dumps({"external_model_error": {"message": says}}),
            },
            "prompt is too long: {asked} tokens > 8192 maximum",
        ),
    ),
]

VENDORS = [*_FORMS, *_LIMITS]
