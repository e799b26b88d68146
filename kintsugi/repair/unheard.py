"""What robots obey in a commit message, a title or a body is taken out of it, whoever wrote it.

Build servers skip what says `[skip ci]`, hosts close issues and credit authors, bots merge at a word. They read the raw
text, code in it too, and a body becomes a commit's message where a pull request is squashed. So nothing is exempt, and
it goes by the kind of a command: the words of one service more or less must not matter.
"""

from __future__ import annotations

from kintsugi.telemetry import lazy_re as re

_IN_BRACKETS = re.compile(r"(\]?)\[([^\[\]]{1,80})\]")
_LETTERS = re.compile(r"[\W_]+")
_NOT_RUN = frozenset(
    f"no{what}"
    for what in ("ci", "cd", "build", "deploy", "deployment", "release", "actions", "checks", "tests", "workflow")
)
_HYPHENED = re.compile(
    r"--(?:skip-ci|ci-skip)|(?<![^\W_])(?:(?:skip|no)[-_](?:ci|checks?)|ci[-_]skip)(?![^\W_])", re.IGNORECASE
)
_TRAILER = re.compile(
    r"^([ \t>*+-]*[A-Za-z]+(?:-[A-Za-z]+)*-(?:by|as|id|of|to|for|from|on|with|in))(?=[ \t]*:)",
    re.IGNORECASE | re.MULTILINE,
)
_BREAKS = re.compile(r"^([ \t>*|+-]*)BREAKING[- ]CHANGES?(?=[ \t]*[:#])", re.IGNORECASE | re.MULTILINE)
_SLASH = re.compile(r"^([ \t>*+-]*)/(?=[A-Za-z][\w-]*(?:[^\w/.-]|$))", re.MULTILINE)
_CALLED = re.compile(r"(?<![^\W_])@(?=[A-Za-z][\w-]*(?:\[bot\])?[ \t]+\w)")
_BORS = re.compile(r"^([ \t>*+-]*)(bors|homu)(?=[ \t:]+[\w+-])", re.IGNORECASE | re.MULTILINE)
_ISSUES = r"(?:(?:[\w./-]*[#!]|GH\\?-|[A-Z][A-Z\d]{1,9}-)\d+[\s,;]*(?:and\s+)?)+|h?https?://\S+"
_CLOSING = re.compile(
    rf"\b((?i:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)\b:?\s+)({_ISSUES})"
)
_MARK = re.compile(r"[#!](?=\d)|(?<=[A-Za-z\d])\\?-(?=\d)")
_WORKED_ON = re.compile(r"^(\s*(?:fixup|squash|amend))!", re.IGNORECASE)
_MAJOR = re.compile(r"^(\s*\w{1,20}(?:\([^()]{0,60}\))?)!(?=:)")


def unheard(text: str) -> str:
    """The text with nothing in it that a build server, a code host or a bot would do. The same for its own answer."""
    text = _without_skips(text)
    text = _HYPHENED.sub(_spaced, text)
    text = _TRAILER.sub(_spaced, text)
    text = _BREAKS.sub(r"\1Breaks", text)
    text = _CLOSING.sub(lambda found: found[1] + _unreferred(found[2]), text)
    text = _CALLED.sub("@ ", text)
    text = _BORS.sub(r"\1(\2)", text)
    return _SLASH.sub(r"\1/ ", text)


def unheard_title(line: str) -> str:
    """The same for a first line, whose beginning is obeyed too: by `git rebase --autosquash` and by release tools."""
    return _MAJOR.sub(r"\1", _WORKED_ON.sub(r"\1", unheard(line)))


def _without_skips(text: str) -> str:
    """Brackets in brackets from within, as each may be the innermost after the one before."""
    changed = _IN_BRACKETS.sub(_unskipped, text)
    return text if changed == text else _without_skips(changed)


def _unskipped(found: re.Match[str]) -> str:
    """Round brackets, where square ones would have something skipped: `[skip ci]`, `[travis skip]`, `[no ci]`."""
    letters = _LETTERS.sub("", found[2].casefold())
    told = letters != "skip" and (letters.startswith("skip") or letters.endswith("skip"))
    if not told and letters not in _NOT_RUN:
        return found[0]
    return f"{found[1]}{' ' if found[1] else ''}({found[2]})"


def _spaced(found: re.Match[str]) -> str:
    return found[0][:1] + re.sub(r"(?<=\w)[-_](?=\w)", " ", found[0][1:])


def _unreferred(issues: str) -> str:
    defanged = re.sub(r"http(?=s?://)", "hxxp", issues)
    return _MARK.sub(lambda found: " no. " if found[0] in "#!" else " ", defanged).replace("  ", " ")
