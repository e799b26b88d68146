"""The demo's model: a recording, served over loopback to the real openai SDK, and labelled as one.

It knows one crash, by its fingerprint. For any other it says so, and proposes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

MODEL = "recording"
_FINGERPRINT = re.compile(r"fingerprint: (v\d+:[0-9a-f]+)")


@asynccontextmanager
async def serve(recording: str, ending: str) -> AsyncIterator[str]:
    """Serve a recording (JSON) with one of its endings; yields the base URL."""
    replies = json.loads(recording)
    application = web.Application()
    application["fingerprint"], application["replies"] = replies["fingerprint"], replies["endings"][ending]
    application.router.add_post("/v1/chat/completions", _complete)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


async def _complete(request: web.Request) -> web.Response:
    asked = await request.json()
    messages = asked["messages"]
    crash = _FINGERPRINT.search(messages[0]["content"])
    if crash is None or crash[1] != request.app["fingerprint"]:
        return web.json_response(_completion(_UNKNOWN))
    reply = _next(request.app["replies"], messages)
    wanted = asked["response_format"]["json_schema"]["schema"]["properties"]
    return web.json_response(_completion({name: value for name, value in reply.items() if name in wanted}))


def _next(replies: list[dict[str, Any]], messages: list[dict[str, str]]) -> dict[str, Any]:
    """The answer after the one that was given last, which stands in the conversation; then the last one again."""
    answers = [json.loads(message["content"]) for message in messages if message["role"] == "assistant"]
    given = [answer["edits"] for answer in answers if "edits" in answer]
    known = [_brief(reply["edits"]) for reply in replies]
    turn = known.index(_brief(given[-1])) + 1 if given and _brief(given[-1]) in known else 0
    return replies[min(turn, len(replies) - 1)]


def _brief(edits: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(edit["path"], edit["search"], edit["replace"]) for edit in edits]


def _completion(reply: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "chatcmpl-recording",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "logprobs": None,
                "message": {"role": "assistant", "content": json.dumps(reply), "refusal": None},
            }
        ],
        "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
    }


_UNKNOWN = {
    "cause": "The recording knows another crash than this one.",
    "explanation": "Set KINTSUGI_LLM_API_KEY to have a real model look at it.",
    "category": "unknown",
    "probability": 0.0,
}
