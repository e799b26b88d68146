"""What an incident looks like in its channel and thread, as pure functions: the card, the work, the question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import discord

from kintsugi.bot.replies import Attachment, Card, Reply, colour_of, line_of, more_of, report_of, said, times, who
from kintsugi.bot.text import cut, one_line, quiet, short
from kintsugi.telemetry.plain import plain, plain_diff
from kintsugi.workflow.asking import Rules
from kintsugi.workflow.doing import can, doing
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.patch import Evidence
from kintsugi.workflow.questions import Question
from kintsugi.workflow.states import ENDED, MAIN_LINE, Effect, State

_THREAD_NAME = 100
_CALLED = 10  # incidents that are named in one call
_SHOWN_DIFF, _SINCE_SHOWN, _SHOWN_FLAGS = 800, 300, 3
_FOLDERS = re.compile(r"^\S*/(?=[^\s/]+: )")  # of the file that a flag begins with
_FENCE = "\u200b`\u200b`\u200b`"  # three back-ticks that end no code block


class Act(StrEnum):
    """What a button does. The words are in custom ids on Discord's side: they never change their meaning."""

    CONFIRM = "confirm"
    TOKEN = "token"  # noqa: S105  # a word
    REJECT = "reject"
    DIFF = "diff"
    PROOF = "proof"
    RETRY = "retry"
    HINT = "hint"  # retry, after a form that asks for a hint
    ACK = "ack"
    REOPEN = "reopen"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Button:
    """A button as a value. `custom_id` is all that a later version needs to know of it."""

    label: str
    custom_id: str
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


@dataclass(frozen=True, slots=True)
class Post(Reply):
    """A reply, or a message of the channel, with buttons under it."""

    buttons: tuple[Button, ...] = ()

    def view(self) -> discord.ui.View | None:
        """The buttons, as discord.py sends them. What they do is found by their custom ids, not by this object."""
        if not self.buttons:
            return None
        view = discord.ui.View(timeout=None)
        for button in self.buttons:
            view.add_item(discord.ui.Button(label=button.label, custom_id=button.custom_id, style=button.style))
        view.stop()  # or discord.py would keep it, and wait for taps on it
        return view


@dataclass(frozen=True, slots=True)
class Work:
    """A step under way: what was last heard of it, since when it runs, and which try it is."""

    step: Effect
    words: str
    since: datetime
    attempt: int = 1


def custom_id(act: Act, incident: int) -> str:
    return f"kintsugi:{act}:{incident}"


def is_card_of(incident: int, custom_ids: frozenset[str]) -> bool:
    """Whether a message with these buttons is the card of this incident."""
    return custom_id(Act.HISTORY, incident) in custom_ids


def card(incident: Incident, pages: str = "", debug: str = "debug") -> Post:
    """The one message of an incident in its channel: what one needs, in the order in which one needs it.

    `pages` is an address with {} for the incident's number.
    """
    fields = [("Now", one_line(doing(incident), 600))]
    if incident.reproduction:
        fields.append(("The failing call", one_line(incident.reproduction.words, 300)))
    if incident.diagnosis:
        fields.append(("Cause", f"{one_line(incident.diagnosis.cause, 600)}\n{_belief(incident)}"))
    if what := _you_can(incident, debug):
        fields.append(("You can", what))
    fields.append(("Path", path_of(incident)))
    shown = Card(
        f"{incident.name} · {incident.state.words}",
        _first_of_all(incident, pages),
        colour_of(incident.state),
        tuple(fields),
    )
    return Post(card=shown, buttons=_buttons(incident))


