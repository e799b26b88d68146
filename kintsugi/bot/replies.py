"""Every sentence, embed and attachment, as pure functions. Whatever goes in, what comes out fits Discord's limits."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import discord

from kintsugi.bot import log_lines
from kintsugi.bot.needs import About
from kintsugi.bot.status import Answered
from kintsugi.bot.text import as_code, cut, length, one_line, quiet, short
from kintsugi.telemetry.plain import plain, plain_diff
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Deployment, Incident
from kintsugi.workflow.path import Mood, Station, mood, path
from kintsugi.workflow.people import name_of_person
from kintsugi.workflow.ports import Outcome, Owed, Receipt, Rollout
from kintsugi.workflow.production import Plan
from kintsugi.workflow.states import State

_TEXT, _TITLE, _DESCRIPTION, _NAME, _VALUE, _FIELDS = 2000, 256, 2000, 256, 900, 4  # an embed takes 6,000 in all
_LARGEST = 8 * 2**20  # bytes of an attachment; Discord takes 10 MiB
_PLACES = 3
_SAME_DAY = timedelta(hours=6)
_LISTED = 20  # commits
_ADDRESS = re.compile(r"https?://[\w.:/?&=%#~+-]+")
_COLOURS = {Mood.GOOD: 0x2E9E5B, Mood.BAD: 0xC0392B, Mood.WAITS: 0xD4A017, Mood.MOVES: 0x3A7CA5}
_OURSELVES = "kintsugi"
_MARKS = {True: "✅", False: "❌", None: "⚪"}


@dataclass(frozen=True, slots=True)
class Attachment:
    """A text file; of one that is too large, the end."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """An embed as a value."""

    title: str
    description: str = ""
    colour: int = _COLOURS[Mood.MOVES]
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What is shown. `text` is ready to be shown; text of others in it went through `quiet`."""

    text: str = ""
    card: Card | None = None
    attachment: Attachment | None = None

    def embed(self) -> discord.Embed:
        """The card, each part no longer than Discord takes."""
        assert self.card
        card = self.card
        embed = discord.Embed(
            title=cut(card.title, _TITLE), description=cut(card.description, _DESCRIPTION), colour=card.colour
        )
        for name, value in card.fields[:_FIELDS]:
            embed.add_field(name=cut(name, _NAME), value=cut(value, _VALUE) or "-", inline=False)
        return embed

    def file(self) -> discord.File:
        """The attachment. discord.py reads it once for each try, so it is made anew for each reply."""
        assert self.attachment
        raw = self.attachment.text.encode("utf-8", "replace")
        if len(raw) > _LARGEST:
            raw = b"[the beginning was cut]\n" + raw[-_LARGEST:].split(b"\n", 1)[-1]
        return discord.File(io.BytesIO(raw), filename=self.attachment.name)


def said(text: str, name: str = "reply.txt") -> Reply:
    """A text; of a long one the beginning, and all of it attached."""
    if length(text) <= _TEXT:
        return Reply(text)
    return Reply(cut(text, _TEXT), attachment=Attachment(name, text))


def failed(sentence: str, error_id: str) -> Reply:
    """No, and why; the id finds the log line."""
    return Reply(f"{cut(quiet(sentence), _TEXT - 100)} (`{error_id}`)")


def moved(receipt: Receipt) -> Reply:
    """What a command came to."""
    incident = receipt.incident
    ignored = f"\n{one_line(incident.ignored, 300)}." if incident.ignored else ""
    new = f" {one_line(receipt.says, 300)}" if incident.since < incident.seq else ""  # the state is as it was
    return Reply(f"**{incident.name}** {incident.state.says}.{new}{ignored}")


def under_way(receipt: Receipt, missing: Sequence[str] = ()) -> Reply:
    """Something that takes a while was begun; and what it would need."""
    incident = receipt.incident
    hints = "".join(f"\n⚠️ {each}" for each in missing)
    return Reply(f"**{incident.name}**: {_begun(incident)} Its card shows how it goes.{hints}")


