"""Each failure in a traceback or log file becomes an incident."""

from __future__ import annotations

from pathlib import Path

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.capture.errors import CaptureError
from kintsugi.capture.intake import Intake
from kintsugi.capture.reading import Reading
from kintsugi.commands.common import actor, new_key
from kintsugi.commands.files import opened
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.workflow.ports import Outcome, Receipt

_MOST = 20  # incidents of one file
_MOST_READ = 1_000  # failures: of one that came again and again, so many are counted
_GIVE = "Give a traceback, a log that holds one, or --summary in words as well."


async def capture(file: str, repo: Path | None, summary: str, dry_run: bool) -> None:
    """Read, and fire for each failure; print the incidents' ids on standard output, the rest on standard error."""
    bootstrap = Bootstrap.read()
    with opened(file) as stream:
        reading = Reading("standard input" if file == "-" else file, stream)
        async with bootstrap.desk() as desk:
            await _capture(reading, bootstrap.intake(desk, repo, dry_run=dry_run), summary)


async def _capture(reading: Reading, intake: Intake, summary: str) -> None:
    seen: set[int] = set()
    reports = reading.reports()
    left = 0
    for read, report in enumerate(reports):
        if len(seen) == _MOST or read == _MOST_READ:
            left = 1 + sum(1 for _ in reports)
            break
        receipt = await intake.read(report, key=new_key(), actor=actor(), summary=summary)
        tell(receipt, again=receipt.incident.id in seen)
        seen.add(receipt.incident.id)
    if left:
        says = f"{left:,} more failures in {reading.name} were left: at most {_MOST} incidents at a time."
        PlainConsole(stderr=True).print(says, highlight=False, markup=False)
    if not seen:
        await _in_words(reading, intake, summary)


async def _in_words(reading: Reading, intake: Intake, summary: str) -> None:
    """A log without a failure that is read becomes an incident where somebody says what is wrong."""
    if not summary.strip():
        raise CaptureError(f"{reading.says_nothing} {_GIVE}")
    tell(await intake.told(summary, key=new_key(), actor=actor(), log=reading.last_lines))


def tell(receipt: Receipt, *, again: bool = False) -> None:
    """The incident's name on standard output, how it stands on standard error."""
    incident = receipt.incident
    if not again:
        PlainConsole().print(incident.name, highlight=False)
    says = f"{incident.summary}\n{incident.name} {incident.state.says}."
    if receipt.outcome == Outcome.COUNTED:
        says = receipt.says
    PlainConsole(stderr=True).print(says, highlight=False, markup=False)
