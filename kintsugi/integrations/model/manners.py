"""How a server wants to be asked, and the ladder down from what the best of them take.

What "OpenAI-compatible" means differs by server and by version, so nothing is looked up by name: a server is asked in
the best way, and what it refuses says which step comes next. A refused request costs nothing. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal
from urllib.parse import urlsplit

from kintsugi.integrations.model.refusals import (
    Refusal,
    can_afford,
    has_no_credit,
    is_about_the_content,
    says_key_is_wrong,
    says_model_is_unknown,
)

Api = Literal["chat", "responses"]

OLD_LIMIT, NEW_LIMIT = "max_tokens", "max_completion_tokens"
_LIMITS = (
    OLD_LIMIT,
    NEW_LIMIT,
    "max_output_tokens",
    "maxoutputtokens",
    "max_new_tokens",
    "completion tokens",
    "maximum tokens you requested",
)
_SHAPE = (400, 404, 405, 415, 422, 500, 501)  # statuses that servers refuse a request's shape with
_VAGUE = (400, 422)  # … and those that mean it also where nothing is named
_WHAT_IT_TAKES = re.compile(r"\b(?:supported|allowed|valid|accepted)(?: \w+)?: [^.]*")  # is no refusal of it
_LEAST_OUTPUT = 256  # tokens; a smaller number in a refusal is no limit of the reply
_WITHOUT_A_NUMBER = 4096
_FOR_RESPONSES = r"(supported|available) in (the )?`?(v1/)?responses|use (the )?`?(v1/)?responses"
_NO_RESPONSES = (
    r"unexpected endpoint|invalid url|unknown (endpoint|route|path|url)|responses api is (only |not )|"
    r"responses\b.{0,20}\bnot (supported|available)"
)
_OPENAI = ("api.openai.com", ".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")


class Form(StrEnum):
    """How a server is asked for JSON. The prompts show the shape in each of them."""

    SCHEMA = "schema"
    CALL = "call"  # of a tool whose arguments are the reply
    OBJECT = "object"
    TEXT = "text"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Form.SCHEMA: "JSON by a schema",
    Form.CALL: "JSON as the call of a tool",
    Form.OBJECT: "JSON without a schema",
    Form.TEXT: "JSON in plain text",
}


class Calls(StrEnum):
    """How a server is offered tools, from the best down. In all of them the prompts show the JSON reply that says the
    same."""

    UNTRIED = ""
    MUST = "must"  # with `tool_choice`: one of them has to be called
    MAY = "may"
    NONE = "none"  # one JSON reply a step

    @property
    def words(self) -> str:
        return _CALLS[self]


_CALLS = {
    Calls.UNTRIED: "",
    Calls.MUST: "tools called as its own",
    Calls.MAY: "tools called as its own, without tool_choice",
    Calls.NONE: "tools by a JSON reply a step",
}

_BY_API: dict[Api, str] = {
    "chat": "by chat completions, as it has no /responses",
    "responses": "by /responses, as it has no chat completions",
}


@dataclass(frozen=True, slots=True)
class Manner:
    """What one server takes of a request. `limit`: the name under which it takes a limit, "" for none.

    `most_output` and `window` are its own limits in tokens, as far as it told them. `api`: the one of the two that it
    has, where that is not the one that is set. `calls`: how it is offered tools, where it may look at the program.
    """

    form: Form = Form.SCHEMA
    limit: str = NEW_LIMIT
    streams: bool = True
    counts: bool = True  # takes stream_options, and tells the tokens at a stream's end
    most_output: int | None = None
    window: int | None = None
    api: Api | Literal[""] = ""
    calls: Calls = Calls.UNTRIED

    @property
    def words(self) -> str:
        """For the log, the pages and `doctor`, such as "JSON by a schema, streamed, max_tokens"."""
        parts = [self.form.words, "streamed" if self.streams else "in one piece", self.limit or "no limit of length"]
        if self.streams and not self.counts:
            parts.append("without stream_options")
        if self.most_output:
            parts.append(f"at most {self.most_output:,} tokens a reply")
        if self.window:
            parts.append(f"a window of {self.window:,} tokens")
        if self.api:
            parts.append(_BY_API[self.api])
        if self.calls:
            parts.append(self.calls.words)
        return ", ".join(parts)

    @property
    def plainest(self) -> Manner:
        """Without all that a request need not say, but for the limit of the reply and the streaming."""
        return replace(self, form=Form.TEXT, counts=False)


def first_manner(base_url: str | None) -> Manner:
    """OpenAI's newest models refuse `max_tokens`, and most other servers know only that."""
    host = urlsplit(base_url or "https://api.openai.com").hostname or ""
    return Manner(limit=NEW_LIMIT if host.endswith(_OPENAI) else OLD_LIMIT)


