"""`kintsugi context`: what the model would be shown of the code."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from repair.context import Context

UNUSABLE = 2


def context(
    traceback: Annotated[
        str, typer.Argument(metavar="TRACEBACK", help="A file with a traceback or log; - reads standard input.")
    ],
    repo: Annotated[Path, typer.Option(help="The repository or folder the program was built from.")],
    tokens: Annotated[int, typer.Option(min=200, max=200_000, help="The budget, at 4 characters a token.")] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="Print {regions: [{path, start, end}], text}.")] = False,
) -> None:
    """Shows the source a model would see for a failure, most important first.

    Exit status 2 where there is no failure in the input, or no repository.

    Example: kintsugi context --repo . crash.log --tokens 4000
    """
    from capture import CaptureError
    from repair.sources import ContextError

    try:
        found = _context(traceback, repo, tokens)
    except (CaptureError, ContextError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(UNUSABLE) from error
    typer.echo(_as_json(found) if as_json else found.text)


def _context(file: str, repo: Path, tokens: int) -> Context:
    from capture import CaptureError, locate, read_failure, read_text
    from repair.context import build_context

    failure = read_failure(read_text(_bytes(file)))
    if failure is None:
        raise CaptureError("There is no failure in this text. Give a traceback, or a log that holds one.")
    return build_context(locate(failure, repo), repo, tokens=tokens)


def _bytes(file: str) -> bytes:
    from capture import CaptureError

    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise CaptureError(f"Cannot read {file}: {error.strerror}.") from error


def _as_json(found: Context) -> str:
    regions = [{"path": region.path, "start": region.start, "end": region.end} for region in found.regions]
    return json.dumps({"regions": regions, "text": found.text})
