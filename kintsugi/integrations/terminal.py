"""The Channel port on a terminal: one line for each move, and what is to be confirmed in full.

Text that others wrote is shown without secrets and without what a terminal would obey.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.segment import Segment
from rich.syntax import Syntax
from rich.text import Text

from kintsugi.telemetry.plain import plain, plain_diff, visible
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.patch import Evidence
from kintsugi.workflow.path import Mood, mood
from kintsugi.workflow.states import Effect, State

_MARKS = {
    Mood.GOOD: ("✔", "green"),
    Mood.BAD: ("✘", "red"),
    Mood.WAITS: ("■", "yellow"),
    Mood.MOVES: ("●", "cyan"),
}


class PlainConsole(Console):
    """A console whose colours are its own: what it is handed as text is only seen."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text), segment.style)


class Terminal:
    """Prints to `console`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: dict[int, int] = {}  # the last move of each incident

    async def announce(self, incident: Incident) -> None:
        """Of two moves that came close together, each announces the second: it is shown once."""
        if self._shown.get(incident.id) != incident.seq:
            self._shown[incident.id] = incident.seq
            self._show(incident)

    def _show(self, incident: Incident) -> None:
        mark, colour = mark_of(incident.state)
        line = Text.assemble((f"{mark} ", colour), (f"{incident.name} ", "bold"), (f"{incident.state.words}  ", colour))
        self._console.print(line.append(plain(incident.says)))

    async def ask(self, incident: Incident, token: str) -> None:
        self._console.print(confirmation(incident))
        self._console.print(f"To confirm: [bold]kintsugi confirm {escape(token)}[/]")

    def progress(self, incident: Incident, step: Effect, words: str) -> None:
        self._console.print(Text(f"  {incident.name} {step.words}: {plain(words)}", style="dim"))


def mark_of(state: State) -> tuple[str, str]:
    """A sign and a colour for a state."""
    return _MARKS[mood(state)]


def tier_of(evidence: Evidence) -> tuple[str, str]:
    """How strong the proof is, with its style."""
    return f"{evidence.tier.spoken}  ", "bold green" if evidence.tier.proves else "bold yellow"


def confirmation(incident: Incident) -> Panel:
    """Exactly what would be pushed, and why it is believed.

    What changes comes after what is new, and the proof last: on a terminal of 24 lines these are beside the question.
    """
    assert incident.patch and incident.evidence and incident.diagnosis
    diagnosis, evidence = incident.diagnosis, incident.evidence
    head = Text.assemble(
        (f"{plain(diagnosis.title)}\n", "bold"), plain(diagnosis.belief if diagnosis.by else diagnosis.cause)
    )
    diff = plain_diff(_changes_last(incident.patch.diff)).rstrip("\n")
    body = Syntax(diff, "diff", background_color="default", word_wrap=True)
    foot = Text.assemble(tier_of(evidence), plain(evidence.says))
    for flag in evidence.flags:
        foot.append(f"\n! {plain(flag)}", style="yellow")
    if incident.since_shown:
        foot.append(f"\n{plain(incident.since_shown)}", style="yellow")
    foot.append(f"\n{evidence.box}", style="dim")
    return Panel(Group(head, body, foot), title=f"{incident.name}: confirm this patch?", title_align="left")


def _changes_last(diff: str) -> str:
    """The files of a git diff, those that are new first."""
    files = re.split(r"(?m)^(?=diff --git )", diff)
    return "".join(sorted(files, key=lambda each: "\n--- /dev/null\n" not in each))


async def agreed(console: Console, question: str) -> bool:
    """A yes or a no from the terminal; Enter is yes, and so is the end of the input. Asks again for anything else."""
    while True:
        console.print(Text.assemble(f"{question} ", ("[Y/n] ", "bold magenta")), end="")
        line = await typed_line()
        answer = line.strip().lower()
        if answer in ("", "y", "yes"):
            return True
        if answer in ("n", "no"):
            return False
        console.print(Text("Type yes or no.", style="yellow"))


async def typed_line() -> str:
    """A line from the terminal; "" at its end. Ctrl+C ends the wait at once, which no thread that reads would allow."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_reader(sys.stdin, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(sys.stdin)
    return sys.stdin.readline()
