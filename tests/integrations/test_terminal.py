"""What a terminal shows of text that others wrote."""

import io

from rich.console import Console

from kintsugi.integrations.terminal import Terminal
from kintsugi.workflow.states import Effect, State
from tests.world.make import a_diagnosis, a_patch, an_incident

HOSTILE = "\x1b[2J\x1b]0;owned\x07 [bold]not markup[/bold] \u202eabc password=" + "hunter2" + "hunter2"


async def shown(**changes: object) -> str:
    page = io.StringIO()
    terminal = Terminal(Console(file=page, width=200))
    incident = an_incident(State.AWAITING_CONFIRM, says=HOSTILE, **changes)
    await terminal.announce(incident)
    terminal.progress(incident, Effect.DIAGNOSE, HOSTILE)
    await terminal.ask(incident, "1-token")
    return page.getvalue()


async def test_nothing_a_terminal_would_obey_and_no_secret_gets_through():
    page = await shown(diagnosis=a_diagnosis(cause=HOSTILE, title=HOSTILE), patch=a_patch(diff=f"+{HOSTILE}\n"))

    assert "\x1b" not in page
    assert "\x07" not in page
    assert "\u202e" not in page
    assert "[bold]not markup[/bold]" in page
    assert "hunter2" not in page


async def test_what_is_to_be_confirmed_is_shown_whole_with_its_token():
    page = await shown()

    assert "confirm this patch?" in page
    assert "red to green" in page
    assert "kintsugi confirm 1-token" in page
