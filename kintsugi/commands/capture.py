"""A traceback or log file becomes an incident."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from kintsugi.app.settings import read_settings
from kintsugi.capture.build import build_payload
from kintsugi.capture.text import read_text
from kintsugi.commands.common import a_desk, actor, new_key
from kintsugi.commands.files import read_bytes
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.ports import Outcome
from kintsugi.workflow.triggers import Captured


async def capture(file: str, repo: Path | None, summary: str, dry_run: bool) -> None:
    """Read, build the payload, and fire; print the incident's id on standard output, the rest on standard error."""
    settings = read_settings()
    text = read_text(read_bytes(file))
    root = repo or settings.repo
    async with a_desk(settings) as desk:
        now = desk.clock.now()
        payload = build_payload(
            text,
            root=root,
            summary=summary,
            opened_by=actor(),
            build_sha=settings.build_sha,
            environment=settings.env_name,
            now=now,
        )
        trigger = Captured(
            key=new_key(),
            at=now,
            actor=actor(),
            payload=payload,
            dry_run=dry_run or settings.dry_run,
            rounds_allowed=settings.rounds,
        )
        _tell(await desk.engine.fire(trigger))


def _tell(receipt: Receipt) -> None:
    incident = receipt.incident
    Console().print(incident.name, highlight=False)
    says = f"{incident.summary}\n{incident.name} is {incident.state.words}."
    if receipt.outcome == Outcome.COUNTED:
        says = receipt.says
    Console(stderr=True).print(says, highlight=False, markup=False)