def _first_of_all(incident: Incident, pages: str) -> str:
    """What broke, for how many, since when, how bad, who has it; and where to read on."""
    people = f" by {incident.people} {'person' if incident.people == 1 else 'people'}" if incident.people else ""
    first = f"first {_ago(incident.opened_at)}"
    last = f", last {_ago(incident.last_seen)}" if incident.last_seen and incident.count > 1 else ""
    rating = incident.rating
    lines = [
        f"**{cut(quiet(incident.summary), 400)}**",
        f"{times(incident.count)}{people}, {first}{last}",
        f"severity **{rating.severity}**: {one_line(rating.why, 120)}",
        _who_has_it(incident),
        f"opened by {who(incident.opened_by)}",
        report_of(incident),
        *more_of(incident),
        *([f"[page of {incident.name}]({pages.format(incident.id)})"] if pages else []),
    ]
    return "\n".join(line for line in lines if line)


def _who_has_it(incident: Incident) -> str:
    if incident.holder:
        since = f", since {_ago(incident.acknowledged_at)}" if incident.acknowledged_at else ""
        return f"**{who(incident.holder)}** has it{since}"
    return "" if incident.ended else "nobody has it yet"


def _you_can(incident: Incident, debug: str) -> str:
    more = f"`/{debug} ack`, `note`, `severity`, `fixed`" if not incident.ended else ""
    said = can(incident)
    return "\n".join(line for line in (f"{said[:1].upper()}{said[1:]}." if said else "", more) if line)


def _ago(at: datetime) -> str:
    """In the reader's own zone and words."""
    return f"<t:{int(at.timestamp())}:R>"


def path_of(incident: Incident) -> str:
    """The main line, as far as the incident got; a siding is named at its end."""
    return line_of(incident.state, _reached(incident))


def thread_name(incident: Incident) -> str:
    """INC-7 and the beginning of its summary: Discord shows no markdown here, and mentions nobody."""
    summary = " ".join(plain(incident.summary).split()).replace("@", "@\u200b")
    return cut(f"{incident.name} {summary}", _THREAD_NAME)


def work(incident: Incident, under_way: Work) -> Post:
    """How a long step is getting on. Discord itself counts the time that has passed."""
    again = f" · try {under_way.attempt}" if under_way.attempt > 1 else ""
    again += f" · round {incident.rounds + 1}" if incident.rounds and under_way.step is Effect.DIAGNOSE else ""
    since = f"<t:{int(under_way.since.timestamp())}:R>"
    return Post(f"{work_mark(incident.id)}\n⏳ {under_way.step.words}{again} · {since}\n{_quoted(under_way.words)}")


def work_is_over(incident: Incident) -> Post:
    """What the message on the work says between two steps."""
    return Post(f"{work_mark(incident.id)}\nNothing is under way: {incident.state.words}.")


def work_mark(incident: int) -> str:
    """How the message on the work begins: by this it is found again."""
    return f"**Work on INC-{incident}**"


def call(incidents: Sequence[Incident], mention: str, debug: str = "debug") -> Post:
    """One message to those who are called, about one incident or many. `mention` is the one thing in it that pings."""
    lines = [
        f"**{each.name}** {each.rating.severity}: {one_line(each.summary, 120)} ({one_line(each.rating.why, 80)})"
        for each in incidents[:_CALLED]
    ]
    more = len(incidents) - _CALLED
    lines += [f"and {more} more: `/{debug} incidents`"] if more > 0 else []
    them = "its card" if len(incidents) == 1 else "a card"
    return Post(
        "\n".join([mention, *lines, f"Tap **I have it** on {them}, or `/{debug} ack`. Then nobody is called again."])
    )


def question(incident: Incident, token: str, debug: str = "debug") -> Post:
    """What exactly would be pushed, and the token that confirms it."""
    assert incident.ask
    until = int(incident.ask.expires_at.timestamp())
    lines = [
        f"{question_mark(incident.id)} It is open until <t:{until}:f>.",
        *_what_is_pushed(incident),
        "",
        f"Tap **Confirm**, or `/{debug} confirm-fix token:{token}`",
    ]
    return Post("\n".join(lines), attachment=diff_file(incident), buttons=_question_buttons(incident.id))


