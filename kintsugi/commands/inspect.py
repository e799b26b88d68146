"""`kintsugi inspect`: what `capture` would read out of logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from kintsugi.capture.report import Report
    from kintsugi.workflow.payload import Payload


def inspect(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Tracebacks or logs; - is standard input.")],
    repo: Annotated[Path | None, typer.Option("--repo", help="The program's code, to tell its own frames.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: a JSON object a line and failure.")] = False,
    why: Annotated[bool, typer.Option("--why", help="And what each is grouped by.")] = False,
) -> None:
    """What `capture` would read out of these logs. Writes nothing, needs no database.

    Exit status 3 if nothing failed. With --json, a failure's `first_line`, `last_line`, `language`, `type`,
    `message`, `chain`, `place`, `frames`, `fingerprint` and `log`; with --why, `grouped_by` too.

    Example: `kintsugi inspect bot.log --repo .`
    """
    from kintsugi.commands.outcome import run

    run(lambda: _inspect(files, repo, as_json, why))


def _inspect(files: list[str], repo: Path | None, as_json: bool, why: bool) -> int:
    from kintsugi.app.settings import CodeSettings, ProgramSettings, read_room
    from kintsugi.capture.reading import Reading
    from kintsugi.capture.source import locator
    from kintsugi.commands.files import opened
    from kintsugi.commands.outcome import REFUSED
    from kintsugi.commands.voice import say

    located = locator(repo or read_room(CodeSettings).repo, sha=read_room(ProgramSettings).build_sha)
    found = 0
    for file in files:
        with opened(file) as stream:
            reading = Reading("standard input" if file == "-" else file, stream)
            for report in reading.reports():
                _show(file, report.with_failure(located(report.failure)), as_json, why)
        if not reading.failures:
            say(reading.says_nothing, err=True)
        found += reading.failures
    return 0 if found else REFUSED


def _show(file: str, report: Report, as_json: bool, why: bool) -> None:
    from datetime import UTC, datetime

    from kintsugi.capture.build import build_payload, summary_of
    from kintsugi.commands.voice import say, say_json

    if as_json or why:
        payload = build_payload(report, root=None, opened_by="inspect", now=datetime.now(UTC))
        grouped = {"grouped_by": payload.incident.grouped_by} if why else {}
    if as_json:
        say_json(_facts(file, report, payload) | grouped)
    else:
        lines = f"{report.first_line}-{report.last_line}"
        said = f"{file}:{lines}: {report.failure.language}: {summary_of(report.failure)}"
        say(said + (f"\n    grouped by {payload.incident.grouped_by}" if why else ""))


def _facts(file: str, report: Report, payload: Payload) -> dict[str, Any]:
    failure = payload.exception
    assert failure is not None
    place = failure.innermost
    return {
        "file": file,
        "first_line": report.first_line,
        "last_line": report.last_line,
        "language": failure.language,
        "type": failure.final.type,
        "message": failure.final.message,
        "chain": [raised.type for raised in failure.chain],
        "place": f"{place.path}:{place.line}" if place else None,
        "frames": [frame.model_dump(mode="json") for raised in failure.chain for frame in raised.frames],
        "fingerprint": payload.incident.fingerprint,
        "log": list(payload.log),
    }
