"""One question to a model, its answer read; and where that cannot be read, one turn that says what was wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Generic

from kintsugi.integrations.model.port import Answer, Ending, Message, Model, Tool
from kintsugi.integrations.model.reply import R, UnreadableReply, read_reply, refusal_in, schema_of
from kintsugi.prompts import render
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import NOTHING, Allowance, Cost
from kintsugi.workflow.ports import Progress

_MOST_TRIES = 3  # of a question whose answers cannot be read, each with its correction
_SHOWN = 4_000  # characters of a reply that could not be read, as the model is shown it again


@dataclass(frozen=True, slots=True)
class Reply(Generic[R]):
    """What came of a question. `value` is None where it was refused, and `refusal` says why. `also`: what it asks for
    beside that, where several tools were called at once.

    `turns` are those that the question added to the conversation, the model's own words as it gave them last.
    """

    value: R | None
    refusal: str
    answer: Answer
    turns: tuple[Message, ...]
    cost: Cost
    prompts: str = ""  # those that were added to the question's
    also: tuple[R, ...] = ()


async def ask_for(
    kind: type[R],
    model: Model,
    messages: Sequence[Message],
    progress: Progress,
    *,
    allowance: Allowance | None = None,
    spent: Cost = NOTHING,
    tools: Sequence[Tool] = (),
) -> Reply[R]:
    """Ask for a reply of this kind, or for calls of these tools. `spent`: what this step has cost before.

    Raises StepFailed, with what this question has cost, where there is no reply that can be read.
    """
    answer = await model.ask(messages, schema_of(kind), progress, tools)
    try:
        return _read(kind, answer)
    except UnreadableReply as error:
        _may_ask_again(error, answer, allowance or Allowance(), spent)
        progress(f"{error} Asking once more, with what was wrong.")
        prompt = render("unreadable", wrong=str(error))
    turn = (Message("assistant", _again(answer.text)), Message("user", prompt.text))
    with paid(answer.cost):
        corrected = await _corrected(kind, model, (*messages, *turn), progress, tools)
    return replace(
        corrected,
        turns=(*turn, *corrected.turns),
        cost=answer.cost + corrected.cost,
        prompts=f", {prompt.id}",
    )


@contextmanager
def paid(spent: Cost) -> Iterator[None]:
    """What was spent before is in how this ends, also where it is stopped while nobody has answered yet."""
    try:
        yield
    except StepFailed as failed:
        raise failed.having_spent(spent) from failed.__cause__
    except asyncio.CancelledError as stopped:
        if not spent.calls:
            raise
        raise StepFailed("It was interrupted.", spent=spent) from stopped


async def _corrected(
    kind: type[R], model: Model, messages: Sequence[Message], progress: Progress, tools: Sequence[Tool]
) -> Reply[R]:
    answer = await model.ask(messages, schema_of(kind), progress, tools)
    try:
        return _read(kind, answer)
    except UnreadableReply as error:
        says = f"{error} It was told what was wrong before, and answered so again."
        raise StepFailed(says, spent=answer.cost, most_tries=_MOST_TRIES) from error


def _read(kind: type[R], answer: Answer) -> Reply[R]:
    """Raises UnreadableReply, or StepFailed where it was not heard to its end."""
    said = (Message("assistant", answer.text),)
    match answer.ending:
        case Ending.REFUSED:
            return Reply(None, answer.text, answer, said, answer.cost)
        case Ending.FILTERED:
            return Reply(None, "its provider's content filter stopped it.", answer, said, answer.cost)
        case Ending.CUT_OFF | Ending.REPEATED if not answer.calls:  # of calls the first may be whole
            raise UnreadableReply(_ended(answer))
        case Ending.BROKEN_OFF if not _is_whole(answer.text):
            raise StepFailed(_ended(answer), spent=answer.cost)
    try:
        # a bare patch may lack its end without showing it
        whole = answer.ending is Ending.ANSWERED
        value, *also = _called(kind, answer) or [read_reply(kind, answer.text, bare_patch=whole)]
    except UnreadableReply:
        if why := refusal_in(answer.text):
            return Reply(None, why, answer, said, answer.cost)
        raise
    return Reply(value, "", answer, said, answer.cost, also=tuple(also))


def _called(kind: type[R], answer: Answer) -> list[R]:
    """The calls that can be read, so that one bad call costs the others nothing. Raises UnreadableReply for the last
    where none can."""
    read: list[R] = []
    for at, call in enumerate(answer.calls, 1):
        try:
            read.append(read_reply(kind, call))
        except UnreadableReply:
            if at == len(answer.calls) and not read:
                raise
    return read


def _ended(answer: Answer) -> str:
    return f"The model's reply was {answer.ending} after {answer.cost.tokens_out:,} tokens."


def _is_whole(text: str) -> bool:
    """Whether it ends as a reply of ours does, where its provider does not say so."""
    return text.rstrip().endswith(("}", "```", "]"))


def _may_ask_again(error: UnreadableReply, answer: Answer, allowance: Allowance, spent: Cost) -> None:
    """Raises StepFailed where the budget is used up."""
    if why := allowance.used_up_by(spent + answer.cost):
        raise StepFailed(f"{error} {why}", spent=answer.cost) from error


def _again(text: str) -> str:
    """What it said, cut where it is long: it knows the rest, and need not pay for it."""
    if not text.strip():
        return "(nothing)"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} […]"
