"""The last failure in a text: for what can be about one only."""

from __future__ import annotations

from kintsugi.capture.log import reports_in
from kintsugi.workflow.payload import Failure


def read_failure(text: str) -> Failure | None:
    """The last failure in the text, or None where there is none. Of a report that is visibly cut, what is there."""
    failures = [report.failure for report in reports_in(text)]
    return failures[-1] if failures else None
