"""One failure, one fingerprint: what of a failure stays the same from one run, host and deploy to the next.

The exception classes, the words of the message and the project's own frames count. Line numbers, ids,
numbers, addresses, dates, varying quoted values, the folder of the deploy and library internals do not.
"""

import hashlib
from collections.abc import Sequence
from pathlib import PurePosixPath

from kintsugi.telemetry import lazy_re as re

VERSION = "v1"
Frame = tuple[str, str]

_FRAMES_THAT_COUNT = 5
_MESSAGE_CHARACTERS = 1_000
_LIBRARY = re.compile(
    r"(?:^|/)(?:site-packages|dist-packages)/|/lib(?:64)?/python3(?:\.\d+)?/"
    r"|/Lib/(?=[^/]+(?:/[^/]+)?$)|^<frozen "
)
_ANONYMOUS = re.compile(r"<(?:lambda|listcomp|dictcomp|setcomp|genexpr|module)>")

# First match wins at each place, so the special shapes stand before the general ones.
_VARYING = re.compile(
    r"""
      (?P<url>\b[a-z][a-z0-9+.-]{1,15}://[^\s'"<>)\]]+)
    | (?P<email>[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+)
    | (?P<uuid>\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b)
    | (?P<date>\b\d{4}-\d\d-\d\d(?:[t\ ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:z|[+-]\d\d:?\d\d)?)?)
    | (?P<kept>\b(?:status(?:\ code)?|http)[\ :=]{1,2}[1-5]\d\d\b|\berror\ code:\ \d{5,6}\b)
    | (?P<path>(?:\b[a-z]:[\\/]|~?/|\.{1,2}/)[\w.@%+~-]+(?:[\\/][\w.@%+~-]+)+)
    | (?P<address>\b0x[0-9a-f]+)
    | (?P<token>\b(?=[a-z_-]{0,64}\d)[\w-]{16,})
    | (?P<hex>\b(?=[a-f]{0,12}\d)[0-9a-f]{6,}\b)
    | (?P<number>[+-]?\d+(?:[.,:]\d+)*)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_QUOTED = re.compile(r"""(?<![\w])(?P<mark>["'`])(?P<value>(?:\\.|(?!(?P=mark))[^\\\n]){0,300})(?P=mark)(?!\w)""")
_NAME = re.compile(r"[A-Za-z_][A-Za-z_.]*")
# A quoted name that belongs to the code rather than to the data: "'Cart' object has no attribute 'total'".
_NAMED_BEFORE = re.compile(
    r"\b(?:attribute|name|named|argument|arguments|parameter|module|variable|method|function|class|type|key|"
    r"column|table|relation|field|keyword|import|command|option|from)s?:?\s*$",
    re.IGNORECASE,
)
_NAMED_AFTER = re.compile(r"^\s*(?:object|and '|instance|module|\(most likely)\b", re.IGNORECASE)


def fingerprint(kinds: Sequence[str], message: str, frames: Sequence[Frame]) -> str:
    """Names a failure: `"v1:"` and 16 hexadecimal digits.

    `kinds` are the exception class names of the chain, first raised first; `message` is that of the
    last raised; `frames` are (path, function), outermost first. Any of them may be empty.
    """
    parts = ["\x1e".join(map(_plain_kind, kinds)), plain_message(message), "\x1e".join(_plain_frames(frames))]
    digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "backslashreplace")).hexdigest()
    return f"{VERSION}:{digest[:16]}"


def plain_message(message: str) -> str:
    """The words of a message, with what varies replaced by what kind of thing stood there."""
    first_line = next((line for line in message.splitlines() if line.strip()), "")[:_MESSAGE_CHARACTERS]
    without_values = _QUOTED.sub(lambda match: _quoted(match, first_line), first_line)
    return " ".join(_VARYING.sub(_kind_of, without_values).casefold().split())


def _quoted(match: re.Match[str], line: str) -> str:
    value = match["value"]
    if not _NAME.fullmatch(value):
        return "<quoted>"
    before, after = line[: match.start()], line[match.end() :]
    alone = not before.strip() and not after.strip()
    return value if alone or _NAMED_BEFORE.search(before[-24:]) or _NAMED_AFTER.match(after) else "<quoted>"


def _kind_of(match: re.Match[str]) -> str:
    return match[0] if match.lastgroup == "kept" else f"<{match.lastgroup}>"


def _plain_kind(kind: str) -> str:
    return kind.rpartition(".")[2]


def _plain_frames(frames: Sequence[Frame]) -> list[str]:
    named = [(path.replace("\\", "/"), _plain_function(function)) for path, function in frames]
    named = [(path, function) for path, function in named if function]
    ours = [frame for frame in named if not _LIBRARY.search(frame[0])]
    if not ours:
        return [f"{_in_library(path)}:{function}" for path, function in _each_once(named)]
    counted = _each_once(ours)
    parts = [PurePosixPath(path).parts for path, _ in counted]
    shared = _shared_folders([each[:-1] for each in parts])
    return [f"{'/'.join(each[shared:])}:{function}" for each, (_, function) in zip(parts, counted, strict=True)]


def _plain_function(function: str) -> str:
    """`Cog.run.<locals>.inner` and `inner` are one, and an anonymous function has no name of its own."""
    return "" if _ANONYMOUS.search(function.rpartition(".")[2]) else function.rpartition(".")[2]


def _each_once(frames: Sequence[Frame]) -> list[Frame]:
    """The innermost frames, each once: the depth of a recursion is not part of the failure."""
    return list(reversed(list(dict.fromkeys(reversed(frames)))[:_FRAMES_THAT_COUNT]))


def _shared_folders(folders: Sequence[tuple[str, ...]]) -> int:
    """How many leading folders all frames have in common: that is where the deploy put the project."""
    return next(
        (depth for depth, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1),
        min(map(len, folders)),
    )


def _in_library(path: str) -> str:
    return _LIBRARY.split(path)[-1]
