"""Text of others has no effect wherever it leaves: hostile text through every output, looked at as its reader does."""

from __future__ import annotations

import json
import re
import subprocess
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tools.outputs import OUTPUTS, Output, Reader

ROOT = Path(__file__).parents[1]

PIECES = [
    *(
        "\x1b[31m",
        "\x1b]8;;http://e.example\x07",
        "\x1b]8;;\x1b\\",
        "\x1b]0;title\x07",
        "\x9b2J",
        "\x9d8;;x\x9c",
        "\x1bc",
        "\x1b",
    ),
    *(
        "\x07",
        "\x08",
        "\x00",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\u2066",
        "\u200f",
        "\u061c",
        "\u200b",
        "\ufeff",
        "\ud800",
    ),
    *(
        "\r",
        "\n",
        "\t",
        " ",
        "text",
        "é",
        "[red]",
        "[/]",
        "{{ 7*7 }}",
        "{% x %}",
        '"',
        "\\",
        "'",
        "\\u001b",
        "```",
        "`",
        "~~~",
    ),
    *(
        "<script>alert(1)</script>",
        "<img src=x onerror=y>",
        "</pre>",
        "&lt;b&gt;",
        "<!--",
        "]]>",
        "@everyone",
        "<@123>",
        "<#1>",
    ),
    *(
        "@alice",
        "[skip ci]",
        "[x](http://e.example)",
        "[x]: /u",
        "- > [x]: /u",
        "#1",
        "https://e.example",
        "/merge",
        "Fixes #2",
    ),
    *("skip-checks: true", "Signed-off-by: x", "> ", "- ", "||", "**", "_", "# ", "::error::x", "+x\n-y"),
]
HOSTILE = st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), st.text(max_size=60))


@pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.what)
def test_no_text_has_an_effect(output: Output):
    @given(text=HOSTILE)
    @example(text="\x1b]8;;http://e.example\x1b\\pretty\x1b]8;;\x1b\\")
    @example(text="\u202etxet denrut")
    @example(text="\x9b31m")
    def holds(text: str) -> None:
        LOOKED_AT[output.reader](output.safe(text))

    holds()


def by_git(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9/-]{1,100}", text)


def by_robots(text: str) -> None:
    assert "[skip ci]" not in text.lower()
    assert not re.search(r"^[ \t>]*(?:skip-checks|signed-off-by)[ \t]*:", text, re.IGNORECASE | re.MULTILINE)
    assert not re.search(r"^/merge(?![\w/.-])|#\d|(?<![^\W_])@\w|https?://", text, re.MULTILINE)
    assert_is_seen(text)


def by_a_renderer(text: str) -> None:
    assert "[skip ci]" not in text.lower()
    for token in walked(MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)):
        assert token.type not in ("link_open", "image", "html_inline", "html_block")
        if token.type == "text":
            assert not re.search(r"(?<![^\W_])@\w|#\d|https?://", token.content)
    assert_is_seen(text)


def walked(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield token
        yield from walked(token.children or [])


def by_discord(text: str) -> None:
    """Its formatting is behind backslashes: without those and what they take the effect of, nothing of it is left."""
    bare = re.sub(r"\\.", "", text)
    assert not re.search(r"[*_~|`>#<\[\]]|@(?!\u200b)|https?://", bare)
    assert_is_seen(text.replace("@\u200b", "@"))


def by_discord_as_code(text: str) -> None:
    head, inside, end = text[: len("```diff\n")], text[len("```diff\n") : -len("\n```")], text[-len("\n```") :]
    assert (head, end) == ("```diff\n", "\n```")
    assert "```" not in inside
    assert not re.search("@(?:everyone|here)", inside)


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_comment(self, data: str) -> None:
        self.elements.add("!--")


def by_a_browser(text: str) -> None:
    page = Page()
    page.feed(f'<p title="{text}">' if "<" not in text else text)
    assert page.elements <= {"p", "div", "pre", "span", "code"}
    assert page.attributes <= {"title", "class"}
    assert_is_seen(text)


def by_a_terminal(text: str) -> None:
    assert_is_seen(text)


def by_a_reader_of_json(text: str) -> None:
    json.loads(text)
    assert "\n" not in text
    controls = {letter for letter in text if unicodedata.category(letter) == "Cc"}
    assert controls <= {"\x7f"}  # which no terminal does anything at
    assert not set(text) & set(TURNS)


TURNS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"


def assert_is_seen(text: str) -> None:
    """ECMA-48: what is no control character is no part of a control sequence. Unicode: nothing turns or hides text."""
    hidden = [letter for letter in text if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert set(hidden) <= {"\n", "\t"}


LOOKED_AT = {
    Reader.GIT: by_git,
    Reader.ROBOTS: by_robots,
    Reader.MARKDOWN: by_a_renderer,
    Reader.DISCORD: by_discord,
    Reader.DISCORD_CODE: by_discord_as_code,
    Reader.HTML: by_a_browser,
    Reader.TERMINAL: by_a_terminal,
    Reader.JSON: by_a_reader_of_json,
}


def test_git_takes_the_branch():
    for name in ("", "..", "x.lock", "-x", "a b", "é"):
        branch = OUTPUTS[0].safe(name)
        assert subprocess.run(["git", "check-ref-format", f"refs/heads/{branch}"], check=False).returncode == 0


def test_a_link_that_hides_its_address_is_only_its_words():
    say = next(output for output in OUTPUTS if "voice.say" in output.by)

    assert say.safe("see \x1b]8;;http://e.example\x1b\\here\x1b]8;;\x1b\\, \x1b[1;31mred\x1b[0m") == "see here, red\n"


def test_no_command_speaks_past_them():
    """A console of Rich's own, `print` and `echo` show what they are handed as it is."""
    spoken = re.compile(r"(?<!\w)(?:Console|print|echo)\(")
    files = [*ROOT.glob("kintsugi/commands/**/*.py"), *ROOT.glob("kintsugi/demo/*.py")]

    found = {file.name for file in files if spoken.search(_without_methods(file.read_text()))}

    assert found == {
        "login.py",  # the link: it is ours, and the redactor would take it for the secret that it is
        "follow.py",  # the program's own name, where it cannot be started, and a sentence of ours
        "copying.py",  # two sentences of ours
        "tree.py",  # our own name and version
    }


def _without_methods(line: str) -> str:
    return re.sub(r"(?i)console\.print\(|PlainConsole\([^)]*\)\.print\(|PlainConsole\(", "", line)
