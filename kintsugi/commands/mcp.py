"""`kintsugi mcp`: the tools for an agent on this machine."""

from __future__ import annotations

from typing import Annotated

import typer


def mcp(
    rules: Annotated[bool, typer.Option("--rules", help="Print the rules for an agent's own file, and end.")] = False,
) -> None:
    """A Model Context Protocol server on standard input and output, for an agent that starts it.

    Its tools read incidents, prove a patch and hand one in; a human confirms. Over HTTP the same tools are at
    `POST /mcp` of `kintsugi run`, where KINTSUGI_MCP_TOKEN is set.

    Example: `kintsugi mcp --rules >> AGENTS.md`
    """
    from kintsugi.commands.outcome import run

    run(_print_rules if rules else _serve)


def _print_rules() -> None:
    from kintsugi.agents.protocol import RULES
    from kintsugi.commands.voice import say

    say(RULES.rstrip())


async def _serve() -> None:
    from kintsugi.agents.calls import AgentCalls
    from kintsugi.agents.protocol import serve_stdio
    from kintsugi.app.bootstrap import Bootstrap

    bootstrap = Bootstrap.read()
    logs = bootstrap.logs("WARNING")
    try:
        async with bootstrap.desk() as desk:
            await serve_stdio(AgentCalls(bootstrap.agents(desk)))
    finally:
        logs.close()
