"""What the analyst needs of a model, whoever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cost
from kintsugi.workflow.ports import Progress

CHARACTERS_PER_TOKEN = 2.8  # of code and tracebacks in the tokenisers of small models; large ones come to 3.5 to 4.5

REPLYS_SHARE = 4  # of a known window, one part in so many is the reply's


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation. `call`: the id of the call of a tool that it makes, or answers; empty for none."""

    role: Literal["user", "assistant"]
    content: str
    call: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """What may be called in place of a reply. `parameters`: a JSON Schema."""

    name: str
    says: str
    parameters: dict[str, Any]


class Ending(StrEnum):
    """How a reply ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FILTERED = "stopped by its provider's content filter"
    CUT_OFF = "cut off at the limit of its length"
    BROKEN_OFF = "broken off on the way"
    REPEATED = "the same again and again, and was stopped"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `text` is the reply, or for REFUSED the model's reason; `cost` counts whatever the ending.

    `manner`: how its server was asked, in words. `read`: the tokens of the question that it says it read, where these
    are far too few for what it was sent; 0 for all others. `calls`: those of the tools that it was offered, each as the
    JSON reply that says the same; together they are the text.
    """

    ending: Ending
    text: str
    model: str
    cost: Cost
    manner: str = ""
    read: int = 0
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """How much a model takes, in tokens: question and reply together (None: not known), and the reply alone."""

    window: int | None
    reply: int

    @property
    def characters(self) -> int | None:
        """Of a question; None where it is not known to be too short for one of ours."""
        return None if self.window is None else max(int((self.window - self.reply) * CHARACTERS_PER_TOKEN), 0)


def window_for(characters: int) -> int:
    """The window, in tokens, whose room for a question is so many characters."""
    return int(characters / CHARACTERS_PER_TOKEN * REPLYS_SHARE / (REPLYS_SHARE - 1))


class TooLong(StepFailed):
    """The question does not fit. A shorter one may, within the model's `room`. Nothing was paid."""

    def __init__(self, says: str) -> None:
        super().__init__(says, final=True)


class Model(Protocol):
    """Asks one model."""

    @property
    def name(self) -> str: ...

    @property
    def room(self) -> Room: ...

    async def ask(
        self,
        messages: Sequence[Message],
        schema: tuple[str, dict[str, Any]],
        progress: Progress,
        tools: Sequence[Tool] = (),
    ) -> Answer:
        """The reply to a conversation, as JSON of this schema (its name, and JSON Schema), or as calls of these tools
        where its server has calls.

        Raises StepFailed where nothing was said: with what was spent, and final where waiting cannot mend it; TooLong
        where the conversation is.
        """

    def learn_window(self, tokens: int) -> None:
        """It was found out how many tokens its server takes, which did not say so."""

    async def check(self) -> str:
        """A few words where it answers, without what costs money. Raises StepFailed."""
