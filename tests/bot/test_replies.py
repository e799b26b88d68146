"""Whatever goes in, what comes out fits Discord's limits, pings nobody and holds no secret."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot import replies
from bot.replies import Reply
from bot.words import cut, length, quiet
from tests.world.make import NOON, a_diagnosis, a_pull_request, an_incident
from workflow.engine import Receipt
from workflow.ports import Step
from workflow.words import State

SECRET = "ghp_" + "a1B2" * 9
texts = st.one_of(
    st.text(max_size=5000),
    st.sampled_from(["@everyone " * 400, "\\" * 5000, "`" * 5000, "😀" * 3000, f"x {SECRET} " * 50, "**@here** <@1>"]),
)


def fits(reply: Reply) -> bool:
    shown = reply.text
    if reply.card:
        embed = reply.embed()
        assert len(embed) <= 6000
        assert length(embed.title or "") <= 256
        assert length(embed.description or "") <= 4096
        assert len(embed.fields) <= 25
        assert all(length(field.name or "") <= 256 and 0 < length(field.value or "") <= 1024 for field in embed.fields)
        shown += (embed.description or "") + "".join(str(field.value) for field in embed.fields)
    everything = shown + (reply.attachment.text if reply.attachment else "")
    assert "a1B2a1B2" not in everything
    assert "@everyone" not in shown
    assert "@here" not in shown
    return length(reply.text) <= 2000


@settings(max_examples=40, deadline=None)
@given(texts, texts, st.sampled_from(list(State)))
def test_every_reply_fits_and_is_harmless(text: str, other: str, state: State):
    incident = an_incident(state, summary=text, opened_by=other)
    incident = incident.but(diagnosis=a_diagnosis(cause=other, explanation=text))
    step = Step(1, "Captured", "new", state, f"discord:{other}", NOON, text)

    assert fits(replies.incident(incident, [step] * 60, []))
    assert fits(replies.incidents([incident] * 20, 20))
    assert fits(replies.opened(Receipt("applied", incident)))
    assert fits(replies.opened(Receipt("counted", incident)))
    assert fits(replies.failed(text, "ERR-00000000"))


def test_markdown_of_others_is_shown_as_it_was_written():
    assert quiet("# a\n- b\n1. c") == "\\# a\n\\- b\n1\\. c"
    assert quiet("**x** _y_ ~~z~~ ||w|| `v`") == r"\*\*x\*\* \_y\_ \~\~z\~\~ \|\|w\|\| \`v\`"
    assert quiet("https://evil.example") == r"https\://evil.example"
    assert quiet("KeyError: 'percent'") == "KeyError: 'percent'"


def test_what_is_cut_ends_within_its_limit_and_with_no_half_escape():
    assert cut("😀" * 10, 11) == "😀" * 4 + " …"
    assert cut("\\*" * 10, 11) == "\\*" * 4 + " …"


def test_a_link_is_made_of_plain_addresses_only():
    opened = an_incident(State.PR_OPENED, pull_request=a_pull_request(url="https://github.com/shop/checkout/pull/41"))
    odd = replace(opened, pull_request=a_pull_request(url="https://x.example/)[pay](https://evil.example"))

    assert (
        "[pull request #41](https://github.com/shop/checkout/pull/41)"
        in replies.incident(opened, [], []).embed().description
    )  # type: ignore[operator]
    assert "evil" not in (replies.incident(odd, [], []).embed().description or "")


def test_the_history_says_nothing_twice():
    steps = [
        Step(1, "Captured", "new", State.CAPTURED, "discord:alice (4001)", NOON, "x"),
        Step(2, "ConfirmationAsked", "awaiting_confirm", State.AWAITING_CONFIRM, "kintsugi", NOON, "x", 3, 1.5, 0.02),
    ]

    (_, history) = replies.incident(an_incident(State.CAPTURED), steps, []).embed().fields

    assert (history.value or "").split("\n") == [
        "`11-23 12:00` **captured** · alice",
        "`11-23 12:00` **awaiting confirm** · confirmation asked · 3 tries · $0.0200",
    ]


def test_a_file_that_is_too_large_keeps_its_end():
    reply = replies.logs(["x" * 1000] * 9000 + ["the end"])

    raw = reply.file().fp.read()

    assert len(raw) < 8 * 2**20 + 100
    assert raw.startswith(b"[the beginning was cut]")
    assert raw.endswith(b"the end\n")
