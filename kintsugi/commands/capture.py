"""A traceback or log file becomes an incident."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.capture.text import read_text
from kintsugi.commands.common import actor, new_key
from kintsugi.commands.files import read_bytes
from kintsugi.workflow.engine import Receipt
from kintsugi.workflow.ports import Outcome


async def capture(file: str, repo: Path | None, summary: str, dry_run: bool) -> None:
    """Read, build the payload, and fire; print the incident's id on standard output, the rest on standard error."""
    bootstrap = Bootstrap.read()
    text = read_text(read_bytes(file))
    async with bootstrap.desk() as desk:
        intake = bootstrap.intake(desk, repo, dry_run=dry_run)
        _tell(await intake.read(text, key=new_key(), actor=actor(), summary=summary))


def _tell(receipt: Receipt) -> None:
    incident = receipt.incident
    Console().print(incident.name, highlight=False)
    says = f"{incident.summary}\n{incident.name} is {incident.state.words}."
    if receipt.outcome == Outcome.COUNTED:
        says = receipt.says
    Console(stderr=True).print(says, highlight=False, markup=False)
