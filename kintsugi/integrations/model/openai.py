"""One question to a model through the openai SDK: asked in the manner its server takes, heard to its end, paid for.

The SDK's retries are off, because they obey a Retry-After of two minutes whatever the timeout, and repeat what has no
credit. Short faults are tried again here within the deadline, long ones are the ledger's to wait for. What is heard is
read in `openai_streams`, what is refused in `refusals`, what is asked next instead in `manners`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import openai
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from kintsugi.integrations.authorities import context
from kintsugi.integrations.model.address import address_of
from kintsugi.integrations.model.manners import (
    Api,
    Calls,
    Form,
    Manner,
    first_manner,
    heard_calls,
    last_resort,
    next_manner,
    other_api,
)
from kintsugi.integrations.model.openai_streams import Heard, NoReply, Question, Refused, chat, responses
from kintsugi.integrations.model.port import REPLYS_SHARE, Answer, Ending, Message, Room, Tool, TooLong
from kintsugi.integrations.model.refusals import (
    Refusal,
    has_no_credit,
    is_about_the_content,
    is_final,
    prompt_fits,
    refusal_of,
    says_key_is_wrong,
    says_model_is_unknown,
    says_too_long,
    window_in,
)
from kintsugi.integrations.model.remembered import Manners
from kintsugi.integrations.model.telling import telling, told_in_silence
from kintsugi.integrations.model.waits import wait_asked_for
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cost, Price
from kintsugi.workflow.ports import Progress

log = logging.getLogger("kintsugi.model")

_CHECKED_WITHIN = timedelta(seconds=10)
_CHARACTERS_PER_TOKEN = 4  # where a provider does not tell what it has counted
_MOST_STEPS = 4  # down the ladder, for one question
_LONGEST_REPLY = 16_000  # tokens, where nothing else is said
_NO_TOKEN_IS_SO_LONG = 7  # characters a token on average: where a server counts fewer tokens, it has cut the question
_CUT_AT_LEAST = 256  # tokens of a question that was cut: fewer are those that a server had not at hand


_CONNECTED_WITHIN = 10.0  # seconds
_NO_KEY = "none"  # the SDK sends a key in any case, and who asks for none looks at none

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ModelAccess:
    """Which model, where, by which of the two APIs, and what it costs (None: not known). Without a name it is the only
    one of its server.

    `deadline` is for one answer, without the time it waits for its turn with us; `silence` for what is between two
    words of it. `at_once`: how many questions at a time; None: one at an address of this machine, else any number.
    """

    model: str
    api_key: str
    base_url: str | None = None
    api: Api = "chat"
    price: Price | None = None
    deadline: timedelta = timedelta(minutes=15)
    silence: timedelta = timedelta(minutes=2)
    window: int | None = None
    max_output_tokens: int | None = None
    at_once: int | None = None
    tell_every: timedelta = timedelta(seconds=2)
    manners: Manners = field(default_factory=Manners)


class OpenAIModel:
    """The Model of any server that speaks OpenAI's API."""

    def __init__(self, settings: ModelAccess) -> None:
        self._settings = settings
        self._name = settings.model
        self._address = address_of(settings.base_url, settings.model, settings.api_key)
        at_once = settings.at_once or (1 if self._address.is_here else None)
        self._turn = asyncio.Semaphore(at_once) if at_once else nullcontext()

    @property
    def name(self) -> str:
        return self._name or "the model"

    @property
    def manner(self) -> Manner:
        """As far as it is known."""
        return self._known or first_manner(self._settings.base_url)

    @property
    def _known(self) -> Manner | None:
        return self._settings.manners.of(self._address.url, self.name)

    @property
    def room(self) -> Room:
        windows = (self._settings.window, self.manner.window)
        window = min((each for each in windows if each), default=None)
        longest = self._settings.max_output_tokens or _LONGEST_REPLY
        return Room(window, min(longest, window // REPLYS_SHARE) if window else longest)

    async def ask(
        self,
        messages: Sequence[Message],
        schema: tuple[str, dict[str, Any]],
        progress: Progress,
        tools: Sequence[Tool] = (),
    ) -> Answer:
        """Raises StepFailed where nothing was said: with what was spent, and final where waiting cannot mend it."""
        if isinstance(self._turn, asyncio.Semaphore) and self._turn.locked():
            progress("waiting until the model has answered others: KINTSUGI_LLM_AT_ONCE says how many at a time")
        async with self._turn:
            self._name = self._name or await self._only_one()
            question = Question(self.name, messages, *schema, self.room.reply, self.manner, tools)
            return await self._ask(question, Heard(), progress)

    async def check(self) -> str:
        """Whether the provider knows the key and the model, which costs nothing. Raises StepFailed."""
        if not self._settings.model:
            self._name = await self._only_one()
            known = "answers: KINTSUGI_LLM_MODEL is not set, and this is its only one"
        else:
            known = await self._reached(self._knows)
        how = f"; asked for {self._known.words}" if self._known else ""
        return f"{self.name} at {self._address.url} {known}{how}"

    async def _only_one(self) -> str:
        """The model, where none is set: the only one that the server lists. Raises StepFailed."""
        names, instead = await self._reached(self._listed)
        if len(names) != 1:
            listed = f"has {len(names)} models ({', '.join(names[:5])})" if names else instead
            raise StepFailed(f"{self._address.url} {listed}. Set KINTSUGI_LLM_MODEL.", final=True)
        return names[0]

    async def _reached(self, ask: Callable[[AsyncOpenAI], Awaitable[T]]) -> T:
        """What it answers to a question about itself. Raises StepFailed."""
        try:
            async with self._client(_CHECKED_WITHIN) as client:
                return await ask(client)
        except (openai.APIError, ValueError) as error:  # the latter for an address that is none
            raise StepFailed(self._why_not(error)) from error

    async def _knows(self, client: AsyncOpenAI) -> str:
        """Whether it has the model, as far as it can tell: many servers only list theirs, and some not even that."""
        try:
            found = await client.models.retrieve(self.name)
        except openai.APIStatusError as error:
            if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError) or error.status_code >= 500:
                raise
        else:
            if isinstance(getattr(found, "id", None), str):  # to the SDK a page of HTML is an answer, too
                return "answers"
        names, instead = await self._listed(client)
        if self.name in names or not names:
            unknown = "" if "(" in instead else ": whether a model is there shows at the first question"
            return "answers" if names else f"answers, and {instead}{unknown}"
        listed = ", ".join(names[:5])
        return f"answers, though it lists other models ({listed}): see KINTSUGI_LLM_MODEL"

    async def _listed(self, client: AsyncOpenAI) -> tuple[list[str], str]:
        """The models that it lists, and what is to be said where it lists none."""
        instead = "does not tell which models it has"
        try:
            told = (await client.models.with_raw_response.list()).http_response.json()
        except ValueError as error:
            says = f"{self._address.url} answered with what is no list of models. See KINTSUGI_LLM_BASE_URL."
            raise StepFailed(says) from error
        except openai.APIStatusError as error:
            if error.status_code not in (400, 404, 405, 422, 501):
                raise
            said = _refusal(error).quoted
            return [], f"{instead} (it says: {said})" if said and error.status_code == 400 else instead
        data = told.get("data") if isinstance(told, dict) else told  # some answer with the bare list
        named = [each.get("id") for each in data if isinstance(each, dict)] if isinstance(data, list) else []
        return [name for name in named if name and isinstance(name, str)], instead

    async def _ask(self, question: Question, heard: Heard, progress: Progress) -> Answer:
        tell = telling(progress, heard, self._settings.tell_every)
        try:
            async with self._client() as client, told_in_silence(tell, self._settings.tell_every):
                question = await self._down_the_ladder(client, question, heard, tell)
        except asyncio.CancelledError as stopped:
            if not heard.began:
                raise
            raise StepFailed("The model was interrupted.", spent=self._cost(question, heard)) from stopped
        except TimeoutError as error:
            raise StepFailed(self._timed_out(heard), spent=self._cost(question, heard)) from error
        except (openai.APIError, Refused) as error:
            if isinstance(error, openai.APIConnectionError) or not _has_body(error):
                raise StepFailed(self._why_not(error), spent=self._cost(question, heard)) from error
            return self._refused(_refusal(error), _wait(error), question, heard)
        except (NoReply, json.JSONDecodeError) as error:
            says = f"{self._address.url} answered with what is no reply of a model. See KINTSUGI_LLM_BASE_URL."
            raise StepFailed(says, spent=self._cost(question, heard) if heard.said else None) from error
        return self._answer(question, heard)

    async def _down_the_ladder(
        self, client: AsyncOpenAI, question: Question, heard: Heard, tell: Callable[[], None]
    ) -> Question:
        """Hear the reply in the first manner that the server takes. Answers how it was asked in the end."""
        steps = 0
        while True:
            try:
                await self._hear(client, question, heard, tell)
            except (openai.APIError, Refused) as error:
                lower = None if heard.said or not _has_body(error) else self._step(question, _refusal(error), steps)
                if lower is None or steps == _MOST_STEPS:
                    raise
                heard.began = False  # what is refused is not billed
                steps += lower.manner.calls is question.manner.calls  # what is offered beside is a ladder of its own
                question = lower
            else:
                self._keep(_as_heard(question, heard))
                return question

    def _step(self, question: Question, refusal: Refusal, steps: int) -> Question | None:
        """The same question as the server may take it. Raises TooLong."""
        if _failed_generation(refusal):
            return None
        if says_too_long(refusal):
            return self._shorter(question, refusal)
        manner = other_api(question.manner, refusal, self._api(question)) or next_manner(
            question.manner, refusal, question.limit, steps=steps, offered=question.offers
        )
        if manner is None and refusal.status == 500:  # some break at what they cannot take
            manner = self._after_breaking(question)
        if manner:
            why = {"why": refusal.quoted, "status": refusal.status}
            log.info("model_options_refused", extra={"model": self.name, "asked": question.manner.words, **why})
        return question.but(manner) if manner else None

    def _after_breaking(self, question: Question) -> Manner | None:
        """Without what the server was never seen to take."""
        if question.offers and not question.manner.calls:
            return replace(question.manner, calls=Calls.NONE)
        return last_resort(question.manner) if self._known is None else None

    def _shorter(self, question: Question, refusal: Refusal) -> Question:
        """With a shorter reply, where that is all that does not fit. Raises TooLong."""
        window = window_in(refusal, question.limit)
        left = window and prompt_fits(refusal, window, question.limit)
        if left and left < question.limit:
            return replace(question, max_output_tokens=left, manner=replace(question.manner, window=window))
        if window:
            self._keep(replace(question.manner, window=window))
        said = refusal.quoted or "it is too long"
        raise TooLong(f"The question is too long for the model, its provider says: {said}.")

    async def _hear(self, client: AsyncOpenAI, question: Question, heard: Heard, tell: Callable[[], None]) -> None:
        hear = chat if self._api(question) == "chat" else responses
        silence, loop = self._settings.silence.total_seconds(), asyncio.get_running_loop()
        end = loop.time() + self._settings.deadline.total_seconds()
        tries = AsyncRetrying(
            # once it has begun to answer it is billed, and another try is the ledger's to weigh
            retry=retry_if_exception(lambda error: _is_short(error, question) and not heard.began),
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(0.5, max=8),
            reraise=True,
        )
        try:
            async with asyncio.timeout_at(end) as clock:

                def heard_something() -> None:
                    clock.reschedule(min(end, loop.time() + silence))
                    tell()

                await tries(hear, client, question, heard, heard_something)
        except openai.APIConnectionError:
            if not heard.began:
                raise

    def _api(self, question: Question) -> Api:
        return question.manner.api or self._settings.api

    def _keep(self, manner: Manner) -> None:
        if self._known != manner:
            log.info("model_options", extra={"model": self.name, "address": self._address.url, "manner": manner.words})
            self._settings.manners.keep(self._address.url, self.name, manner)

    def learn_window(self, tokens: int) -> None:
        self._keep(replace(self.manner, window=tokens))

    def _answer(self, question: Question, heard: Heard) -> Answer:
        if heard.ended == "cut off" and question.manner.most_output:  # it may be larger by now, as money may be more
            self._keep(replace(question.manner, most_output=None))
        calls, name = heard.calls if question.offers else (), heard.model or self.name
        text = heard.refusal or "\n".join(calls) or heard.said
        read = _too_few(question, heard)
        manner = _as_heard(question, heard).words
        return Answer(_ending(heard), text, name, self._cost(question, heard), manner, read, calls)

    def _refused(self, refusal: Refusal, wait: timedelta | None, question: Question, heard: Heard) -> Answer:
        """What an error of the provider comes to. Raises StepFailed, but for a content filter's no."""
        if is_about_the_content(refusal):
            return Answer(Ending.FILTERED, "", self.name, self._cost(question, heard), question.manner.words)
        if text := _failed_generation(refusal):
            heard.began, heard.text, heard.ended = True, text, "well"
            return self._answer(question, heard)
        raise StepFailed(
            self._sentence(refusal, heard),
            final=is_final(refusal),
            retry_after=wait,
            spent=self._cost(question, heard) if heard.said else None,
        )

    def _sentence(self, refusal: Refusal, heard: Heard) -> str:
        said = f" It says: {refusal.quoted}." if refusal.quoted else ""
        if has_no_credit(refusal):
            return f"The account at the model's provider has no credit left.{said}"
        if says_key_is_wrong(refusal):
            return f"The model's provider does not accept the key. Set KINTSUGI_LLM_API_KEY.{said}"
        if refusal.status == 429:
            return f"The model's provider asks us to wait.{said}"
        if refusal.status == 404 or says_model_is_unknown(refusal):
            settings = "KINTSUGI_LLM_MODEL and _BASE_URL" + (" (and _API)" if self._settings.api == "responses" else "")
            return f"{self._address.url} does not know {self.name}. Check {settings}.{said}"
        if refusal.status == 403:
            return f"The model's provider does not let us in, whether by the key or by where we ask from.{said}"
        if heard.said or refusal.status == 200:
            return f"The model's provider failed while it answered: {refusal.quoted or 'it does not say why'}"
        if is_final(refusal):
            return f"The model's provider does not take the request: {refusal.quoted or refusal.status}"
        return f"The model cannot be reached: {self._address.url} answers {refusal.status}.{said}"

    def _why_not(self, error: Exception) -> str:
        """What is wrong where nothing that speaks answers; for `check`, any error."""
        if isinstance(error, openai.APITimeoutError):
            return f"The model cannot be reached: {self._address.url} does not answer. Check KINTSUGI_LLM_BASE_URL."
        if isinstance(error, openai.APIConnectionError):
            cause = str(error.__cause__ or "").strip() or "no connection"
            where = f"nothing answers at {self._address.url} ({cause})"
            return f"The model cannot be reached: {where}. Check KINTSUGI_LLM_BASE_URL."
        if isinstance(error, openai.APIError) and _has_body(error):
            return self._sentence(_refusal(error), Heard())
        return f"The model cannot be asked at {self._address.url} ({error}). Check KINTSUGI_LLM_BASE_URL."

    def _timed_out(self, heard: Heard) -> str:
        within = f"The model did not answer within {self._settings.deadline}"
        if not heard.said:
            return f"{within}."
        silent = f"or fell silent for {self._settings.silence}"
        return f"{within}, {silent}: {len(heard.said):,} characters had come."

    def _client(self, within: timedelta | None = None) -> AsyncOpenAI:
        settings, address = self._settings, self._address
        return AsyncOpenAI(
            api_key=settings.api_key or _NO_KEY,
            base_url=address.url,
            default_query=dict(address.query),
            default_headers=dict(address.headers),
            max_retries=0,
            timeout=openai.Timeout((within or settings.deadline).total_seconds(), connect=_CONNECTED_WITHIN),
            http_client=DefaultAsyncHttpxClient(verify=context(), event_hooks={"request": [self._keep_key]}),
        )

    async def _keep_key(self, request: httpx.Request) -> None:
        """Take the key from what a redirect sends elsewhere: httpx itself takes off `Authorization` alone."""
        ours = httpx.URL(self._address.url)
        if (request.url.scheme, request.url.netloc) != (ours.scheme, ours.netloc):
            for name in self._address.headers:
                request.headers.pop(name, None)

    def _cost(self, question: Question, heard: Heard) -> Cost:
        if not heard.began:
            return Cost()
        tokens_in, tokens_out = heard.tokens_in, heard.tokens_out
        if not heard.counted:
            tokens_in, tokens_out = _tokens(question.characters), _tokens(len(heard.said) + len(heard.refusal))
        price = self._settings.price
        if price is None:
            return Cost(1, tokens_in, tokens_out, unpriced=1)
        return Cost(1, tokens_in, tokens_out, price.of(tokens_in, tokens_out, heard.tokens_cached))


def _tokens(characters: int) -> int:
    return -(-characters // _CHARACTERS_PER_TOKEN)


def _too_few(question: Question, heard: Heard) -> int:
    """The tokens that the server says it read, where no tokens could be so long as to make them all of the question."""
    read = heard.tokens_in
    cut = heard.counted and read >= _CUT_AT_LEAST and read * _NO_TOKEN_IS_SO_LONG < question.characters
    return read if cut else 0


def _as_heard(question: Question, heard: Heard) -> Manner:
    """The manner that a reply shows: of a schema that a model does not get out of; and of tools, where it was no
    refusal and not broken off."""
    if heard.ends_blank and (heard.repeats or heard.ended == "cut off"):
        less = {"calls": Calls.NONE} if question.offers else {"form": Form.TEXT}
        return replace(question.manner, **less)
    if not question.offers or heard.refusal or (heard.ended in (None, "filtered") and not heard.repeats):
        return question.manner
    return heard_calls(question.manner, called=bool(heard.called))


def _ending(heard: Heard) -> Ending:
    if heard.refusal:
        return Ending.REFUSED
    if heard.repeats:
        return Ending.REPEATED
    if heard.ended is None:
        return Ending.BROKEN_OFF
    if heard.ended == "filtered":
        return Ending.FILTERED
    if heard.ended == "cut off":
        return Ending.CUT_OFF
    return Ending.ANSWERED if heard.said.strip() else Ending.EMPTY


def _is_short(error: BaseException, question: Question) -> bool:
    """Whether it may be over in seconds: a lost connection, or a server's trouble that is not about our request."""
    if isinstance(error, openai.APIStatusError) and error.status_code >= 500:
        refusal = _refusal(error)
        other = says_too_long(refusal) or next_manner(
            question.manner, refusal, question.limit, steps=0, offered=question.offers
        )
        return not other and not is_final(refusal)
    return isinstance(error, openai.APIConnectionError)


def _has_body(error: Exception) -> bool:
    return isinstance(error, Refused | openai.APIStatusError) or getattr(error, "body", None) is not None


def _refusal(error: Exception) -> Refusal:
    if isinstance(error, Refused):
        return error.refusal
    if isinstance(error, openai.APIStatusError):
        return refusal_of(error.status_code, error.response.text)
    return refusal_of(200, {"error": getattr(error, "body", None)})


def _failed_generation(refusal: Refusal) -> str:
    """What a model said that its provider found to be no JSON of the schema: it was paid for, and may be read."""
    said = refusal.body.get("failed_generation") if isinstance(refusal.body, dict) else None
    return said if isinstance(said, str) else ""


def _wait(error: Exception) -> timedelta | None:
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    return wait_asked_for(headers, _refusal(error))
