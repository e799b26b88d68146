"""How servers send what their model says: in streams of all kinds, in one piece, in fields of their own."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from aiohttp import web

from tests.world.model_servers import Asked, Server, chunk, stream, when
from tests.world.model_vendors import No, a_schema, an_error, by_cloudflare

_USAGE = {"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500}
_DONE = "data: [DONE]\n\n"


def events(*chunks: Any) -> str:
    return "".join(f"data: {json.dumps(each)}\n\n" for each in chunks)


def sent(*texts: str, kind: str = "text/event-stream") -> web.Response:
    return web.Response(body="".join(texts).encode(), headers={"Content-Type": kind})


def whole(message: Any, finish: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish, **more}
    return {"id": "x", "object": "chat.completion", "created": 1, "model": "stand-in", "choices": [choice]}


def _said(words: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": words}


def _in_two(words: str) -> tuple[str, str]:
    return words[: len(words) // 2], words[len(words) // 2 :]


def _kept_alive(asked: Asked, words: str) -> web.Response:
    first, second = _in_two(words)
    alive = ": keep-alive\n\n"
    thought = events(chunk({"role": "assistant", "content": None, "reasoning_content": "Hm. "}))
    ended = events(chunk({"content": second}), chunk({"content": "", "reasoning_content": None}, "stop"))
    return sent(
        alive, thought, alive, events(chunk({"content": first, "reasoning_content": None})), alive, ended, _DONE
    )


def _by_windows(asked: Asked, words: str) -> web.Response:
    text = events(chunk({"content": words}), chunk({}, "stop")) + _DONE
    return sent(text.replace("data: ", "data:").replace("\n", "\r\n"))


def _blanks_under_a_schema(asked: Asked, words: str) -> web.Response:
    under = "response_format" in asked
    return stream(asked, words[:20] + " " * 9_000, finish="length") if under else stream(asked, words)


def _named(asked: Asked, words: str) -> web.Response:
    text = events(chunk({"content": words}), chunk({}, "stop")) + _DONE
    return sent("event: ping\ndata: {}\n\n", text.replace("data:", "event: message\nid: 1\nretry: 10\ndata:"))


def _azures_first(asked: Asked, words: str) -> web.Response:
    filtered = {"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": [{}]}
    return sent(
        events(filtered, chunk({"role": "assistant", "refusal": None}), chunk({"content": words}), chunk({}, "stop"))
    )


def _nothing_in_some(asked: Asked, words: str) -> web.Response:
    none = {**chunk({}), "choices": None}
    return sent(events(none, chunk(None), chunk({"content": words}), chunk({}, ""), chunk({}, "eos")), _DONE)


def _called_in_pieces(asked: Asked, words: str) -> web.Response:
    function = {"name": "finding", "arguments": ""}
    first = {"content": None, "tool_calls": [{"index": 0, "id": "1", "type": "function", "function": function}]}
    pieces = [{"index": 0, "function": {"arguments": words[at : at + 9]}} for at in range(0, len(words), 9)]
    return sent(
        events(chunk(first), *(chunk({"tool_calls": [each]}) for each in pieces), chunk({}, "tool_calls")), _DONE
    )


def _called_as_of_old(asked: Asked, words: str) -> web.Response:
    first, second = _in_two(words)
    begun = {"content": None, "function_call": {"name": "finding", "arguments": first}}
    return sent(
        events(chunk(begun), chunk({"function_call": {"arguments": second}}), chunk({}, "function_call")), _DONE
    )


def _called_with_an_object(asked: Asked, words: str) -> web.Response:
    call = {"id": "1", "type": "function", "function": {"name": "finding", "arguments": json.loads(words)}}
    return web.json_response(whole({"role": "assistant", "content": "", "tool_calls": [call]}, "tool_calls"))


def _again_at_the_end(asked: Asked, words: str) -> web.Response:
    last = chunk({"content": ""}, "stop")
    last["choices"][0]["message"] = _said(words)
    return sent(events(chunk({"content": words}), last), _DONE)


def _empty_at_first(asked: Asked, words: str) -> web.Response:
    """As DeepSeek's documentation says that its JSON mode may answer."""
    return stream(asked, words if len(asked["messages"]) > 1 else "")


def _lines(asked: Asked, words: str) -> web.Response:
    pieces = [chunk({"content": each}) for each in _in_two(words)]
    text = "".join(json.dumps(each) + "\n" for each in [*pieces, chunk({}, "stop")])
    return sent(text, kind="application/x-ndjson")


def _thoughts_apart(asked: Asked, words: str) -> web.Response:
    thought = {
        "content": "",
        "reasoning": "Perhaps ",
        "reasoning_details": [{"type": "reasoning.text", "text": "Perhaps "}],
    }
    return stream(asked, words, deltas=[thought, {"content": words}])


def _two_choices(asked: Asked, words: str) -> web.Response:
    other = {**chunk({}), "choices": [{"index": 1, "delta": {"content": None}, "finish_reason": None}]}
    return sent(events(chunk({"content": words}), other, chunk({}, "stop")), _DONE)


_TOOLS_ALONE = when(
    lambda asked: "tools" not in asked,
    No(400, an_error("This model answers with tools only; response_format is not supported.")),
)
_OBJECTS_ALONE = when(
    a_schema,
    No(400, by_cloudflare(5006, "Bad input: Error: oneOf at '/' not met: response_format/type is not json_object")),
)

