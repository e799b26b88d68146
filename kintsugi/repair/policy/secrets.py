"""Secrets that a patch would bring into the repository."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact import MASK, redact, redact_source

# A secret has some length or a word that announces it; most lines have neither and need no closer look.
_SUSPECT = re.compile(
    r"[A-Za-z0-9_\-+/=]{16,}|pass|pwd|secret|token|key|auth|bearer|cred|cookie|session|private|://[^/\s]*@",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"^(?:x+|\*+|\.+|<.*>|\$?\{.*\}|your[-_ ].*|example.*|changeme|dummy.*|fake.*|test.*|foo.*|bar.*|sample.*"
    r"|placeholder.*"
    r"|secret\w*|password\w*|pass|token\w*|key\w*|abc\w{0,6}|user\w*|none|null|true|false|hunter2|s3cr3t|.{0,7}"
    r"|(?-i:(?:[a-z_-]{1,20}=)?(?:19|20)\d\d-[01]\d-[0-3]\d(?:T[\d:]{0,8}(?:\.\d{1,9})?(?:Z|[+-][\d:]{4,5})?)?))$",
    re.IGNORECASE,
)
_IN_WORDS = re.compile(r"(?=.{,23}$)(?:\d{1,6}[-_. ])?[A-Za-z]{2,}(?:[ _.\-\"\\]?[A-Za-z]{2,})*\d{0,6}\W{0,2}$")
"""As somebody makes one up: `ShareSecret123!`"""
_SAYS_SO = re.compile(
    r"(?=.{,23}$)(?:[a-z_]{,12}|\w{,4})(?i:p[a4@][s5$]{2}|[s5$][e3]cr[e3]t|w[o0]rd)+(?:[a-z_]{,12}|\w{,4})$"
)
"""`p%40ssw0rd`, `s3\\ncret`: what tests of a parser or of a redactor need."""
_ADDRESS = re.compile(r"(?!(?:[^:]*\d){4})(?:[a-z0-9-]+\.)+[a-z]{2,}:\d{1,5}$")  # a key has more digits
_MENTION = re.compile(r"@(?=.{1,38}$)[A-Za-z]+\d{0,4}(?:[-_][A-Za-z]*\d{0,4})*$")  # of a person, in a document
_DOCUMENT = re.compile(r"\.(?:md|mdx|rst|txt|adoc)$")
_HASHED = re.compile(r"\$2[aby]\$\d\d\$|\$argon2id?\$|\bpbkdf2_sha256\$\d+\$")
"""What is stored in the place of a password."""
_OF_TRANSLATIONS = re.compile(
    r"(?:^|/)(?:i18n|l10n|locales?|lang(?:uage)?s?|translations?)/.*\.(?:json|ya?ml|po|toml)$"
)
_LOOKS_SO = "An added line holds what looks like a secret. Read it from the environment or the settings."
_MADE_UP = "An added line of a test holds what looks like a password. It has to be made up."

_SEAM = re.compile(r"(['\"])[ \t]*\+?[ \t]*\1")  # of two texts that are put together
# Private keys in other clothes than PEM's: PuTTY's, age's, SSH.com's, and JSON Web Keys, whose "d" is the private part.
_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"|PuTTY-User-Key-File-\d|^\s*Private-Lines: *\d|AGE-SECRET-KEY-1[0-9A-Z]{20,}|-{4,5} ?BEGIN SSH2 [A-Z ]*PRIVATE"
    r"|^(?=.*[\"']kty[\"']\s*:).*[\"']d[\"']\s*:\s*[\"'][\w\-]{20,}[\"']"
)


def secrets_added(added: Sequence[str], old: str, path: str, *, is_test: bool) -> Iterator[tuple[str, bool]]:
    """One sentence where an added line holds a secret that was not in the file before, and whether it refuses.

    Never quotes it. Lines of code are read as such: a call that makes a token is none.
    """
    suspect = [line for line in added if _SUSPECT.search(line)]
    if not suspect:
        return
    come = [stripped for line in added if (stripped := line.strip()) not in old]
    if any(map(_PRIVATE_KEY.search, (*come, *(_SEAM.sub("", line) for line in come), " ".join(come)))):
        yield "An added line is of a private key. Keep it out of the repository.", True
        return
    text = "\n".join(suspect)
    if _shown(text, path) == text:
        return
    found = [one for line in suspect for one in _secrets_in(line, old, path) if not _ADDRESS.match(one)]
    if _DOCUMENT.search(path):
        found = [one for one in found if not _MENTION.match(one)]
    if _OF_TRANSLATIONS.search(path):
        found = [one for one in found if any(map(str.isdigit, one))]  # what a field is called, in some language
    is_made_up = is_test and all(map(_is_made_up, found))
    if (found and not is_made_up) or _holds_block(text, old):
        yield _LOOKS_SO, True
    elif found:
        yield _MADE_UP, False


def _is_made_up(secret: str) -> bool:
    said = re.sub(r"%[0-9a-fA-F]{2}|\\[nrt]", lambda found: "@" if found[0] == "%40" else "", secret)
    shapes = (_IN_WORDS.match(secret), _SAYS_SO.match(said), _HASHED.search(secret))
    return any(shape is not None for shape in shapes)


def _shown(text: str, path: str) -> str:
    return redact_source(text, path, excerpt=True)


def _secrets_in(line: str, old: str, path: str) -> list[str]:
    shown = _shown(line, path)
    if shown == line:
        return []
    return [hidden for hidden in _hidden(line, shown) if hidden not in old and not _PLACEHOLDER.match(hidden)]


def _holds_block(text: str, old: str) -> bool:
    """A secret over several lines, such as a private key."""
    return "-----BEGIN" in text and MASK in redact(text) and text not in old


def _hidden(line: str, shown: str) -> list[str]:
    """What the redactor took out of a line."""
    pattern = "(.*?)".join(re.escape(piece) for piece in shown.split(MASK))
    found = re.fullmatch(pattern, line, re.DOTALL)
    return [piece.strip("'\"") for piece in found.groups()] if found else [line]
