"""Whatever an incident holds: nothing shown or logged of it holds a secret, pings anybody, or is too much for Discord."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from kintsugi.bot import card, replies
from kintsugi.bot.card import Act, Post, Work
from kintsugi.bot.offers import offered, offered_tokens
from kintsugi.bot.replies import Reply
from kintsugi.bot.status import Answered
from kintsugi.bot.text import length
from kintsugi.telemetry.lines import LineFormatter
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Incident, Stuck
from kintsugi.workflow.patch import Run
from kintsugi.workflow.ports import Owed, Receipt, Rollout
from kintsugi.workflow.states import Effect, State
from tests.world.make import NOON, TOKEN, a_deployment, a_diagnosis, a_patch, a_pull_request, an_evidence, an_incident

SECRET = "ghp" + "_" + "a1B2" * 9
LEFT = "a1B2a1B2"  # of a secret that was only cut or taken apart

_CODE = re.compile(r"^```diff\n.*?\n```$", re.DOTALL | re.MULTILINE)  # as Discord ends it: at the first fence

fragments = st.sampled_from(
    [
        SECRET, f"{SECRET[:20]}\x1b[31m{SECRET[20:]}\x1b[0m", f"{SECRET[:20]}\u200b{SECRET[20:]}", f"password={SECRET}",
        f"https://u:{SECRET}@h.example/x", "@everyone", "@here", "@\u200beveryone", "@ev\u200beryone", "<@4001>", "<@&2101>",
        "<#3001>", "</debug confirm-fix:1>", "```", "``", "`", "||", "**", "__", "~~", "> ", "# ", "- ", "1. ", "\n", "\r\n",
        "\\", "\\`", "[pay](https://evil.example)", "https://evil.example", "discord.gg/x", "\u202eevil", "\u200d", "\x00", "\x07",
        "\ud800", "😀" * 40, "é", "x" * 300, "word ", " ", "a" * 2100, "\n" * 40, "token:1-" + "0f" * 16 + "`", "**Work on INC-1**",
    ]
)  # fmt: skip
texts = st.lists(fragments | st.text(max_size=20), max_size=6).map("".join)


def a_services(address: str) -> str:
    """Its own, which is meant to be linked to: no text's."""
    return address.replace("https://evil", "https://host")


@st.composite
def incidents(draw: st.DrawFn) -> Incident:
    def text() -> str:
        return draw(texts)

    incident = an_incident(draw(st.sampled_from(list(State))), summary=text(), opened_by=text())
    changes = {
        "says": text(),
        "diagnosis": a_diagnosis(cause=text(), explanation=text(), title=text()),
        "patch": a_patch(diff=text(), base=text(), tree=text()),
        "evidence": replace(
            an_evidence(),
            says=text(),
            box=text(),
            red=Run((text(),), 1, 0.2, text()),
            flags=(text(),) * draw(st.integers(0, 5)),
        ),
        "pull_request": a_pull_request(url=a_services(text())),
        "deployment": a_deployment(running=text(), url=a_services(text())),
        "stuck": Stuck(State.MERGED, Effect.DEPLOY, text()),
        "ask": an_incident(State.AWAITING_CONFIRM).ask,
    }
    return replace(incident, **{name: value for name, value in changes.items() if draw(st.booleans())})


def everything_shown(incident: Incident, other: str) -> Iterator[Reply]:
    step = Step(1, "Captured", "new", incident.state, f"discord:{other}", NOON, other)
    owes = Owed("1:deploy:1", 1, Effect.DEPLOY, 1, "pending", 3, NOON, other)
    yield card.card(incident)
    yield card.work(incident, Work(Effect.DIAGNOSE, other, NOON, 2))
    yield card.work_is_over(incident)
    yield card.question_is_over(incident)
    yield card.proof(incident)
    yield card.diff(incident)
    if incident.patch and incident.ask:
        yield card.question(incident, TOKEN)
        yield card.preview(incident, TOKEN)
        yield card.preview(incident, None)
    yield replies.incident(incident, [step] * 60, [owes] * 3)
    yield replies.incidents([incident] * 20, 20)
    yield replies.opened(Receipt("applied", incident))
    yield replies.moved(Receipt("applied", incident))
    yield replies.failed(other, "ERR-00000000")
    yield replies.deployment(other, Rollout(a_deployment(url=a_services(other)), True, other), asked=True)
    yield replies.status(ABOUT, [Answered("model", False, 3, other)] * 5, NOON + timedelta(minutes=3))


