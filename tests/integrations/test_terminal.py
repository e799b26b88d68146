"""What a terminal shows of text that others wrote."""

import io

from rich.console import Console

from kintsugi.integrations.terminal import Terminal, confirmation
from kintsugi.workflow.states import Effect, State
from tests.world.make import a_diagnosis, a_patch, an_evidence, an_incident

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


async def test_on_a_small_terminal_the_fix_is_in_sight_beside_the_question():
    """On 80 by 24, with a regression test in the patch that would fill the screen."""
    fix = "diff --git a/shop.py b/shop.py\n--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-price = 1\n+price = 2\n"
    lines = "".join(f"+    assert total({number}) == {number}\n" for number in range(30))
    new = f"diff --git a/tests/test_shop.py b/tests/test_shop.py\n--- /dev/null\n+++ b/tests/test_shop.py\n@@ -0,0 +1,30 @@\n{lines}"
    page = io.StringIO()
    incident = an_incident(State.AWAITING_CONFIRM, patch=a_patch(diff=fix + new), evidence=an_evidence())

    Console(file=page, width=80).print(confirmation(incident))

    in_sight = page.getvalue().splitlines()[-23:]  # the last line is the question's
    assert any("+price = 2" in line for line in in_sight)
    assert any("E2 (failed before, passes now)" in line for line in in_sight)
    assert page.getvalue().count("assert total(") == 30


async def test_what_is_to_be_confirmed_is_shown_whole_with_its_token():
    page = await shown()

    assert "confirm this patch?" in page
    assert "red to green" in page
    assert "kintsugi confirm 1-token" in page


async def test_a_move_that_is_announced_twice_has_one_line():
    page = io.StringIO()
    terminal = Terminal(Console(file=page, width=200))

    for seq, id in ((4, 1), (4, 1), (4, 2), (5, 1)):
        await terminal.announce(an_incident(State.HEALED, id=id, seq=seq, says="It works."))

    assert page.getvalue().count("It works.") == 3
