"""What the analyst needs of a model, whoever runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

from kintsugi.workflow.incident import Cost
from kintsugi.workflow.ports import Progress


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class Ending(StrEnum):
    """How a reply ended."""

    ANSWERED = "answered"
    REFUSED = "refused"
    FILTERED = "stopped by its provider's content filter"
    CUT_OFF = "cut off at the limit of its length"
    BROKEN_OFF = "broken off on the way"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `text` is the reply, or for REFUSED the model's reason; `cost` counts whatever the ending."""

    ending: Ending
    text: str
    model: str
    cost: Cost


class Model(Protocol):
    """Asks one model."""

    @property
    def name(self) -> str: ...

    async def ask(self, messages: Sequence[Message], schema: tuple[str, dict[str, Any]], progress: Progress) -> Answer:
        """The reply to a conversation, as JSON of this schema (its name, and JSON Schema).

        Raises StepFailed where nothing was said: with what was spent, and final where waiting cannot mend it.
        """

    async def check(self) -> str:
        """A few words where it answers, without what costs money. Raises StepFailed."""
