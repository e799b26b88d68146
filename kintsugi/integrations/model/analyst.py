"""The Analyst port on a model: first why it failed, with no word of a fix, then the fix of exactly that.

A fix is asked for only where the cause lies in the code, no service elsewhere was down, and the budget allows it. A
cause that was paid for is kept where its fix could not be had: the next try goes on from it.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, TypedDict

from kintsugi.integrations.model.asking import Reply, ask_for, paid
from kintsugi.integrations.model.looking import Looking, LookPolicy, LookPort
from kintsugi.integrations.model.port import CHARACTERS_PER_TOKEN, Answer, Message, Model, TooLong, window_for
from kintsugi.integrations.model.reply import Cause, Fix, R, UnreadableReply, read_reply
from kintsugi.prompts import Prompt, fence, render
from kintsugi.repair.outage import provider_outage
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import NOTHING, Allowance, Category, Cost, Diagnosis, NewFile, Turn
from kintsugi.workflow.looks import OPENED, Look
from kintsugi.workflow.patch import Edit
from kintsugi.workflow.ports import Case, Progress

_LOG_LINES = 80
_FAILURE_CHARACTERS = 40_000
_CODE_TOKENS = 8_000
_CALL_CHARACTERS = 12_000  # of a failing call that is shown
_CONTEXT_CHARACTERS_PER_TOKEN = 4  # as `repair.context` counts
_OUR_OWN = 7_000  # characters of a conversation that are neither failure nor code: both prompts, and the first reply
_WHOLE_ANSWERS = (None, 2, 0)  # of what was looked at, the newest; the next where so many do not fit
_LEAST = 600  # characters of failure and code; with less there is nothing to find a cause in

CodeContext = Callable[[Case, int], str]
"""The code that belongs to a case, in at most so many tokens as `repair.context` counts them."""


class ModelAnalyst:
    """Asks `model`. `code_context` gives redacted code for a case; `redact` sees all other text on its way out.

    With `tools` it may look at the program, where it says that it needs to, or where its first change was refused.
    """

    def __init__(
        self,
        model: Model,
        code_context: CodeContext,
        redact: Callable[[str], str],
        tools: Callable[[Case], LookPort] | None = None,
        policy: LookPolicy | None = None,
    ) -> None:
        self._model = model
        self._code_context = code_context
        self._redact = redact
        self._tools = tools
        self._policy = policy or LookPolicy()

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        if self._tools and (known := await case.looks.known()):
            return await self._look(case, *opening_of(known[0].answer, progress))
        talk = await self._opened(case, progress, self._characters())
        try:
            return await self._diagnosed(talk, case)
        except TooLong as long:
            progress(f"{long} Showing less.")
            shorter = await self._opened(case, progress, self._shorter(talk.shown))
            earlier = replace(case, incident=case.incident.but(diagnosis=long.found)) if long.found else case
            with paid(long.spent):
                return _at_the_cost(await self._diagnosed(replace(shorter, shortened=True), earlier), long.spent)

    async def _diagnosed(self, talk: _Talk, case: Case) -> Diagnosis:
        if earlier := _to_go_on_from(case):
            talk = talk.told("assistant", self._as_found(case, earlier))
            if not case.feedback:
                return await self._resumed(talk, case, earlier)
            return await (self._look_again if self._tools else self._again)(talk, case, earlier)
        talk, found = await self._cause(talk, case.allowance)
        if why := provider_outage(case.payload):
            return replace(found, category=Category.OUTAGE, explanation=f"{found.explanation}\n\n{why}".strip())
        if self._tools and talk.need and found.category in (Category.CODE, Category.UNKNOWN):
            return await self._opened_for(talk.need, talk, case, found)
        if found.category is not Category.CODE:
            return found
        if why := case.allowance.used_up_by(found.cost):
            return replace(found, explanation=f"{found.explanation}\n\n{why}")
        return await self._first_fix(talk, found, case)

    async def _look_again(self, talk: _Talk, case: Case, earlier: Diagnosis) -> Diagnosis:
        """After a change was refused: look at what it was refused for."""
        talk = talk.asked(self._for_a_fix(case)).told("assistant", self._as_fixed(case, earlier))
        why = _fitted(f"Your last change was refused. {case.feedback}", self._characters())
        return await self._opened_for(why, talk, case, replace(earlier, cost=Cost(), places=0, test_runs=0))

    async def _opened_for(self, why: str, talk: _Talk, case: Case, found: Diagnosis) -> Diagnosis:
        """Open the loop: what is known so far is its first row, and what it cost is counted with it."""
        bounds = self._policy
        prompt = render(
            "look",
            why=fence(self._redact(why)),
            calls=str(bounds.calls),
            runs=str(bounds.runs),
            tokens=f"{bounds.tokens:,}",
            lines=str(bounds.lines),
        )
        talk = talk.asked(prompt)
        opening = Look(case.looks.round, 0, OPENED, "", opening_to_json(talk.messages, talk.prompts, found))
        await case.looks.keep(opening, found.cost)
        rest = replace(case, allowance=case.allowance.after(found.cost))
        return await self._look(rest, talk, replace(found, cost=Cost()))

    async def _look(self, case: Case, talk: _Talk, found: Diagnosis) -> Diagnosis:
        """Go round, and in the end ask for the change, unless one was proven on the way."""
        assert self._tools
        room = self._model.room.characters
        window = room and room // 2
        loop = Looking(
            self._model, self._tools(case), case.looks, self._policy, self._redact, talk.progress, window=window
        )
        looked = await loop.look(talk.messages, case.allowance)
        found = replace(found, places=looked.places, test_runs=looked.runs)
        told = replace(talk, messages=(*talk.messages, *loop.told(looked)))
        if looked.accepted and looked.fix:
            kept = self._kept(told)
            return replace(found, **_as_proposed(looked.fix, found), category=Category.CODE, talk=kept)
        rest = replace(case, allowance=case.allowance.after(looked.spent))
        if why := rest.allowance.used_up_by():
            return replace(found, explanation=f"{found.explanation}\n\n{why}".strip(), talk=self._kept(told))
        fixed = await self._fix_after(talk, [loop.told(looked, whole=most) for most in _WHOLE_ANSWERS], rest, found)
        return replace(fixed, category=Category.CODE) if fixed.edits else fixed

    async def _fix_after(
        self, talk: _Talk, looked: Sequence[tuple[Message, ...]], case: Case, found: Diagnosis
    ) -> Diagnosis:
        """The change, with as much of what was looked at as fits. Nothing is opened anew: that is paid for and kept."""
        says = ""
        for turns in looked:
            told = replace(talk, messages=(*talk.messages, *turns))
            try:
                return (await self._fix(told.asked(self._for_a_fix(case)), found, case.allowance))[1]
            except TooLong as long:
                says = str(long)
        raise StepFailed(says, final=True)

    async def _opened(self, case: Case, progress: Progress, characters: int | None) -> _Talk:
        """The question for the cause, with at most so many characters of failure and code. Raises StepFailed."""
        if characters is not None and characters < _LEAST:
            raise StepFailed(
                f"The window of {self._model.name} is too small to show it the failure. Use a model with a larger one, "
                "or give this one more (KINTSUGI_LLM_WINDOW is what it takes, in tokens).",
                final=True,
            )
        room = characters or _FAILURE_CHARACTERS * 2
        failure = self._redact(_failure(case, min(_FAILURE_CHARACTERS, room // 2)))
        tokens = min(_CODE_TOKENS, (room - len(failure)) // _CONTEXT_CHARACTERS_PER_TOKEN)
        # redacted as code: as text it would be garbled
        code = await asyncio.to_thread(self._code_context, case, tokens)
        first, last = _marks(case)
        prompt = render(
            "reported" if case.payload.in_words else "diagnose",
            first=first,
            last=last,
            fingerprint=case.incident.fingerprint,
            failure=fence(failure),
            code=fence(code),
        )
        return _Talk(progress, shown=len(failure) + len(code), marks=f"{first} {last}").asked(prompt)

    def _for_a_fix(self, case: Case) -> Prompt:
        """The question for the fix, with the failing call where it was reproduced: a test is made of that."""
        made, capsule = case.incident.reproduction, case.payload.capsule
        if not (made and made.is_reproduced and capsule) or len(capsule.source) > _CALL_CHARACTERS:
            return render("fix", call="")
        part = f" It is a call in part: {self._redact(capsule.in_part)}." if capsule.in_part else ""
        return render("fix", call=render("call", source=fence(self._redact(capsule.source)), part=part).text)

    def _characters(self) -> int | None:
        """How many there is room for beside what is ours; None where the model's window is not known."""
        room = self._model.room.characters
        return None if room is None else room - min(_OUR_OWN, room * 2 // 3)

    def _shorter(self, shown: int) -> int:
        """How many characters to show after so many were too much: half of them where nobody says how many fit."""
        if self._characters() is None:
            self._model.learn_window(window_for(shown // 2 + _OUR_OWN))
        return min(self._characters() or shown, shown // 2)

    async def _cause(self, talk: _Talk, allowance: Allowance) -> tuple[_Talk, Diagnosis]:
        talk.progress(f"asking {self._model.name} for the cause")
        reply = await self._ask(Cause, talk, allowance)
        talk = talk.answered(reply, reply.value.need if reply.value else "")
        if reply.value is None:
            return talk, replace(self._refused(reply), prompt=talk.prompts, talk=self._kept(talk))
        found = reply.value
        unread = _unread(reply.answer, found, talk)
        if unread and not talk.shortened:
            self._model.learn_window(reply.answer.read)
            raise TooLong(unread).having_spent(reply.cost)
        diagnosis = Diagnosis(
            cause=found.cause.strip() or "The model names no cause.",
            explanation=f"{found.explanation}\n\n{unread}".strip(),
            category=found.category,
            probability=found.probability,
            analyst=reply.answer.model,
            prompt=talk.prompts,
            cost=reply.cost,
            talk=self._kept(talk),
            manner=reply.answer.manner,
        )
        return talk, diagnosis

    async def _again(self, talk: _Talk, case: Case, earlier: Diagnosis) -> Diagnosis:
        """Another fix of the same cause, after the last one was refused."""
        talk = talk.asked(self._for_a_fix(case)).told("assistant", self._as_fixed(case, earlier))
        feedback = _fitted(self._redact(case.feedback), self._characters())
        talk = talk.asked(render("again", feedback=fence(feedback)))
        return (await self._fix(talk, replace(earlier, cost=Cost()), case.allowance))[1]

    async def _resumed(self, talk: _Talk, case: Case, earlier: Diagnosis) -> Diagnosis:
        """The fix that an earlier try could not have, of the cause that it found and paid for."""
        return await self._first_fix(talk, replace(earlier, cost=Cost(), unfinished=False), case)

    async def _first_fix(self, talk: _Talk, found: Diagnosis, case: Case) -> Diagnosis:
        """The cause is kept where its fix cannot be had."""
        try:
            talk, fixed = await self._fix(talk.asked(self._for_a_fix(case)), found, case.allowance)
        except StepFailed as failed:
            kept = replace(found, cost=Cost(), talk=(), unfinished=True)
            raise failed.having_found(kept) from failed.__cause__
        if self._tools and talk.need and not fixed.edits:
            return await self._opened_for(talk.need, talk, case, replace(found, cost=fixed.cost))
        return fixed

    async def _fix(self, talk: _Talk, found: Diagnosis, allowance: Allowance) -> tuple[_Talk, Diagnosis]:
        talk.progress(f"asking {self._model.name} for a fix: {found.cause}")
        with paid(found.cost):
            reply = await self._ask(Fix, talk, allowance, found.cost)
        talk = talk.answered(reply, reply.value.need if reply.value else "")
        told = _Told(prompt=talk.prompts, cost=found.cost + reply.cost, talk=self._kept(talk))
        if reply.value is None:
            refused = self._refused(reply)
            return talk, replace(refused, cause=found.cause, explanation=refused.cause, **told)
        return talk, replace(found, **_as_proposed(reply.value, found), analyst=reply.answer.model, **told)

    async def _ask(self, kind: type[R], talk: _Talk, allowance: Allowance, spent: Cost = NOTHING) -> Reply[R]:
        return await ask_for(kind, self._model, talk.messages, talk.progress, allowance=allowance, spent=spent)

    def _kept(self, talk: _Talk) -> tuple[Turn, ...]:
        """The conversation, as it is kept; what was asked was redacted before it was asked."""
        turns = ((turn.role == "user", turn.content) for turn in talk.messages)
        return tuple(Turn(asked, said if asked else self._redact(said)) for asked, said in turns)

    def _refused(self, reply: Reply[R]) -> Diagnosis:
        """A refusal to answer is a diagnosis without a patch: waiting would not change it."""
        cause = f"The model refused to answer: {self._redact(reply.refusal)}"
        answer = reply.answer
        return Diagnosis(cause, "", Category.UNKNOWN, 0.0, analyst=answer.model, cost=reply.cost, manner=answer.manner)

    def _as_found(self, case: Case, diagnosis: Diagnosis) -> str:
        """The diagnosis as the model gave it."""
        told = Cause.model_construct(
            cause=diagnosis.cause,
            explanation=diagnosis.explanation,
            category=diagnosis.category,
            probability=diagnosis.probability,
            need="",
            marks=None,
        )
        return _said(Cause, case) or told.model_dump_json()

    def _as_fixed(self, case: Case, diagnosis: Diagnosis) -> str:
        """The fix that was refused, as the model gave it."""
        return _said(Fix, case) or _fix_told(diagnosis)


class _Told(TypedDict):
    """What every answer to a wish for a fix adds to the diagnosis."""

    prompt: str
    cost: Cost
    talk: tuple[Turn, ...]


class _Proposed(TypedDict):
    """What a fix brings to the diagnosis."""

    probability: float
    edits: tuple[Edit, ...]
    regression_test: NewFile | None
    branch: str
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class _Talk:
    """The conversation so far, and the prompts it was led with. `shown`: characters of failure and code.

    `marks` stand at the beginning and at the end of its first turn, for the model to tell.
    """

    progress: Progress
    messages: tuple[Message, ...] = ()
    prompts: str = ""
    shown: int = 0
    shortened: bool = False
    need: str = ""  # what the last reply says it would have to see
    marks: str = ""

    def asked(self, prompt: Prompt) -> _Talk:
        prompts = f"{self.prompts}, {prompt.id}" if self.prompts else prompt.id
        return replace(self.told("user", prompt.text), prompts=prompts)

    def told(self, role: str, content: str) -> _Talk:
        turn = Message("assistant" if role == "assistant" else "user", content)
        return replace(self, messages=(*self.messages, turn))

    def answered(self, reply: Reply[R], need: str) -> _Talk:
        messages = (*self.messages, *reply.turns)
        return replace(self, messages=messages, prompts=f"{self.prompts}{reply.prompts}", need=need.strip())


def opening_to_json(messages: Sequence[Message], prompts: str, found: Diagnosis) -> str:
    """What was known when the model began to look, as the loop's first row keeps it."""
    told = {
        "turns": [[message.role, message.content] for message in messages],
        "prompts": prompts,
        "cause": found.cause,
        "explanation": found.explanation,
        "category": found.category.value,
        "probability": found.probability,
        "analyst": found.analyst,
        "manner": found.manner,
    }
    return json.dumps(told)


def opening_of(kept: str, progress: Progress) -> tuple[_Talk, Diagnosis]:
    """The conversation and the cause to go on from."""
    told = json.loads(kept)
    talk = _Talk(progress, tuple(Message(role, content) for role, content in told["turns"]), told["prompts"])
    found = Diagnosis(
        cause=told["cause"],
        explanation=told["explanation"],
        category=Category(told["category"]),
        probability=told["probability"],
        analyst=told["analyst"],
        prompt=told["prompts"],
        manner=told["manner"],
    )
    return talk, found


def _as_proposed(fix: Fix, found: Diagnosis) -> _Proposed:
    test = fix.regression_test
    return _Proposed(
        probability=found.probability if math.isnan(fix.probability) else fix.probability,
        edits=tuple(Edit(edit.path, edit.search, edit.replace, edit.occurrence) for edit in fix.edits),
        regression_test=NewFile(test.path, test.content) if test else None,
        branch=fix.branch,
        title=fix.title.strip() or found.cause,
        body=fix.body,
    )


def _at_the_cost(diagnosis: Diagnosis, before: Cost) -> Diagnosis:
    return replace(diagnosis, cost=before + diagnosis.cost)


def _fitted(feedback: str, characters: int | None) -> str:
    """At most a third of what there is room for: why it was refused stands first, how it failed last."""
    most = len(feedback) if characters is None else characters // 3
    if len(feedback) <= most:
        return feedback
    return f"{feedback[: most // 2]}\n… (cut) …\n{feedback[len(feedback) - most // 2 :]}"


def _marks(case: Case) -> tuple[str, str]:
    """Two words that nobody guesses, the same at each try, as providers keep at hand what they read before."""
    digest = sha256(f"{case.incident.id} {case.incident.fingerprint}".encode()).hexdigest()
    return digest[:6], digest[6:12]


def _unread(answer: Answer, found: Cause, talk: _Talk) -> str:
    """A sentence where the server cut the question without a word: too few tokens were read, and the marks are wrong.

    Ollama's default context keeps the newest tokens. Either sign alone is none: some servers do not count what they
    had at hand, and small models copy badly.
    """
    if not answer.read or found.marks is None or found.marks.split() == talk.marks.split():
        return ""
    sent = int(sum(len(message.content) for message in talk.messages[:1]) / CHARACTERS_PER_TOKEN)
    return (
        f"The model's server read {answer.read:,} tokens of a question of about {sent:,} and cut the rest without a "
        "word. Give it a larger context (Ollama: OLLAMA_CONTEXT_LENGTH), or set KINTSUGI_LLM_WINDOW to the one it has."
    )


def _to_go_on_from(case: Case) -> Diagnosis | None:
    """Its own diagnosis, where the conversation goes on from there; none of a patch that somebody handed in."""
    earlier = case.incident.diagnosis
    if earlier is None or earlier.category is not Category.CODE or earlier.patch:
        return None
    return earlier if case.feedback or earlier.unfinished else None


def _failure(case: Case, characters: int) -> str:
    """The payload without what the code section shows better, and with the end of the log only."""
    told = case.payload.model_copy(update={"log": case.payload.log[-_LOG_LINES:]})
    frames = {"__all__": {"frames": {"__all__": {"source"}}}}
    left_out: dict[str, Any] = {"exception": {"chain": frames}, "capsule": True}
    text = told.model_dump_json(indent=1, exclude_defaults=True, exclude=left_out)
    if case.feedback and not _to_go_on_from(case):
        text = f"Said since then: {case.feedback}\n\n{text}"
    return text if len(text) <= characters else f"{text[:characters]}\n… (cut)"


def _said(kind: type[R], case: Case) -> str:
    """The last reply of this kind in what was said before, in the model's own words; empty where there is none."""
    for turn in reversed(case.talk):
        if not turn.ours and _is_a(kind, turn.text):
            return turn.text
    return ""


def _is_a(kind: type[R], text: str) -> bool:
    try:
        return bool(read_reply(kind, text))
    except UnreadableReply:
        return False


def _fix_told(diagnosis: Diagnosis) -> str:
    """A fix in the shape that was asked for, where what the model said is no longer kept."""
    test = diagnosis.regression_test
    told = {
        "edits": [
            {"path": edit.path, "search": edit.search, "replace": edit.replace, "occurrence": edit.occurrence}
            for edit in diagnosis.edits
        ],
        "regression_test": {"path": test.path, "content": test.content} if test else None,
        "branch": diagnosis.branch,
        "title": diagnosis.title,
        "body": diagnosis.body,
        "probability": diagnosis.probability,
        "need": "",
    }
    return json.dumps(told, ensure_ascii=False)