def _begun(incident: Incident) -> str:
    if incident.rolling_back and incident.taken_back:
        return f"rolling back to `{short(incident.taken_back.previous)}` is under way."
    return f"{incident.state.words}; it is tried again."


def opened(receipt: Receipt, debug: str = "debug", missing: Sequence[str] = ()) -> Reply:
    """An incident was opened, or the failure counted on one that is open; and what its work would need."""
    incident = receipt.incident
    status = f"**{incident.name}** {incident.state.says}: {one_line(incident.summary, 300)}"
    hint = f"\nFollow it with `/{debug} incident id:{incident.id}`."
    if receipt.outcome == Outcome.COUNTED and incident.quiet:
        again = f"`/{debug} unignore id:{incident.id}` has it open incidents again."
        return Reply(f"**{incident.name}**: {one_line(incident.quiet.words, 300)}. {again}")
    if receipt.outcome == Outcome.COUNTED:
        return Reply(f"The same failure has an open incident. {status}{hint}")
    if incident.state is State.STAGED:
        hint = f"\nNothing was sent to the model. Send it with `/{debug} send id:{incident.id}`."
    return Reply(status + hint + "".join(f"\n⚠️ {each}" for each in missing))


def in_words(opened: Reply, places: Sequence[str], failures: int) -> Reply:
    """The same for a report in words: what it stands on, where its code is looked for, and what it may be about."""
    lines = ["No crash is behind it: its code is searched for by these words."]
    if places:
        lines.append("Most likely here: " + ", ".join(as_code(place, 100) for place in places[:_PLACES]))
    if failures:
        many = f"{failures} failures" if failures > 1 else "one failure"
        lines.append(f"The recent log holds {many}: if it is about one, report it with `about:`.")
    return replace(opened, text="\n".join([opened.text, *lines]))


def deployment(commit: str, rollout: Rollout, *, asked: bool) -> Reply:
    """How the newest commit stands in production."""
    under_way = "was deployed, but is not seen to run" if rollout.unseen else "is under way"
    stands = {None: under_way, True: "runs", False: "does not run"}[rollout.done]
    how = "" if asked or not rollout.done else " already"
    at = f" {_linked('there', rollout.deployment.url)}" if rollout.deployment.url else ""
    return Reply(f"`{short(commit)}` {stands}{how}.{at}\n{one_line(rollout.says, 500)}".strip())


def not_deployed(plan: Plan) -> Reply:
    """Whether the newest commit runs, as far as the program says, why not, and what is new in it."""
    commit = f"`{one_line(plan.commit[:12], 20)}`"
    unknown = f"Whether {commit} runs is not known: the program tells of no commit."
    runs = {True: f"{commit} runs, as the program says.", False: f"{commit} does not run.", None: unknown}
    return said(f"{runs[plan.runs_it]} {one_line(plan.says, 500)}{_instead_of(plan)}", "changes.txt")


def _instead_of(plan: Plan) -> str:
    """What runs in its place, and what is new since then."""
    if plan.runs_it is not False:
        return ""
    new = "".join(f"\n- {one_line(commit.title, 120)}" for commit in plan.changes[:_LISTED])
    return f" Now `{one_line(plan.running[:12], 20)}` runs." + (f" New since then:{new}" if new else "")


def logs(lines: Sequence[str], *, as_json: bool = False) -> Reply:
    """The last few in the message, and all that a file takes, newest last; they were redacted when they were kept."""
    if not lines:
        return Reply("No log line matches, of the newest that this process keeps.")
    written = list(lines) if as_json else log_lines.readable(lines)
    kept = _that_fit(written)
    many = f"{len(kept)} lines" if len(kept) > 1 else "One line"
    left_out = (
        f" The {len(written) - len(kept)} before them are too much for a file." if len(kept) < len(written) else ""
    )
    attachment = Attachment(f"kintsugi-logs.{'jsonl' if as_json else 'txt'}", "\n".join(kept) + "\n")
    return Reply(f"{many}, the newest last.{left_out}\n{log_lines.newest(lines)}".rstrip(), attachment=attachment)


