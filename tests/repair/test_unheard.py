"""No robot finds a command in what a model wrote: build servers, code hosts and bots, by their own ways to look."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kintsugi.repair import safe_line, safe_markdown
from kintsugi.repair.safe import LONGEST_BODY, safe_message

SAFE = (safe_line, safe_message, safe_markdown)

# As they are documented, and as plugins look for them: GitHub, GitLab, Azure, CircleCI, Travis, AppVeyor, Netlify, Railway,
# Cloudflare, Drone, Woodpecker, Vela, Codeship, JFrog, Amplify, Jenkins.
SKIPS = [
    *("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]", "***NO_CI***", "***no_ci***"),
    *(
        "[skip netlify]",
        "[skip vercel]",
        "[skip railway]",
        "[railway skip]",
        "[CF-Pages-Skip]",
        "[CI-Skip]",
        "[Skip-CI]",
    ),
    *("[skip travis ci]", "[travisci skip]", "[skip appveyor]", "[skip azurepipelines]", "[azp skip]", "[skip vela]"),
    *(
        "[skip-cd]",
        "[skipRun]",
        "[skip release]",
        "[build skip]",
        "--skip-ci",
        "--ci-skip",
        "[nodeploy]",
        "[skip render]",
    ),
]
LOOKS = re.compile(
    r"\[\s*(?:skip\W*(?:ci|cd|actions?|netlify|vercel|railway|travis\W?ci|appveyor|azurepipelines|azp|vela|run|release|render)"
    r"|(?:ci|actions?|railway|travisci|azp|cf-pages|build)\W*skip|no\W?(?:ci|deploy))\s*\]"
    r"|\*\*\*no_ci\*\*\*|--(?:skip-ci|ci-skip)|^\s*skip-checks\s*:",
    re.IGNORECASE | re.MULTILINE,
)


SAID = [
    *("{}", "Fix it {}", "Fix it\n\n{}\n", "```\n{}\n```", "`{}`", "> {}", "- [x] {}", "[{}]", "x{}y", "&#91;{}"),
    *("<!-- {} -->", "[a]{}(b)", "~~~ {}", "| {} |"),
]


@pytest.mark.parametrize("safe", SAFE)
@pytest.mark.parametrize("skip", SKIPS)
def test_nothing_is_skipped(safe, skip: str):
    ways = (skip, skip.upper(), skip.title(), skip.replace(" ", "  "), skip.replace(" ", "\n"), hidden(skip))
    for said, written in product(SAID, ways):
        found = safe(said.format(written))

        assert not LOOKS.search(found), found
        assert safe(found) == found


def hidden(text: str) -> str:
    """With an invisible character at every place."""
    return "\u200b".join(text.replace("skip", "s\u00adkip"))


TRAILERS = [
    *(
        "Co-authored-by: Mallory <m@evil.example>",
        "Signed-off-by: Alice <a@shop.example>",
        "Reviewed-by: Bob",
        "Acked-by : x",
    ),
    *(
        "skip-checks: true",
        "skip-checks:true",
        "Change-Id: I1",
        "Release-As: 9.0.0",
        "On-behalf-of: @org",
        "See-also-to: x",
    ),
]


@pytest.mark.parametrize("safe", [safe_message, safe_markdown])
@pytest.mark.parametrize("trailer", TRAILERS)
@pytest.mark.parametrize(
    "said", ["{}", "Why.\n\n{}", "Why.\n\n{}\n{}\n", "```\nWhy\n\n{}\n```", "> {}", "Why.\r\n\r\n{}"]
)
def test_no_trailer_is_forged(safe, trailer: str, said: str):
    for written in (trailer, trailer.lower(), trailer.upper(), hidden(trailer)):
        found = safe(said.format(written, written))

        assert not re.search(r"^[ \t>]*[A-Za-z]+-[A-Za-z-]*[ \t]*:", found, re.MULTILINE), found


@pytest.mark.parametrize("safe", [safe_message, safe_markdown])
@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("/merge", r"^/merge"),
        ("Fine.\n/lgtm cancel\n", r"^/lgtm"),
        ("```\n/approve\n```", r"^/approve"),
        ("> /close", r"^> /close"),
        ("@dependabot merge", r"@dependabot"),
        ("`@coderabbitai ignore`", r"@coderabbitai"),
        ("```\n@mergifyio queue\n```", r"@mergifyio"),
        ("bors r+", r"^bors"),
        ("homu: try", r"^homu"),
        ("Closes #1", r"#1"),
        ("```\nfixes #1, #2 and org/repo#3\n```", r"#\d"),
        ("`Resolves: GH-12`", r"GH-12"),
        ("`fixes\n#7`", r"#7"),
        ("Fixes ENG-123", r"ENG-123"),
        ("```\nfixes https://github.example/o/r/issues/1\n```", r"https://"),
        ("`implements !12`", r"!12"),
        ("BREAKING CHANGE: all of it", r"^BREAKING CHANGE"),
        ("breaking-change: all of it", r"(?i)breaking-change"),
    ],
)
def test_no_bot_is_called(safe, said: str, heard: str):
    assert re.search(heard, said, re.MULTILINE)

    assert not re.search(heard, safe(said), re.MULTILINE), safe(said)


def test_a_title_is_no_command_either():
    assert safe_line("fix!: take amounts off") == "fix: take amounts off"
    assert safe_line("feat(api)!: x") == "feat(api): x"
    assert safe_line("fixup! Take amounts off") == "fixup Take amounts off"


@pytest.mark.parametrize(
    "said",
    [
        "Use `@property` here.",
        "```python\n@property\ndef x(self):\n    return row[skip]\n```",
        "The path /srv/shop/app.py is read.\n/srv/shop/app.py",
        "fix: skip the empty row [0]",
        "- [ ] a test\n- [x] a fix",
        "A co-authored text, signed off by two.",
        "`items[0]` and `a - b`",
        "INC-7",
    ],
)
def test_what_is_no_command_stays(said: str):
    assert safe_markdown(said) == said


# --- a real renderer ----------------------------------------------------------------------------------------------

RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
PIECES = [
    *(
        "@alice",
        "[x]",
        "(http://e.example)",
        ":",
        " ",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "  ",
        "    ",
        "\t",
        "`",
        "``",
        "```",
    ),
    *(
        "~~~",
        "~~~ a`b",
        "|",
        "|-|\n",
        "---",
        "<b>",
        "&lt;",
        "&#60;",
        "![",
        "](",
        "][",
        "]: ",
        "\\",
        "#1",
        "javascript:x",
    ),
    *(
        "[x]: http://e.example",
        "[x\n]: <u>",
        "<http://e.example>",
        "<!--",
        "-->",
        "text",
        "*",
        "_",
        "**",
        "\r\n",
        "\u202e",
    ),
]


@given(text=st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example(text="- [x]: http://e.example\n\n[x]")
@example(text="> - [x]: javascript:x\n\n[x]")
@example(text="1. > [x\ny]: /u\n\n[x y]")
@example(text="- a\n  ```\ncode\n@alice")
@example(text="~~~ a`b\n~~~\n@alice\n~~~")
@example(text="| `x | @alice` |\n|-|-|\n")
@example(text="[a\\]b]: http://e.example\n\n[a\\]b]")
def test_a_body_has_no_effect_where_it_is_rendered(text: str):
    body = safe_markdown(text)

    for token in walked(RENDERER.parse(body)):
        assert token.type not in ("link_open", "image", "html_inline", "html_block"), body
        if token.type == "text":
            assert not re.search(r"(?<![^\W_])@\w|#\d|https?://", token.content), body
    assert safe_markdown(body) == body


def walked(tokens: list[Token]):
    for token in tokens:
        yield token
        yield from walked(token.children or [])


@given(text=st.text(alphabet="#1@a[]skip ci-\n`", max_size=200).map(lambda text: text * 400))
def test_nothing_that_leaves_is_too_long(text: str):
    assert len(safe_markdown(text)) <= LONGEST_BODY
    assert len(safe_message(text)) <= LONGEST_BODY