def next_manner(manner: Manner, refusal: Refusal, sent: int, *, steps: int, offered: bool = False) -> Manner | None:
    """The next step down after a refusal; None where no other manner would help.

    `sent` is the limit of the reply that was asked for, `steps` how many were taken for this question already,
    `offered` whether it came with tools.
    """
    if most := can_afford(refusal):
        return replace(manner, most_output=most) if _LEAST_OUTPUT * 4 <= most < sent else None
    if refusal.status not in _SHAPE or _is_about_who_asks(refusal):
        return None
    if offered and (calls := _fewer_calls(manner.calls, refusal)):
        return replace(manner, calls=calls)
    named = _without_what_is_named(manner, refusal, sent)
    if named != manner:
        lower = named.plainest if steps else named  # one that names one thing after the other is asked for the least
        return lower if lower != manner else None
    if refusal.status not in _VAGUE:
        return None
    return replace(manner, calls=Calls.NONE) if offered else last_resort(manner)


def heard_calls(manner: Manner, called: bool) -> Manner:
    """After a reply to the offer of tools. Some servers take them and ignore them, some leave the calls in the text,
    and some models never call: those are better asked for JSON, which a schema can hold."""
    if not called:
        return replace(manner, calls=Calls.NONE)
    return replace(manner, calls=manner.calls or Calls.MUST)


def _fewer_calls(calls: Calls, refusal: Refusal) -> Calls | None:
    """The next step down where it is tools that are refused, or how a conversation with them is told."""
    text = _WHAT_IT_TAKES.sub("", refusal.lower)
    if re.search(r"tool[_ ]choice", text) and calls in (Calls.UNTRIED, Calls.MUST) and "auto-tool-choice" not in text:
        return Calls.MAY
    about = re.search(r"\btool|function|\brole|thought_signature|reasoning_content|template|jinja|alternate", text)
    return Calls.NONE if about or _is_about_the_form(text) else None


def other_api(manner: Manner, refusal: Refusal, asked: Api) -> Manner | None:
    """The other API, where the server has not the one that it was asked by. Once: it is not asked back and forth."""
    if manner.api:
        return None
    if asked == "chat":
        return replace(manner, api="responses") if re.search(_FOR_RESPONSES, refusal.lower) else None
    unknown = refusal.status in (404, 405, 501) and not says_model_is_unknown(refusal)
    return replace(manner, api="chat") if unknown or re.search(_NO_RESPONSES, refusal.lower) else None


def _is_about_who_asks(refusal: Refusal) -> bool:
    """Whether it is the account or the model that is refused, or the content, which no other manner mends."""
    no = (says_model_is_unknown, says_key_is_wrong, has_no_credit, is_about_the_content)
    return any(says(refusal) for says in no)


def last_resort(manner: Manner) -> Manner | None:
    """The least of all, for a server that does not say what it minds; None where that is how it was asked."""
    least = replace(manner.plainest, limit=OLD_LIMIT if manner.limit else "", streams=False)
    return least if least != manner else None


