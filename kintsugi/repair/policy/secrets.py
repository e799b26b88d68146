"""Secrets that a patch would bring into the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from kintsugi.telemetry.redact import MASK, redact, redact_source

# A secret has some length or a word that announces it; most lines have neither and need no closer look.
_SUSPECT = re.compile(
    r"[A-Za-z0-9_\-+/=]{16,}|pass|pwd|secret|token|key|auth|bearer|cred|cookie|session|private|://[^/\s]*@",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"^(?:x+|\*+|\.+|<.*>|\$?\{.*\}|your[-_ ].*|example.*|changeme|dummy.*|fake.*|test.*|foo.*|bar.*|sample.*"
    r"|placeholder.*"
    r"|secret\w*|password\w*|pass|token\w*|key\w*|abc\w{0,6}|user\w*|none|null|true|false|hunter2|s3cr3t|.{0,7})$",
    re.IGNORECASE,
)


_SEAM = re.compile(r"(['\"])[ \t]*\+?[ \t]*\1")  # of two texts that are put together
# Private keys in other clothes than PEM's: PuTTY's, age's, SSH.com's, and JSON Web Keys, whose "d" is the private part.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"|PuTTY-User-Key-File-\d|^\s*Private-Lines: *\d|AGE-SECRET-KEY-1[0-9A-Z]{20,}|-{4,5} ?BEGIN SSH2 [A-Z ]*PRIVATE"
    r"|^(?=.*[\"']kty[\"']\s*:).*[\"']d[\"']\s*:\s*[\"'][\w\-]{20,}[\"']"
)


def secrets_added(added: Sequence[str], old: str, path: str) -> Iterator[str]:
    """One sentence where an added line holds a secret that was not in the file before. Never quotes it.

    Lines of code are read as such: a call that makes a token is none.
    """
    suspect = [line for line in added if _SUSPECT.search(line)]
    if not suspect:
        return
    joined = [*suspect, *(_SEAM.sub("", line) for line in suspect), " ".join(line.strip() for line in added)]
    if any(_PRIVATE_KEY.search(line) and line.strip() not in old for line in joined):
        yield "An added line is of a private key. Keep it out of the repository."
        return
    text = "\n".join(suspect)
    if _shown(text, path) == text:
        return
    if any(_holds_secret(line, old, path) for line in suspect) or _holds_block(text, old):
        yield "An added line holds what looks like a secret. Read it from the environment or the settings."


def _shown(text: str, path: str) -> str:
    return redact_source(text, path, excerpt=True)


def _holds_secret(line: str, old: str, path: str) -> bool:
    shown = _shown(line, path)
    if shown == line:
        return False
    return any(hidden not in old and not _PLACEHOLDER.match(hidden) for hidden in _hidden(line, shown))


def _holds_block(text: str, old: str) -> bool:
    """A secret over several lines, such as a private key."""
    return "-----BEGIN" in text and MASK in redact(text) and text not in old


def _hidden(line: str, shown: str) -> list[str]:
    """What the redactor took out of a line."""
    pattern = "(.*?)".join(re.escape(piece) for piece in shown.split(MASK))
    found = re.fullmatch(pattern, line, re.DOTALL)
    return [piece.strip("'\"") for piece in found.groups()] if found else [line]
