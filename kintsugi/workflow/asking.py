"""What humans can ask for, in one table: when, who may, what it will do, and whether it is asked twice.

Every surface reads it: Discord's buttons, commands and completions, the pages, the command line. When something can be
asked is not said here again: the lifecycle's own table (`states.py`) is asked, with its guards. `docs/asking.md` is this
table, printed.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import Forbidden, Refusal
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.machine import objection
from kintsugi.workflow.names import Effect
from kintsugi.workflow.people import name_of_person
from kintsugi.workflow.ports import Clock, Receipt, Store
from kintsugi.workflow.questions import Question, Questions, changed

IN_PRODUCTION = frozenset({Effect.DEPLOY, Effect.ROLL_BACK})


class Takes(StrEnum):
    """What is typed with a command, beside the incident."""

    NOTHING = ""
    TOKEN = "token"  # noqa: S105  # a word
    WHY = "why"
    WISH = "wish"  # for how long, until when
    HINT = "hint"
    PERSON = "to"
    TEXT = "text"
    LEVEL = "level"
    OTHER = "of"
    FIX = "named"


class Role(StrEnum):
    """What somebody may: look at incidents and move them, or change what runs in production."""

    DEBUG = "debug"
    DEPLOY = "deploy"


EVERYTHING = frozenset(Role)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, as the history will name them. `named`: the name is one person's or account's, not a shared login.

    `by_login`: they are logged in under that name to a page, which shows them the patch. They type no token.
    """

    actor: str
    roles: frozenset[Role]
    named: bool = True
    by_login: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Askable:
    """One row: what `name` asks for. Of several rows with one name, the first whose `when` holds counts.

    `does` says in a sentence what it will do to this incident; its docstring says it for any.
    """

    name: str
    label: str  # on a button
    on: type[t.Command]
    role: Role
    does: Callable[[Incident], str]
    takes: Takes = Takes.NOTHING
    twice: bool = False  # it is asked again, with what will happen in the question
    when: Callable[[Incident], bool] | None = None
    blank: Mapping[str, Any] = field(default_factory=dict, hash=False)  # what stands for what would be typed with it

    def typed_by(self, asker: Asker) -> Takes:
        """What this asker types with it. The second question stands for a token where a login says who they are."""
        return Takes.NOTHING if self.takes is Takes.TOKEN and asker.by_login else self.takes

    def objection(self, incident: Incident, at: datetime) -> Refusal | None:
        """Why it cannot be asked for now, whoever asks."""
        return objection(incident, self.on(incident=incident.id, key="", at=at, **self.blank))


# --- what each does ---------------------------------------------------------------------------------------------


def _confirm(incident: Incident) -> str:
    """Pushes exactly the patch that was shown, and opens its pull request."""
    on = f" on {incident.patch.base[:10]}" if incident.patch else ""
    return f"Pushes exactly this patch{on}, and opens its pull request."


def _reject(incident: Incident) -> str:
    """Ends the incident without its patch."""
    return f"Ends {incident.name} without this patch."


def _send(incident: Incident) -> str:
    """Sends what was kept by a dry run to the model."""
    return "Sends what was captured to the model."


def _retry(incident: Incident) -> str:
    """Tries the step that gave up once more. If none did, asks the analyst again, with your hint."""
    if incident.stuck:
        return f"Tries again to {incident.stuck.effect.words}."
    return "Asks the analyst once more. A hint tells it what you know."


def _retry_in_production(incident: Incident) -> str:
    """Tries the deployment or rollback that gave up once more."""
    return _retry(incident)


def _roll_back(incident: Incident) -> str:
    """Brings back what ran before the fix, or before the failure while there is no fix."""
    before = incident.taken_back and incident.taken_back.previous[:10]
    return f"Brings {before} back." if before else "Brings back what ran before."


def _cancel(incident: Incident) -> str:
    """Ends the incident. What it waits for is dropped; an open pull request stays open."""
    stays = " Its pull request stays open." if incident.pull_request and incident.pull_request.open else ""
    return f"Ends {incident.name}; what it waits for is dropped.{stays}"


def _ignore(incident: Incident) -> str:
    """Keeps the failure from opening incidents, for a while or for good; it is still counted. Ends this one."""
    ends = "" if incident.ended else f"Ends {incident.name}. "
    return f"{ends}The failure opens no incidents, and is still counted. Leave it empty for good."


