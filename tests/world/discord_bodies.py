"""Bodies of HTTP calls as Discord takes and gives them."""

from __future__ import annotations

import json
from typing import Any, cast

from aiohttp import web

from tests.world.discord_messages import Unknown


async def read_body(request: web.Request) -> tuple[dict[str, Any], dict[str, str]]:
    """The body, and the files that came with it. Py-cord sends `payload_json` as a form also where there is no file."""
    if request.content_type == "application/json":
        return await request.json(), {}
    form = await request.post()
    files = [part for part in form.values() if isinstance(part, web.FileField)]
    body = json.loads(str(form["payload_json"]))
    for attachment in body.get("attachments", []):
        attachment["id"] = str(attachment["id"])  # a number in the documents and in discord.py, text in the contract
    return body, {part.filename: _text_of(part) for part in files}


def _text_of(part: web.FileField) -> str:
    with part.file:
        return part.file.read().decode()


def without_nulls(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: without_nulls(value) for key, value in node.items() if value is not None}
    return [without_nulls(each) for each in node] if isinstance(node, list) else node


def as_json(body: Any, status: int = 200) -> web.Response:
    """As Discord does it: discord.py takes a body with a charset for text."""
    return web.Response(body=json.dumps(body).encode(), status=status, headers={"Content-Type": "application/json"})


@web.middleware
async def in_its_words(request: web.Request, handler: Any) -> web.StreamResponse:
    """What is not there, as Discord says it."""
    try:
        return cast(web.StreamResponse, await handler(request))
    except Unknown as error:
        return as_json({"message": str(error), "code": error.code}, error.status)
