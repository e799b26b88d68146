"""The failures that a log holds, as they are offered to somebody who reports something: is it about this?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2s

from kintsugi.capture.build import summary_of
from kintsugi.capture.log import reports_in
from kintsugi.capture.redaction import clean
from kintsugi.capture.report import Report


@dataclass(frozen=True, slots=True)
class RecentFailure:
    """One failure of the log. `id` is the same as long as the log holds it; `summary` has no secret in it."""

    id: str
    summary: str
    report: Report


def recent_failures(log: Sequence[str]) -> list[RecentFailure]:
    """The failures in these lines, the newest first, each once."""
    found: dict[str, RecentFailure] = {}
    for report in reports_in("\n".join(log)):
        if report.is_named:
            digest = blake2s(report.failure.model_dump_json().encode("utf-8", "replace"), digest_size=8)
            id = digest.hexdigest()
            found.pop(id, None)
            found[id] = RecentFailure(id, clean(summary_of(report.failure)), report)
    return list(reversed(found.values()))