def _ack(incident: Incident) -> str:
    """Says that you have it. Nobody is called about it any more."""
    held = (
        f"Takes {incident.name} over from {name_of_person(incident.holder)}."
        if incident.holder
        else f"Says that you have {incident.name}."
    )
    return f"{held} Nobody is called about it any more."


def _assign(incident: Incident) -> str:
    """Gives it to somebody."""
    return f"Gives {incident.name} to somebody."


def _release(incident: Incident) -> str:
    """Takes an `ack` or `assign` back: nobody has it."""
    return f"Says that nobody has {incident.name} any more."


def _note(incident: Incident) -> str:
    """Writes what you did or saw into the history."""
    return f"Writes it into the history of {incident.name}."


def _severity(incident: Incident) -> str:
    """Says how bad it is; `auto` lets the rule say it again."""
    return f"It is {incident.rating.severity} now: {incident.rating.why}. `auto` goes back to the rule."


def _fixed(incident: Incident) -> str:
    """Says that a human fixed it by hand. The commit or pull request is followed to its deployment and cure."""
    return "Follows your own fix to its deployment and cure. Leave it empty for the newest commit."


def _duplicate(incident: Incident) -> str:
    """Ends it as a duplicate of another incident, which counts its failures while it is open."""
    return f"Ends {incident.name}: it is the same as another one."


def _reopen(incident: Incident) -> str:
    """Takes it up again if it was ended, marked as a duplicate or called fixed by mistake."""
    if not incident.ended and incident.pull_request:
        return f"Stops following {incident.pull_request.name}: it is not the fix."
    return f"Takes {incident.name} up again."


def _unignore(incident: Incident) -> str:
    """Lets the failure open incidents again."""
    return "Lets the failure open incidents again."


# --- the table --------------------------------------------------------------------------------------------------


def _stuck_in_production(incident: Incident) -> bool:
    """A deployment or rollback gave up."""
    return incident.stuck is not None and incident.stuck.effect in IN_PRODUCTION


_DEBUG, _DEPLOY = Role.DEBUG, Role.DEPLOY

# fmt: off
ASKABLE: tuple[Askable, ...] = (
    Askable(name="confirm", label="Confirm the patch", on=t.Confirmed, role=_DEBUG, takes=Takes.TOKEN, twice=True, does=_confirm, blank={"token": ""}),
    Askable(name="reject", label="Reject the patch", on=t.Rejected, role=_DEBUG, takes=Takes.WHY, does=_reject),
    Askable(name="send", label="Send to the model", on=t.Sent, role=_DEBUG, does=_send),
    Askable(name="retry", label="Try again", on=t.Retried, role=_DEPLOY, twice=True, does=_retry_in_production, when=_stuck_in_production),
    Askable(name="retry", label="Try again", on=t.Retried, role=_DEBUG, takes=Takes.HINT, does=_retry),
    Askable(name="rollback", label="Roll back", on=t.RollbackRequested, role=_DEPLOY, twice=True, does=_roll_back),
    Askable(name="ack", label="I have it", on=t.Acknowledged, role=_DEBUG, does=_ack),
    Askable(name="assign", label="Assign", on=t.Assigned, role=_DEBUG, takes=Takes.PERSON, does=_assign),
    Askable(name="release", label="Nobody has it", on=t.Released, role=_DEBUG, does=_release),
    Askable(name="severity", label="Set the severity", on=t.SeveritySet, role=_DEBUG, takes=Takes.LEVEL, does=_severity),
    Askable(name="fixed", label="Fixed by hand", on=t.Fixed, role=_DEBUG, takes=Takes.FIX, twice=True, does=_fixed),
    Askable(name="duplicate", label="Mark as a duplicate", on=t.Duplicated, role=_DEBUG, takes=Takes.OTHER, does=_duplicate),
    Askable(name="reopen", label="Reopen", on=t.Reopened, role=_DEBUG, takes=Takes.WHY, does=_reopen),
    Askable(name="note", label="Add a note", on=t.Noted, role=_DEBUG, takes=Takes.TEXT, does=_note),
    Askable(name="cancel", label="Cancel the incident", on=t.Cancelled, role=_DEBUG, takes=Takes.WHY, does=_cancel),
    Askable(name="ignore", label="Ignore the failure", on=t.Ignored, role=_DEBUG, takes=Takes.WISH, does=_ignore),
    Askable(name="unignore", label="Let it open incidents again", on=t.Unignored, role=_DEBUG, does=_unignore),
)
# fmt: on


