"""Somebody's words become an incident."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from kintsugi.app.bootstrap import Bootstrap
from kintsugi.capture import read_text
from kintsugi.capture.recent import RecentFailure, recent_failures
from kintsugi.capture.text import split_lines
from kintsugi.commands.capture import tell
from kintsugi.commands.common import actor, at_a_terminal, new_key
from kintsugi.commands.files import read_bytes
from kintsugi.commands.voice import say
from kintsugi.integrations.terminal import typed_line

_PATIENCE = 30.0  # seconds for finding places: somebody waits at the terminal


class Told(NamedTuple):
    """What somebody says is wrong, which failure of the log they say it is about, and where they say it lies."""

    words: str
    about: str = ""
    place: str = ""


async def report(told: Told, log: str, repo: Path | None, dry_run: bool) -> None:
    """Print the incident's id. `log`: a file, - for standard input, "" for none."""
    bootstrap = Bootstrap.read()
    lines = list(split_lines(read_text(read_bytes(log)))) if log else []
    if not told.about:
        _offer(recent_failures(lines))
    if not (told.about or told.place):
        told = told._replace(
            place=await _pointed_at(await bootstrap.places(repo).likely(told.words, patience=_PATIENCE))
        )
    async with bootstrap.desk() as desk:
        intake = bootstrap.intake(desk, repo, dry_run=dry_run)
        about, place = told.about, told.place
        tell(await intake.told(told.words, key=new_key(), actor=actor(), log=lines, about=about, place=place))


def _offer(failures: Sequence[RecentFailure]) -> None:
    if failures:
        say("The log holds failures. If what you report is about one of them, give --about:", err=True)
    for each in failures:
        say(f"  {each.id}  {each.summary}", err=True)


async def _pointed_at(places: Sequence[str]) -> str:
    """The place that somebody at the terminal chose; "" where nobody did."""
    if not places:
        return ""
    say("Most likely here, by your words:", err=True)
    for number, each in enumerate(places, 1):
        say(f"  {number}  {each}", err=True)
    if not at_a_terminal():
        return ""
    say(f"Is it one of these? [1-{len(places)}, or Enter if you do not know]", err=True)
    chosen = (await typed_line()).strip()
    by_number = dict(zip(map(str, range(1, len(places) + 1)), places, strict=True))
    return by_number.get(chosen, "")
