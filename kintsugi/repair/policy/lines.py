"""What a human has to see in languages whose syntax is not read for it: by the lines that went and came.

A flag never refuses. A line that came in the place of one that went is told by what is left where comparisons, or
numbers, are taken out of both.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from kintsugi.repair.policy.changes import Change

_SUFFIXES = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx", ".go")
_COMMENT = re.compile(r"^\s*(?://|/?\*|#)")
_COMPARISON = re.compile(r"[=!]==?|[<>]=?(?!>)|&&|\|\||!(?=[\w(])")
_NUMBER = re.compile(r"\b\d[\w.]*(?:\s*(?:<<|\*)\s*\d[\w.]*)*|\btime\.(?:Milli|Micro|Nano)?[A-Z]\w+")
_OF_LIMIT = re.compile(
    r"limit|max|min(?![a-z])|[<>]=? ?\d{2}|make\(chan"
    r"|timeout|retr|rate|window|size|length|version|age|expir|ttl|cap|quota|deadline",
    re.IGNORECASE,
)
_PERMISSION = re.compile(r"\bPermission\w*\.\w+")
_SWITCH = re.compile(r"\b(?:true|false)\b")
_OF_SWITCH = re.compile(r"cookie|secure|verify|trust|permission|allow|admin|public|private|strict", re.IGNORECASE)
_IF = re.compile(r"\bif\b\s*\(?(.*?)\)?\s*(?:\{|return\b.*|throw\b.*)?$")
_LEAVES = re.compile(r"^(?:return\b|throw\b|continue\b|break\b|panic\()")
_PART = re.compile(r"\|\||&&")
_SAYS = re.compile(r"\b(?:console|log|logger|slog|fmt|winston|zap)\.\w+\(")
_SECRET = re.compile(
    r"passw|secret|token|api_?key|credential|authorization|cookie|private_?key|\bkey\b|x-key"
    r"|(?:req|request)\.(?:body|headers)(?!\.)|string\(body\)",
    re.IGNORECASE,
)
_PROTECTING = re.compile(
    r"\b(origin|credentials|secure|httpOnly|sameSite|rejectUnauthorized|MinVersion|algorithms|issuer|audience|ephemeral"
    r"|allowedMentions|parse|intents"
    r"|HttpOnly|Secure|SameSite|AllowedOrigins|AllowCredentials|trustProxy|redirect)"
    r"\s*:\s*(.+?)(?:,?\s*[})]|,$|$)"
)
# What protects by being there, each by the sentence that tells that it went.
_GOES = (
    (
        "It takes away a lock or a transaction.",
        re.compile(
            r"\.Lock\(\)|\bmutex\b|\.acquire\(|\brunExclusive\b|\bBegin(?:Tx)?\(|\.Rollback\(|\btransaction\("
            r"|FOR UPDATE|\bBEGIN\b|clause\.Locking|<- struct",
            re.IGNORECASE,
        ),
    ),
    (
        "It touches who may.",
        re.compile(
            r"\brequire[A-Z]\w*|\bonly[A-Z]\w*|\bauthenticated\w*|\bis[A-Z]?\w*(?:Admin|Auth|Owner|Allowed)\w*|\bhelmet\w*\("
            r"|\b(?:csurf|csrf)\w*\(|\bhasPermission|Permissions?\b|(?:DMP|dmP)ermission|\.matches\(|\bjwt\.verify|algorithms"
            r"|(?:[aA]uthor|[uU]ser|[oO]wner|[gG]uild)\.?I[dD]|AllowedMentions|allowedMentions|ephemeral: true"
            r"|Status(?:Unauthorized|Forbidden)|sendStatus\(40[13]\)|status\(40[13]\)"
        ),
    ),
    (
        "It changes a limit.",
        re.compile(
            r"\b\w*(?:[lL]imiter|[rR]ateLimit)\b|MaxBytesReader|LimitReader|WithTimeout|[tT]imeout:|AbortSignal"
            r"|\b[mM]ath\.[mM]in\("
        ),
    ),
    (
        "It cleans or checks less than before.",
        re.compile(r"\b(?:HTML|JS|Query|Path)Escape\w*|\bescape\w*\(|sanitize|\.parse\(|isInteger|validate", re.I),
    ),
)


def flags_of_lines(change: Change) -> Iterator[tuple[str, str]]:
    """(sentence, what it is about); "" where nothing is to be said."""
    if PurePosixPath(change.path).suffix.lower() not in _SUFFIXES or change.before is None or change.after is None:
        return
    gone, come = _code(change.removed), _code(change.added)
    yield "It turns a comparison.", _otherwise(gone, come, _COMPARISON)
    yield "It changes a limit.", _otherwise(_with(gone, _OF_LIMIT), _with(come, _OF_LIMIT), _NUMBER)
    yield "It touches who may.", _otherwise(gone, come, _PERMISSION)
    switched = _otherwise(_with(gone, _OF_SWITCH), _with(come, _OF_SWITCH), _SWITCH)
    yield "It changes what protects a call.", _altered(gone, come) or switched
    yield "It asks less than before.", _asks_less(gone, come)
    yield "It goes on where it left before.", _goes_on(gone, come)
    yield "It changes what is logged about a secret.", _tells(gone, come)
    for sentence, pattern in _GOES:
        yield sentence, _went(gone, come, pattern)


def _code(lines: Sequence[str]) -> list[str]:
    """Not what a machine has written: its lines are long."""
    return [" ".join(line.split()) for line in lines if 0 < len(line.strip()) < 400 and not _COMMENT.match(line)]


def _with(lines: Sequence[str], what: re.Pattern[str]) -> list[str]:
    return [line for line in lines if what.search(line)]


def _otherwise(gone: Sequence[str], come: Sequence[str], what: re.Pattern[str]) -> str:
    """A line that differs from one that went in nothing but this."""
    without = {what.sub("…", line): line for line in gone if what.search(line)}
    for line in come:
        was = without.get(what.sub("…", line))
        if was is not None and was not in come and what.findall(was) != what.findall(line):
            return f"{was} → {line}"
    return ""


def _asks_less(gone: Sequence[str], come: Sequence[str]) -> str:
    """A condition with fewer parts than one that went."""
    now = [_parts(line) for line in come]
    for parts in map(_parts, gone):
        for less in now:
            if less and less < parts:
                return f"{min(parts - less)} is gone"
    return ""


def _goes_on(gone: Sequence[str], come: Sequence[str]) -> str:
    """A way out, or a condition with its way out, that nothing came for; more than that is code that is gone."""
    if come or len(gone) > 6:
        return ""
    out = next(filter(_LEAVES.match, gone), "")
    return next((line for line in gone if _IF.search(line)), out) if out else ""


def _parts(line: str) -> frozenset[str]:
    found = _IF.search(line)
    return frozenset(part.strip() for part in _PART.split(found[1])) if found else frozenset()


def _altered(gone: Sequence[str], come: Sequence[str]) -> str:
    was, now = ({pair for line in lines for pair in _PROTECTING.findall(line)} for lines in (gone, come))
    for name, value in sorted(was - now):
        for other, given in sorted(now - was):
            if other == name:
                return f"{name}: {value} → {given}"
    return ""


def _tells(gone: Sequence[str], come: Sequence[str]) -> str:
    told = Counter(word.lower() for line in gone if _SAYS.search(line) for word in _SECRET.findall(line))
    for line in come:
        if _SAYS.search(line) and Counter(word.lower() for word in _SECRET.findall(line)) - told:
            return line
    return ""


def _went(gone: Sequence[str], come: Sequence[str], what: re.Pattern[str]) -> str:
    was, now = (Counter(found for line in lines for found in what.findall(line)) for lines in (gone, come))
    return f"{next(iter(was - now))} is gone" if was.total() > now.total() else ""
