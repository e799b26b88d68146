"""What a provider's error says: its sentence, whatever it is wrapped in, and what kind of no it is. Pure.

The bodies seen: OpenAI's object; a list of those (Gemini); a bare text as `error` (LM Studio, llama.cpp's Python
server, TGI); `message` as text, list or object (Mistral, vLLM, Cerebras, Cohere); FastAPI's `detail`; a list of
`errors` (Cloudflare, watsonx); OpenRouter's `metadata.raw`, which holds another provider's body; a page of a proxy.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from kintsugi.telemetry.redact import redact

_LONGEST = 300  # characters of a provider's sentence that people are shown
_LOOKED_AT = 4_000  # characters of it that are searched; the expressions here are too slow for a page of a megabyte
_OF_THE_REQUEST = ("input", "messages", "prompt", "request", "failed_generation")  # where a body repeats what was asked
_TOO_LONG = (
    r"context[ _-]?(length|window|size)",
    r"maximum context",
    r"exceed_context_size",
    r"(prompt|input|request|message)\w*\W.{0,40}\btoo (long|large|many)",
    r"too many tokens",
    r"inputs?` (tokens|must have)",
    r"input token count",
    r"maximum prompt length",
    r"requested tokens",
    r"input tokens [\d,]* ?cannot exceed",
    r"exceed\w* (?:the )?(?:model )?token limit",
    r"range of input length",
    r"reduce the length|reduce your message",
    r"too large for model",
    r"entity too large",
    r"超长|过长|超出.{0,12}(长度|限制)",
)
_WINDOW = (
    r"n_ctx\D{0,4}(\d+)",
    r"context length (?:is|of)(?: only)? (\d+)",
    r"context window of (\d+)",
    r"context size \((\d+)",
    r"(?:<=|≤|less than|allowed \(|maximum (?:of|prompt length is)|limit:?) ?`?(\d+)",
    r"(\d+) (?:tokens? )?maximum",
)
_NO_CREDIT = (
    r"insufficient_quota|exceeded_current_quota_error|insufficient (account )?(balance|credits?|funds)|credit balance|"
    r"out of credits|(have|has|having) any credits|credit limit exceeded|arrearage|account is in good standing|"
    r"spending limit|budget_exceeded|over budget|budget has been exceeded|欠费|余额不足"
)
_WRONG_KEY = (
    r"(invalid|incorrect|wrong|expired|malformed|unknown)[ _](api[ _-]?key|access[ _]token|token|credentials)|"
    r"api[ _-]?key (is )?(not valid|invalid|incorrect|expired|missing)|api_key_invalid|auth\w+ (failed|error)"
)
_NO_MODEL = (
    r"model_not_(found|exist|supported|available)|model_decommissioned|(invalid|unknown|unavailable)[ _]model|"
    r"no such model|model identifier is invalid|model\b.{0,80}(does not exist|not found|not exist|is not available|"
    r"not a valid|decommissioned|not supported by any)|not a valid model"
)
_COUNTS_TO_LIMIT = re.compile(r"max_(new_|completion_|output_)?tokens|in the completion|completion tokens")


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of a provider. `status`: the HTTP status, or the one that its body tells. `says`: its own sentence."""

    status: int
    says: str
    code: str = ""
    lower: str = ""  # all of the body, to be searched
    body: Any = None

    @property
    def sentence(self) -> str:
        """In small letters, to be searched for what it says rather than what it is about."""
        return self.says.lower()

    @property
    def numbers(self) -> list[int]:
        return [int(found.replace(",", "")) for found in re.findall(r"\d[\d,]*", self.sentence) if len(found) < 12]

    @property
    def has_words(self) -> bool:
        """Whether it says anything, so that it is an error and no stray document."""
        return bool(_sentence(self.body))

    @property
    def quoted(self) -> str:
        """The provider's own sentence, as people are shown it; empty where it has none. Some repeat our key in it."""
        said = redact(" ".join(self.says.split())).rstrip(". ")
        return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def refusal_of(status: int, body: object) -> Refusal:
    """From a body that was parsed, or its text."""
    try:
        return _read(status, _parsed(body))
    except RecursionError:  # it is nested without end
        return _read(status, "")


def _read(status: int, parsed: Any) -> Refusal:
    said = _first_error(parsed)
    code = str(said.get("code") or said.get("type") or "") if isinstance(said, dict) else ""
    told = said.get("code") if isinstance(said, dict) else None
    if status == 200 and re.fullmatch(r"[45]\d\d", str(told), re.ASCII):
        status = int(str(told))
    text = parsed if isinstance(parsed, str) else json.dumps(_own(parsed), ensure_ascii=False)
    says = (_sentence(said) or _plain(text))[:_LOOKED_AT]
    return Refusal(status, says, code, text[:_LOOKED_AT].lower(), said)


def says_model_is_unknown(refusal: Refusal) -> bool:
    return bool(re.search(_NO_MODEL, refusal.lower))


def says_key_is_wrong(refusal: Refusal) -> bool:
    """Some say so with 400 or 403."""
    return refusal.status == 401 or (refusal.status in (400, 403) and bool(re.search(_WRONG_KEY, refusal.lower)))


