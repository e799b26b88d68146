"""The tools by the Model Context Protocol, with its official SDK: over standard input and output, and over HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from kintsugi.agents.calls import SCHEMAS, TOOLS, AgentCalls
from kintsugi.workflow.errors import BadInput, Refusal, StepFailed, StoreUnavailable

RULES = (files("kintsugi.agents") / "rules.md").read_text(encoding="utf-8")
"""How an agent works with Kintsugi, for its own rules file."""

_CHANGES = {"propose"}


def protocol(tools: AgentCalls) -> Server[Any]:
    """A server of the protocol."""

    async def list_tools(_: ServerRequestContext[Any], __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=_LISTED)

    async def call_tool(context: ServerRequestContext[Any], asked: CallToolRequestParams) -> CallToolResult:
        return await _called(tools, asked.name, _client(context), asked.arguments or {})

    return Server(
        "kintsugi",
        version=version("kintsugi"),
        instructions=RULES,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def serve_stdio(tools: AgentCalls) -> None:
    """Serve whoever started us, until they close their end. What else is printed goes to standard error."""
    server = protocol(tools)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())


@asynccontextmanager
async def over_http(tools: AgentCalls) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """The same as an ASGI application: a call is one POST, whose answer is JSON. No session is kept."""
    manager = StreamableHTTPSessionManager(protocol(tools), json_response=True, stateless=True)
    async with manager.run():
        yield manager.handle_request


async def _called(tools: AgentCalls, name: str, client: str, given: Mapping[str, Any]) -> CallToolResult:
    try:
        answer = await tools.call(name, client, given)
    except (BadInput, Refusal, StoreUnavailable, StepFailed) as refused:
        return CallToolResult(content=[TextContent(text=str(refused))], is_error=True)
    return CallToolResult(content=[TextContent(text=answer.text)], structured_content=answer.facts)


def _client(context: ServerRequestContext[Any]) -> str:
    """Who asks, as the history names them. The name is their own word: it proves nothing."""
    told = context.session.client_params
    name = re.sub(r"[^\w. -]", "", told.client_info.name)[:40].strip() if told else ""
    return f"mcp:{name or 'agent'}"


def _described(name: str) -> Tool:
    schema = {"type": "object", "additionalProperties": False, **SCHEMAS[name]}
    changes = name in _CHANGES
    return Tool(
        name=name,
        description=(TOOLS[name].__doc__ or "").strip(),
        input_schema=schema,
        annotations=ToolAnnotations(read_only_hint=not changes, destructive_hint=False, idempotent_hint=True),
    )


_LISTED = [_described(name) for name in TOOLS]
