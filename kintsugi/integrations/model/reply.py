"""What a model is asked to answer with, and how its answer is read. Kept to the strict subset of structured output:
every field required, no defaults, no limits, no free-form objects."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from kintsugi.workflow.incident import Category


class UnreadableReply(Exception):
    """The reply is not what was asked for; the message says in what way."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cause(_Strict):
    """The answer to `diagnose`: why it failed."""

    cause: str
    explanation: str
    category: Category
    probability: float


class FixEdit(_Strict):
    path: str
    search: str
    replace: str
    occurrence: int | None


class FixTest(_Strict):
    path: str
    content: str


class Fix(_Strict):
    """The answer to `fix` and `again`: what to change."""

    edits: list[FixEdit]
    regression_test: FixTest | None
    branch: str
    title: str
    body: str
    probability: float


R = TypeVar("R", Cause, Fix)

_NAMES: dict[type[BaseModel], str] = {Cause: "finding", Fix: "fix"}  # as providers' logs and recordings know them


def schema_of(kind: type[Cause] | type[Fix]) -> tuple[str, dict[str, Any]]:
    """Name and JSON Schema of a reply, as structured output takes them."""
    return _NAMES[kind], kind.model_json_schema()


def read_reply(kind: type[R], text: str) -> R:
    """Raises UnreadableReply with a sentence for a reply that is empty, no JSON, or of another shape."""
    if not text.strip():
        raise UnreadableReply("The model's reply is empty.")
    try:
        return kind.model_validate(json.loads(_without_fence(text)))
    except json.JSONDecodeError as error:
        raise UnreadableReply(f"The model's reply is no JSON ({error.msg} at character {error.pos}).") from error
    except RecursionError as error:
        raise UnreadableReply("The model's reply is nested too deep.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UnreadableReply(f"The model's reply has the wrong shape at {where}: {first['msg']}.") from error


def _without_fence(text: str) -> str:
    """Some models wrap JSON into a Markdown fence, whatever they are asked."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        return text.split("\n", 1)[-1].rsplit("```", 1)[0]
    return text
