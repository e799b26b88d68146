"""What is known of a model's server: how it was asked, where it lies, what it costs; and the words for what it refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web

from kintsugi.integrations.model.address import address_of
from kintsugi.integrations.model.manners import Form, Manner, next_manner
from kintsugi.integrations.model.openai import ModelAccess, OpenAIModel
from kintsugi.integrations.model.prices import price_of
from kintsugi.integrations.model.refusals import refusal_of, window_in
from kintsugi.integrations.model.remembered import Manners
from kintsugi.integrations.model.waits import wait_asked_for
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Cost, Price
from tests.world.make import NOON

HERE = "http://127.0.0.1:1/v1"
KNOWN = Manner(Form.OBJECT, "max_tokens", most_output=8192, window=32768)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "models.json"


def test_what_was_found_out_is_kept_by_address_and_model_for_its_owner_alone(file: Path):
    Manners(file).keep(HERE, "a", KNOWN)
    Manners(file).keep(HERE, "b", Manner())

    assert Manners(file).of(HERE, "a") == KNOWN
    assert Manners(file).of(HERE, "b") == Manner()
    assert Manners(file).of(HERE, "c") is None
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_was_found_out_a_week_ago_is_found_out_anew(file: Path):
    now = [NOON]

    def clock() -> datetime:
        return now[0]

    manners = Manners(file, clock)
    manners.keep(HERE, "a", KNOWN)
    now[0] += timedelta(days=6)
    before = manners.of(HERE, "a")
    now[0] += timedelta(days=2)

    assert before == KNOWN
    assert manners.of(HERE, "a") is None
    assert Manners(file, clock).of(HERE, "a") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"http://127.0.0.1:1/v1 a": {"form": "smoke"}}', '{"x": 1}'])
def test_a_file_that_holds_something_else_is_as_good_as_none(file: Path, text: str):
    file.parent.mkdir()
    file.write_text(text)

    assert Manners(file).of(HERE, "a") is None
    Manners(file).keep(HERE, "a", KNOWN)
    assert Manners(file).of(HERE, "a") == KNOWN


def test_where_nothing_can_be_written_it_is_known_all_the_same(tmp_path: Path):
    (tmp_path / "file").write_text("")
    manners = Manners(tmp_path / "file" / "models.json")

    manners.keep(HERE, "a", KNOWN)

    assert manners.of(HERE, "a") == KNOWN


def test_a_wait_until_a_moment_is_counted_by_the_providers_own_clock():
    clock = {"date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    refusal = refusal_of(429, "")

    def wait(**headers: str) -> float | None:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        asked = wait_asked_for(clock | told, refusal)
        return asked and asked.total_seconds()

    assert wait(retry_after="Thu, 01 Jan 2026 00:00:30 GMT") == 30
    assert wait(x_ratelimit_reset="1767225645", x_ratelimit_remaining="0") == 45
    assert wait(x_ratelimit_reset="1767225645000", x_ratelimit_remaining="0") == 45
    assert wait(x_ratelimit_reset="1767225645", x_ratelimit_remaining="3") is None
    assert wait(retry_after="Thu, 01 Jan 2027 00:00:00 GMT") == 3600
    assert wait(retry_after="Thu, 01 Jan 2026 00:00:30 -0000") == 30
    assert wait(retry_after="9" * 20) == 3600
    assert wait(retry_after_ms="9" * 400) == 3600
    assert wait(retry_after="Thu, 01 Jan 2026 99999999999999999999:00:30 GMT") is None
    assert wait_asked_for({}, refusal_of(429, f"try again in {'9' * 400}s")) == timedelta(hours=1)


def test_what_a_refusal_repeats_of_the_question_says_nothing_of_the_account_or_the_model():
    asked = "the billing page: model a not found, invalid token, over budget, moderation bot"
    error = {"loc": ["body", "response_format"], "msg": "Extra inputs are not permitted", "input": asked}

    stepped = next_manner(Manner(), refusal_of(400, json.dumps({"detail": [error]})), 16000, steps=0)

    assert stepped is not None
    assert stepped.form is not Form.SCHEMA


@pytest.mark.parametrize("text", ["[" * 100_000, '{"error":' * 100_000, json.dumps({"code": "9" * 5000})])
def test_a_body_that_no_reader_would_like_is_a_refusal_all_the_same(text: str):
    assert refusal_of(200, text).status == 200


@pytest.mark.parametrize("piece", ["1", "<", "<title>", "auth", "requests_", "model ", "stream "])
def test_a_page_of_a_megabyte_is_searched_no_longer_than_its_beginning(piece: str):
    refusal = refusal_of(400, piece * (1_000_000 // len(piece)))

    assert len(refusal.lower) + len(refusal.says) <= 8_000
    assert not refusal.quoted or len(refusal.quoted) <= 301


def test_a_manner_in_words():
    assert Manner().words == "JSON by a schema, streamed, max_completion_tokens"
    assert KNOWN.words == (
        "JSON without a schema, streamed, max_tokens, at most 8,192 tokens a reply, a window of 32,768 tokens"
    )


@pytest.mark.parametrize(
    ("given", "url", "query"),
    [
        (None, "https://api.openai.com/v1", {}),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080/v1", {}),
        ("http://127.0.0.1:8080/v1/chat/completions", "http://127.0.0.1:8080/v1", {}),
        ("https://x.openai.azure.com/openai/v1", "https://x.openai.azure.com/openai/v1", {}),
        (
            "https://x.openai.azure.com/?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/gpt",
            {"api-version": "2024-10-21"},
        ),
        (
            "https://x.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2024-10-21",
            "https://x.openai.azure.com/openai/deployments/mine",
            {"api-version": "2024-10-21"},
        ),
    ],
)
def test_addresses_as_people_have_them(given: str | None, url: str, query: dict[str, str]):
    address = address_of(given, "gpt", "key")

    assert (address.url, address.query) == (url, query)
    assert address.headers == ({"api-key": "key"} if query else {})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"error": {"message": "No.", "code": None}}, "No"),
        ([{"error": {"message": "No."}}], "No"),
        ({"error": "No."}, "No"),
        ({"message": {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs"}]}}, "body.seed: Extra inputs"),
        (
            {"detail": [{"loc": ["body", "a"], "msg": "one"}, {"loc": ["body", "b"], "msg": "two"}]},
            "body.a: one; body.b: two",
        ),
        ({"detail": "No."}, "No"),
        ({"error": {"message": "outer", "metadata": {"raw": '{"error": {"message": "inner"}}'}}}, "inner"),
        ("<html><head><title>502 Bad Gateway</title></head></html>", "502 Bad Gateway"),
        ("No.\nReally.", "No. Really"),
        ("", ""),
        ("x" * 1000, "x" * 300 + "…"),
    ],
)
def test_a_providers_own_sentence_is_found_in_whatever_it_is_wrapped(body: object, says: str):
    assert refusal_of(400, body if isinstance(body, str) else json.dumps(body)).quoted == says


@pytest.mark.parametrize(
    ("says", "window"),
    [
        ("This model's maximum context length is 16384 tokens. However, you requested 122946 tokens", 16384),
        ("request (4278 tokens) exceeds the available context size (4096 tokens), try increasing it", 4096),
        ("`inputs` tokens + `max_new_tokens` must be <= 32512. Given: 31991 `inputs` tokens", 32512),
        ("Requested tokens (2285) exceed context window of 2048", 2048),
        ("The input token count (2845475) exceeds the maximum number of tokens allowed (1048576).", 1048576),
        ("prompt is too long: 214987 tokens > 200000 maximum", 200000),
        ("the model is loaded with context length of only 4096 tokens, which is not enough", 4096),
        (
            "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            32768,
        ),
        ("Input is too long for requested model.", None),
    ],
)
def test_a_window_is_found_in_the_words_of_its_server(says: str, window: int | None):
    assert window_in(refusal_of(400, {"error": {"message": says}}), 16000) == window


def test_prices_are_the_makers_own_where_the_maker_is_asked_and_ours_stand_over_them():
    ours = {"gpt-5": Price(1, 2)}

    assert price_of("gpt-5", None, {}) == Price(1.25, 10, 0.125)
    assert price_of("gpt-5-2025-08-07", "https://api.openai.com/v1", {}) == Price(1.25, 10, 0.125)
    assert price_of("gpt-5", None, ours) == ours["gpt-5"]
    assert price_of("gpt-5", "http://127.0.0.1:11434/v1", {}) is None
    assert price_of("gemini-2.5-pro", "https://generativelanguage.googleapis.com/v1beta/openai/", {})
    assert price_of("a-model-of-tomorrow", None, {}) is None


def test_a_cost_in_words_tells_what_it_does_not_know():
    assert Cost(2, 10, 5, 0.0123).price == "$0.0123"
    assert Cost(2, 10, 5, 0.0, unpriced=2).price == "price unknown"
    assert Cost(3, 10, 5, 0.0123, unpriced=1).price == "$0.0123, and 1 of 3 calls at a price that is not known"
    assert (Cost(1, 1, 1, 0.5) + Cost(1, 1, 1, unpriced=1)).unpriced == 1


@pytest.fixture
async def listing() -> AsyncIterator[tuple[str, dict[str, web.Response]]]:
    """An address whose answers about models a test puts in place, by path."""
    answers: dict[str, web.Response] = {}

    async def models(request: web.Request) -> web.Response:
        return answers.get(request.path, web.json_response({"detail": "Not Found"}, status=404))

    application = web.Application()
    application.router.add_get("/{any:.*}", models)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", answers
    await runner.cleanup()


UNSEEN = ": whether a model is there shows at the first question"


def a_list(*names: str) -> web.Response:
    return web.json_response({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


@pytest.mark.parametrize(
    ("path", "answer", "says"),
    [
        ("/v1/models/a", web.json_response({"id": "a", "object": "model"}), "answers"),
        ("/v1/models", a_list("b", "a"), "answers"),
        ("/v1/models", web.json_response([{"id": "a"}]), "answers"),
        ("/v1/models", a_list("b"), r"answers, though it lists other models \(b\): see KINTSUGI_LLM_MODEL"),
        ("/", web.Response(), f"answers, and does not tell which models it has{UNSEEN}"),
        (
            "/v1/models/a",
            web.json_response({"status": "ok"}),
            f"answers, and does not tell which models it has{UNSEEN}",
        ),
        ("/v1/models", web.json_response({"data": "a"}), f"answers, and does not tell which models it has{UNSEEN}"),
        (
            "/v1/models",
            web.json_response(
                {"error": {"message": "No connected db."}}, status=400
            ),  # LiteLLM, to a key it does not know
            r"answers, and does not tell which models it has \(it says: No connected db\)",
        ),
    ],
)
async def test_a_healthy_server_is_told_whatever_it_knows_of_its_models(
    listing: tuple[str, dict[str, web.Response]], path: str, answer: web.Response, says: str
):
    url, answers = listing
    answers[path] = answer

    assert await OpenAIModel(ModelAccess("a", "key", url)).check() == f"a at {url} {says}".replace("\\", "")


@pytest.mark.parametrize("name", ["a", ""])
@pytest.mark.parametrize("body", ["<html>Log in</html>", '{"data": [{"id": "a"', ""])
async def test_a_page_that_is_no_list_of_models_is_a_fault(
    listing: tuple[str, dict[str, web.Response]], name: str, body: str
):
    url, answers = listing
    answers |= {path: web.Response(text=body, content_type="text/html") for path in ("/v1/models/a", "/v1/models")}

    with pytest.raises(StepFailed, match="no list of models. See KINTSUGI_LLM_BASE_URL"):
        await OpenAIModel(ModelAccess(name, "key", url)).check()


async def test_where_no_model_is_set_it_is_the_only_one_of_its_server(listing: tuple[str, dict[str, web.Response]]):
    url, answers = listing
    answers["/v1/models"] = a_list("small")
    model = OpenAIModel(ModelAccess("", "", url))

    told = await model.check()

    assert model.name == "small"
    assert told == f"small at {url} answers: KINTSUGI_LLM_MODEL is not set, and this is its only one"


@pytest.mark.parametrize(("names", "says"), [(("a", "b"), r"has 2 models \(a, b\)"), ((), "does not tell which")])
async def test_where_no_model_is_set_and_more_than_one_may_be_meant_it_is_asked_for(
    listing: tuple[str, dict[str, web.Response]], names: tuple[str, ...], says: str
):
    url, answers = listing
    answers["/v1/models"] = a_list(*names)

    with pytest.raises(StepFailed, match=f"{says}.*Set KINTSUGI_LLM_MODEL") as failed:
        await OpenAIModel(ModelAccess("", "", url)).check()
    assert failed.value.final


async def test_a_check_tells_how_the_server_is_asked_where_that_is_known(listing: tuple[str, dict[str, web.Response]]):
    url, answers = listing
    answers["/v1/models"] = a_list("a")
    manners = Manners()
    manners.keep(url, "a", KNOWN)

    told = await OpenAIModel(ModelAccess("a", "key", url, manners=manners)).check()

    assert told == f"a at {url} answers; asked for {KNOWN.words}"


async def test_a_key_that_is_refused_is_told_with_the_providers_sentence(listing: tuple[str, dict[str, web.Response]]):
    url, answers = listing
    key = f"sk-{secrets.token_hex(24)}"
    body = {"error": {"message": f"Invalid token: {key}"}}
    answers["/v1/models/a"] = web.json_response(body, status=401)

    with pytest.raises(StepFailed, match=r"does not accept the key.*Invalid token: \*\*\*"):
        await OpenAIModel(ModelAccess("a", key, url)).check()


@pytest.mark.parametrize("path", ["/v1", "/openai/v1?api-version=2"])
async def test_a_key_does_not_follow_a_redirect_to_another_address(
    path: str, listing: tuple[str, dict[str, web.Response]]
):
    heard: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        heard.append(str(sorted(request.headers.items())))
        return web.json_response({"id": "a"})

    application = web.Application()
    application.router.add_get("/{any:.*}", elsewhere)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url, answers = listing
    here = f"{url.removesuffix('/v1')}{path}"
    to = f"http://127.0.0.1:{runner.addresses[0][1]}/elsewhere"
    answers[f"{path.partition('?')[0]}/models/a"] = web.Response(status=307, headers={"Location": to})
    try:
        await OpenAIModel(ModelAccess("a", "the-key", here)).check()
    finally:
        await runner.cleanup()

    assert len(heard) == 1
    assert "the-key" not in heard[0]