ABOUT = replies.About("test", "c0ffee0", NOON, lambda: 3, lambda: NOON)


@settings(max_examples=40)
@given(incidents(), texts)
def test_nothing_that_is_shown_holds_a_secret_or_a_mention_or_is_too_much(incident: Incident, other: str):
    for reply in everything_shown(incident, other):
        shown = list(parts_of(reply))
        for part in shown:
            assert LEFT not in part
            assert "@everyone" not in part
            assert "@here" not in part
            outside = _CODE.sub("", part)
            assert "```" not in outside
            assert not re.search(r"(?<!\\)<(?:@[!&]?|#)\d|\]\(https://evil", outside)
        assert LEFT not in (reply.attachment.text if reply.attachment else "")
        assert fits(reply)


@settings(max_examples=40)
@given(incidents(), texts)
def test_names_and_choices_fit_and_are_harmless(incident: Incident, other: str):
    name = card.thread_name(replace(incident, summary=other))
    choices = [*offered([replace(incident, summary=other)], ""), *offered_tokens([(incident, TOKEN)], "")]

    assert 1 <= length(name) <= 100
    assert "\n" not in name
    assert "@everyone" not in name
    for shown in (name, *(choice.name for choice in choices)):
        assert LEFT not in shown
        assert 1 <= length(shown) <= 100


@settings(max_examples=30)
@given(texts)
def test_after_a_restart_the_token_is_read_from_its_question_whatever_the_patch_says(diff: str):
    incident = an_incident(State.AWAITING_CONFIRM, patch=a_patch(diff=f"token:1-{'ab' * 16}`{diff}"))

    assert card.token_in(card.question(incident, TOKEN).text) == TOKEN


@settings(max_examples=40)
@given(incidents(), texts)
def test_no_log_line_about_an_incident_holds_a_secret(incident: Incident, other: str):
    record = logging.LogRecord("kintsugi.bot", 30, "", 0, "refused: %s", (incident,), None)
    record.__dict__["why"] = other
    record.__dict__["nested"] = {"incident": incident}

    line = LineFormatter().format(record)

    assert LEFT not in line
    assert json.loads(line)["level"] == "WARNING"


def parts_of(reply: Reply) -> Iterator[str]:
    """Everything that Discord renders."""
    yield reply.text
    if reply.card:
        embed = reply.embed()
        yield from (embed.title or "", embed.description or "")
        yield from (part for field in embed.fields for part in (field.name or "", field.value or ""))
    if isinstance(reply, Post):
        yield from (button.label for button in reply.buttons)
    if reply.attachment:
        yield reply.attachment.name


def fits(reply: Reply) -> bool:
    """Discord's limits: https://discord.com/developers/docs/resources/message#embed-object-embed-limits."""
    embed = reply.embed() if reply.card else None
    buttons = reply.buttons if isinstance(reply, Post) else ()
    assert length(reply.text) <= 2000
    assert reply.text or embed or reply.attachment
    assert all(length(button.label) <= 80 and length(button.custom_id) <= 100 for button in buttons)
    assert len(buttons) <= 25
    assert len({button.custom_id for button in buttons}) == len(buttons)
    if embed:
        assert sum(map(length, parts_of(replace(reply, text="", attachment=None)))) <= 6000
        assert length(embed.title or "") <= 256
        assert length(embed.description or "") <= 4096
        assert all(
            1 <= length(field.name or "") <= 256 and 1 <= length(field.value or "") <= 1024 for field in embed.fields
        )
    return True


def test_the_words_of_buttons_never_change_as_they_lie_in_messages_of_years_ago():
    assert {act.name: act.value for act in Act} == {
        "CONFIRM": "confirm", "TOKEN": "token", "REJECT": "reject", "DIFF": "diff", "PROOF": "proof", "RETRY": "retry",
        "HISTORY": "history", "HINT": "hint", "ACK": "ack", "REOPEN": "reopen",
    }  # fmt: skip
