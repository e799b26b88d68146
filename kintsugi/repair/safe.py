"""Names, titles and bodies made safe: text that a model wrote, or copied from a log, goes out to where it has effects.

A branch must be a ref that git takes. A title, message or body must ping nobody, close no issue, link nowhere, show no
picture, hide nothing, and have no robot do or leave anything.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Callable

from kintsugi.repair.unheard import unheard, unheard_title
from kintsugi.telemetry import lazy_re as re

LONGEST_BRANCH = 100
LONGEST_LINE = 120
LONGEST_BODY = 60_000  # GitHub takes 65,536 characters
_FOR_A_FENCE = 200  # of what is cut again, for what closes its last fence

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800") | {chr(at) for at in range(0xFE00, 0xFE10)}
_INVISIBLE |= {chr(at) for at in range(0xE0100, 0xE01F0)}
_MENTION = re.compile(r"(?<![^\W_])@(?=\w)|@(?=everyone|here)", re.IGNORECASE)
_REFERENCE = re.compile(r"#(?=\d)")
_GH_REFERENCE = re.compile(r"\b(GH)\\?-(?=\d)", re.IGNORECASE)
_LINK = re.compile(r"(?:h(?=ttps?\\?:)|f(?=tp\\?:))(?:ttp|tp)(?=s?\\?:\\?/\\?/)", re.IGNORECASE)
_WWW = re.compile(r"www\.(?=\w)", re.IGNORECASE)
_FENCE = re.compile(r"^ {0,3}(?:(`{3,})([^`]*)|(~{3,})(.*))$")
_DRAWN = {"mermaid", "geojson", "topojson", "stl", "math", "suggestion"}
_LANGUAGE = re.compile(r"^[\w+#.-]{1,20}$")
_SPANS = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")


def safe_branch(text: str, incident: str | int) -> str:
    """A branch name that git takes: ASCII, at most 100 characters, with the incident's id; the same for the same input.

    `incident` is 7 or INC-7; the name is such as `kintsugi/inc-7-fix-discount`.
    """
    number = _slug(str(incident)).removeprefix("inc-")[:40].strip("-") or "0"
    name = f"kintsugi/inc-{number}"
    words = _slug(text.removeprefix("kintsugi/")).removeprefix(f"inc-{number}").strip("-")
    longest = LONGEST_BRANCH - len(name) - 1
    if len(words) > longest:
        words = words[: longest + 1].rpartition("-")[0] or words[:longest]
    return f"{name}-{words}".rstrip("-")


def safe_line(text: str) -> str:
    """One line of at most 120 characters, without what is hidden, and without effects where it is shown."""
    line = _harmless(" ".join(_shown(_unescaped(text)).split())).replace("<", "\u2039")
    line = unheard_title(line)
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1].rstrip()}…"


def safe_message(text: str) -> str:
    """The body of a commit's message, at most 60,000 characters. There is no code in one: hosts read it as it is."""
    return _within(text, lambda plain: unheard(_harmless(plain)))


def safe_markdown(text: str) -> str:
    """Markdown of at most 60,000 characters without mentions, HTML, pictures, links and closing keywords.

    Code stays as it is but for what robots would obey in it. Fences stand at the edge, where no list or quote ends them
    early, and every one is closed.
    """
    return _within(text, lambda plain: unheard(_without_effects(plain)))


def _within(text: str, made_safe: Callable[[str], str]) -> str:
    """What is left of the text without what is hidden, made safe and then cut: making it safe makes it longer."""
    plain = "\n".join(_shown(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    safe = made_safe(plain[:LONGEST_BODY])
    while len(safe) > LONGEST_BODY:
        safe = made_safe(safe[: LONGEST_BODY - _FOR_A_FENCE])
    return safe


def _without_effects(text: str) -> str:
    out: list[str] = []
    fence = ""
    lines = text.split("\n")
    has_spans = _spans_are_plain(lines)
    for line in lines:
        marks, info = _fence_of(line)
        if fence:
            ends = marks.startswith(fence) and not info.strip()
            out.append(fence if ends else line)
            fence = "" if ends else fence
        elif marks:
            fence = marks
            out.append(fence + _language(info))
        else:
            out.append(_outside_spans(line) if has_spans else _plain_markdown(line))
    return "\n".join([*out, *([fence] if fence else [])])


def _fence_of(line: str) -> tuple[str, str]:
    """The marks that open or end code in this line, and what follows them; "" where there are none."""
    found = _FENCE.match(line)
    return (found[1] or found[3], found[2] or found[4] or "") if found else ("", "")


def _language(info: str) -> str:
    """A fence's language, if it only colours."""
    word = info.strip().partition(" ")[0]
    return word if _LANGUAGE.match(word) and word.lower() not in _DRAWN and unheard(word) == word else ""


def _spans_are_plain(lines: list[str]) -> bool:
    """Whether every backtick has its partner in its own line, so that what is code can be told line by line.

    A bar in code may end it, where the line is a table's.
    """
    others = [line for line in lines if "`" in line and not _FENCE.match(line)]
    return not any("`" in _SPANS.sub("", line) or "\\`" in line or "|" in line for line in others)


def _outside_spans(line: str) -> str:
    pieces, at = [], 0
    for span in _SPANS.finditer(line):
        pieces += [_plain_markdown(line[at : span.start()]), span[0]]
        at = span.end()
    return "".join([*pieces, _plain_markdown(line[at:])])


def _plain_markdown(text: str) -> str:
    text = _harmless(_unescaped(text)).replace("![", "[").replace("<", "&lt;")
    return re.sub(r"\](?=[(:\[])", "] ", text)  # a link, and what defines one, wherever it stands


def _harmless(text: str) -> str:
    text = _LINK.sub(lambda found: f"{found[0][0]}xxp" if len(found[0]) > 3 else "fxp", text)
    text = _WWW.sub("www. ", text)
    text = _MENTION.sub("@ ", text)
    return _GH_REFERENCE.sub(r"\1 ", _REFERENCE.sub("no. ", re.sub(r"(?<=\w)#(?=\d)", " #", text)))


def _unescaped(text: str) -> str:
    """Without HTML's entities, however often they were written upon each other."""
    for _ in range(8):
        plain = html.unescape(text)
        if plain == text:
            return plain
        text = _shown(plain)
    return text.replace("&", "+")


def _shown(text: str) -> str:
    """Only what is seen; blanks of every kind become blanks."""
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or not (unicodedata.category(character) in _HIDDEN or character in _INVISIBLE)
    )


def _slug(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text[:500]).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-")
