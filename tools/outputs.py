"""Every way in which text of others leaves, and what makes it safe there. `docs/outputs.md` is made of it.

A property test sends hostile text through each, and looks at what comes out as its reader would.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from markupsafe import escape
from rich.text import Text

from kintsugi.bot.card import code_block
from kintsugi.bot.text import quiet
from kintsugi.commands.voice import as_json, say
from kintsugi.integrations.terminal import PlainConsole
from kintsugi.repair import safe_branch, safe_line, safe_markdown
from kintsugi.repair.safe import safe_message
from kintsugi.telemetry.lines import LineFormatter
from kintsugi.web.shown import bounded, diff


class Reader(StrEnum):
    """Who reads it, and what may not happen there."""

    GIT = "git: a name that it takes"
    ROBOTS = "build servers, code hosts, bots: no command, no reference, no mention"
    MARKDOWN = "a renderer of Markdown, and robots: besides, no link, picture or HTML"
    DISCORD = "Discord: no mention, no link, no formatting"
    DISCORD_CODE = "Discord: nothing ends the block of code, no mention of everyone"
    HTML = "a browser: no element or attribute that is not the page's"
    TERMINAL = "a terminal: no control sequence, nothing that turns text around or hides it"
    JSON = "a terminal, and a reader of JSON: one value on its line, and nothing that a terminal obeys"


@dataclass(frozen=True, slots=True)
class Output:
    """One way out. `safe` makes of any text what is written there."""

    what: str
    reader: Reader
    by: str
    safe: Callable[[str], str]


def _on_a_console(text: str) -> str:
    stream = io.StringIO()
    PlainConsole(file=stream, width=200).print(Text(text))
    return stream.getvalue()


def _said(text: str) -> str:
    stream = io.StringIO()
    say(text, to=stream)
    return stream.getvalue()


def _logged(text: str) -> str:
    record = logging.LogRecord(text, logging.ERROR, "", 0, text, (), None)
    record.note = text
    return LineFormatter().format(record)


OUTPUTS = (
    Output("branch of a fix", Reader.GIT, "`repair.safe.safe_branch`", lambda text: safe_branch(text, 7)),
    Output("title of a pull request, first line of a commit", Reader.ROBOTS, "`repair.safe.safe_line`", safe_line),
    Output("message of a commit", Reader.ROBOTS, "`repair.safe.safe_message`", safe_message),
    Output("body of a pull request", Reader.MARKDOWN, "`repair.safe.safe_markdown`", safe_markdown),
    Output("cards and replies on Discord, alerts", Reader.DISCORD, "`bot.text.quiet`", quiet),
    Output("diffs on Discord", Reader.DISCORD_CODE, "`bot.card.code_block`", code_block),
    Output("text on the pages", Reader.HTML, "`web.shown.bounded`, Jinja2", lambda text: str(escape(bounded(text)))),
    Output("code and diffs on the pages", Reader.HTML, "`web.shown.diff`, Pygments", lambda text: str(diff(text))),
    Output("what commands show", Reader.TERMINAL, "`integrations.terminal.PlainConsole`", _on_a_console),
    Output("what commands say, refusals too", Reader.TERMINAL, "`commands.voice.say`", _said),
    Output("what commands answer with `--json`", Reader.JSON, "`commands.voice.as_json`", as_json),
    Output("the log", Reader.JSON, "`telemetry.lines.LineFormatter`", _logged),
)


def outputs() -> str:
    """docs/outputs.md."""
    rows = [f"| {each.what} | {each.reader} | {each.by} |" for each in OUTPUTS]
    return "\n".join([*_HEAD, *rows, *_DECIDED, ""])


_HEAD = [
    "# Text that leaves",
    "",
    "What a program prints, what a model writes and what people type goes out in many places, and each has something",
    "that obeys it. Made from `tools/outputs.py` by `python -m tools.docs`; a test sends hostile text through each,",
    "and looks at it as its reader does (a renderer of Markdown, a parser of HTML, the rules of ECMA-48). Secrets are",
    "taken out before, by the one redactor.",
    "",
    "| what leaves | who reads it, and what may not happen | made safe by |",
    "|---|---|---|",
]
_DECIDED = [
    "",
    "## What robots obey",
    "",
    "Build servers, hosts and bots read raw text, code in it too, and a body becomes a commit's message where a pull",
    "request is squashed. So these are taken out of titles, messages and bodies wherever they stand, in any case and",
    "spacing, and with invisible characters in them:",
    "",
    "| kind | such as | becomes |",
    "|---|---|---|",
    "| leaving checks or a deployment out | `[skip ci]`, `[netlify skip]`, `[no ci]`, `[skipRun]` | round brackets |",
    "| … in other words | `***NO_CI***`, `skip-checks: true`, `--skip-ci` | a blank for the hyphen |",
    "| trailers | `Co-authored-by:`, `Signed-off-by:`, `Change-Id:`, `Release-As:` | blanks for the hyphens |",
    "| deciding the next version | `BREAKING CHANGE:`, `fix!:` | `Breaks:`, `fix:` |",
    "| folding a commit into another | `fixup!`, `squash!`, `amend!` | without the mark |",
    "| closing an issue | `Closes #1`, `fixes owner/repo#2`, `resolves GH-3`, `Fixes ENG-4` | a blank, `no.` |",
    "| commands of a line | `/merge`, `/lgtm cancel`, `bors r+` | a blank after the slash, round brackets |",
    "| mentions, and bots by their name | `@alice`, `@dependabot merge` | a blank after the sign |",
    "",
    "The commit is Kintsugi's; the pull request says who confirmed it, so nobody is credited in a trailer.",
    "A path at the beginning of a line, a decorator in code and a list's `[x]` stay as they are.",
]
