"""Recognising what a lazy reply writes in place of code: "… rest unchanged"."""

from __future__ import annotations

from kintsugi.telemetry import lazy_re as re

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
    rf"^\s*{_LEADERS}\s*[\[(<]?[^\"\n]*\b{_WORDS}\b[^\"\n]*{_DOTS}\s*[\])>]?\s*{_ENDINGS}?\s*$", re.IGNORECASE
)
_NOUN = (
    r"(?:code|file|lines?|methods?|functions?|class(?:es)?|imports?|implementations?|logic|contents?|body|module"
    r"|definitions?|tests?|statements?|handlers?|routes?|commands?|fields?|part|section)"
)
_STAYS = (
    r"(?:(?:is |are |stays? |remains? |exactly )*"
    r"(?:the same|unchanged|untouched|intact|same|as before|as[- ]is|as it (?:is|was)|as they (?:are|were)))"
)
_REST = rf"(?:rest|remainder)(?: of (?:the |this |your )?(?:\w+ )?{_NOUN})?"
_KEEP = (
    rf"(?:keep|leave|retain|preserve) (?:(?:all|the|your|this|of|any) )*"
    rf"(?:(?:{_REST}|everything else|(?:remaining|existing|other|original|previous|unchanged) (?:\w+ )?{_NOUN})"
    rf"(?: {_STAYS}| here| below| above)*|{_NOUN} {_STAYS})"
)
_SAID = re.compile(
    rf"^\s*(?:(?:pass|\.\.\.)\s+)?{_LEADERS}\s*[\[(<]?[\s\-]*(?:todo:? )?(?:(?:the|your|all) )*(?:"
    rf"rest of (?:the |this |your )?(?:\w+ )?{_NOUN}"
    r"(?: (?:is|are|stays?|remains?|continues?|goes|follows|here|as|the|same|unchanged|before|below|intact)){0,4}"
    r"|(?:rest|remainder|everything else|all other \w+|other \w+|remaining \w+|existing \w+|previous \w+)"
    rf"(?: \w+)? {_STAYS}"
    r"|(?:existing|previous|original|remaining|unchanged) (?:code|implementation|logic|lines|methods|functions|imports)"
    r"(?: (?:here|continues|unchanged|goes here|follows|above|below))?"
    rf"|{_KEEP}"
    rf"|{_NOUN} (?:omitted|elided|truncated|unchanged|snipped|not shown)(?: (?:here|for brevity))?"
    r"|(?:omitted|elided|truncated|snipped|not shown) for brevity"
    r"|unchanged|no changes?(?: here)?|same as (?:before|original|above)|snip(?:ped)?"
    rf")[\s\-]*[.:]?\s*[\])>]?\s*{_ENDINGS}?\s*$",
    re.IGNORECASE,
)


def is_elision(line: str) -> bool:
    """Whether a line stands for lines left out. A bare `...` is one here, though Python has a use for it."""
    return bool(_BARE.match(line)) or is_bare_ellipsis(line) or stands_for_code(line)


def stands_for_code(line: str) -> bool:
    """Whether a line can only be meant as "here the old code goes on"."""
    if not ("." in line or "…" in line or any(mark in line for mark in "#/*<;-%'(")):
        return False
    if is_bare_ellipsis(line):
        return False
    return (
        any(one.search(line) for one in (_DOTTED_COMMENT, _DOTTED_WORDS, _WORDS_DOTTED, _SAID)) or line.strip() == "…"
    )


def is_bare_ellipsis(line: str) -> bool:
    """Whether a line is only an ellipsis, perhaps as an item of a list: that may be meant as it stands."""
    return line.strip() in ("...", "* ...")
