"""Servers that never answer: no money, no key, no model, too much at once, or nothing that speaks. Each with the
sentence that people are told, whether waiting is of no use, and the seconds that it asks us to wait. And what servers
answer where they have no /responses."""

from __future__ import annotations

from typing import Any

from tests.world.model_servers import Body, No, Server, always
from tests.world.model_vendors import an_error, by_cloudflare, by_google


def _end(
    name: str, status: int, body: Body, ends: str, *, final: bool = True, waits: float | None = None, **headers: str
) -> Server:
    told = {key.replace("_", "-"): value for key, value in headers.items()}
    return Server(name, always(No(status, body, told)), ends=ends, final=final, waits=waits)


def _busy(name: str, body: Body, waits: float | None, ends: str = "asks us to wait", **headers: str) -> Server:
    return _end(name, 429, body, ends, final=False, waits=waits, **headers)


def _passes(name: str, status: int, body: Body, ends: str) -> Server:
    return _end(name, status, body, ends, final=False)


def _page(title: str) -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body></body></html>"


_NO_MONEY, _NO_KEY, _NO_MODEL = "has no credit left", "does not accept the key", "does not know stand-in"
_SUSPENDED = (
    "Account a is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."
)
_PLAN = "You exceeded your current quota, please check your plan and billing details. Please retry in 1m32.5s."
_GOOGLE_WAITS: dict[str, Any] = {
    "code": 429,
    "message": "Resource has been exhausted (e.g. check quota).",
    "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "40s"}],
}

_MONEY = [
    _end("DeepSeek without money", 402, an_error("Insufficient Balance"), f"{_NO_MONEY}.*Insufficient Balance"),
    _end("OpenAI without money", 429, an_error("You exceeded your quota.", code="insufficient_quota"), _NO_MONEY),
    _end(
        "OpenRouter without money, with 200",
        200,
        {"error": {"message": "Insufficient credits", "code": 402}},
        _NO_MONEY,
    ),
    _end("OpenRouter, no money for any reply", 402, an_error("You can only afford 60.", code=402), _NO_MONEY),
    _end("Zhipu without money", 429, {"error": {"code": "1113", "message": "您的账户已欠费"}}, f"{_NO_MONEY}.*欠费"),
    _end(
        "Kimi without money",
        429,
        {"error": {"message": "Your account org-1 is suspended", "type": "exceeded_current_quota_error"}},
        f"{_NO_MONEY}.*suspended",
    ),
    _end("Anthropic without money", 400, an_error("Your credit balance is too low to access the API."), _NO_MONEY),
    _end("xAI without money", 403, {"code": "x", "error": "Your teams doesn't have any credits yet."}, _NO_MONEY),
    _end(
        "Hugging Face without money", 402, {"error": "You have exceeded your monthly credits."}, f"{_NO_MONEY}.*monthly"
    ),
    _end("Fireworks, suspended", 412, an_error(_SUSPENDED, code="PRECONDITION_FAILED"), f"{_NO_MONEY}.*suspended"),
    _end("DashScope without money", 400, an_error("Access denied.", code="Arrearage"), _NO_MONEY),
    _end("LiteLLM, its budget", 400, an_error("Budget has been exceeded! Max budget: 0.1"), f"{_NO_MONEY}.*Max budget"),
    _end(
        "LiteLLM, a user's budget", 429, {"error": {"message": "u over budget", "type": "budget_exceeded"}}, _NO_MONEY
    ),
]

_KEYS = [
    _end("a wrong key", 401, an_error("Incorrect API key provided."), f"{_NO_KEY}.*Incorrect API key"),
    _end(
        "Gemini, a wrong key",
        400,
        by_google("API key not valid. Please pass a valid API key."),
        f"{_NO_KEY}.*not valid",
    ),
    _end(
        "xAI, a wrong key", 400, {"code": "x", "error": "Incorrect API key provided: xa***ab."}, f"{_NO_KEY}.*Incorrect"
    ),
    _end(
        "Azure, a wrong key", 401, {"statusCode": 401, "message": "Access token is missing"}, f"{_NO_KEY}.*is missing"
    ),
    _end("Databricks, a wrong key", 403, {"error_code": "403", "message": "Invalid access token."}, _NO_KEY),
    _end(
        "NIM, a wrong key", 403, {"status": 403, "detail": "Authorization failed"}, f"{_NO_KEY}.*Authorization failed"
    ),
    _end("Workers AI, a wrong key", 401, by_cloudflare(10000, "Authentication error"), f"{_NO_KEY}.*Authentication"),
    _end("a region that is not served", 403, an_error("Country not supported"), "does not let us in.*Country"),
    _end("a wall before it", 403, _page("Just a moment..."), "does not let us in.*Just a moment"),
]

