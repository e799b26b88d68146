"""Servers whose manners their documentation, their source and reports of their users show: the first forty-odd."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from tests.world.model_servers import (
    Asked,
    No,
    Server,
    form,
    in_one_piece,
    letters,
    limit,
    openai_error,
    stream,
    wants_a_fix,
)
from tests.world.openai import a_finding


def _call(words: str, name: str) -> dict[str, Any]:
    function = {"name": name, "arguments": words}
    return {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": function}]}


def _gpt5(asked: Asked) -> No | None:
    says = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
    return openai_error(400, says, "unsupported_parameter", "max_tokens") if "max_tokens" in asked else None


def _small_openai(asked: Asked) -> No | None:
    says = "max_tokens is too large: {}. This model supports at most 4096 completion tokens, whereas you provided {}."
    return openai_error(400, says.format(limit(asked), limit(asked))) if limit(asked) > 4096 else None


def _deepseek(asked: Asked) -> No | None:
    if form(asked) == "json_schema":
        return openai_error(400, "This response_format type is unavailable now", "invalid_request_error")
    said = json.dumps(asked["messages"]).lower()
    if form(asked) == "json_object" and "json" not in said:
        return openai_error(400, "Prompt must contain the word 'json' to use 'response_format' of type 'json_object'.")
    return None


def _deepseek_of_2025(asked: Asked) -> No | None:
    says = (
        "Failed to deserialize the JSON body into the target type: response_format: response_format.type `json_schema` "
        "is unavailable now at line 1 column 12440"
    )
    return No(422, says) if form(asked) == "json_schema" else None


def _deepseek_range(asked: Asked) -> No | None:
    says = "Invalid max_tokens value, the valid range of max_tokens is [1, 8192]"
    return openai_error(400, says, "invalid_request_error") if limit(asked) > 8192 else None


def _extra(*names: str) -> list[dict[str, Any]]:
    return [
        {"type": "extra_forbidden", "loc": ["body", name], "msg": "Extra inputs are not permitted", "input": 1}
        for name in names
    ]


def _mistral(asked: Asked) -> No | None:
    extra = [name for name in ("max_completion_tokens", "stream_options", "seed") if name in asked]
    body = {"object": "error", "message": {"detail": _extra(*extra)}, "type": "invalid_request_error", "code": None}
    return No(422, body) if extra else None


def _groq(asked: Asked) -> No | None:
    says = "This model does not support response format `json_schema`. See the models that do."
    return openai_error(400, says, param="response_format") if form(asked) == "json_schema" else None


def _groq_of_old(asked: Asked) -> No | None:
    says = (
        "'response_format' : one of the following must be satisfied[('response_format.type' : value is not one of the "
        "allowed values ['text']) OR ('response_format.type' : value is not one of the allowed values ['json_object'])]"
    )
    return openai_error(400, says) if form(asked) == "json_schema" else None


def _groq_that_checks(asked: Asked) -> No | None:
    """It found what its model said to be no JSON of the schema, and hands it over with the error."""
    if form(asked) != "json_schema" or wants_a_fix(asked):
        return None
    said = json.dumps(a_finding(explanation="The tool takes no stream: not supported."))[:-1] + ",}"
    says = "Failed to validate JSON. Please adjust your prompt. See 'failed_generation' for more details."
    return openai_error(400, says, "json_validate_failed", failed_generation=said)


def _groq_by_the_minute(asked: Asked) -> No | None:
    tokens = letters(asked) // 4
    says = (
        f"Request too large for model `stand-in` on tokens per minute (TPM): Limit 6000, Requested {tokens}, please "
        "reduce your message size and try again."
    )
    return openai_error(413, says, "rate_limit_exceeded") if tokens > 6000 else None


def _vllm_of_old(asked: Asked) -> No | None:
    """Pydantic tells everything at once."""
    wrong = _extra(*(name for name in ("stream_options", "max_completion_tokens") if name in asked))
    if form(asked) == "json_schema":
        says = "Input should be 'text' or 'json_object'"
        wrong.append({"type": "literal_error", "loc": ["body", "response_format", "type"], "msg": says})
    body = {"object": "error", "message": str(wrong), "type": "BadRequestError", "param": None, "code": 400}
    return No(400, body) if wrong else None


def _vllm_window(asked: Asked) -> No | None:
    tokens, wanted, window = letters(asked) // 4, limit(asked), 16384
    says = (
        f"This model's maximum context length is {window} tokens. However, you requested {tokens + wanted} tokens "
        f"({tokens} in the messages, {wanted} in the completion). Please reduce the length of the messages or completion."
    )
    body = {"object": "error", "message": says, "type": "BadRequestError", "param": None, "code": 400}
    return No(400, body) if tokens + wanted > window else None


def _vllm_small(asked: Asked) -> No | None:
    tokens, wanted, window = letters(asked) // 3, limit(asked), 8192
    says = (
        f"This model's maximum context length is {window} tokens. However, your request has {tokens} input tokens. "
        "Please reduce the length of the input messages."
    )
    return openai_error(400, says, "context_length_exceeded") if tokens + min(wanted, 1024) > window else None


def _lm_studio(asked: Asked) -> No | None:
    tokens = letters(asked) // 3
    says = (
        f"Trying to keep the first {tokens} tokens when context the overflows. However, the model is loaded with "
        "context length of only 8192 tokens, which is not enough."
    )
    return No(400, {"error": says}) if tokens > 8192 else None


def _llama_cpp(asked: Asked) -> No | None:
    tokens = letters(asked) // 3
    says = "the request exceeds the available context size. try increasing the context size or enable context shift"
    told = {"code": 400, "message": says, "type": "exceed_context_size_error", "n_prompt_tokens": tokens, "n_ctx": 8192}
    return No(400, {"error": told}) if tokens > 8192 else None


def _llama_cpp_of_2026(asked: Asked) -> No | None:
    """Without the numbers beside the sentence, as a proxy hands it on."""
    tokens = letters(asked) // 3
    says = f"request ({tokens} tokens) exceeds the available context size (8192 tokens), try increasing it"
    return (
        No(400, {"error": {"code": 400, "message": says, "type": "invalid_request_error"}}) if tokens > 8192 else None
    )


def _llama_cpp_without_grammar(asked: Asked) -> No | None:
    says = "Failed to parse grammar: JSON schema conversion failed: Unrecognized schema"
    told = {"error": {"code": 500, "message": says, "type": "server_error"}}
    return No(500, told) if form(asked) == "json_schema" else None


def _llama_cpp_python(asked: Asked) -> No | None:
    says = "Input should be 'text' or 'json_object'"
    wrong = [{"type": "literal_error", "loc": ["body", "response_format", "type"], "msg": says, "input": "json_schema"}]
    return No(422, {"detail": wrong}) if form(asked) == "json_schema" else None


def _tgi(asked: Asked) -> No | None:
    says = (
        "Failed to deserialize the JSON body into the target type: response_format: unknown variant `json_schema`, "
        "expected one of `json_object`, `json`, `regex` at line 1 column 9210"
    )
    return No(422, says) if form(asked) == "json_schema" else None


def _tgi_window(asked: Asked) -> No | None:
    tokens, wanted = letters(asked) // 4, limit(asked)
    says = (
        f"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 16000. Given: {tokens} `inputs` tokens "
        f"and {wanted} `max_new_tokens`"
    )
    return No(422, {"error": says, "error_type": "validation"}) if tokens + wanted > 16000 else None


def _openrouter_endpoints(asked: Asked) -> No | None:
    says = "No endpoints found that can handle the requested parameters. To learn more about provider routing, see the docs."
    return No(404, {"error": {"message": says, "code": 404}}) if form(asked) == "json_schema" else None


def _openrouter_raw(asked: Asked) -> No | None:
    raw = '{"error":{"message":"json_schema is not supported by this model","type":"invalid_request_error"}}'
    told = {"message": "Provider returned error", "code": 400, "metadata": {"raw": raw, "provider_name": "Another"}}
    return No(400, {"error": told}) if form(asked) == "json_schema" else None


def _azure_of_old(asked: Asked) -> No | None:
    says = "response_format value as json_schema is enabled only for api versions 2024-08-01-preview and later"
    return openai_error(400, says, "BadRequest") if form(asked) == "json_schema" else None


def _gemini(asked: Asked) -> No | None:
    says = 'Invalid JSON payload received. Unknown name "stream_options": Cannot find field.'
    told = {"error": {"code": 400, "message": says, "status": "INVALID_ARGUMENT"}}
    return No(400, [told]) if "stream_options" in asked else None


def _cerebras(asked: Asked) -> No | None:
    body = {"message": "type: Input should be 'text'", "type": "invalid_request_error", "param": "validation_error"}
    return No(400, body | {"code": "wrong_api_format"}) if asked.get("response_format") else None


def _cerebras_that_thinks(asked: Asked) -> No | None:
    says = '"stream=true" with structured outputs is currently not supported for reasoning models.'
    body = {"message": says, "type": "invalid_request_error", "param": "stream", "code": "wrong_api_format"}
    return No(400, body) if asked.get("stream") and asked.get("response_format") else None


def _fireworks_in_one_piece(asked: Asked) -> No | None:
    says = "Requests with max_tokens > 4096 must have stream=true"
    return (
        openai_error(400, says, "BAD_REQUEST", "max_tokens")
        if limit(asked) > 4096 and not asked.get("stream")
        else None
    )


def _no_streams(asked: Asked) -> No | None:
    return No(400, {"detail": "Streaming is not supported by this deployment."}) if asked.get("stream") else None


def _anthropic(asked: Asked) -> No | None:
    says = f"max_tokens: {limit(asked)} > 8192, which is the maximum allowed number of output tokens for stand-in"
    return No(400, {"error": {"type": "invalid_request_error", "message": says}}) if limit(asked) > 8192 else None


def _xai(asked: Asked) -> No | None:
    tokens = letters(asked) // 4
    says = f"This model's maximum prompt length is 8192 but the request contains {tokens} tokens."
    return No(400, {"code": "Client specified an invalid argument", "error": says}) if tokens > 8192 else None


def _tools_alone(asked: Asked) -> No | None:
    says = "response_format is not supported for this model. Use tool calls for structured output."
    return No(400, {"message": says}) if asked.get("response_format") else None


def _cohere(asked: Asked) -> No | None:
    says = "invalid request: parameter 'stream_options' is not a valid field"
    return No(400, {"id": "c-1", "message": says}) if "stream_options" in asked else None


def _litellm(asked: Asked) -> No | None:
    says = (
        "litellm.UnsupportedParamsError: another does not support parameters: ['response_format'], for model=stand-in. "
        "To drop these, set `litellm.drop_params=True`"
    )
    told = {"message": says, "type": "None", "param": None, "code": "400"}
    return No(400, {"error": told}) if form(asked) == "json_schema" else None


def _no_format(asked: Asked) -> No | None:
    says = "Unknown parameter: 'response_format'."
    return openai_error(400, says, "unknown_parameter", "response_format") if asked.get("response_format") else None


def _one_after_the_other(asked: Asked) -> No | None:
    """It looks at one parameter at a time, and takes next to none."""
    for name in ("stream_options", "response_format", "tools"):
        if name in asked:
            return openai_error(400, f"Unrecognized request argument supplied: {name}")
    return None


def _says_nothing(asked: Asked) -> No | None:
    plain = not asked.get("response_format") and "stream_options" not in asked
    return None if plain else No(400, "Bad Request")


def _nginx(asked: Asked) -> No | None:
    page = "<html><head><title>413 Request Entity Too Large</title></head><body></body></html>"
    return No(413, page) if letters(asked) > 24_000 else None


def _marks_that_are_left(asked: Asked) -> str:
    """What a model finds of them in the newest 8,000 letters."""
    left = asked["messages"][0]["content"][-8000:].splitlines()
    first = left[0].rpartition(" ")[2] if left[0].startswith("First mark") else "?"
    return f"{first} {left[-1].rpartition(' ')[2]}"


def _cut_by_ollama(asked: Asked, words: str) -> web.Response:
    """Its default context keeps the newest tokens and drops the rest, with no word but their number."""
    read = min(letters(asked) // 4, 2050)
    return stream(asked, words, usage={"prompt_tokens": read, "completion_tokens": 300, "total_tokens": read + 300})


def _parts(asked: Asked, words: str) -> web.Response:
    thought = [{"type": "thinking", "thinking": [{"type": "text", "text": 'Perhaps {"cause": "no"}?'}]}]
    said = [{"type": "text", "text": words}]
    return stream(asked, words, deltas=[{"content": thought}, {"content": said}])


def _in_thoughts(asked: Asked, words: str) -> web.Response:
    return stream(asked, words, deltas=[{"content": None, "reasoning_content": words}])


def _by_tools_or_not_at_all(asked: Asked) -> No | None:
    says = "This deployment answers by tool calls alone: send tools and tool_choice."
    return No(422, {"detail": says}) if "tools" not in asked else None


def _says_nothing_to_streams(asked: Asked) -> No | None:
    return No(400, {"error": {"message": "invalid request"}}) if asked.get("stream") else None


def _breaks_at_a_schema(asked: Asked) -> No | None:
    return No(500, "Internal Server Error") if form(asked) == "json_schema" else None


def _in_a_stream_that_refuses(asked: Asked, words: str) -> web.Response:
    if form(asked) != "json_schema":
        return stream(asked, words)
    error = {"error": {"message": "json_schema is not supported", "code": "400"}}
    return web.Response(text=f"data: {json.dumps(error)}\n\n", content_type="text/event-stream")


def _lists_what_it_takes(asked: Asked) -> No | None:
    says = "Unsupported parameter(s): stream_options. Supported: model, messages, max_tokens, stream, response_format."
    more = "See https://llm.example/docs/tool-use for more."
    return openai_error(400, f"{says} {more}") if "stream_options" in asked else None


SERVERS = [
    Server("one that lists what it takes", _lists_what_it_takes),
    Server(
        "one that answers by tools or not at all",
        _by_tools_or_not_at_all,
        sends=lambda asked, words: stream(asked, words, finish="tool_calls", deltas=[_call(words, "finding")]),
    ),
    Server("one that minds streams and does not say so", _says_nothing_to_streams),
    Server("one that refuses in its stream", sends=_in_a_stream_that_refuses),
    Server("vLLM, a parser that takes all for thoughts", sends=_in_thoughts),
    Server("OpenAI, gpt-4o"),
    Server("OpenAI, gpt-5 through a gateway", _gpt5),
    Server("OpenAI, a small model", _small_openai),
    Server("DeepSeek", _deepseek),
    Server("DeepSeek of 2025", _deepseek_of_2025),
    Server("DeepSeek, its range of max_tokens", _deepseek_range),
    Server("Mistral", _mistral),
    Server("Mistral, Magistral's parts", sends=_parts),
    Server("Groq, without schemas", _groq),
    Server("Groq of old", _groq_of_old),
    Server("Groq, a reply it found invalid", _groq_that_checks, each_time=True),
    Server("Groq, tokens by the minute", _groq_by_the_minute),
    Server("vLLM 0.4", _vllm_of_old),
    Server("vLLM, a window that the reply does not fit in", _vllm_window),
    Server("vLLM, a window that the question does not fit in", _vllm_small),
    Server(
        "Ollama, a model that talks", speaks=lambda reply: f"Sure! Here it is:\n\n```json\n{reply}\n```\nTell me if…"
    ),
    Server("Ollama, its default context", sends=_cut_by_ollama, marks=_marks_that_are_left, paid_twice=True),
    Server("LM Studio, a small context", _lm_studio),
    Server("llama.cpp, a small context", _llama_cpp),
    Server("llama.cpp of 2026 behind a proxy", _llama_cpp_of_2026),
    Server("llama.cpp, a schema it cannot make a grammar of", _llama_cpp_without_grammar),
    Server("llama-cpp-python", _llama_cpp_python),
    Server("TGI", _tgi, sends=lambda asked, words: stream(asked, words, finish="eos_token")),
    Server("TGI, a window", _tgi_window),
    Server(
        "OpenRouter, comments",
        sends=lambda asked, words: stream(asked, words, before=": OPENROUTER PROCESSING\n\n" * 3),
    ),
    Server("OpenRouter, no endpoint for a schema", _openrouter_endpoints),
    Server("OpenRouter, another provider's error within", _openrouter_raw),
    Server("Azure, an old version", _azure_of_old, path="/openai/deployments/stand-in?api-version=2024-06-01"),
    Server("Azure, v1", path="/openai/v1"),
    Server("Gemini", _gemini),
    Server("Cerebras", _cerebras),
    Server("Cerebras, a model that thinks", _cerebras_that_thinks),
    Server("Fireworks, in one piece", lambda asked: _no_streams(asked)),
    Server("Perplexity", speaks=lambda reply: f'<think>\nIt could be {{"cause": 1}}.\n</think>\n{reply}'),
    Server("Anthropic's endpoint", _anthropic, speaks=lambda reply: f"I looked at it.\n{reply}"),
    Server("xAI, a small window", _xai),
    Server(
        "a gateway to Bedrock, tools alone",
        _tools_alone,
        sends=lambda asked, words: stream(
            asked, words, finish="tool_calls", deltas=[_call(words[:50], "fix"), _call(words[50:], "")]
        ),
    ),
    Server("Cohere", _cohere),
    Server("LiteLLM, a parameter it does not map", _litellm),
    Server("a proxy that says nothing", _says_nothing),
    Server("one that names the whole of response_format", _no_format),
    Server("a proxy with a limit on bodies", _nginx),
    Server("one that knows no streams", sends=in_one_piece),
    Server("one that streams as plain text", sends=lambda asked, words: stream(asked, words, kind="text/plain")),
    Server("one that never says how it ended", sends=lambda asked, words: stream(asked, words, finish=None)),
    Server(
        "one with its own channels",
        speaks=lambda reply: f"<|channel|>analysis<|message|>Hm.<|end|><|channel|>final<|message|>{reply}",
    ),
]

BROKEN = Server("one that breaks at a schema", _breaks_at_a_schema)

STUBBORN = Server("one that names one thing after the other", _one_after_the_other)
