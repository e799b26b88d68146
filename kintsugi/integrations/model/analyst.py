"""The Analyst port on a model: first why it failed, with no word of a fix, then the fix of exactly that.

A fix is asked for only where the cause lies in the code, no service elsewhere was down, and the budget allows it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypedDict

from kintsugi.integrations.model.port import Answer, Ending, Message, Model
from kintsugi.integrations.model.reply import Cause, Fix, R, UnreadableReply, read_reply, schema_of
from kintsugi.prompts import Prompt, fence, render
from kintsugi.repair.outage import provider_outage
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Category, Cost, Diagnosis, NewFile, Turn
from kintsugi.workflow.patch import Edit
from kintsugi.workflow.ports import Case, Progress

_LOG_LINES = 80
_FAILURE_CHARACTERS = 40_000


class ModelAnalyst:
    """Asks `model`. `code_context` gives the code that belongs to a case; `redact` sees all text on its way out."""

    def __init__(self, model: Model, code_context: Callable[[Case], str], redact: Callable[[str], str]) -> None:
        self._model = model
        self._code_context = code_context
        self._redact = redact

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        talk = await self._opened(case, progress)
        earlier = case.incident.diagnosis
        if case.feedback and earlier and earlier.category is Category.CODE:
            talk = talk.told("assistant", _as_found(earlier))
            return await self._again(talk, case, earlier)
        talk, found = await self._cause(talk)
        if why := provider_outage(case.payload):
            return replace(found, category=Category.OUTAGE, explanation=f"{found.explanation}\n\n{why}".strip())
        if found.category is not Category.CODE:
            return found
        if why := case.allowance.used_up_by(found.cost):
            return replace(found, explanation=f"{found.explanation}\n\n{why}")
        return await self._fix(talk.asked(render("fix")), found)

    async def _opened(self, case: Case, progress: Progress) -> _Talk:
        code = await asyncio.to_thread(self._code_context, case)
        prompt = render(
            "reported" if case.payload.in_words else "diagnose",
            fingerprint=case.incident.fingerprint,
            failure=fence(self._redact(_failure(case))),
            code=fence(self._redact(code)),
        )
        return _Talk(progress).asked(prompt)

    async def _cause(self, talk: _Talk) -> tuple[_Talk, Diagnosis]:
        talk.progress(f"asking {self._model.name} for the cause")
        answer = await self._ask(talk, Cause)
        if refused := self._refused(answer):
            return talk, replace(refused, prompt=talk.prompts, talk=self._kept(talk, answer))
        found = _read(Cause, answer)
        diagnosis = Diagnosis(
            cause=found.cause.strip() or "The model names no cause.",
            explanation=found.explanation,
            category=found.category,
            probability=_share(found.probability),
            analyst=answer.model,
            prompt=talk.prompts,
            cost=answer.cost,
            talk=self._kept(talk, answer),
        )
        return talk.told("assistant", answer.text), diagnosis

    async def _again(self, talk: _Talk, case: Case, earlier: Diagnosis) -> Diagnosis:
        """Another fix of the same cause, after the last one was refused."""
        talk = talk.asked(render("fix")).told("assistant", _as_fixed(earlier))
        talk = talk.asked(render("again", feedback=fence(self._redact(case.feedback))))
        return await self._fix(talk, replace(earlier, cost=Cost()))

    async def _fix(self, talk: _Talk, found: Diagnosis) -> Diagnosis:
        talk.progress(f"asking {self._model.name} for a fix: {found.cause}")
        try:
            answer = await self._ask(talk, Fix)
            told = _Told(prompt=talk.prompts, cost=found.cost + answer.cost, talk=self._kept(talk, answer))
            if refused := self._refused(answer):
                return replace(refused, cause=found.cause, explanation=refused.cause, **told)
            fix = _read(Fix, answer)
        except StepFailed as failed:
            raise failed.having_spent(found.cost) from failed.__cause__
        test = fix.regression_test
        return replace(
            found,
            probability=_share(fix.probability),
            edits=tuple(Edit(edit.path, edit.search, edit.replace, edit.occurrence) for edit in fix.edits),
            regression_test=NewFile(test.path, test.content) if test else None,
            branch=fix.branch,
            title=fix.title.strip() or found.cause,
            body=fix.body,
            analyst=answer.model,
            **told,
        )

    async def _ask(self, talk: _Talk, kind: type[Cause] | type[Fix]) -> Answer:
        return await self._model.ask(talk.messages, schema_of(kind), talk.progress)

    def _kept(self, talk: _Talk, answer: Answer) -> tuple[Turn, ...]:
        """The conversation with this answer, as it is kept."""
        turns = talk.told("assistant", answer.text).messages
        return tuple(Turn(turn.role == "user", self._redact(turn.content)) for turn in turns)

    def _refused(self, answer: Answer) -> Diagnosis | None:
        """A refusal to answer is a diagnosis without a patch: waiting would not change it."""
        if answer.ending not in (Ending.REFUSED, Ending.FILTERED):
            return None
        why = answer.text if answer.ending is Ending.REFUSED else "its provider's content filter stopped it."
        cause = f"The model refused to answer: {self._redact(why)}"
        return Diagnosis(cause, "", Category.UNKNOWN, 0.0, analyst=answer.model, cost=answer.cost)


class _Told(TypedDict):
    """What every answer to a wish for a fix adds to the diagnosis."""

    prompt: str
    cost: Cost
    talk: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class _Talk:
    """The conversation so far, and the prompts it was led with."""

    progress: Progress
    messages: tuple[Message, ...] = ()
    prompts: str = ""

    def asked(self, prompt: Prompt) -> _Talk:
        prompts = f"{self.prompts}, {prompt.id}" if self.prompts else prompt.id
        return replace(self.told("user", prompt.text), prompts=prompts)

    def told(self, role: str, content: str) -> _Talk:
        turn = Message("assistant" if role == "assistant" else "user", content)
        return replace(self, messages=(*self.messages, turn))


def _read(kind: type[R], answer: Answer) -> R:
    if answer.ending in (Ending.CUT_OFF, Ending.BROKEN_OFF):
        says = f"The model's reply was {answer.ending} after {answer.cost.tokens_out} tokens."
        raise StepFailed(says, spent=answer.cost)
    try:
        return read_reply(kind, answer.text)
    except UnreadableReply as error:
        raise StepFailed(str(error), spent=answer.cost) from error


def _failure(case: Case) -> str:
    """The payload without what the code section shows better, and with the end of the log only."""
    told = case.payload.model_copy(update={"log": case.payload.log[-_LOG_LINES:]})
    frames = {"__all__": {"frames": {"__all__": {"source"}}}}
    text = told.model_dump_json(indent=1, exclude_defaults=True, exclude={"exception": {"chain": frames}})
    return text if len(text) <= _FAILURE_CHARACTERS else f"{text[:_FAILURE_CHARACTERS]}\n… (cut)"


def _as_found(diagnosis: Diagnosis) -> str:
    """The diagnosis as the model gave it."""
    told = Cause(
        cause=diagnosis.cause,
        explanation=diagnosis.explanation,
        category=diagnosis.category,
        probability=diagnosis.probability,
    )
    return told.model_dump_json()


def _as_fixed(diagnosis: Diagnosis) -> str:
    """The fix that was refused, as the model gave it."""
    edits = [{"path": edit.path, "search": edit.search, "replace": edit.replace} for edit in diagnosis.edits]
    test = diagnosis.regression_test
    kept = {"path": test.path, "content": test.content} if test else None
    return json.dumps({"edits": edits, "regression_test": kept, "title": diagnosis.title})


def _share(number: float) -> float:
    return min(max(number, 0.0), 1.0) if number == number else 0.0  # noqa: PLR0124 (not a number is not itself)