_MODELS = [
    _end("Ollama without the model", 404, an_error("model 'stand-in' not found"), f"{_NO_MODEL}.*not found"),
    _end("LiteLLM without the model", 400, an_error("Invalid model name passed in model=stand-in."), _NO_MODEL),
    _end("NIM without the model", 404, {"status": 404, "detail": "Function '23d4': Not found"}, f"{_NO_MODEL}.*23d4"),
    _end(
        "Azure without the deployment",
        404,
        an_error("The deployment does not exist.", code="DeploymentNotFound"),
        _NO_MODEL,
    ),
    _end(
        "Hugging Face without a provider",
        400,
        an_error(
            "The requested model 's' is not supported by any provider you have enabled.", code="model_not_supported"
        ),
        _NO_MODEL,
    ),
    _end("Groq, a model of the past", 400, an_error("The model `s` has been decommissioned."), _NO_MODEL),
    _end("GitHub Models without the model", 400, an_error("Unavailable model: s", code="unavailable_model"), _NO_MODEL),
    _end("OpenRouter without the model", 400, an_error("stand-in is not a valid model ID"), _NO_MODEL),
    _end(
        "OpenRouter, no provider allowed", 404, an_error("No allowed providers are available."), "No allowed providers"
    ),
    _end("SiliconFlow without the model", 400, {"code": 20012, "message": "Model does not exist."}, _NO_MODEL),
    _end("Workers AI without the model", 400, by_cloudflare(5007, "No such model s or task"), _NO_MODEL),
    _end("Bedrock without the model", 400, {"detail": "The provided model identifier is invalid."}, _NO_MODEL),
    _end("an address without /v1", 404, "404 page not found", f"{_NO_MODEL}. Check KINTSUGI_LLM_MODEL and _BASE_URL"),
    _end("FastAPI, no such address", 404, {"detail": "Not Found"}, _NO_MODEL),
    _end("no such method", 405, {"detail": "Method Not Allowed"}, "Method Not Allowed"),
    _end("legal reasons", 451, an_error("Unavailable for legal reasons"), "legal reasons"),
]

BY_THE_MINUTE = _busy(
    "Gemini, too many by the minute", by_google(_PLAN, "RESOURCE_EXHAUSTED"), 92.5, "exceeded your current quota"
)

_WAITS = [
    BY_THE_MINUTE,
    _busy("Groq, seconds", an_error("Rate limit reached. Please try again in 7.66s."), 8, retry_after="8"),
    _busy("OpenAI, milliseconds", an_error("Rate limit reached."), 0.12, retry_after_ms="120"),
    _busy("Groq, a day's tokens", an_error("Rate limit reached. Please try again in 23m4.5s. Visit the page."), 1384.5),
    _busy("a date that is past", an_error("Slow down."), 0, retry_after="Fri, 31 Dec 1999 23:59:59 GMT"),
    _busy("what is no date", an_error("Slow down."), None, retry_after="soon"),
    _busy("Gemini, a delay", [{"error": _GOOGLE_WAITS}], 40),
    _busy(
        "a limit that is used up",
        an_error("Too many requests"),
        360,
        x_ratelimit_reset_requests="6m0s",
        x_ratelimit_remaining_requests="0",
        x_ratelimit_reset_tokens="7m",
        x_ratelimit_remaining_tokens="12",
    ),
    _busy(
        "a gateway, in words", {"statusCode": 429, "message": "Rate limit is exceeded. Try again in 32 seconds."}, 32
    ),
    _busy("Azure, in words", an_error("Exceeded token rate limit. Please retry after 26 seconds."), 26),
    _busy("GitHub Models, a day", an_error("Rate limit of 50 per 86400s. Please wait 43200 seconds before."), 3600),
    _busy("minutes, in words", an_error("Please try again in 2 minutes 5 seconds."), 125),
    _busy(
        "Workers AI, a day",
        by_cloudflare(4006, "you have used up your daily free allocation"),
        None,
        "wait.*allocation",
    ),
    _busy("TGI, too many", {"error": "Model is overloaded", "error_type": "overloaded"}, None, "wait.*overloaded"),
    _busy("Zhipu, too many at once", {"error": {"code": "1302", "message": "您当前使用该API的并发数过高"}}, None),
]

_ON_THE_WAY = [
    _passes(
        "OpenRouter, an error with 200", 200, {"error": {"message": "free-models-per-day", "code": 429}}, "wait.*free"
    ),
    _passes("a page", 200, _page("Welcome"), "answered with what is no reply of a model"),
    _end("one that loads", 503, an_error("Loading model"), "503.*Loading model", final=False, waits=1, Retry_After="1"),
    _passes("Anthropic, overloaded", 529, {"type": "error", "error": {"message": "Overloaded"}}, "529.*Overloaded"),
    _passes("Groq, over capacity", 498, an_error("The model is over capacity."), "over capacity"),
    _passes("TGI, out of memory", 424, {"error": "out of memory", "error_type": "generation"}, "424.*out of memory"),
    _passes("Cloudflare, too late", 524, _page("x | 524: A timeout occurred"), "524: A timeout"),
    _passes("nothing behind a proxy", 502, "", "answers 502"),
]

DEAD_ENDS = [*_MONEY, *_KEYS, *_MODELS, *_WAITS, *_ON_THE_WAY]

WITHOUT_RESPONSES = [
    No(404, "404 page not found"),
    No(405, {"detail": "Method Not Allowed"}),
    No(501, an_error("Not implemented")),
    No(200, {"error": "Unexpected endpoint or method. (POST /v1/responses)"}),
    No(400, an_error("The Responses API is only enabled for api-version 2025-03-01-preview and later.")),
]
