"""Reads the failures that pytest reports in its own styles (`path:line: in function`, `E   KeyError: …`). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kintsugi.capture.python_stack import CUT_TYPE, read_raised
from kintsugi.workflow.payload import Failure, Frame, Raised

_PLACE = re.compile(
    r"(?P<path>[^\s:][^:\n]{0,300}\.py):(?P<line>\d{1,9}): ?(?:in (?P<function>\S{1,200})|(?P<type>[\w.]*))$"
)
_SAID = re.compile(r"E   (?P<said>\s*\S.*)")
_SECTION = re.compile(r"_{3,} .* _{3,}$|={3,}.*={3,}$")
_ERROR = re.compile(r"\s*[A-Za-z_][\w.]*(?:Error|Exception|Warning|Interrupt|Exit|Failed)\b")


def read_pytest(lines: Sequence[str]) -> tuple[int, Failure] | None:
    """The last failure that pytest reported in these lines, and the line of its last frame."""
    last = next((at for at in range(len(lines) - 1, -1, -1) if _PLACE.match(lines[at].rstrip())), None)
    if last is None:
        return None
    start = next((at for at in range(last, -1, -1) if _SECTION.match(lines[at])), -1) + 1
    end = next((at for at in range(last + 1, len(lines)) if _SECTION.match(lines[at])), len(lines))
    said = [found["said"] for line in lines[start:end] if (found := _SAID.match(line))]
    places = [found for line in lines[start : last + 1] if (found := _PLACE.match(line.rstrip()))]
    if not said:
        return None
    raised = _raised(said, places[-1]["type"] or "")
    return last, Failure(chain=(raised.model_copy(update={"frames": tuple(map(_frame, places))}),))


def _raised(said: Sequence[str], kind: str) -> Raised:
    """The exception that the `E` lines name: the last that looks like one; of a plain assert they are the message."""
    named = next((line for line in reversed(said) if _ERROR.match(line)), None)
    if named is not None:
        return read_raised(named)
    return Raised(type=kind or CUT_TYPE, message="\n".join(said).strip())


def _frame(place: re.Match[str]) -> Frame:
    return Frame(path=place["path"], line=int(place["line"]), function=place["function"] or "")
