"""The Analyst port on the openai SDK: chat completions with structured output, at any OpenAI-compatible base URL.

One deadline of our own over everything; the SDK's retries are off, because they obey a Retry-After of two minutes
whatever the timeout. Short faults are tried again here within the deadline, long ones are the ledger's to wait for.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import openai
from openai import AsyncOpenAI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from integrations.reply import Reply, UnreadableReply, read_reply, response_format, to_diagnosis
from prompts import fence, render
from workflow.errors import StepFailed
from workflow.incident import Category, Cost, Diagnosis
from workflow.ports import Case, Progress

_LOG_LINES = 80
_FAILURE_CHARACTERS = 40_000
_SHORT_FAULTS = (openai.APIConnectionError, openai.InternalServerError)


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which model, where, and what it costs in US dollars a million tokens (0: not known)."""

    model: str
    api_key: str
    base_url: str | None = None
    usd_per_million_in: float = 0.0
    usd_per_million_out: float = 0.0
    deadline: timedelta = timedelta(minutes=5)
    max_output_tokens: int = 8000


class OpenAIAnalyst:
    """Asks a model. `code_context` gives the code that belongs to a case; `redact` sees all text on its way out."""

    def __init__(
        self, settings: ModelSettings, code_context: Callable[[Case], str], redact: Callable[[str], str]
    ) -> None:
        self._settings = settings
        self._code_context = code_context
        self._redact = redact

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        code = await asyncio.to_thread(self._code_context, case)
        messages, prompt = self._messages(case, code)
        progress(f"asking {self._settings.model}")
        async with AsyncOpenAI(
            api_key=self._settings.api_key,
            base_url=self._settings.base_url,
            max_retries=0,
            timeout=self._settings.deadline.total_seconds(),
        ) as client:
            completion = await self._ask(client, messages)
        return self._read(completion, prompt)

    def _messages(self, case: Case, code: str) -> tuple[list[ChatCompletionMessageParam], str]:
        repair = render(
            "repair",
            fingerprint=case.incident.fingerprint,
            failure=fence(self._redact(_failure(case))),
            code=fence(self._redact(code)),
        )
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": repair.text}]
        if not case.feedback:
            return messages, repair.id
        again = render("again", feedback=fence(self._redact(case.feedback)))
        last = _last_answer(case.incident.diagnosis)
        messages += [{"role": "assistant", "content": last}, {"role": "user", "content": again.text}]
        return messages, f"{repair.id}, {again.id}"

    async def _ask(self, client: AsyncOpenAI, messages: list[ChatCompletionMessageParam]) -> ChatCompletion:
        tries = AsyncRetrying(
            retry=retry_if_exception_type(_SHORT_FAULTS),
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(0.5, max=8),
            reraise=True,
        )
        try:
            async with asyncio.timeout(self._settings.deadline.total_seconds()):
                return await tries(self._create, client, messages)
        except TimeoutError as error:
            raise StepFailed(f"The model did not answer within {self._settings.deadline}.") from error
        except openai.APIError as error:
            raise _failed(error) from error
        except json.JSONDecodeError as error:
            raise StepFailed("The model's address answered with something that is no JSON.") from error

    async def _create(self, client: AsyncOpenAI, messages: list[ChatCompletionMessageParam]) -> ChatCompletion:
        return await client.chat.completions.create(
            model=self._settings.model,
            messages=messages,
            response_format=response_format(),
            max_completion_tokens=self._settings.max_output_tokens,
        )

    def _read(self, completion: ChatCompletion, prompt: str) -> Diagnosis:
        cost = self._cost(completion.usage)
        if not completion.choices:
            raise StepFailed("The model's reply holds no choice.", spent=cost)
        choice = completion.choices[0]
        analyst = completion.model or self._settings.model
        if choice.message.refusal or choice.finish_reason == "content_filter":
            why = choice.message.refusal or "its provider's content filter stopped it"
            return _refused(self._redact(why), analyst, prompt, cost)
        if choice.finish_reason == "length":
            raise StepFailed(f"The model's reply was cut off after {cost.tokens_out} tokens.", spent=cost)
        try:
            reply: Reply = read_reply(choice.message.content)
        except UnreadableReply as error:
            raise StepFailed(str(error), spent=cost) from error
        return to_diagnosis(reply, analyst=analyst, prompt=prompt, cost=cost)

    def _cost(self, usage: CompletionUsage | None) -> Cost:
        if usage is None:
            return Cost(calls=1)
        tokens_in, tokens_out = usage.prompt_tokens or 0, usage.completion_tokens or 0
        usd = tokens_in * self._settings.usd_per_million_in + tokens_out * self._settings.usd_per_million_out
        return Cost(1, tokens_in, tokens_out, round(usd / 1_000_000, 6))


def _failure(case: Case) -> str:
    """The payload without what the code section shows better, and with the end of the log only."""
    told = case.payload.model_copy(update={"log": case.payload.log[-_LOG_LINES:]})
    frames = {"__all__": {"frames": {"__all__": {"source"}}}}
    text = told.model_dump_json(indent=1, exclude_defaults=True, exclude={"exception": {"chain": frames}})
    return text if len(text) <= _FAILURE_CHARACTERS else f"{text[:_FAILURE_CHARACTERS]}\n… (cut)"


def _last_answer(diagnosis: Diagnosis | None) -> str:
    """The answer that was refused, as the model would have given it."""
    if diagnosis is None:
        return "{}"
    edits = [{"path": edit.path, "search": edit.search, "replace": edit.replace} for edit in diagnosis.edits]
    return json.dumps({"cause": diagnosis.cause, "edits": edits})


def _refused(why: str, analyst: str, prompt: str, cost: Cost) -> Diagnosis:
    cause = f"The model refused to answer: {why}"
    return Diagnosis(cause, "", Category.UNKNOWN, 0.0, analyst=analyst, prompt=prompt, cost=cost)


def _failed(error: openai.APIError) -> StepFailed:
    """What an error of the API means for the step: a sentence, and whether waiting can mend it."""
    code = error.code or ""
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return StepFailed("The model's provider does not accept the key. Set KINTSUGI_LLM_API_KEY.", final=True)
    if code == "insufficient_quota":
        return StepFailed("The account at the model's provider has no credit left.", final=True)
    if isinstance(error, openai.RateLimitError):
        return StepFailed("The model's provider asks us to wait.", retry_after=_retry_after(error))
    if isinstance(error, openai.BadRequestError | openai.NotFoundError | openai.UnprocessableEntityError):
        return StepFailed(f"The model's provider does not take the request: {error.message}", final=True)
    return StepFailed(f"The model cannot be reached: {error.message}")


def _retry_after(error: openai.RateLimitError) -> timedelta | None:
    try:
        return timedelta(seconds=min(float(error.response.headers["retry-after"]), 3600.0))
    except (KeyError, ValueError):
        return None
