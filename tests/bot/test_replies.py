"""Sentences and embeds: how they read."""

from __future__ import annotations

from dataclasses import replace

import discord
import pytest

from kintsugi.bot import About, card, replies
from kintsugi.bot.status import Answered
from kintsugi.bot.text import cut, quiet
from kintsugi.workflow.history import Step
from kintsugi.workflow.states import State
from tests.world.make import MERGE, NOON, a_deployment, a_pull_request, an_incident


def test_markdown_of_others_is_shown_as_it_was_written():
    assert quiet("# a\n- b\n1. c") == "\\# a\n\\- b\n1\\. c"
    assert quiet("**x** _y_ ~~z~~ ||w|| `v`") == r"\*\*x\*\* \_y\_ \~\~z\~\~ \|\|w\|\| \`v\`"
    assert quiet("https://evil.example") == r"https\://evil.example"
    assert quiet("KeyError: 'percent'") == "KeyError: 'percent'"


def test_what_is_cut_ends_within_its_limit_and_with_no_half_escape():
    assert cut("😀" * 10, 11) == "😀" * 4 + " …"
    assert cut("\\*" * 10, 11) == "\\*" * 4 + " …"


@pytest.mark.parametrize(
    ("answers", "missing", "like"),
    [
        (True, (), State.HEALED),
        (None, (), State.HEALED),
        (True, ("No worker is running.",), State.AWAITING_CONFIRM),
        (False, ("No worker is running.",), State.STUCK),
    ],
)
def test_the_colour_of_a_status_is_good_where_nothing_is_missing(
    answers: bool | None,
    missing: tuple[str, ...],
    like: State,
):
    found = [Answered("database", True, 1, "answers"), Answered("model", answers, 1, "says")]

    status = replies.status(About("test", "", NOON), found, NOON, missing)

    assert status.embed().colour == discord.Colour(replies.colour_of(like))


def test_a_link_is_made_of_plain_addresses_only():
    opened = an_incident(State.PR_OPENED, pull_request=a_pull_request(url="https://github.com/shop/checkout/pull/41"))
    odd = replace(opened, pull_request=a_pull_request(url="https://x.example/)[pay](https://evil.example"))

    assert (
        "[pull request #41](https://github.com/shop/checkout/pull/41)"
        in replies.incident(opened, [], []).embed().description
    )  # type: ignore[operator]
    assert "evil" not in (replies.incident(odd, [], []).embed().description or "")


def test_a_card_leads_to_the_report_the_fix_the_deployment_and_the_page():
    found = an_incident(
        State.DEPLOYED,
        page="https://acme.sentry.io/issues/7/events/1f/",
        pull_request=a_pull_request(url="https://github.com/shop/checkout/pull/41"),
        deployment=a_deployment(page="https://railway.com/project/p/service/s?id=d1"),
    )
    odd = replace(found, page="https://x.example/)[pay](https://evil.example", pull_request=a_pull_request(number=0))

    says, oddly = (
        card.card(each, "https://kintsugi.example/incidents/{}").embed().description or "" for each in (found, odd)
    )

    assert "[report at acme.sentry.io](https://acme.sentry.io/issues/7/events/1f/)" in says
    assert "[pull request #41](https://github.com/shop/checkout/pull/41)" in says
    assert f"runs `{MERGE[:12]}` · [deployment](https://railway.com/project/p/service/s?id=d1)" in says
    assert "[page of INC-1](https://kintsugi.example/incidents/1)" in says
    assert "evil" not in oddly
    assert "commit c0ffee0" in oddly


def test_the_history_says_nothing_twice():
    steps = [
        Step(1, "Captured", "new", State.CAPTURED, "discord:alice (4001)", NOON, "x"),
        Step(2, "ConfirmationAsked", "awaiting_confirm", State.AWAITING_CONFIRM, "kintsugi", NOON, "x", 3, 1.5, 0.02),
    ]

    (_, history) = replies.incident(an_incident(State.CAPTURED), steps, []).embed().fields

    assert (history.value or "").split("\n") == [
        f"<t:{int(NOON.timestamp())}:f> **captured** · alice",
        f"<t:{int(NOON.timestamp())}:t> **awaiting confirmation** · confirmation asked · 3 tries · $0.0200",
    ]


def test_a_file_that_is_too_large_keeps_its_end():
    reply = replies.said("\n".join(["x" * 1000] * 9000 + ["the end\n"]))

    raw = reply.file().fp.read()

    assert len(raw) < 8 * 2**20 + 100
    assert raw.startswith(b"[the beginning was cut]")
    assert raw.endswith(b"the end\n")


def test_of_too_many_log_lines_the_newest_are_kept_whole_and_the_rest_is_counted():
    reply = replies.logs(["x" * 1000] * 9000 + ["the end"])

    raw = reply.file().fp.read()

    assert len(raw) <= 8 * 2**20
    assert raw.endswith(b"the end\n")
    assert "before them are too much for a file" in reply.text
