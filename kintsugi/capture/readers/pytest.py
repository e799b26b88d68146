"""The failures that pytest reports in its own styles: `path:line: in function`, `E   KeyError: …`, its summary."""

from __future__ import annotations

from collections.abc import Sequence

from kintsugi.capture.readers.python import read_raised
from kintsugi.capture.report import CUT_TYPE, Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_PLACE = re.compile(
    r"(?P<path>[^\s:][^:\n]{0,300}\.py):(?P<line>\d{1,9}): ?(?:in (?P<function>\S{1,200})|(?P<type>[\w.]*))$"
)
_ONE_LINE = re.compile(r"(?P<path>[^\s:][^:\n]{0,300}\.py):(?P<line>\d{1,9}): (?P<said>[A-Za-z_][\w.]*(?:: .*)?)$")
_SAID = re.compile(r"E   (?P<said>\s*\S.*)")
_SECTION = re.compile(r"_{3,} .* _{3,}$|={3,}.*={3,}$")
_ERROR = re.compile(r"\s*[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Failed)\b")
_SUMMARY = re.compile(r"(?:FAILED|ERROR) (?P<path>[^\s:]+\.py)(?:::(?P<test>\S+))?(?: - (?P<said>.*))?$")
_PREFIXED = re.compile(
    r".*\s(?<!FAILED )(?<!ERROR )(?=(?:(?:FAILED|ERROR) )?[^\s:]+\.py:)"
)  # what a build's log puts before each line
_LONGEST = 4_000
_MOST = 2_000  # lines of one test's report
_PLACES = 100  # at most, before what was raised is told


class Pytest:
    """It remembers whether failures are told in full here, as the summary at the end tells them once more."""

    name = "pytest"
    reads = "each `--tb`: long, short, line, native, and the summary where there is no more"
    marks = (".py:", "= FAILURES =", "= ERRORS =", "test session starts", " summary", "s ===", ") ===")

    def __init__(self) -> None:
        self._told = self._is_section = False

    def begins(self, text: str) -> int | None:
        if "===" in text:
            self._is_section = "FAILURES" in text or "ERRORS" in text
            self._told = "test session starts" not in text and (self._told or self._is_section)
            return None
        text = text.rstrip()
        if len(text) > _LONGEST:
            return None
        found = _PREFIXED.match(text)
        for width in (0, found.end() if found else 0):
            if _PLACE.match(text, width) or self._one_line(text, width):
                return width
        return None

    def _one_line(self, text: str, width: int = 0) -> re.Match[str] | None:
        """A failure on one line: of `--tb=line`, or of the summary. Warnings and linters write alike elsewhere."""
        if self._is_section:
            return _ONE_LINE.match(text, width)
        return None if self._told else _SUMMARY.match(text, width)

    def inside(self, text: str) -> bool:
        return _SAID.match(text[:_LONGEST]) is not None or _PLACE.match(text[:_LONGEST].rstrip()) is not None

    def read(self, lines: Lines) -> Found | None:
        text = (lines[lines.at] or "").rstrip()
        if not self._told and (summary := _SUMMARY.match(text)):
            frame = Frame(path=summary["path"], line=0, function=summary["test"] or "")
            return _found(lines.at, lines.at + 1, _named([summary["said"] or ""], ""), [frame])
        if self._is_section and not _PLACE.match(text) and (one := _ONE_LINE.match(text)):
            return _found(lines.at, lines.at + 1, read_raised(one["said"]), [_frame(one)])
        return _section(lines)


def _section(lines: Lines) -> Found | None:
    """The report of one test, from its heading to the next."""
    first = next((at for at in range(lines.at, -1, -1) if _SECTION.match(lines[at] or "")), -1) + 1
    said: list[str] = []
    places: list[re.Match[str]] = []
    last = first
    for at in range(first, first + _MOST):
        line = lines[at]
        if line is None or _SECTION.match(line[:_LONGEST]):
            break
        if found := _SAID.match(line[:_LONGEST]):
            said.append(found["said"])
            last = at
        elif found := _PLACE.match(line[:_LONGEST].rstrip()):
            places.append(found)
            last = at
        if len(places) > _PLACES and not said:
            break
    if not said or not places:
        return None
    return _found(first, last + 1, _named(said, places[-1]["type"] or ""), [_frame(place) for place in places])


def _found(first: int, end: int, raised: Raised, frames: Sequence[Frame]) -> Found:
    raised = raised.model_copy(update={"frames": tuple(frames)})
    return Found(first, end, Failure(language="python", chain=(raised,)))


def _named(said: Sequence[str], kind: str) -> Raised:
    """The exception that the `E` lines name: the last that looks like one; of a plain assert they are the message."""
    named = next((line for line in reversed(said) if _ERROR.match(line)), None)
    if named is not None:
        return read_raised(named)
    message = "\n".join(said).strip()
    return Raised(type=kind or ("AssertionError" if message.startswith("assert") else CUT_TYPE), message=message)


def _frame(place: re.Match[str]) -> Frame:
    function = place.groupdict().get("function") or ""
    return Frame(path=place["path"], line=int(place["line"]), function=function)