def question_is_over(incident: Incident) -> Post:
    """What is left of a question once it is answered or void."""
    return Post(f"{question_mark(incident.id)} This is over: the incident {incident.state.says}.")


def question_mark(incident: int) -> str:
    """How the question begins: by this it is found again."""
    return f"**INC-{incident}: push this patch?**"


def token_in(text: str) -> str | None:
    """The token in a question: the last one, as what stands above it is the patch's."""
    found = re.findall(r"token:(\d{1,18}-[0-9a-f]{32})`", text)
    return found[-1] if found else None


def preview(incident: Incident, token: str | None) -> Post:
    """The question once more, for the one who tapped: the patch with one last button."""
    lines = [f"**{incident.name}: exactly this will be pushed.**", *_what_is_pushed(incident)]
    sure = Button("Push this patch", f"kintsugi:push:{token}", discord.ButtonStyle.success)
    typed = Button("Enter the token", custom_id(Act.TOKEN, incident.id), discord.ButtonStyle.primary)
    return Post("\n".join(lines), attachment=diff_file(incident), buttons=(sure,) if token else (typed,))


def asked_again(question: Question, custom_id: str) -> Post:
    """What will happen, with the one button that lets it. Nothing does until it is tapped."""
    lines = [f"**{one_line(question.title, 200)}**"]
    lines += [f"{name}: {one_line(value, 250)}" for name, value in question.facts]
    lines += [question.heading] if question.heading else []
    lines += [f"- {one_line(line, 100)}" for line in question.lines]
    lines += [f"⚠️ {one_line(warning, 250)}" for warning in question.warnings]
    whole = said("\n".join(lines), "changes.txt")
    button = Button(cut(question.button, 80), custom_id, discord.ButtonStyle.danger)
    return Post(whole.text, attachment=whole.attachment, buttons=(button,))


def diff(incident: Incident) -> Post:
    """The patch, whole."""
    if incident.patch is None:
        return Post(f"{incident.name} {incident.state.says}: there is no patch.")
    return Post("\n".join(_what_is_pushed(incident)), attachment=diff_file(incident))


def proof(incident: Incident) -> Post:
    """Why the patch is believed: both runs, whole."""
    evidence = incident.evidence
    if evidence is None:
        return Post(f"{incident.name} {incident.state.says}: there is no proof.")
    says = f"{_tier(evidence)} {one_line(evidence.says, 500)}\n{one_line(evidence.box, 300)}"
    runs = [("BEFORE THE PATCH", evidence.red), ("WITH THE PATCH", evidence.green)]
    parts = ["\n".join(["TO LOOK AT", *evidence.flags, ""])] if evidence.flags else []
    parts += [
        f"{name}: {' '.join(run.command)}\nexit status {run.exit_status}, {run.seconds:.1f} s\n\n{run.output}\n"
        for name, run in runs
        if run
    ]
    file = Attachment(f"{incident.name}-proof.txt", plain("\n".join(parts))) if parts else None
    return Post(f"{says}{_flags(incident)}", attachment=file)


def diff_file(incident: Incident) -> Attachment:
    assert incident.patch
    return Attachment(f"{incident.name}.diff", plain_diff(incident.patch.diff))


def _what_is_pushed(incident: Incident) -> list[str]:
    assert incident.patch
    patch, evidence, diagnosis = incident.patch, incident.evidence, incident.diagnosis
    lines = [f"**{one_line(diagnosis.title or diagnosis.cause, 200)}**"] if diagnosis else []
    if diagnosis and diagnosis.by:
        lines.append(f"_{one_line(diagnosis.belief, 120)}_")
    lines.append(f"on commit `{short(patch.base)}`")
    if evidence:
        lines.append(f"{_tier(evidence)} {one_line(evidence.says, 200)}{_flags(incident)}")
    if incident.since_shown:
        lines.append(f"⚠️ {cut(quiet(incident.since_shown), _SINCE_SHOWN)}")
    return [*lines, code_block(patch.diff)]


