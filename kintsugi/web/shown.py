"""What the pages show, as values: text of others made plain, code and diffs coloured, the path with its times."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from pathlib import PurePosixPath
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import DiffLexer, get_lexer_for_filename
from pygments.lexers.special import TextLexer
from pygments.util import ClassNotFound

from kintsugi.capture.links import Link, link_to
from kintsugi.telemetry.plain import plain, plain_code, plain_diff
from kintsugi.workflow.history import Step
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.path import Station, path
from kintsugi.workflow.payload import Frame, Payload
from kintsugi.workflow.ports import Owed
from kintsugi.workflow.states import Effect
from kintsugi.workflow.times import roughly, stages, times

_LIGHT, _DARK = "default", "github-dark"
_KEPT = 128  # lexers and formatters: to find or make one takes as long as to colour a frame
_LONGEST = 400_000  # characters of one text on a page; the rest is named and left out


@dataclass(frozen=True, slots=True)
class Stop:
    """A station of the path with its times: reached at `at`, or not yet; `took`, for the stage that ended here."""

    station: Station
    at: datetime | None
    took: str  # from the end of the stage before: "3 h"


def bounded(text: str, shown: Callable[[str], str] = plain) -> str:
    """Somebody's text, plain and not endless."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n… {len(text) - _LONGEST:,} characters more"
    return shown(text)


def spread(text: str) -> str:
    """JSON over several lines; other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False).replace("\\n", "\n")
    except ValueError:
        return text


def stops(incident: Incident, history: Sequence[Step]) -> list[Stop]:
    """The path, with the times at which it was reached."""
    reached = {step.dest: step.at for step in history if step.dest.value != step.source}
    took = {state: roughly(time) for _, state, time in stages(history)}
    line = path(incident.state, reached)
    return [Stop(each, reached.get(each.state), "" if each.siding else took.get(each.state, "")) for each in line]


def noticed(payload: Payload, history: Sequence[Step]) -> str:
    """How long after the first failure the incident was opened."""
    return roughly(times(payload.occurred.first, history).detect or timedelta())


def link(payload: Payload) -> Link | None:
    """The page or route where it happened, where the report names one that can be gone to. Its query stays here."""
    named = payload.request.entities
    given = str(named.get("page") or named.get("url") or "")
    return link_to(given)


def is_worth_telling(owes: Owed) -> bool:
    """What is under way or comes next; the state itself says that a confirmation is waited for."""
    if owes.kind is Effect.ANNOUNCE:
        return False
    return owes.status == "running" or (owes.status == "pending" and owes.kind is not Effect.ASK_CONFIRMATION)


def diff(text: str) -> Markup:
    """A unified diff in colours."""
    return Markup(highlight(bounded(text, plain_diff), DiffLexer(), _formatter()))  # noqa: S704  # Pygments escapes what it colours


def code(frame: Frame) -> Markup:
    """The lines around a frame, numbered, its own one marked."""
    lines = "\n".join(line.text for line in frame.source)
    first = frame.source[0].number if frame.source else frame.line
    formatter = _formatter(linenos="inline", linenostart=max(first, 1), hl_lines=(frame.line - first + 1,))
    lexer = _lexer(PurePosixPath(frame.path).name)
    return Markup(highlight(bounded(lines or frame.code, partial(plain_code, path=frame.path)), lexer, formatter))  # noqa: S704  # as above


def code_colours() -> str:
    """The style sheet for both, in light and in dark."""
    light, dark = (str(_formatter(style=style).get_style_defs(".code")) for style in (_LIGHT, _DARK))  # type: ignore[no-untyped-call]
    return f"{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n"


def counted(text: str) -> str:
    """How many lines a diff adds and takes away: +3 -1."""
    lines = [line for line in text.splitlines() if not line.startswith(("+++", "---"))]
    return f"+{sum(line[:1] == '+' for line in lines)} \N{MINUS SIGN}{sum(line[:1] == '-' for line in lines)}"


@lru_cache(_KEPT)
def _lexer(name: str) -> Lexer:
    try:
        return get_lexer_for_filename(name, stripnl=False)
    except ClassNotFound:
        return TextLexer(stripnl=False)


@lru_cache(_KEPT)
def _formatter(**options: Any) -> HtmlFormatter[str]:
    return HtmlFormatter(cssclass="code", wrapcode=True, **options)
