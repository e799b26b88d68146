"""Names, titles and bodies have no effects where they are shown."""

from __future__ import annotations

import re
import subprocess
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kintsugi.repair import safe_branch, safe_line, safe_markdown

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("@#<>[]()!`~&;:/\\\n\t\r *_-.\u202e\u200b\u2066"),
        st.sampled_from("acehilmnosx1"),
    )
)
PIECES = [
    *(
        "@alice",
        "@everyone",
        "Closes #1",
        "fixes: org/repo#12",
        "GH-7",
        "<img src=x>",
        "![x](http://e)",
        "[a](javascript:b)",
    ),
    *(
        "```",
        "~~~",
        "`",
        "\n",
        " ",
        "https://github.com/o/r/issues/1",
        "&lt;b&gt;",
        "&#64;bob",
        "<!--",
        "<@123>",
        "\u202e",
    ),
    *("text", "\r"),
]
WORDS = st.lists(st.sampled_from(PIECES)).map("".join)
CLOSING = re.compile(
    r"\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+(?:[\w./-]*#\d|GH-\d|https?://)", re.IGNORECASE
)


@given(text=HOSTILE, incident=st.one_of(st.integers(1, 10**9), st.text(max_size=60)))
def test_a_branch_is_a_ref_that_git_takes(text: str, incident: str | int):
    branch = safe_branch(text, incident)

    assert re.fullmatch(r"kintsugi/inc-[a-z0-9]+(?:-[a-z0-9]+)*", branch)
    assert len(branch) <= 100
    assert branch == safe_branch(text, incident)


@pytest.mark.parametrize(
    ("text", "incident", "branch"),
    [
        ("Fix discount", "INC-7", "kintsugi/inc-7-fix-discount"),
        ("kintsugi/inc-7-fix-discount", 7, "kintsugi/inc-7-fix-discount"),
        ("", "7", "kintsugi/inc-7"),
        ("../../main.lock", "7", "kintsugi/inc-7-main-lock"),
        ("--upload-pack=touch /tmp/x;", "7", "kintsugi/inc-7-upload-pack-touch-tmp-x"),
        ("refs/heads/main@{1}~^:?*[", "7", "kintsugi/inc-7-refs-heads-main-1"),
        ("Crème brûlée \u202e", "7", "kintsugi/inc-7-creme-brulee"),
        ("7 days", "7", "kintsugi/inc-7-7-days"),
    ],
)
def test_branches_read_well(text: str, incident: str | int, branch: str):
    assert safe_branch(text, incident) == branch
    assert subprocess.run(["git", "check-ref-format", f"refs/heads/{branch}"], check=False).returncode == 0


@given(text=st.one_of(HOSTILE, WORDS))
def test_a_line_is_one_and_has_no_effects(text: str):
    line = safe_line(text)

    assert len(line) <= 120
    assert "\n" not in line
    assert all(unicodedata.category(character)[0] != "C" for character in line)
    assert not re.search(r"(?<![^\W_])@\w|@(?:everyone|here)|#\d|https?://|<", line)
    assert not CLOSING.search(line)
    assert safe_line(line) == line


@given(text=st.one_of(HOSTILE, WORDS))
def test_a_body_has_no_effects_outside_fenced_code(text: str):
    body = safe_markdown(text)
    outside = prose_of(body)

    assert not re.search(r"(?<![^\W_])@\w|@(?:everyone|here)|#\d|https?://|<|!\[|\]\(", without_spans(outside))
    assert not CLOSING.search(without_spans(outside))
    assert all(unicodedata.category(character)[0] != "C" or character == "\n" for character in body)
    assert safe_markdown(body) == body


def prose_of(body: str) -> str:
    """What is outside fences, which must all be closed."""
    out, fence = [], ""
    for line in body.split("\n"):
        found = re.match(r" {0,3}(`{3,}|~{3,})\s*([^`]*)$", line)
        if fence:
            if found and found[1].startswith(fence) and not found[2].strip():
                fence = ""
        elif found:
            fence = found[1]
        else:
            out.append(line)
    assert not fence
    return "\n".join(out)


def without_spans(prose: str) -> str:
    balanced = all("`" not in re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", line) for line in prose.split("\n"))
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", prose) if balanced and "\\`" not in prose else prose


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("Thanks @alice, closes #1.", "Thanks @ alice, closes no. 1."),
        ("See [the log](https://evil.example/x).", "See [the log] (hxxps://evil.example/x)."),
        ("![pixel](https://evil.example/x.png)", "[pixel] (hxxps://evil.example/x.png)"),
        ("<script>x</script>", "&lt;script>x&lt;/script>"),
        ("```python\n@property\ndef x(self): ...\n```", "```python\n@property\ndef x(self): ...\n```"),
        ("```\nnever closed", "```\nnever closed\n```"),
        ("```mermaid\ngraph\n```", "```\ngraph\n```"),
        ("Use `@property` here.", "Use `@property` here."),
        ("` open\n` @alice `", "` open\n` @ alice `"),
        ("&#64;alice &amp;#64;bob", "@ alice @ bob"),
        ("mail a@b.example", "mail a@b.example"),
    ],
)
def test_bodies_stay_readable(text: str, body: str):
    assert safe_markdown(text) == body