def _flags(incident: Incident) -> str:
    """The first ones, by the names of their files: the folders would leave no room for what was changed."""
    flags = incident.evidence.flags if incident.evidence else ()
    shown = "".join(f"\n⚠️ {one_line(_FOLDERS.sub('', flag), 110)}" for flag in flags[:_SHOWN_FLAGS])
    more = len(flags) - _SHOWN_FLAGS
    return shown + (f"\n⚠️ and {more} more, in the proof" if more > 0 else "")


def code_block(text: str) -> str:
    """The beginning of a diff in a code block that nothing in it can end."""
    inside = plain_diff(text)
    inside = inside.replace("```", _FENCE).replace("@everyone", "@\u200beveryone").replace("@here", "@\u200bhere")
    return f"```diff\n{cut(inside, _SHOWN_DIFF)}\n```"


def _quoted(text: str) -> str:
    return f"> {one_line(text, 300)}" if text.strip() else ""


def _belief(incident: Incident) -> str:
    assert incident.diagnosis
    seen = incident.diagnosis.looked
    sure = quiet(cut(plain(incident.diagnosis.belief), 120)) + (f" · {seen}" if seen else "")
    if incident.evidence is None:
        return sure
    return f"{sure} · {_tier(incident.evidence)} {quiet(cut(plain(incident.evidence.says), 120))}"


def _tier(evidence: Evidence) -> str:
    return f"**{evidence.tier}** ({evidence.tier.words}):"


def _buttons(incident: Incident) -> tuple[Button, ...]:
    """Those that make sense now. History is always there: by it the card is found again."""
    id, names = incident.id, {row.name for row in Rules().offered(incident, incident.updated_at or incident.opened_at)}
    confirm, reject, *reading = _question_buttons(id)
    asking = {
        "confirm": confirm,
        "reject": reject,
        "ack": Button("I have it", custom_id(Act.ACK, id), discord.ButtonStyle.primary),
        "retry": Button("Retry", custom_id(Act.RETRY if incident.stuck else Act.HINT, id), discord.ButtonStyle.primary),
        "reopen": Button("Reopen", custom_id(Act.REOPEN, id)),
        "rollback": Button(
            f"Roll back to {_way_back(incident)}", f"kintsugi:way-back:{id}", discord.ButtonStyle.danger
        ),
    }
    names -= {"ack"} if incident.holder else set()
    shown = [button for name, button in asking.items() if name in names]
    return (*shown, *(reading if incident.patch else ()), Button("History", custom_id(Act.HISTORY, id)))


def _way_back(incident: Incident) -> str:
    """The commit that a rollback brings back."""
    return one_line(incident.taken_back.previous[:7], 10) if incident.taken_back else ""


def _question_buttons(id: int) -> tuple[Button, ...]:
    style = discord.ButtonStyle
    return (
        Button("Confirm…", custom_id(Act.CONFIRM, id), style.success),
        Button("Reject…", custom_id(Act.REJECT, id), style.danger),
        Button("Show diff", custom_id(Act.DIFF, id)),
        Button("Show proof", custom_id(Act.PROOF, id)),
    )


def _reached(incident: Incident) -> frozenset[State]:
    """The stations of the main line that what it gathered tells of."""
    if incident.state in MAIN_LINE:
        return frozenset(MAIN_LINE[: MAIN_LINE.index(incident.state) + 1])
    deployed = incident.deployment is not None
    gathered = {
        State.CAPTURED: incident.state is not State.STAGED,
        State.DIAGNOSED: incident.diagnosis is not None,
        State.AWAITING_CONFIRM: incident.patch is not None,
        State.CONFIRMED: bool(incident.confirmed_by),
        State.PR_OPENED: incident.pull_request is not None,
        State.MERGED: incident.merge_sha is not None,
        State.DEPLOYED: deployed,
        State.HEALED: incident.cure is not None and incident.state in ENDED,
    }
    return frozenset(state for state, there in gathered.items() if there)