def says_too_long(refusal: Refusal) -> bool:
    """Whether the prompt does not fit, which a shorter one mends. A limit of the reply alone does not count."""
    if refusal.status == 413 or refusal.code in ("context_length_exceeded", "exceed_context_size_error"):
        return True
    if refusal.status == 429:  # one that no waiting lets through
        return bool(re.search(r"request too large|reduce your message", refusal.sentence))
    return refusal.status in (400, 422, 500) and any(re.search(form, refusal.sentence, re.DOTALL) for form in _TOO_LONG)


def window_in(refusal: Refusal, sent: int) -> int | None:
    """The tokens that prompt and reply may have together, where the refusal tells; `sent`: the reply's limit."""
    if isinstance(refusal.body, dict) and isinstance(refusal.body.get("n_ctx"), int):
        return int(refusal.body["n_ctx"])
    for form in _WINDOW:
        if found := re.search(form, refusal.sentence):
            return int(found[1])
    over = {int(number) for number in re.findall(r"\bby (\d+)", refusal.sentence)}  # how far it is exceeded
    large = [number for number in refusal.numbers if number >= 256 and number not in (sent, refusal.status, *over)]
    return min(large, default=None)


def prompt_fits(refusal: Refusal, window: int, sent: int) -> int | None:
    """The tokens left for the reply, where the prompt alone would fit; None where it would not, or is not known."""
    counted = [number for number in refusal.numbers if 0 < number < window and number != sent]
    if total := re.search(r"requested:? (\d+)", refusal.sentence):  # prompt and reply together
        counted.append(int(total[1]) - sent)
    elif not _COUNTS_TO_LIMIT.search(refusal.sentence):
        return None
    left = window - max(counted, default=window) - 16
    return left if 512 <= left < window - 16 else None


def can_afford(refusal: Refusal) -> int | None:
    """The tokens of a reply that the account still pays for, as OpenRouter tells them."""
    found = re.search(r"can only afford (\d+)", refusal.lower) if refusal.status == 402 else None
    return int(found[1]) if found else None


def is_about_the_content(refusal: Refusal) -> bool:
    """Whether a content filter stopped the question."""
    words = r"content_filter|content management policy|responsibleai|moderation|data_inspection_failed"
    return refusal.status in (400, 403) and bool(re.search(words, refusal.lower))


def has_no_credit(refusal: Refusal) -> bool:
    """A 429 that only speaks of a plan and its billing is a limit by the minute, as Gemini words it."""
    if refusal.status == 402 or re.search(_NO_CREDIT, refusal.lower):
        return True
    return refusal.status in (400, 403) and "billing" in refusal.lower


def is_final(refusal: Refusal) -> bool:
    """Whether the same request would be refused again, however long it waits."""
    passing = (408, 409, 423, 424, 425, 429, 498, 499)
    return (
        has_no_credit(refusal)
        or refusal.status == 501
        or (400 <= refusal.status < 500 and refusal.status not in passing)
    )


def _parsed(body: object) -> Any:
    if isinstance(body, bytes):
        body = body.decode("utf-8", "replace")
    if not isinstance(body, str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return body


def _own(body: Any) -> Any:
    """What the provider says itself: a question that it repeats may speak of anything."""
    if isinstance(body, dict):
        return {key: _own(value) for key, value in body.items() if key not in _OF_THE_REQUEST}
    return [_own(one) for one in body] if isinstance(body, list) else body


def _first_error(body: Any) -> Any:
    """The innermost thing that speaks of the error."""
    match body:
        case [first, *_]:
            return _first_error(first)
        case {"error": dict() as error}:
            raw = error.get("metadata", {}).get("raw") if isinstance(error.get("metadata"), dict) else None
            inner = _first_error(_parsed(raw)) if raw else None
            return {**error, **inner} if isinstance(inner, dict) and inner.get("message") else error
        case {"errors": [first, *_]}:
            return _first_error(first)
        case {"base_resp": dict() as error}:
            return error
        case _:
            return body


def _sentence(said: Any) -> str:
    match said:
        case str():
            return _plain(said)
        case {"message": str() as message} if message.strip():
            nested = _first_error(_parsed(message))
            return _sentence(nested) if isinstance(nested, dict | list) else message
        case {"message": (dict() | list()) as message}:
            return _sentence(message)
        case (
            {"error": str() as message}
            | {"msg": str() as message}
            | {"detail": str() as message}
            | {"error_msg": str() as message}
            | {"status_msg": str() as message}
        ):
            where = said.get("loc")
            return f"{'.'.join(map(str, where))}: {message}" if isinstance(where, list) else message
        case {"detail": (dict() | list()) as detail}:
            return _sentence(detail)
        case [*many] if many:
            return "; ".join(filter(None, map(_sentence, many[:3])))
        case _:
            return ""


def _plain(text: str) -> str:
    """A page's title, or a text without its tags."""
    if title := re.search(r"<title>([^<]*)</title>", text, re.IGNORECASE):
        return title[1].strip()
    return re.sub(r"<[^<>]+>", " ", text).strip()
