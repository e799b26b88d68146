"""One question to a model through the openai SDK: asked once, heard to its end, paid for whatever it was.

One deadline of our own over everything; the SDK's retries are off, because they obey a Retry-After of two minutes
whatever the timeout, and repeat what has no credit. Short faults are tried again here within the deadline, long ones
are the ledger's to wait for. What is heard is read in `openai_streams`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, NoReturn

import openai
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from kintsugi.integrations.authorities import context
from kintsugi.integrations.model.openai_streams import FailedOnTheWay, Heard, NoReply, Question, chat, responses
from kintsugi.integrations.model.port import Answer, Ending, Message
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cost, Price
from kintsugi.workflow.ports import Progress

_SHORT_FAULTS = (openai.APIConnectionError, openai.InternalServerError)
_MOST_WAIT = timedelta(hours=1)
_CHECKED_WITHIN = timedelta(seconds=10)
_CHARACTERS_PER_TOKEN = 4  # where a provider does not tell what it has counted

Api = Literal["chat", "responses"]


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """Which model, where, by which of the two APIs, and what it costs (None: not known)."""

    model: str
    api_key: str
    base_url: str | None = None
    api: Api = "chat"
    price: Price | None = None
    deadline: timedelta = timedelta(minutes=5)
    max_output_tokens: int = 16_000
    tell_every: timedelta = timedelta(seconds=2)


class OpenAIModel:
    """The Model of any server that speaks OpenAI's API."""

    def __init__(self, settings: ModelAccess) -> None:
        self._settings = settings

    @property
    def name(self) -> str:
        return self._settings.model

    async def ask(self, messages: Sequence[Message], schema: tuple[str, dict[str, Any]], progress: Progress) -> Answer:
        """Raises StepFailed where nothing was said: with what was spent, and final where waiting cannot mend it."""
        question = Question(self._settings.model, messages, *schema, self._settings.max_output_tokens)
        heard = Heard()
        deadline = self._settings.deadline.total_seconds()
        try:
            async with asyncio.timeout(deadline), self._client() as client:
                await self._hear(client, question, heard, _telling(progress, heard, self._settings.tell_every))
        except TimeoutError as error:
            says = f"The model did not answer within {self._settings.deadline}."
            raise StepFailed(says, spent=self._cost(question, heard)) from error
        except openai.APIError as error:
            _fail(error, self._cost(question, heard))
        except FailedOnTheWay as error:
            says = f"The model's provider failed while it answered: {error}"
            raise StepFailed(says, spent=self._cost(question, heard)) from error
        except (NoReply, json.JSONDecodeError) as error:
            says = "The model's address answered with something that is no reply of a model. See KINTSUGI_LLM_BASE_URL."
            raise StepFailed(says) from error
        return Answer(
            _ending(heard), heard.refusal or heard.text, heard.model or self.name, self._cost(question, heard)
        )

    async def check(self) -> str:
        """Whether the provider knows the key and the model, which costs nothing. Raises StepFailed."""
        try:
            async with self._client(_CHECKED_WITHIN) as client:
                await client.models.retrieve(self.name)
        except (openai.APIError, ValueError) as error:  # the latter for an address that is none
            says = f"{self.name} does not answer ({type(error).__name__}). Check KINTSUGI_LLM_API_KEY and _MODEL."
            raise StepFailed(says) from error
        return f"{self.name} answers"

    def _client(self, within: timedelta | None = None) -> AsyncOpenAI:
        settings = self._settings
        seconds = (within or settings.deadline).total_seconds()
        return AsyncOpenAI(
            api_key=settings.api_key,
            base_url=settings.base_url,
            max_retries=0,
            timeout=seconds,
            http_client=DefaultAsyncHttpxClient(verify=context()),
        )

    async def _hear(self, client: AsyncOpenAI, question: Question, heard: Heard, tell: Callable[[], None]) -> None:
        hear = chat if self._settings.api == "chat" else responses
        tries = AsyncRetrying(
            # once it has begun to answer it is billed, and another try is the ledger's to weigh
            retry=retry_if_exception(lambda error: isinstance(error, _SHORT_FAULTS) and not heard.began),
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(0.5, max=8),
            reraise=True,
        )
        try:
            await tries(hear, client, question, heard, tell)
        except openai.APIConnectionError:
            if not heard.began:
                raise

    def _cost(self, question: Question, heard: Heard) -> Cost:
        if not heard.began:
            return Cost()
        tokens_in, tokens_out = heard.tokens_in, heard.tokens_out
        if not heard.counted:
            tokens_in, tokens_out = _tokens(question.characters), _tokens(len(heard.text) + len(heard.refusal))
        usd = self._settings.price.of(tokens_in, tokens_out, heard.tokens_cached) if self._settings.price else 0.0
        return Cost(1, tokens_in, tokens_out, usd)


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)


def _telling(progress: Progress, heard: Heard, every: timedelta) -> Callable[[], None]:
    """Tells how far the reply has come, every so often."""
    began = told = time.monotonic()

    def tell() -> None:
        nonlocal told
        now = time.monotonic()
        if now - told >= every.total_seconds():
            told = now
            progress(f"the model is answering: {len(heard.text):,} characters in {now - began:.0f} s")

    return tell


def _ending(heard: Heard) -> Ending:
    if heard.refusal:
        return Ending.REFUSED
    if heard.ended is None:
        return Ending.BROKEN_OFF
    if heard.ended == "filtered":
        return Ending.FILTERED
    if heard.ended == "cut off":
        return Ending.CUT_OFF
    return Ending.ANSWERED if heard.text.strip() else Ending.EMPTY


def _fail(error: openai.APIError, spent: Cost) -> NoReturn:
    """What an error of the API means for the step: a sentence, and whether waiting can mend it."""
    raise StepFailed(_sentence(error), final=_is_final(error), retry_after=_retry_after(error), spent=spent) from error


def _sentence(error: openai.APIError) -> str:
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        return "The model's provider does not accept the key. Set KINTSUGI_LLM_API_KEY."
    if error.code == "insufficient_quota":
        return "The account at the model's provider has no credit left."
    if isinstance(error, openai.RateLimitError):
        return "The model's provider asks us to wait."
    if _is_final(error):
        return f"The model's provider does not take the request: {error.message}"
    if isinstance(error, openai.APIStatusError | openai.APIConnectionError):
        return f"The model cannot be reached: {error.message}"
    return f"The model's provider failed while it answered: {error.message}"


def _is_final(error: openai.APIError) -> bool:
    refused = openai.AuthenticationError | openai.PermissionDeniedError | openai.BadRequestError
    return error.code == "insufficient_quota" or isinstance(
        error, refused | openai.NotFoundError | openai.UnprocessableEntityError
    )


def _retry_after(error: openai.APIError) -> timedelta | None:
    if not isinstance(error, openai.APIStatusError):
        return None
    try:
        return min(timedelta(seconds=max(float(error.response.headers["retry-after"]), 0.0)), _MOST_WAIT)
    except (KeyError, ValueError, OverflowError):
        return None
