"""Arguments and options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

IncidentId = Annotated[str, typer.Argument(metavar="ID", help="The incident's number: 7 or INC-7.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the history.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask, even on a terminal.")]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]
