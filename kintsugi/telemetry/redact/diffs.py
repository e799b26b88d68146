"""A unified diff, read as the source code that it is of: each hunk by the rules for its file's language."""

from collections.abc import Callable, Iterator

from kintsugi.telemetry import lazy_re as re

_FILE = re.compile(r"\+\+\+ (?:b/)?(?P<path>[^\t\n]+)")
_HUNK = re.compile(r"@@ -\d+(?:,(?P<old>\d+))? \+\d+(?:,(?P<new>\d+))? @@")
_NO_NEWLINE = "\\"


def redacted_diff(text: str, redact_source: Callable[[str, str], str], redact: Callable[[str], str]) -> str:
    """The diff without secrets and with as many lines; what is not of a hunk is read as text."""
    return "\n".join(_redacted(text.split("\n"), redact_source, redact))


def _redacted(
    lines: list[str], redact_source: Callable[[str, str], str], redact: Callable[[str], str]
) -> Iterator[str]:
    path, at = "", 0
    while at < len(lines):
        file, hunk = _FILE.match(lines[at]), _HUNK.match(lines[at])
        if file:
            path = file["path"]
        yield redact(lines[at])
        at += 1
        if hunk:
            end = _end(lines, at, int(hunk["old"] or 1), int(hunk["new"] or 1))
            body = redact_source("\n".join(line[1:] for line in lines[at:end]), path).split("\n") if end > at else []
            yield from (line[:1] + shown for line, shown in zip(lines[at:end], body, strict=True))
            at = end


def _end(lines: list[str], at: int, old: int, new: int) -> int:
    """Where a hunk of so many old and new lines ends."""
    while at < len(lines) and (old > 0 or new > 0 or lines[at].startswith(_NO_NEWLINE)):
        mark = lines[at][:1]
        old -= mark in ("-", " ", "")
        new -= mark in ("+", " ", "")
        at += 1
    return at
