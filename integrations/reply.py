"""What a model is asked to answer with, and how its answer is read. Kept to the strict subset of structured output:
every field required, no defaults, no limits, no free-form objects."""

from __future__ import annotations

import json

from openai.types.shared_params import ResponseFormatJSONSchema
from openai.types.shared_params.response_format_json_schema import JSONSchema
from pydantic import BaseModel, ConfigDict, ValidationError

from workflow.incident import Category, Cost, Diagnosis, NewFile
from workflow.patch import Edit


class UnreadableReply(Exception):
    """The reply is not what was asked for; the message says in what way."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReplyEdit(_Strict):
    path: str
    search: str
    replace: str
    occurrence: int | None


class ReplyTest(_Strict):
    path: str
    content: str


class Reply(_Strict):
    """The model's answer."""

    cause: str
    explanation: str
    category: Category
    probability: float
    edits: list[ReplyEdit]
    regression_test: ReplyTest | None
    branch: str
    title: str
    body: str


def response_format() -> ResponseFormatJSONSchema:
    """The `response_format` of a chat completion that asks for a Reply."""
    schema = JSONSchema(name="repair", strict=True, schema=Reply.model_json_schema())
    return ResponseFormatJSONSchema(type="json_schema", json_schema=schema)


def read_reply(text: str | None) -> Reply:
    """Raises UnreadableReply with a sentence for a reply that is empty, no JSON, or of another shape."""
    if not text or not text.strip():
        raise UnreadableReply("The model's reply is empty.")
    try:
        return Reply.model_validate(json.loads(_without_fence(text)))
    except json.JSONDecodeError as error:
        raise UnreadableReply(f"The model's reply is no JSON ({error.msg} at character {error.pos}).") from error
    except RecursionError as error:
        raise UnreadableReply("The model's reply is nested too deep.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UnreadableReply(f"The model's reply has the wrong shape at {where}: {first['msg']}.") from error


def to_diagnosis(reply: Reply, *, analyst: str, prompt: str, cost: Cost) -> Diagnosis:
    test = reply.regression_test
    return Diagnosis(
        cause=reply.cause.strip() or "The model names no cause.",
        explanation=reply.explanation,
        category=reply.category,
        probability=min(max(reply.probability, 0.0), 1.0),
        edits=tuple(Edit(edit.path, edit.search, edit.replace, edit.occurrence) for edit in reply.edits),
        regression_test=NewFile(test.path, test.content) if test else None,
        branch=reply.branch,
        title=reply.title.strip() or reply.cause.strip(),
        body=reply.body,
        analyst=analyst,
        prompt=prompt,
        cost=cost,
    )


def _without_fence(text: str) -> str:
    """Some models wrap JSON into a Markdown fence, whatever they are asked."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        return text.split("\n", 1)[-1].rsplit("```", 1)[0]
    return text
