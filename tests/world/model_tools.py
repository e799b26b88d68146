"""Servers and what they make of tools: how each sends a call, what it refuses, and in which words its vendor's users
report it. All look at the same things: `find`, then `read`, then a change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from aiohttp import web

from tests.world.model_servers import Asked, No, Server, in_one_piece, in_the_usual_way, openai_error, stream, when
from tests.world.openai import a_completion, a_finding, a_fix, called

FIND = {"tool": "find", "text": "total", "path": None, "first": None, "last": None, "fix": None}
READ = FIND | {"tool": "read", "text": None, "path": "shop/a.py", "first": 1, "last": 9}
PROPOSE = FIND | {"tool": "propose", "text": None, "fix": a_fix(title="Seen")}
STEPS = [FIND, READ, PROPOSE]

Piece = dict[str, Any]
BAR = "\uff5c"  # DeepSeek's


def looks(asked: Asked) -> dict[str, Any]:
    """What a model asks for that looks at two places: by how much of it was answered."""
    if "You may look at the program" not in json.dumps(asked["messages"]):
        return a_finding(need="I need to see total")
    return STEPS[min(answered(asked), 2)]


def answered(asked: Asked) -> int:
    return sum(str(turn["content"]).startswith("Left:") for turn in asked["messages"])


def was_told(asked: Asked) -> bool:
    return "could not be read" in str(asked["messages"][-1]["content"])


def calls_are(asked: Asked, offered: Callable[[Piece], web.Response], words: str) -> web.Response:
    """`offered` puts the call on the wire where tools were offered, which is else a JSON reply."""
    return offered(called(json.loads(words))) if "tools" in asked else in_the_usual_way(asked, words)


def server(name: str, offered: Callable[[Piece, Asked], web.Response], **more: Any) -> Server:
    return Server(
        name,
        thinks=looks,
        sends=lambda asked, words: calls_are(asked, lambda call: offered(call, asked), words),
        **more,
    )


# --- how a call gets on the wire ---


def pieces(*groups: list[Piece], finish: str = "tool_calls", text: str = "") -> web.Response:
    said = [{"content": text}] if text else []
    return stream({}, "", deltas=[*said, *({"tool_calls": group} for group in groups)], finish=finish)


def in_pieces(call: Piece, asked: Asked = {}, *, at: int = 0) -> list[list[Piece]]:  # noqa: B006
    """As OpenAI streams it: id and name first, the arguments in pieces."""
    given = call["arguments"]
    first = {"index": at, "id": "call_1", "type": "function", "function": call | {"arguments": ""}}
    cut = [given[start : start + 7] for start in range(0, len(given), 7)]
    return [[first], *([{"index": at, "function": {"arguments": piece}}] for piece in cut)]


def whole(call: Piece, **more: Any) -> Piece:
    return {"index": 0, "id": "call_1", "type": "function", "function": call} | more


def at_once(call: Piece, asked: Asked) -> web.Response:
    """Two calls in one reply, where there are two left to look at."""
    if answered(asked):
        return pieces(*in_pieces(call))
    return pieces(*in_pieces(call), *in_pieces(called(READ), at=1))


def each_the_first(call: Piece, asked: Asked) -> web.Response:
    if answered(asked):
        return pieces([whole(call, id="call_b")], finish="stop")
    return pieces([whole(call, id="call_a")], [whole(called(READ), id="call_b")], finish="stop")


def in_a_message(message: dict[str, Any], finish: str = "tool_calls") -> web.Response:
    completion = a_completion(None, finish_reason=finish)
    completion["choices"][0]["message"] |= message
    return web.json_response(completion)


def decoded(call: Piece) -> Any:
    return json.loads(call["arguments"])


def twice_encoded(call: Piece) -> Piece:
    return call | {"arguments": json.dumps(call["arguments"])}


def name_in_each(call: Piece) -> Iterable[list[Piece]]:
    for at in range(0, len(call["arguments"]), 9):
        yield [{"index": 0, "id": "", "function": call | {"arguments": call["arguments"][at : at + 9]}}]


def two_of_one_place(call: Piece) -> list[list[Piece]]:
    (first, second, *rest) = in_pieces(call)
    return [[*first, *second], *rest]


def at_first(bad: Callable[[Piece], web.Response]) -> Callable[[Piece, Asked], web.Response]:
    """One whose first call is bad."""

    def offered(call: Piece, asked: Asked) -> web.Response:
        return pieces(*in_pieces(call)) if was_told(asked) or answered(asked) else bad(call)

    return offered


def cut_off(call: Piece) -> web.Response:
    return pieces(*in_pieces(call | {"arguments": call["arguments"][:9]}))


NATIVE = [
    server("OpenAI, in pieces", lambda call, asked: pieces(*in_pieces(call))),
    server("OpenAI, two at once", at_once),
    server("vLLM, tool_choice required", lambda call, asked: pieces(*in_pieces(call), finish="stop")),
    server("vLLM with speculative decoding", lambda call, asked: pieces(*two_of_one_place(call))),
    server("Ollama, each the first", each_the_first),
    server("LM Studio, the same nine times", lambda call, asked: pieces(*([whole(call, index=at)] for at in range(9)))),
    server(
        "llama.cpp of October 2026, calls up to its limit",
        lambda call, asked: pieces(*in_pieces(call), [whole(call | {"arguments": "{"}, index=1)], finish="length"),
    ),
    server("one with the name in each piece", lambda call, asked: pieces(*name_in_each(call))),
    server("one that speaks before it calls", lambda call, asked: pieces(*in_pieces(call), text="I will look: {")),
    server(
        "llama.cpp of March 2026, an object",
        lambda call, asked: in_a_message({"tool_calls": [whole(call | {"arguments": decoded(call)})]}),
    ),
    server(
        "a proxy, without ids, in one piece",
        lambda call, asked: in_a_message({"content": "", "tool_calls": [{"function": call}]}, "stop"),
    ),
    server("one that encodes twice", lambda call, asked: pieces([whole(twice_encoded(call))])),
    server(
        "vLLM, gpt-oss's marks in the name",
        lambda call, asked: pieces([whole(call | {"name": f"{call['name']}<|channel|>commentary"})]),
    ),
    server("Kimi, its own names", lambda call, asked: pieces([whole(call | {"name": f"functions.{call['name']}:0"})])),
    server("one that calls as of old", lambda call, asked: stream({}, "", deltas=[{"function_call": call}])),
    server(
        "a proxy of Anthropic, parts",
        lambda call, asked: in_a_message(
            {
                "content": [
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "id": "t", "name": call["name"], "input": decoded(call)},
                ]
            }
        ),
    ),
    server(
        "Mistral, ids of nine",
        lambda call, asked: pieces(*in_pieces(call)),
        refuses=when(
            lambda asked: any(
                not re.fullmatch("[a-zA-Z0-9]{9}", each["id"])
                for turn in asked["messages"]
                for each in turn.get("tool_calls", ())
            ),
            openai_error(400, "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.", "3280"),
        ),
    ),
    server("Azure, arguments cut off", at_first(cut_off), paid_twice=True),
    server(
        "one that calls what is not there",
        at_first(lambda call: pieces(*in_pieces(call | {"name": "grep"}))),
        paid_twice=True,
    ),
]


# --- calls left in the text, and none at all ---


def in_text(form: str) -> Callable[[Piece, Asked], web.Response]:
    """`form` with NAME, JSON (the arguments) and PATH."""

    def offered(call: Piece, asked: Asked) -> web.Response:
        words = form.replace("NAME", call["name"]).replace("JSON", call["arguments"])
        return stream(asked, words)

    return offered


def as_xml(before: str, pair: str, after: str) -> Callable[[Piece, Asked], web.Response]:
    """A call as tags: `pair` has KEY and VALUE."""

    def offered(call: Piece, asked: Asked) -> web.Response:
        pairs = [
            pair.replace("KEY", key).replace("VALUE", value if isinstance(value, str) else json.dumps(value))
            for key, value in decoded(call).items()
        ]
        return stream(asked, before.replace("NAME", call["name"]) + "\n".join(pairs) + after)

    return offered


def failed_generation(asked: Asked) -> No | None:
    """Groq, for a call that it cannot read: it is in the error."""
    if "tools" not in asked or answered(asked):
        return None
    said = f"<function=find{called(FIND)['arguments']}</function>"
    words = "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."
    return openai_error(400, words, "tool_use_failed", failed_generation=said)


IN_TEXT = [
    server(
        "vLLM without a parser, Hermes",
        in_text('<think>Where is {it}?</think><tool_call>\n{"name": "NAME", "arguments": JSON}\n</tool_call>'),
    ),
    server("Mistral's template", in_text('[TOOL_CALLS] [{"name": "NAME", "arguments": JSON}]')),
    server("Mistral's template of 2025", in_text("[TOOL_CALLS]NAME[ARGS]JSON")),
    server("Llama 3", in_text('<|python_tag|>{"type": "function", "name": "NAME", "parameters": JSON}')),
    server(
        "Kimi's tokens",
        in_text(
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.NAME:0<|tool_call_argument_begin|>JSON<|tool_call_end|>"
        ),
    ),
    server(
        "gpt-oss's channels",
        in_text(
            "<|channel|>analysis<|message|>Look.<|end|><|start|>assistant<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>JSON<|call|>"
        ),
    ),
    server(
        "DeepSeek's tokens",
        in_text(
            f"<{BAR}tool▁calls▁begin{BAR}><{BAR}tool▁call▁begin{BAR}>function<{BAR}tool▁sep{BAR}>NAME\n```json\nJSON\n```<{BAR}tool▁call▁end{BAR}>"
        ),
    ),
    server(
        "Qwen's coder, XML",
        as_xml("<tool_call>\n<function=NAME>\n", "<parameter=KEY>\nVALUE\n</parameter>", "\n</function>\n</tool_call>"),
    ),
    server(
        "GLM, XML",
        as_xml("<tool_call>NAME\n", "<arg_key>KEY</arg_key>\n<arg_value>VALUE</arg_value>", "\n</tool_call>"),
    ),
    server(
        "MiniMax, XML",
        as_xml(
            '<minimax:tool_call><invoke name="NAME">',
            '<parameter name="KEY">VALUE</parameter>',
            "</invoke></minimax:tool_call>",
        ),
    ),
    server(
        "DeepSeek's XML",
        as_xml(
            f'<{BAR}DSML{BAR}function_calls><{BAR}DSML{BAR}invoke name="NAME">',
            f'<{BAR}DSML{BAR}parameter name="KEY" string="true">VALUE</{BAR}DSML{BAR}parameter>',
            f"</{BAR}DSML{BAR}invoke>",
        ),
    ),
    server(
        "parallel in a tool of its own",
        in_text('{"tool_uses": [{"recipient_name": "functions.NAME", "parameters": JSON}]}'),
    ),
    server("a form between both", in_text('{"tool": "NAME", "arguments": JSON}')),
    Server("Groq, a call it cannot read", thinks=looks, refuses=failed_generation),
    Server("llama.cpp, a template without tools", thinks=looks),  # takes them, and ignores them
    Server("one that ignores them, in one piece", thinks=looks, sends=in_one_piece),
    server(
        "Gemini, a call it finds malformed",
        lambda call, asked: stream(
            asked, "", deltas=[{"content": ""}], finish="function_call_filter: MALFORMED_FUNCTION_CALL"
        ),
        paid_twice=True,
    ),
    server(
        "one whose model only talks",
        in_text("I would look at NAME first, as it seems to matter most."),
        paid_twice=True,
    ),
]


# --- what is refused ---


def forced(asked: Asked) -> bool:
    return bool(asked.get("tool_choice"))


def told_with_calls(asked: Asked) -> bool:
    return any(turn["role"] == "tool" for turn in asked["messages"])


def has_tools(asked: Asked) -> bool:
    return "tools" in asked


def refusing(name: str, test: Callable[[Asked], Any], no: No) -> Server:
    return replace(NATIVE[0], name=name, refuses=when(test, no))


THINKING = "<400> InternalError.Algo.InvalidParameter: The tool_choice parameter does not support being set to required or object in thinking mode"
SIGNATURE = "Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly. Additional data, function call `default_api:find`, position 2."
ROLES = {
    "detail": [
        {
            "type": "literal_error",
            "loc": ["body", "messages", 4, "role"],
            "msg": "Input should be 'system', 'user' or 'assistant'",
        }
    ]
}

WITHOUT_A_CHOICE = [
    refusing(
        "OpenRouter, no endpoint for a choice",
        forced,
        No(
            404,
            {"error": {"message": "No endpoints found that support the provided 'tool_choice' value.", "code": 404}},
        ),
    ),
    refusing(
        "Moonshot, thinking", forced, openai_error(400, "tool_choice 'required' is incompatible with thinking enabled")
    ),
    refusing("DashScope, thinking", forced, openai_error(400, THINKING, "invalid_parameter_error")),
    refusing("DeepSeek, thinking", forced, openai_error(400, "deepseek-reasoner does not support this tool_choice")),
]

WITHOUT_CALLS = [
    refusing(
        "Ollama, a model without tools",
        has_tools,
        openai_error(400, "registry.ollama.ai/library/smollm2:360m does not support tools"),
    ),
    refusing(
        "vLLM without a parser, refused",
        has_tools,
        No(
            400,
            {
                "object": "error",
                "message": '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
                "type": "BadRequestError",
                "code": 400,
            },
        ),
    ),
    refusing(
        "llama.cpp without a template",
        has_tools,
        No(500, {"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}),
    ),
    refusing(
        "llama.cpp, a grammar it cannot make",
        has_tools,
        No(
            400,
            {
                "error": {
                    "code": 400,
                    "message": "Failed to initialize samplers: failed to parse grammar",
                    "type": "invalid_request_error",
                }
            },
        ),
    ),
    refusing(
        "OpenRouter, no endpoint for tools",
        has_tools,
        No(
            404,
            {
                "error": {
                    "message": "No endpoints found that support tool use. To learn more about provider routing, visit: https://openrouter.ai/docs",
                    "code": 404,
                }
            },
        ),
    ),
    refusing(
        "Google, Gemma",
        has_tools,
        No(
            400,
            [
                {
                    "error": {
                        "code": 400,
                        "message": "Function calling is not enabled for models/gemma-3-27b-it",
                        "status": "INVALID_ARGUMENT",
                    }
                }
            ],
        ),
    ),
    refusing(
        "Azure of old", has_tools, openai_error(400, "Unrecognized request arguments supplied: tool_choice, tools")
    ),
    refusing(
        "a gateway that minds a keyword",
        has_tools,
        openai_error(400, "unsupported_keyword in tools[0].function.parameters", "tool_count_limit"),
    ),
    refusing("one that says nothing of tools", has_tools, No(400, "")),
    refusing("one that breaks at tools", has_tools, No(500, "Internal Server Error")),
    refusing(
        "Gemini 3, its signature",
        told_with_calls,
        No(400, [{"error": {"code": 400, "message": SIGNATURE, "status": "INVALID_ARGUMENT"}}]),
    ),
    refusing(
        "DeepSeek, its thoughts",
        told_with_calls,
        openai_error(400, "The `reasoning_content` in the thinking mode must be passed back to the API."),
    ),
    refusing(
        "vLLM, Mistral's template",
        told_with_calls,
        No(
            400,
            {
                "object": "error",
                "message": "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...",
                "type": "BadRequestError",
                "code": 400,
            },
        ),
    ),
    refusing("FastAPI, a role it does not know", told_with_calls, No(422, ROLES)),
    refusing(
        "mlx-lm, a template that raises",
        told_with_calls,
        No(404, {"error": "Only user and assistant roles are supported!"}),
    ),
    refusing(
        "LM Studio, a template that raises",
        told_with_calls,
        No(400, {"error": 'Error rendering prompt with jinja template: "Unknown operand type"'}),
    ),
]
