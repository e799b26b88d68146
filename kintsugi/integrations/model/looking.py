"""The loop in which a model looks at the program: it asks for one thing at a time, and is answered as long as it may.

What may be looked at is decided by the tools, how much by `LookPolicy`. Each call is a row before the next one is
asked for: a process that dies goes on from them, as they are all that the loop knows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kintsugi.integrations.model.asking import Reply, ask_for, paid
from kintsugi.integrations.model.port import Message, Model, TooLong
from kintsugi.integrations.model.reply import Fix, Step, UnreadableReply, read_reply
from kintsugi.integrations.model.tool_calls import TOOLS
from kintsugi.prompts import fence, render
from kintsugi.workflow.incident import NOTHING, Allowance, Cost
from kintsugi.workflow.looks import OPENED, Look, Looks
from kintsugi.workflow.ports import Progress

_CHARACTERS_PER_TOKEN = 4  # as `repair.context` counts
_ACCEPTED = "accepted"  # a change that was proposed, as it is kept
_SEEING, _RUNNING = ("find", "read", "list"), ("run", "propose", _ACCEPTED)


@dataclass(frozen=True, slots=True)
class LookPolicy:
    """How much may be looked at for one diagnosis."""

    calls: int = 12
    runs: int = 4  # of tests: by `run`, and by the proof of what is proposed
    tokens: int = 60_000  # read in all
    lines: int = 400  # of one answer


@dataclass(frozen=True, slots=True)
class Found:
    """What a tool answers, redacted. `accepted`: what was proposed is not refused, and nothing more is looked for."""

    text: str
    accepted: bool = False


class LookPort(Protocol):
    """The five, over the files of one commit. What cannot be done is answered with a sentence."""

    async def find(self, text: str) -> Found: ...

    async def read(self, path: str, first: int | None, last: int | None) -> Found: ...

    async def list(self, folder: str) -> Found: ...

    async def run(self, path: str, fix: Fix | None, progress: Progress) -> Found: ...

    async def propose(self, fix: Fix, progress: Progress) -> Found: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """All that was asked and answered, oldest first; `spent` is what this try paid for it, and counted already."""

    looks: tuple[Look, ...] = ()
    spent: Cost = NOTHING

    @property
    def places(self) -> int:
        return sum(look.tool in _SEEING for look in self.looks)

    @property
    def runs(self) -> int:
        return sum(look.tool in _RUNNING for look in self.looks)

    @property
    def characters(self) -> int:
        return sum(len(look.answer) for look in self.looks)

    @property
    def accepted(self) -> bool:
        """Whether the last change was proven, or nothing here can try it."""
        return any(look.tool == _ACCEPTED for look in self.looks)

    @property
    def fix(self) -> Fix | None:
        """What was proposed last."""
        steps = (step_of(look) for look in reversed(self.looks) if look.tool in ("propose", _ACCEPTED))
        return next((step.fix for step in steps if step and step.fix), None)

    def more(self, look: Look, cost: Cost) -> Looked:
        return Looked((*self.looks, look), self.spent + cost)


@dataclass(frozen=True, slots=True)
class Looking:
    """One loop. `redact` sees what the model said before it is kept. `window`: the room for answers, in characters."""

    model: Model
    tools: LookPort
    looks: Looks
    policy: LookPolicy
    redact: Callable[[str], str]
    progress: Progress
    window: int | None = None

    async def look(self, asked: Sequence[Message], allowance: Allowance) -> Looked:
        """From where an earlier try was, until a change is accepted or nothing more may be asked.

        `asked` is the conversation before. Raises StepFailed, with what the call that failed cost, and LeaseLost.
        """
        known = await self.looks.known()
        looked = Looked(tuple(look for look in known if look.tool != OPENED))
        while self._may_go_on(looked) and not allowance.used_up_by(looked.spent):
            self.progress(f"{self.model.name} looks at the program: call {len(looked.looks) + 1}")
            messages = (*asked, *self.told(looked))
            try:
                reply = await ask_for(
                    Step, self.model, messages, self.progress, allowance=allowance, spent=looked.spent, tools=TOOLS
                )
            except TooLong:  # what it has seen is all that it can see
                break
            if reply.value is None:
                break
            looked = await self._looked(reply, reply.value, looked)
        return looked

    async def _looked(self, reply: Reply[Step], first: Step, looked: Looked) -> Looked:
        """Answer what one reply asks for: where tools are called, that may be several things at once."""
        cost = reply.cost
        for step in (first, *reply.also):
            if not self._may_go_on(looked):
                break
            with paid(cost):
                found = await self._answered(step, looked)
            look = self._as_kept(step, found, len(looked.looks) + 1)
            await self.looks.keep(look, cost)
            looked, cost = looked.more(look, cost), NOTHING
        return looked

    def told(self, looked: Looked, *, whole: int | None = None) -> tuple[Message, ...]:
        """The looks as the conversation they were; of all but the last `whole` without what was answered."""
        turns: list[Message] = []
        for at, look in enumerate(looked.looks, 1):
            cut = whole is not None and at <= len(looked.looks) - whole
            so_far = Looked(looked.looks[:at])
            answer = fence("(shown before)" if cut else look.answer)
            call = f"look{at:05d}"  # as Mistral wants it: nine letters and digits
            turns.append(Message("assistant", look.asked, call))
            turns.append(Message("user", render("looked", left=self._left(so_far), answer=answer).text, call))
        return tuple(turns)

    def _may_go_on(self, looked: Looked) -> bool:
        calls = len(looked.looks) < self.policy.calls
        return calls and looked.characters < self._room and not looked.accepted

    @property
    def _room(self) -> int:
        most = self.policy.tokens * _CHARACTERS_PER_TOKEN
        return most if self.window is None else min(most, self.window)

    def _left(self, looked: Looked) -> str:
        calls = self.policy.calls - len(looked.looks)
        runs = max(self.policy.runs - looked.runs, 0)
        tokens = max(self._room - looked.characters, 0) // _CHARACTERS_PER_TOKEN
        return f"Left: {calls} calls, {runs} runs, about {tokens:,} tokens to read."

    async def _answered(self, step: Step, looked: Looked) -> Found:
        same = next((look.number for look in looked.looks if step_of(look) == step), None)
        if same is not None:
            return Found(f"You asked for exactly this in call {same}. The answer is the same.")
        if step.tool in _RUNNING and looked.runs >= self.policy.runs:
            return Found("No runs are left. Look at something else, or wait to be asked for the change.")
        found = await self._done(step, looked)
        room = max(self._room - looked.characters, 0)
        return replace(found, text=_cut(found.text, self.policy.lines, room))

    async def _done(self, step: Step, looked: Looked) -> Found:
        match step.tool:
            case "find":
                return await self.tools.find(step.text or "")
            case "read":
                return await self.tools.read(step.path or "", step.first, step.last)
            case "list":
                return await self.tools.list(step.path or "")
            case "run":
                return await self.tools.run(step.path or "", looked.fix, self.progress)
            case "propose" if step.fix:
                return await self.tools.propose(step.fix, self.progress)
            case _:
                return Found("`propose` needs a `fix`: its edits and its test.")

    def _as_kept(self, step: Step, found: Found, number: int) -> Look:
        tool = _ACCEPTED if found.accepted else step.tool
        asked = _storable(self.redact(step.model_dump_json()))
        return Look(self.looks.round, number, tool, asked, _storable(found.text))


def step_of(look: Look) -> Step | None:
    """A kept call as it was asked; None where redacting it has left no call."""
    try:
        return read_reply(Step, look.asked)
    except UnreadableReply:
        return None


def _cut(text: str, lines: int, characters: int) -> str:
    kept = text.splitlines()[:lines]
    shown = "\n".join(kept)[:characters]
    return shown if len(shown) >= len(text.rstrip("\n")) else f"{shown}\n… (cut)"


def _storable(text: str) -> str:
    """Without the letters that no database takes."""
    return text.replace("\0", "?").encode("utf-8", "replace").decode()
