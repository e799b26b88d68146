"""`kintsugi propose`: anybody's patch for an incident."""

from __future__ import annotations

from typing import Annotated

import typer

from kintsugi.commands.typed.options import IncidentId, Json


def propose(
    id: IncidentId,
    patch: Annotated[
        str, typer.Option("--patch", metavar="FILE", help="The patch with its tests; - is standard input.")
    ],
    title: Annotated[str, typer.Option("--title", help="What it does, in one line.")] = "",
    body: Annotated[str, typer.Option("--body", help="Why, for the person who confirms it and the pull request.")] = "",
    as_json: Json = False,
) -> None:
    """Hand in a patch for an incident. It goes the same way as the model's: policy, proof, then a human confirms it.

    Answers at once; the verdict comes when it is proven. See it with `kintsugi incident show`. 3 if none can be
    handed in now. With --json: `{"incident", "state", "proposal", "proven", "says"}`.

    Example: `git diff main | kintsugi propose 7 --patch - --title "Round up"`
    """
    from kintsugi.commands.outcome import run

    run(lambda: _hand_in(id, patch, title, body, as_json))


async def _hand_in(id: str, patch: str, title: str, body: str, as_json: bool) -> None:
    from kintsugi.capture import read_text
    from kintsugi.commands.common import a_desk, actor, incident_number
    from kintsugi.commands.files import read_bytes
    from kintsugi.commands.voice import say, say_json
    from kintsugi.repair.replies import read_reply
    from kintsugi.telemetry.plain import plain
    from kintsugi.workflow.proposals import Proposals

    number, text = incident_number(id), read_text(read_bytes(patch))
    async with a_desk() as desk:
        proposals = Proposals(desk.store, desk.clock, desk.engine.fire, read_reply)
        handed = await proposals.hand_in(number, text, by=actor(), title=title, body=body)
    if as_json:
        say_json(handed.facts())
    else:
        says = plain(handed.verdict.says)
        say(f"{handed.incident.name} {handed.incident.state.says}. Patch {handed.verdict.id}: {says}")