def _that_fit(lines: Sequence[str]) -> list[str]:
    """The newest that an attachment takes."""
    left, kept = _LARGEST, list[str]()
    for line in reversed(lines):
        left -= len(line.encode("utf-8", "replace")) + 1
        if left < 0:
            break
        kept.append(line)
    return kept[::-1]


def status(about: About, found: Iterable[Answered], now: datetime, missing: Sequence[str] = ()) -> Reply:
    """The process, what it depends on, and what is missing."""
    found = tuple(found)
    looked = about.reconciled_at()
    lines = [
        f"up {_for(now - about.started_at)} · build `{one_line(about.build_sha, 12) or 'unknown'}`"
        f" · {one_line(about.environment, 60)}",
        f"log lines lost: {about.dropped()} · "
        + (f"last look at the world: {_for(now - looked)} ago" if looked else "no look at the world yet, or not here"),
        "",
        *(_line(each) for each in found),
        *(f"⚠️ {each}" for each in missing),
    ]
    down = any(each.ok is False for each in found)
    mood = Mood.BAD if down else Mood.WAITS if missing else Mood.GOOD
    return Reply(card=Card("Kintsugi", "\n".join(lines), _COLOURS[mood]))


def _line(answered: Answered) -> str:
    took = f" · {answered.milliseconds} ms" if answered.ok is not None else ""
    return f"{_MARKS[answered.ok]} **{answered.name}** {one_line(answered.says, 120)}{took}"


def incidents(found: Sequence[Incident], most: int, state: State | None = None, before: int | None = None) -> Reply:
    """The list, newest first, with the way to the next page. `state` and `before` are what was asked for."""
    if not found:
        older = f" before INC-{before}" if before else ""
        return Reply(f"No incident{older} {state.says}." if state else f"No incidents{older}.")
    lines = [f"**{each.name}** {_stands(each)} · {one_line(each.summary, 60)}" for each in found]
    if len(found) == most:
        lines.append(f"Older ones: `before:{found[-1].id}`")
    return said("\n".join(lines), "incidents.txt")


def _stands(found: Incident) -> str:
    return f"{found.state.words}, ignored" if found.ignored else found.state.words


def incident(found: Incident, history: Sequence[Step], owed: Sequence[Owed]) -> Reply:
    """One incident: what it is, the path it took, and its history; in full as a file."""
    recent = [_step(step, before) for before, step in zip((None, *history), history, strict=False)]
    fields = [("Path", _path(found, history)), ("History", _newest(recent, _VALUE))]
    if found.diagnosis:
        likely = one_line(found.diagnosis.belief, 120)
        proof = found.evidence
        tier = f" · {proof.tier.spoken}: {one_line(proof.says, 200)}" if proof else ""
        fields.insert(0, ("Cause", f"{one_line(found.diagnosis.cause, 500)}\n{likely}{tier}"))
    card = Card(f"{found.name} · {found.state.words}", facts_of(found), colour_of(found.state), tuple(fields))
    return Reply(card=card, attachment=Attachment(f"{found.name}.txt", _in_full(found, history, owed)))


def facts_of(found: Incident) -> str:
    """What is known of it, in a few lines."""
    lines = [cut(quiet(found.summary), 500), f"opened by {who(found.opened_by)} · {times(found.count)}"]
    return "\n".join([*lines, *more_of(found)])


def more_of(found: Incident) -> list[str]:
    """What came of it so far, a line each."""
    lines = []
    if found.cost.calls:
        asked = "1 call" if found.cost.calls == 1 else f"{found.cost.calls} calls"
        lines.append(f"model: {asked} · {found.cost.price}" + (" for the cure" if found.state is State.HEALED else ""))
    if found.pull_request:
        lines.append(_linked(found.pull_request.name, found.pull_request.url))
    if found.deployment and (deployed := _deployed(found.deployment)):
        lines.append(deployed)
    if found.quiet:
        lines.append(one_line(found.quiet.words, 300))
    if found.pruned:
        lines.append(found.pruned)
    if found.stuck:
        lines.append(f"stuck at {found.stuck.effect.words}: {one_line(found.stuck.why, 300)}")
    return lines