def _without_what_is_named(manner: Manner, refusal: Refusal, sent: int) -> Manner:
    text = _WHAT_IT_TAKES.sub("", refusal.lower)
    changed = _limit(manner, text, refusal.numbers, sent)
    if _names(text, "stream_options", "include_usage"):
        changed = replace(changed, counts=False)
    if re.search(r"\bstream(?:ing|=true)?\b", text) and _is_no_to_streams(text) and manner.streams:
        return replace(changed, streams=False)  # named together with the form, it is one or the other
    if manner.form is Form.CALL and _names(text, "tool", "function"):
        return replace(changed, form=Form.TEXT)
    if manner.form in (Form.SCHEMA, Form.OBJECT) and _wants_tools(refusal.sentence):
        return replace(changed, form=Form.CALL)  # none was sent, so it is one that is missed
    if manner.form in (Form.SCHEMA, Form.OBJECT) and _is_about_the_form(text):
        return replace(changed, form=_next_form(manner.form, refusal.sentence))
    return changed


def _limit(manner: Manner, text: str, numbers: list[int], sent: int) -> Manner:
    if manner.limit == OLD_LIMIT and NEW_LIMIT in text and f"'{OLD_LIMIT}'" in text.replace("`", "'").replace('"', "'"):
        return replace(manner, limit=NEW_LIMIT)
    if not manner.limit or not _names(text, *_LIMITS):
        return manner
    if _is_unknown(manner.limit, text):
        return replace(manner, limit=OLD_LIMIT if manner.limit == NEW_LIMIT else "")
    smaller = [number for number in numbers if _LEAST_OUTPUT <= number < sent]
    if not smaller and not re.search(r"too (large|big|high|many)|exceed|maximum|at most|less than|limit", text):
        return manner
    most = max(smaller, default=min(_WITHOUT_A_NUMBER, sent // 2))
    if re.search(r"exclusive|(less|lower|smaller) than(?! or equal)", text):
        most -= 1
    return replace(manner, most_output=most) if most >= _LEAST_OUTPUT else manner


def _is_unknown(name: str, text: str) -> bool:
    """Whether it is this parameter that is not taken at all; others may be named in the same text."""
    no = r"(?:unsupported|not supported|extra|unknown|unrecognized|unexpected|not permitted|not allowed|not a valid)"
    return bool(re.search(rf"{no}[^;.]{{0,40}}\b{name}\b|\b{name}\b[^;.]{{0,40}}{no}", text))


def _is_no_to_streams(text: str) -> bool:
    without = text.replace("stream_options", "")
    return bool(re.search(r"stream\w*\W.{0,60}(not|un)\s?(supported|available|allowed)", without, re.DOTALL)) or bool(
        re.search(r"(not|un)\s?support\w*\W.{0,30}stream", without, re.DOTALL)
    )


def _wants_tools(sentence: str) -> bool:
    return bool(re.search(r"\btools?\b|tool_choice|function call", re.sub(r"https?://\S+", "", sentence)))


def _is_about_the_form(text: str) -> bool:
    return _names(
        text,
        "response_format",
        "response format",
        "json_schema",
        "json schema",
        "json_object",
        "json mode",
        "structured output",
        "guided",
        "grammar",
        "text.format",
        "output_config",
        "support the requested parameters",
        "handle the requested parameters",
    ) or bool(re.search(r"\btype\b.{0,40}input should be 'text'", text, re.DOTALL))


def _next_form(form: Form, text: str) -> Form:
    """JSON without a schema comes after one, where it is the schema that is refused, and not JSON as a whole."""
    if form is Form.OBJECT or "cannot unmarshal" in text:
        return Form.TEXT
    if _is_unknown("response_format", text) and "json" not in text:
        return Form.TEXT
    offered = re.search(r"(should be|must be|expected|supported values|allowed|one of)(.{0,120})", text, re.DOTALL)
    if offered and "text" in offered[2] and "json_object" not in text:
        return Form.TEXT
    return Form.OBJECT if re.search(r"schema|json_object|\btype\b|grammar|guided", text) else Form.TEXT


def _names(text: str, *names: str) -> bool:
    return any(name in text for name in names)
