"""Recognising what a lazy reply writes in place of code: "… rest unchanged"."""

from __future__ import annotations

import re

_LEADERS = r"(?:#+|//+|/\*+|<!--|--|;+|%|\*|\{/\*|\(\*|'|\"{3})"
_ENDINGS = r"(?:\*/|-->|\*/\}|\*\))"
_DOTS = r"(?:\.{3,}|…)"
_BARE = re.compile(rf"^\s*[\[(<]?\s*{_DOTS}\s*[\])>]?\s*$")
_DOTTED_COMMENT = re.compile(rf"^\s*{_LEADERS}\s*[\[(<]?{_DOTS}\s*[\])>]?\s*{_ENDINGS}?\s*$")
_WORDS = (
    r"(?:rest|remainder|remaining|existing|unchanged|same|previous|original|omitted|elided|snip(?:ped)?|as before"
    r"|truncated|untouched|other (?:code|methods|functions|lines)|no changes?|code (?:here|continues))"
)
_MORE = r"(?:other|more|code|methods?|functions?|lines|implementation|logic|here|etc)"
_DOTTED_WORDS = re.compile(rf"^\s*(?:{_LEADERS})?\s*[\[(<]?\s*{_DOTS}.*\b(?:{_WORDS}|{_MORE})\b", re.IGNORECASE)
_WORDS_DOTTED = re.compile(
    rf"^\s*{_LEADERS}\s*[\[(<]?.*\b{_WORDS}\b.*{_DOTS}\s*[\])>]?\s*{_ENDINGS}?\s*$", re.IGNORECASE
)
_SAID = re.compile(
    rf"^\s*{_LEADERS}\s*[\[(<]?\s*(?:the )?(?:"
    r"rest of (?:the |this |your )?(?:\w+ )?(?:code|file|function|method|class|module|implementation|body)"
    r"(?: (?:is|are|stays?|remains?|continues?|goes|follows|here|as|the|same|unchanged|before|below)){0,4}"
    r"|(?:rest|remainder|everything else|all other \w+|other \w+|remaining \w+|existing \w+|previous \w+)"
    r"(?: \w+)? (?:is |are |stays? |remains? )?(?:the same|unchanged|as before|as is)"
    r"|(?:existing|previous|original|remaining|unchanged) (?:code|implementation|logic|lines|methods|functions|imports)"
    r"(?: (?:here|continues|unchanged|goes here|follows))?"
    r"|unchanged|no changes?(?: here)?|same as before|code (?:omitted|elided|unchanged)(?: for brevity)?"
    rf")\s*[.:]?\s*[\])>]?\s*{_ENDINGS}?\s*$",
    re.IGNORECASE,
)


def is_elision(line: str) -> bool:
    """Whether a line stands for lines left out. A bare `...` is one here, though Python has a use for it."""
    return bool(_BARE.match(line)) or stands_for_code(line)


def stands_for_code(line: str) -> bool:
    """Whether a line can only be meant as "here the old code goes on"."""
    if not ("." in line or "…" in line or any(mark in line for mark in "#/*<;-%'(")):
        return False
    return (
        any(one.search(line) for one in (_DOTTED_COMMENT, _DOTTED_WORDS, _WORDS_DOTTED, _SAID)) or line.strip() == "…"
    )


def is_bare_ellipsis(line: str) -> bool:
    return line.strip() == "..."
