"""Servers that call themselves OpenAI-compatible, each with the manners that its vendor's documentation, its source or
a report of its users shows: what it refuses and in which words, and how it sends what its model says.

One loopback server plays them all. It says what each request was: refused, or answered.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.world.openai import a_completion, a_finding, a_fix

Asked = dict[str, Any]
Body = dict[str, Any] | list[Any] | str


@dataclass(frozen=True)
class No:
    """A refusal: the status, and the body as JSON or as it is."""

    status: int
    body: Body
    headers: dict[str, str] = field(default_factory=dict)


def as_it_is(reply: str) -> str:
    return reply


@dataclass(frozen=True)
class Server:
    """One kind of server. `refuses` looks at a request, `speaks` makes the model's words of a good reply, and `sends`
    puts them on the wire. `path` is where it is served below its host, `ends` what is said where nothing comes of it.
    """

    name: str
    refuses: Callable[[Asked], No | None] = lambda asked: None
    thinks: Callable[[Asked], dict[str, Any]] | None = None  # in place of a good finding and a good fix
    speaks: Callable[[str], str] = as_it_is
    sends: Callable[[Asked, str], web.Response] | None = None
    path: str = "/v1"
    marks: Callable[[Asked], str | None] = lambda asked: None
    paid_twice: bool = False  # one answer was paid for and could not be used
    each_time: bool = False  # … which is a whim of its model, and nothing that can be known of it
    ends: str = ""
    final: bool = True
    waits: float | None = None  # seconds that it asks us to wait


@dataclass
class Played:
    """A server under way. `asked` holds the requests that came, `refused` counts those it did not take."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0


@asynccontextmanager
async def played(server: Server) -> AsyncIterator[Played]:
    """Serve it on a port of its own."""
    play = Played("")

    async def chat(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        play.asked.append(asked | {"_path": request.path_qs})
        play.headers.append(dict(request.headers))
        if no := server.refuses(asked):
            play.refused += 1
            return _refused(no)
        words = server.speaks(json.dumps(server.thinks(asked) if server.thinks else _good(server, asked)))
        return (server.sends or in_the_usual_way)(asked, words)

    application = web.Application(client_max_size=2**26)
    application.router.add_post("/{any:.*}", chat)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    play.url = f"http://127.0.0.1:{runner.addresses[0][1]}{server.path}"
    try:
        yield play
    finally:
        await runner.cleanup()


def _good(server: Server, asked: Asked) -> dict[str, Any]:
    return a_fix() if wants_a_fix(asked) else a_finding(marks=server.marks(asked))


def wants_a_fix(asked: Asked) -> bool:
    """By what is asked last of all that is no correction."""
    return any("smallest change that mends this cause" in turn["content"] for turn in asked["messages"])


def _refused(no: No) -> web.Response:
    if isinstance(no.body, str):
        kind = "text/html" if no.body.startswith("<") else "text/plain"
        return web.Response(text=no.body, status=no.status, headers=no.headers, content_type=kind)
    return web.json_response(no.body, status=no.status, headers=no.headers)


# --- how words get on the wire ---


def in_the_usual_way(asked: Asked, words: str) -> web.Response:
    return stream(asked, words) if asked.get("stream") else in_one_piece(asked, words)


def in_one_piece(asked: Asked, words: str) -> web.Response:
    return web.json_response(a_completion(words))


def stream(
    asked: Asked,
    words: str,
    *,
    before: str = "",
    finish: str | None = "stop",
    kind: str = "text/event-stream",
    deltas: Iterable[Any] = (),
    usage: dict[str, int] | None = None,
    after: str = "data: [DONE]\n\n",
) -> web.Response:
    """As server-sent events. The tokens are told where they were asked for, or in any case where `usage` is given."""
    pieces: list[Any] = list(deltas) or [{"content": words[at : at + 40]} for at in range(0, len(words), 40)]
    events = [chunk(delta) for delta in [{"role": "assistant", "content": ""}, *pieces]]
    if finish:
        events.append(chunk({}, finish))
    told = usage or {"prompt_tokens": 1200, "completion_tokens": 300, "total_tokens": 1500}
    if usage or asked.get("stream_options"):
        events.append({**chunk({}), "choices": [], "usage": told})
    text = before + "".join(f"data: {json.dumps(event)}\n\n" for event in events) + after
    return web.Response(text=text, content_type=kind)


def chunk(delta: Any, finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "stand-in", "choices": [choice]}


# --- what is asked for ---


def form(asked: Asked) -> str:
    return str((asked.get("response_format") or {}).get("type", ""))


def letters(asked: Asked) -> int:
    return sum(len(turn["content"]) for turn in asked["messages"])


def limit(asked: Asked) -> int:
    return int(asked.get("max_tokens") or asked.get("max_completion_tokens") or 0)


def openai_error(status: int, message: str, code: str | None = None, param: str | None = None, **more: Any) -> No:
    return No(
        status, {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code, **more}}
    )


def always(no: No) -> Callable[[Asked], No | None]:
    return lambda asked: no


def when(test: Callable[[Asked], Any], no: No) -> Callable[[Asked], No | None]:
    return lambda asked: no if test(asked) else None
