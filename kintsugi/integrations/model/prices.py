"""What common models cost, in US dollars for a million tokens: question, reply, and what a provider had at hand.

As the makers list them for their own endpoints. Prices change: KINTSUGI_LLM_PRICES stands over these, and a model that
is in neither has no price, which is said. Whoever sells a model on may ask for more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from kintsugi.workflow.incident import Price

AS_OF = "2026-11"

_PRICES: dict[str, tuple[float, float, float | None]] = {
    "gpt-4.1": (2, 8, 0.5),
    "gpt-4.1-mini": (0.4, 1.6, 0.1),
    "gpt-4.1-nano": (0.1, 0.4, 0.025),
    "gpt-4o": (2.5, 10, 1.25),
    "gpt-4o-mini": (0.15, 0.6, 0.075),
    "gpt-5": (1.25, 10, 0.125),
    "gpt-5-mini": (0.25, 2, 0.025),
    "gpt-5-nano": (0.05, 0.4, 0.005),
    "gpt-5-pro": (15, 120, None),
    "gpt-5.1": (1.25, 10, 0.125),
    "gpt-5.2": (1.75, 14, 0.175),
    "gpt-5.3-codex": (1.75, 14, 0.175),
    "gpt-5.4": (2.5, 15, 0.25),
    "gpt-5.4-mini": (0.75, 4.5, 0.075),
    "gpt-5.4-nano": (0.2, 1.25, 0.02),
    "gpt-5.5": (5, 30, 0.5),
    "gpt-5.6": (4, 20, 0.4),
    "o3": (2, 8, 0.5),
    "o3-mini": (1.1, 4.4, 0.55),
    "o4-mini": (1.1, 4.4, 0.275),
    "claude-haiku-4-5": (1, 5, 0.1),
    "claude-sonnet-4-5": (3, 15, 0.3),
    "claude-sonnet-4-6": (3, 15, 0.3),
    "claude-sonnet-5": (2, 10, 0.2),
    "claude-opus-4-5": (5, 25, 0.5),
    "claude-opus-4-6": (5, 25, 0.5),
    "claude-opus-5": (5, 25, 0.5),
    "gemini-2.5-flash": (0.3, 2.5, 0.03),
    "gemini-2.5-flash-lite": (0.1, 0.4, 0.01),
    "gemini-2.5-pro": (1.25, 10, 0.125),
    "gemini-3.1-pro-preview": (2, 12, 0.2),
    "gemini-3.5-flash": (1.5, 9, 0.15),
    "deepseek-v4-flash": (0.3, 1.2, 0.006),
    "deepseek-v4-pro": (1.32, 3.96, 0.044),
    "codestral-latest": (0.3, 0.9, 0.03),
    "devstral-latest": (0.4, 2, 0.04),
    "mistral-large-latest": (0.5, 1.5, 0.05),
    "mistral-medium-latest": (1.5, 7.5, 0.15),
    "mistral-small-latest": (0.15, 0.6, 0.015),
    "grok-4.3": (1.25, 2.5, 0.2),
    "grok-4.5": (2, 6, 0.3),
}
_MAKERS = {
    "api.openai.com": ("gpt", "o3", "o4"),
    "api.anthropic.com": ("claude",),
    "generativelanguage.googleapis.com": ("gemini",),
    "api.deepseek.com": ("deepseek",),
    "api.mistral.ai": ("codestral", "devstral", "mistral"),
    "api.x.ai": ("grok",),
}
_DATE = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{8})$")


def price_of(model: str, base_url: str | None, given: Mapping[str, Price]) -> Price | None:
    """The price that was given; else the maker's own, where the maker is asked. None where no price is known."""
    if model in given:
        return given[model]
    name = _DATE.sub("", model.removeprefix("models/"))
    families = _MAKERS.get(urlsplit(base_url).hostname or "" if base_url else "api.openai.com", ())
    if name not in _PRICES or not name.startswith(families or "\0"):
        return None
    tokens_in, tokens_out, at_hand = _PRICES[name]
    return Price(tokens_in, tokens_out, at_hand)
