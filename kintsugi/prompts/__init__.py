"""The prompts, one Markdown file each, filled in strictly: a missing or an unknown value is an error.

A file begins with its version. Name, version and hash of the file go into the history beside every answer, so that an
answer can always be traced to the words that asked for it. Knows no vendor.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template, meta

_FOLDER = Path(__file__).parent
_MOST_KEPT = 32  # compiled prompts: ours, and those of a folder that is tried
_others: ContextVar[Path | None] = ContextVar("_others", default=None)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A filled-in prompt. `id` is name, version and hash, such as `repair v1 3fa94c01`."""

    id: str
    text: str


class PromptError(Exception):
    """A prompt was asked for with too few or too many values."""


def render(name: str, **values: str) -> Prompt:
    """Fill in `<name>.md`. Raises PromptError unless exactly the values it uses are given."""
    source = _file(name).read_text(encoding="utf-8")
    head, _, body = source.partition("\n")
    version = head.removeprefix("<!-- version:").removesuffix("-->").strip()
    template, wanted = _compiled(body)
    if wanted != set(values):
        raise PromptError(f"The prompt {name!r} takes {sorted(wanted)}, and was given {sorted(values)}.")
    return Prompt(f"{name} v{version} {sha256(source.encode()).hexdigest()[:8]}", template.render(**values))


@lru_cache(_MOST_KEPT)
def _compiled(body: str) -> tuple[Template, set[str]]:
    """And the values that it uses."""
    environment = Environment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # noqa: S701  # no HTML
    return environment.from_string(body), meta.find_undeclared_variables(environment.parse(body))


@contextmanager
def using(folder: Path | None) -> Iterator[None]:
    """Prompts of this folder, as far as it has them, instead of ours."""
    before = _others.set(folder)
    try:
        yield
    finally:
        _others.reset(before)


def _file(name: str) -> Path:
    others = _others.get()
    own = others / f"{name}.md" if others else None
    return own if own and own.is_file() else _FOLDER / f"{name}.md"


def fence(text: str) -> str:
    """Untrusted text between markers that nobody who wrote it could have known."""
    mark = secrets.token_hex(8)
    return f"<<<DATA {mark}\n{text}\nDATA {mark}>>>"