def _deployed(deployment: Deployment) -> str:
    """What runs, and where the deployer shows it."""
    runs = f"runs `{short(deployment.runs)}`" if deployment.runs else ""
    page = _linked("deployment", deployment.page) if _is_address(deployment.page) else ""
    return " · ".join(filter(None, (runs, page)))


def report_of(found: Incident) -> str:
    """The report's own page, with its host, as anybody who may report can name one."""
    host = urlsplit(found.page).netloc
    return _linked(f"report at {host}", found.page) if _is_address(found.page) else ""


def who(actor: str) -> str:
    """An actor as people know each other: `discord:alice (4001)` is alice. The id is in the file."""
    return one_line(name_of_person(actor), 60)


def times(count: int) -> str:
    return "seen once" if count == 1 else f"seen {count} times"


def _linked(name: str, url: str) -> str:
    return f"[{name}]({url})" if _is_address(url) else name


def _is_address(url: str) -> bool:
    return len(url) < 300 and bool(_ADDRESS.fullmatch(url))


def _path(found: Incident, history: Sequence[Step]) -> str:
    return line_of(found.state, frozenset(step.dest for step in history))


def line_of(state: State, passed: frozenset[State]) -> str:
    """The path with the stations that were passed filled in."""
    return " ".join(_together(f"{_sign(each)} {each.state.words}") for each in path(state, passed))


def _sign(station: Station) -> str:
    return "→" if station.siding else "●" if station.passed else "○"


def _together(text: str) -> str:
    """On a phone, no line ends within it."""
    return text.replace(" ", "\u00a0")


def _step(step: Step, before: Step | None) -> str:
    """When, where to, what and who, as far as it is not said by the rest; and what it took."""
    how = "t" if before and step.at - before.at < _SAME_DAY else "f"
    said = [f"<t:{int(step.at.timestamp())}:{how}> **{step.dest.words}**"]
    if step.words != step.dest.words:
        said.append(step.words)
    if step.actor != _OURSELVES:
        said.append(who(step.actor))
    if step.attempts > 1:
        said.append(f"{step.attempts} tries")
    if step.usd:
        said.append(f"${step.usd:.4f}")
    return " · ".join(said)


def _newest(lines: Sequence[str], most: int) -> str:
    """As many of the last lines as fit."""
    kept: list[str] = []
    for line in reversed(lines):
        if length("\n".join([line, *kept])) > most:
            break
        kept.insert(0, line)
    return "\n".join(kept)


def _in_full(found: Incident, history: Sequence[Step], owed: Sequence[Owed]) -> str:
    lines = [f"{found.name} {found.state.says}: {plain(found.summary)}", ""]
    for step in history:
        source = step.source.replace("_", " ") or "(new)"
        took = f", {step.attempts} tries, {step.seconds:.1f} s, ${step.usd:.4f}" if step.attempts else ""
        lines.append(f"{step.at:%Y-%m-%d %H:%M:%S} UTC  {source} -> {step.dest.words}")
        lines += [f"    {step.words}, by {plain(step.actor)}{took}", f"    {plain(step.says)}"]
    if found.quiet:
        lines += ["", plain(found.quiet.words)]
    if found.pruned:
        lines += ["", found.pruned]
    owed = [owes for owes in owed if owes.status in ("pending", "running")]
    lines += [f"to do: {owes.kind.words}, due {owes.due:%Y-%m-%d %H:%M:%S} UTC {plain(owes.error)}" for owes in owed]
    if found.diagnosis:
        lines += ["", "CAUSE", plain(found.diagnosis.cause), plain(found.diagnosis.explanation)]
    if found.patch:
        lines += ["", "PATCH", plain_diff(found.patch.diff)]
    if found.evidence:
        lines += ["", "PROOF", f"{found.evidence.tier.spoken}: {plain(found.evidence.says)}"]
        lines += [f"! {plain(flag)}" for flag in found.evidence.flags]
    return "\n".join(lines) + "\n"


def colour_of(state: State) -> int:
    """At a glance."""
    return _COLOURS[mood(state)]


def _for(time: object) -> str:
    """A length of time in whole seconds."""
    return str(time).split(".", 1)[0]
