"""`kintsugi context`: what the model would be shown of the code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kintsugi.commands.voice import say_json

if TYPE_CHECKING:
    from kintsugi.repair.context import Context


def context(
    traceback: Annotated[str, typer.Argument(metavar="TRACEBACK", help="A traceback or log; - is standard input.")],
    repo: Annotated[Path, typer.Option(help="The repository or folder the program was built from.")],
    tokens: Annotated[int, typer.Option(min=100, max=1_000_000, help="The budget, at 4 characters a token.")] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")] = False,
) -> None:
    """What the model would be shown of the code for a failure, most important first.

    Exit status 2 where the input holds no failure or REPO is no folder. With --json: `{"regions": [{"path",
    "start", "end"}], "text": …}`.

    Example: `kintsugi context --repo . crash.log --tokens 4000`
    """
    from kintsugi.commands.outcome import run

    run(lambda: _show(traceback, repo, tokens, as_json))


def _show(file: str, repo: Path, tokens: int, as_json: bool) -> None:
    from kintsugi.capture import locate, read_failure, read_text
    from kintsugi.commands.files import read_bytes
    from kintsugi.commands.outcome import UsageError
    from kintsugi.repair.context import ContextError, build_context
    from kintsugi.telemetry.plain import visible

    failure = read_failure(read_text(read_bytes(file)))
    if failure is None:
        raise UsageError("There is no failure in this text. Give a traceback, or a log that holds one.")
    try:
        found = build_context(locate(failure, repo), repo, tokens=tokens)
    except ContextError as error:
        raise UsageError(str(error)) from error
    if as_json:
        say_json(_facts(found))
    else:
        sys.stdout.write(visible(found.text))


def _facts(found: Context) -> dict[str, object]:
    regions = [{"path": region.path, "start": region.start, "end": region.end} for region in found.regions]
    return {"regions": regions, "text": found.text}
