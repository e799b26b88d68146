"""Secrets of many lines that arrive one line a call: private keys, and quoted values of environment files."""

from collections.abc import Callable, Iterable, Iterator
from typing import TextIO

from kintsugi.telemetry import lazy_re as re
from kintsugi.telemetry.redact.values import MASK

_LONGEST_BLOCK = 400  # lines
_BEGIN = re.compile(r"-{2,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{2,5}", re.IGNORECASE)
_END = re.compile(r"-{2,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)? ?-{2,5}", re.IGNORECASE)
_BODY = re.compile(r"[A-Za-z0-9+/=_-]{1,4096}")
_ARMOUR_HEADER = re.compile(r"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset): ")
_OPEN_VALUE = re.compile(
    r"^\s*(?:export |set |ENV )?[A-Za-z_][\w.-]{0,80}\s{0,2}[=:]\s{0,2}(?P<quote>\"\"\"|'''|[\"'])\*\*\*\s*$"
)


class LineState:
    """What one sequence of lines has left open. Feed it each line with its redacted form."""

    def __init__(self) -> None:
        self._quote = ""
        self._left = 0

    @property
    def is_open(self) -> bool:
        """Whether the next line may belong to a secret that began earlier."""
        return self._left > 0

    def follow(self, line: str, redacted: str) -> str:
        """The line as it may be kept: `redacted`, or less of it inside a secret that began on an earlier line."""
        if not self._left:
            self._open(line, redacted)
            return redacted
        self._left -= 1
        return self._inside_value(line) if self._quote else self._inside_key(line, redacted)

    def _open(self, line: str, redacted: str) -> None:
        begins = [found.end() for found in _BEGIN.finditer(line)]
        if begins and not _END.search(line, begins[-1]):
            self._quote, self._left = "", _LONGEST_BLOCK
            return
        opened = _OPEN_VALUE.match(redacted) if MASK in redacted else None
        if opened and not line.rstrip().endswith(opened["quote"]):
            self._quote, self._left = opened["quote"], _LONGEST_BLOCK

    def _inside_key(self, line: str, redacted: str) -> str:
        end = _END.search(line)
        if end:
            self._left = 0
            before = line[: end.start()]
            return (_without_body(before) if _is_body(before) else before) + redacted[max(0, redacted.find(end[0])) :]
        return _without_body(line) if _is_body(line) else redacted

    def _inside_value(self, line: str) -> str:
        before, quote, after = line.partition(self._quote)
        if not quote:
            return MASK
        self._left = 0
        return (MASK if before else "") + quote + after


def _is_body(line: str) -> bool:
    """A line of base64 alone, one with something in front of it, or a header of the armour."""
    words = line.split()
    if not words:
        return False
    last = words[-1].strip("\"',|+\\")
    return bool(
        (len(words) == 1 and _BODY.fullmatch(last))
        or (len(last) >= 40 and _BODY.fullmatch(last))
        or _ARMOUR_HEADER.search(line)
    )


def _without_body(line: str) -> str:
    """What stands in front of the body, such as a time stamp, may stay; the body may not."""
    words = line.split()
    last = words[-1].strip("\"',|+\\") if words else ""
    if not last:
        return line
    return MASK if _ARMOUR_HEADER.search(line) else line[: line.rfind(last)] + MASK


def filter_lines(lines: Iterable[str], redact: Callable[[str], str]) -> Iterator[str]:
    """Redacts a text that arrives line by line; line ends stay as they are."""
    state = LineState()
    for line in lines:
        body = line.rstrip("\r\n")
        yield state.follow(body, redact(body)) + line[len(body) :]


def filter_stream(src: TextIO, dst: TextIO, redact: Callable[[str], str] | None = None) -> None:
    """Copies `src` to `dst`, redacted, line by line as they come. `redact` is the process's own unless given."""
    from kintsugi.telemetry.redact import redact as of_this_process  # noqa: PLC0415  (the package imports this module)

    for line in filter_lines(src, redact or of_this_process):
        dst.write(line)
        dst.flush()
