"""What several commands need: a desk, and an incident's number as people write it."""

from __future__ import annotations

import getpass
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from rich.text import Text

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.app.desk import Desk
from kintsugi.commands.outcome import UsageError
from kintsugi.integrations.terminal import PlainConsole, typed_line
from kintsugi.telemetry.plain import plain
from kintsugi.workflow import triggers as t
from kintsugi.workflow.asking import EVERYTHING, Asker, Requests
from kintsugi.workflow.errors import BadInput, Refusal
from kintsugi.workflow.ports import Receipt
from kintsugi.workflow.questions import Question
from kintsugi.workflow.typed import number_of

_UNKNOWN = "cli:unknown"


@asynccontextmanager
async def a_desk() -> AsyncIterator[Desk]:
    """A desk on the configured database."""
    async with Bootstrap.read().desk() as desk:
        yield desk


def incident_number(text: str) -> int:
    """7, INC-7, inc-7 or #7. Raises UsageError."""
    try:
        return number_of(text)
    except BadInput as error:
        raise UsageError(str(error)) from None


def is_number(digits: str) -> bool:
    """Whether this can be an incident's number: what a database can count to, in our own digits."""
    return digits.isascii() and digits.isdigit() and len(digits) <= 18


def actor() -> str:
    """Who types."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return _UNKNOWN


async def ask_for(kind: type[t.Command], incident: int, *, yes: bool = False, **given: Any) -> Receipt:
    """Have a human's command done; on a terminal after a question where it asks twice, unless `yes`. Raises Refusal."""
    bootstrap = Bootstrap.read()
    async with bootstrap.desk() as desk:
        return await ask_at(desk, bootstrap.requests(desk), kind, incident, yes=yes, **given)


async def ask_at(
    desk: Desk, requests: Requests, kind: type[t.Command], incident: int, *, yes: bool = False, **given: Any
) -> Receipt:
    """`ask_for`, at a desk that is open."""
    command = kind(incident=incident, key=new_key(), at=desk.clock.now(), actor=actor(), **given)
    if not yes and at_a_terminal() and (question := await requests.question(asker(), command)):
        await agreed_to(question)
    receipt = await requests.ask(asker(), command, sure=True)
    assert isinstance(receipt, Receipt)
    return receipt


async def agreed_to(question: Question) -> None:
    """Show what will happen and wait for a yes. Raises Refusal for anything else."""
    console = PlainConsole(highlight=False)
    console.print(Text(plain(question.title), style="bold"))
    for name, value in question.facts:
        console.print(Text(f"  {name}: {plain(value)}"))
    lines = (*question.lines, *question.diff.splitlines())
    for line in (question.heading, *(f"  {plain(line)}" for line in lines)):
        console.print(Text(line)) if line else None
    for warning in question.warnings:
        console.print(Text(f"! {plain(warning)}", style="yellow"))
    console.print(Text(f"{plain(question.button)}? [y/N] "), end="")
    if (await typed_line()).strip().lower() not in ("y", "yes"):
        raise Refusal("Nothing was done.")


def at_a_terminal() -> bool:
    """Whether somebody can answer. Standard input may be closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def asker() -> Asker:
    """Who types: whoever may read the settings may do what they allow."""
    return Asker(actor(), EVERYTHING, named=actor() != _UNKNOWN)


def new_key() -> str:
    """The identity of something typed: each time it is typed, it is something new."""
    return f"cli:{uuid.uuid4()}"
