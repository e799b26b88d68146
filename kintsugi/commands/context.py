"""`kintsugi context`: what the model would be shown of the code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from kintsugi.commands.voice import say_json

if TYPE_CHECKING:
    from kintsugi.repair.context import Context
    from kintsugi.workflow.payload import Failure, Payload


def context(
    repo: Annotated[Path, typer.Option(help="The repository or folder the program was built from.")],
    traceback: Annotated[
        str | None, typer.Argument(metavar="TRACEBACK", help="A traceback or log; - is standard input.")
    ] = None,
    words: Annotated[str, typer.Option("--words", help="What somebody reports, where nothing crashed.")] = "",
    tokens: Annotated[int, typer.Option(min=100, max=1_000_000, help="The budget, at 4 characters a token.")] = 8000,
    as_json: Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")] = False,
) -> None:
    """What the model would be shown of the code for a failure, most important first.

    With --words, code is found by the words of a report; a TRACEBACK beside it is the log of that time.
    Exit status 2 if the input holds no failure or REPO is not a folder. With --json: `{"regions": [{"path",
    "start", "end"}], "text": …}`.

    Example: `kintsugi context --repo . crash.log --tokens 4000`
    """
    from kintsugi.commands.outcome import run

    run(lambda: _show(_Asked(traceback, words), repo, tokens, as_json))


class _Asked(NamedTuple):
    file: str | None
    words: str


def _show(asked: _Asked, repo: Path, tokens: int, as_json: bool) -> None:
    from kintsugi.commands.outcome import UsageError
    from kintsugi.repair.context import ContextError, build_context
    from kintsugi.telemetry.plain import visible

    try:
        found = build_context(_in_words(asked) if asked.words else _failure(asked.file, repo), repo, tokens=tokens)
    except ContextError as error:
        raise UsageError(str(error)) from error
    if as_json:
        say_json(_facts(found))
    else:
        sys.stdout.write(visible(found.text))


def _failure(file: str | None, repo: Path) -> Failure:
    from kintsugi.capture import locate, read_failure, read_text
    from kintsugi.commands.files import read_bytes
    from kintsugi.commands.outcome import UsageError

    if file is None:
        raise UsageError("Give a TRACEBACK, or --words where nothing crashed.")
    failure = read_failure(read_text(read_bytes(file)))
    if failure is None:
        raise UsageError("There is no failure in this text. Give a traceback or a log that holds one, or --words.")
    return locate(failure, repo)


def _in_words(asked: _Asked) -> Payload:
    from datetime import UTC, datetime

    from kintsugi.capture import read_text
    from kintsugi.capture.build import payload_in_words
    from kintsugi.capture.text import split_lines
    from kintsugi.commands.files import read_bytes

    log = list(split_lines(read_text(read_bytes(asked.file)))) if asked.file else []
    return payload_in_words(asked.words, log=log, opened_by="cli", now=datetime.now(UTC))


def _facts(found: Context) -> dict[str, object]:
    regions = [{"path": region.path, "start": region.start, "end": region.end} for region in found.regions]
    return {"regions": regions, "text": found.text}
