"""Finds the last failure in a log or traceback, whichever language printed it. Pure."""

from __future__ import annotations

from kintsugi.capture.other_stacks import read_at_stack, read_go
from kintsugi.capture.pytest_stack import read_pytest
from kintsugi.capture.python_stack import read_python
from kintsugi.capture.text import expanded, split_lines
from kintsugi.workflow.payload import Failure

_TAIL = 4_000_000  # characters looked at: the last failure of a longer log stands near its end
_READERS = (read_python, read_pytest, read_at_stack, read_go)


def read_failure(text: str) -> Failure | None:
    """The last failure in the text, or None where there is none.

    Python's chains, groups, notes and syntax errors are read in full; pytest's own reports and Node, Java and
    Go stacks as far as their frames and messages. What is visibly cut is read as far as it goes, with
    `complete=False`.
    """
    lines = list(expanded(split_lines(text[-_TAIL:])))
    found = [report for read in _READERS if (report := read(lines))]
    return max(found, key=lambda report: report[0])[1] if found else None