SENDERS = [
    Server("DeepSeek, a model that thinks", sends=_kept_alive),
    Server("one by the lines of Windows", sends=_by_windows),
    Server("one that names its events", sends=_named),
    Server("Azure, a first event of its filter, and no end", sends=_azures_first),
    Server("one with nothing in some events", sends=_nothing_in_some),
    Server("one that calls in pieces", _TOOLS_ALONE, sends=_called_in_pieces),
    Server("one that calls as of old", _TOOLS_ALONE, sends=_called_as_of_old),
    Server("one that calls with an object", _TOOLS_ALONE, sends=_called_with_an_object),
    Server(
        "one that streams the whole in one event", sends=lambda asked, words: sent(events(whole(_said(words))), _DONE)
    ),
    Server("one that says all again at the end", sends=_again_at_the_end),
    Server(
        "one that counts in each event",
        sends=lambda asked, words: sent(
            events({**chunk({"content": words}), "usage": _USAGE}, {**chunk({}, "stop"), "usage": _USAGE})
        ),
    ),
    Server("Zhipu, a box around it", speaks=lambda reply: f"<|begin_of_box|>{reply}<|end_of_box|>"),
    Server("DeepSeek, nothing at first", sends=_empty_at_first, paid_twice=True, each_time=True),
    Server("R1, thoughts that nobody opened", speaks=lambda reply: f'Hm, {{"cause"?}} it may be.\n</think>\n\n{reply}'),
    Server(
        "one that answers as of old",
        sends=lambda asked, words: web.json_response(
            {"object": "text_completion", "choices": [{"index": 0, "text": words, "finish_reason": "stop"}]}
        ),
    ),
    Server(
        "Workers AI, an object as what is said",
        _OBJECTS_ALONE,
        sends=lambda asked, words: web.json_response(whole(_said(json.loads(words)))),
    ),
    Server(
        "Workers AI, its envelope",
        sends=lambda asked, words: web.json_response({"result": whole(_said(words)), "success": True, "errors": []}),
    ),
    Server(
        "one with a mark of its letters",
        sends=lambda asked, words: sent("\ufeff", json.dumps(whole(_said(words))), kind="application/json"),
    ),
    Server("one line an event", sends=_lines),
    Server(
        "OpenRouter, empty lines first",
        sends=lambda asked, words: sent("\n      \n" * 20, json.dumps(whole(_said(words))), kind="application/json"),
    ),
    Server("OpenRouter, thoughts apart", sends=_thoughts_apart),
    Server(
        "one with an empty refusal", sends=lambda asked, words: web.json_response(whole(_said(words) | {"refusal": ""}))
    ),
    Server("one with a second choice", sends=_two_choices),
    Server("vLLM, blanks for ever under a schema", sends=_blanks_under_a_schema, paid_twice=True),
    Server(
        "LM Studio, gpt-oss without its marks",
        speaks=lambda reply: f'analysisJSON like {{"cause": "…"}} is wanted.assistantfinal{reply}',
    ),
    Server(
        "Ollama, Gemma 4", sends=lambda asked, words: stream(asked, "", deltas=[{"content": "", "reasoning": words}])
    ),
    Server("one that counts in words", sends=lambda asked, words: stream(asked, words, usage={"prompt_tokens": "12"})),  # type: ignore[dict-item]
    Server(
        "Anthropic, a keyword of its schemas",
        when(
            lambda asked: "json_schema" in str(asked.get("response_format")),
            No(400, an_error("output_config.format.schema: For 'object' type, property 'maxItems' is not supported")),
        ),
    ),
]


def _fails_in_its_stream(error: dict[str, Any], before: bool = True) -> Any:
    return lambda asked, words: sent(events(*([chunk({"content": words[:30]})] if before else []), error), _DONE)


def _ends_with(reason: str) -> Any:
    return lambda asked, words: stream(asked, words[:40], finish=reason)


def _answers(document: Any) -> Any:
    return lambda asked, words: web.json_response(document)


_BROKEN_OFF = {**chunk({"content": ""}, "error"), "error": {"code": 502, "message": "Provider disconnected"}}
_BUSY = {"error": {"code": 429, "message": "Upstream is busy"}}

FAILING = [
    replace(server, final=server.name == "MiniMax without money")
    for server in [
        Server(
            "OpenRouter, an error in its stream",
            sends=_fails_in_its_stream(_BROKEN_OFF),
            ends="answered: Provider disconnected",
        ),
        Server(
            "TGI, an error in its stream",
            sends=_fails_in_its_stream({"error": "Request failed during generation", "error_type": "generation"}),
            ends="failed while it answered",
        ),
        Server(
            "OpenRouter, an error in its choice",
            sends=_answers(whole(_said(""), "error", **_BUSY)),
            ends="asks us to wait.*Upstream is busy",
        ),
        Server(
            "MiniMax without money",
            sends=_answers({"choices": None, "base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}),
            ends="has no credit left.*insufficient balance",
        ),
        Server(
            "Qianfan",
            sends=_answers({"error_code": 336003, "error_msg": "the question is 2001"}),
            ends="question is 2001",
        ),
        Server("Spark", sends=_answers({"code": 11200, "message": "no licence for this"}), ends="no licence for this"),
        Server("a gateway's detail", sends=_answers({"detail": "Not authenticated"}), ends="Not authenticated"),
        Server("DeepSeek, out of resources", sends=_ends_with("insufficient_system_resource"), ends="broken off"),
        Server("SGLang, aborted", sends=_ends_with("abort"), ends="broken off on the way after 300 tokens"),
        Server("Zhipu, its network", sends=_ends_with("network_error"), ends="broken off"),
        Server("nothing", sends=lambda asked, words: web.Response(), ends="no reply of a model"),
    ]
]