def row_of(name: str, incident: Incident) -> Askable | None:
    """The row that counts for this incident; None where nothing has this name."""
    return next((row for row in ASKABLE if row.name == name and (row.when is None or row.when(incident))), None)


def name_of(trigger: type[t.Trigger]) -> str:
    """The name that this command is asked for by."""
    return next(row.name for row in ASKABLE if row.on is trigger)


def is_for_debug(name: str) -> bool:
    """Whether whoever may `debug` can ask for it, however the incident is."""
    return all(row.role is Role.DEBUG for row in ASKABLE if row.name == name)


def says_of(name: str) -> str:
    """What it does to any incident, in a sentence or two."""
    return next((row.does.__doc__ or "" for row in ASKABLE if row.name == name and row.when is None), "").split("\n")[0]


def takes_of(name: str) -> Takes:
    """What can be typed with it, in any of its rows."""
    return max((row.takes for row in ASKABLE if row.name == name), key=bool)


def command_of(name: str) -> type[t.Command] | None:
    """What is fired for this name; None where nothing has it."""
    return next((row.on for row in ASKABLE if row.name == name), None)


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may what. `two_persons`: who opened an incident may not confirm its patch."""

    two_persons: bool = False

    def offered(self, incident: Incident, at: datetime, asker: Asker | None = None) -> tuple[Askable, ...]:
        """What can be asked for now: by this asker, or by whoever may."""
        rows = [row for name in NAMES if (row := row_of(name, incident)) and row.objection(incident, at) is None]
        return tuple(row for row in rows if asker is None or self.forbids(row, incident, asker) is None)

    def withheld(self, incident: Incident, at: datetime, asker: Asker) -> tuple[tuple[Askable, Forbidden], ...]:
        """What can be asked for now, though not by this asker, and why not."""
        rows = [(row, self.forbids(row, incident, asker)) for row in self.offered(incident, at)]
        return tuple((row, no) for row, no in rows if no)

    def why_not(self, name: str, incident: Incident, asker: Asker, at: datetime) -> Refusal | None:
        """What speaks against it: who asks, then how the incident stands."""
        row = row_of(name, incident)
        assert row
        return self.forbids(row, incident, asker) or row.objection(incident, at)

    def forbids(self, row: Askable, incident: Incident, asker: Asker) -> Forbidden | None:
        """Whether this asker may not, however the incident stands."""
        if row.role not in asker.roles:
            return Forbidden(f"{row.label!r} is for those who may {row.role} here. Ask one of them.")
        if row.on is t.Confirmed and self.two_persons and (why := _not_a_second_person(incident, asker)):
            return Forbidden(why)
        return None


@dataclass(frozen=True, slots=True)
class AtLarge:
    """What fires no command at an incident: for the same roles, and asked twice by the same rule."""

    name: str
    role: Role
    twice: bool
    does: str
    when: str = "at any time"


# fmt: off
AT_LARGE = (
    AtLarge("open-issue", _DEBUG, twice=False, does="Opens an incident for what somebody says is wrong."),
    AtLarge("propose", _DEBUG, twice=False, does="Hands in a patch. It goes the same way as the analyst's: policy, proof, confirmation.", when="`captured`, `needs_human`, `rejected`, `expired`, on the command line and by an agent"),
    AtLarge("deploy latest", _DEPLOY, twice=True, does="Deploys the newest commit, unless it runs or is under way."),
    AtLarge("ask", _DEBUG, twice=False, does="Asks for the confirmation again, with a new token.", when="`awaiting_confirm`, on the command line"),
    AtLarge("effects retry", _DEBUG, twice=False, does="Performs a waiting effect now. For one that gave up, use `retry`.", when="one waits, on the command line"),
)
# fmt: on


NAMES = tuple(dict.fromkeys(row.name for row in ASKABLE))

_IN_DISCORD = re.compile(r"discord:.* \((?P<id>\d+)\)", re.DOTALL)


def _not_a_second_person(incident: Incident, asker: Asker) -> str | None:
    """Why this is not known to be somebody else than who opened it."""
    if not asker.named:
        return "Two people have to agree here, and this login names nobody. Confirm in Discord, or log in with Discord."
    if incident.diagnosis and incident.diagnosis.by == asker.actor:
        return "You handed in this patch: somebody else has to confirm it."
    opener, own = _IN_DISCORD.fullmatch(incident.opened_by), _IN_DISCORD.fullmatch(asker.actor)
    if (opener and own and opener["id"] == own["id"]) or incident.opened_by == asker.actor:
        return f"You opened {incident.name}: somebody else has to confirm it."
    if opener and not own:
        return f"Somebody opened {incident.name} in Discord, and may have this account as well. Confirm it in Discord."
    return None


class Requests:
    """The one door for what humans ask for: who may, by the rules; then the engine, which asks the lifecycle's table."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fire: Callable[[t.Trigger], Awaitable[Receipt]],
        rules: Rules,
        questions: Questions,
    ) -> None:
        self._store, self._clock, self._fire, self.rules, self._questions = store, clock, fire, rules, questions

    async def ask(
        self, asker: Asker, command: t.Command, answer: str = "", *, sure: bool = False
    ) -> Receipt | Question:
        """Have it done; or the question to answer first, where it asks twice and this is no answer to it.

        A token that is typed with it is such an answer. `sure`: whoever asks has seen the question, or is a script,
        which reads none. Raises Forbidden for who may not, another Refusal for what does not fit.
        """
        incident = await self._store.incident(command.incident)
        row = row_of(name_of(type(command)), incident)
        assert row
        if no := self.rules.forbids(row, incident, asker):
            raise no
        command = await self._looked_up(row, incident, asker, command)
        asks = row.twice and row.typed_by(asker) is not Takes.TOKEN and not sure
        if asks and (question := await self._asks(row, incident, command, answer)):
            return question
        return await self._fire(
            replace(command, shown=answer) if asks and isinstance(command, t.Confirmed) else command
        )

    async def question(self, asker: Asker, command: t.Command) -> Question | None:
        """What is asked before this is done; None where it is not asked twice. Raises Refusal where it cannot be done."""
        name, found = name_of(type(command)), await self._store.incident(command.incident)
        row = row_of(name, found)
        assert row
        if no := self.rules.why_not(name, found, asker, self._clock.now()):
            raise no
        if not row.twice:
            return None
        return await self._questions.before(found, await self._looked_up(row, found, asker, command))

    async def _looked_up(self, row: Askable, incident: Incident, asker: Asker, command: t.Command) -> t.Command:
        """With what it names found: another incident, or a human's fix. Raises Refusal where that is not there."""
        if isinstance(command, t.Duplicated):
            other = await self._store.incident(command.of)
            if other.duplicate_of:
                raise Refusal(f"{other.name} is itself a duplicate of INC-{other.duplicate_of}. Name that one.")
        if isinstance(command, t.Fixed) and command.fix is None:
            if no := row.objection(incident, self._clock.now()):
                raise no
            fix = await self._questions.fix(command.named)
            return replace(command, fix=replace(fix, deploys=Role.DEPLOY in asker.roles))
        return command

    async def _asks(self, row: Askable, incident: Incident, command: t.Command, answer: str) -> Question | None:
        """None where this answers it."""
        if no := row.objection(incident, self._clock.now()):
            raise no
        question = await self._questions.before(incident, command)
        if answer == question.answer:
            return None
        return changed(question) if answer else question

    def refusal(self, asker: Asker, command: type[t.Command], incident: Incident) -> Refusal | None:
        """Why this asker cannot ask for it now."""
        return self.rules.why_not(name_of(command), incident, asker, self._clock.now())

    def offered(self, incident: Incident, asker: Asker | None = None) -> tuple[Askable, ...]:
        """What can be asked for now: by this asker, or by whoever may."""
        return self.rules.offered(incident, self._clock.now(), asker)

    def withheld(self, incident: Incident, asker: Asker) -> tuple[tuple[Askable, Forbidden], ...]:
        """What others can ask for now, and why this asker cannot."""
        return self.rules.withheld(incident, self._clock.now(), asker)
