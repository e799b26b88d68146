"""Makes the payload of an incident: from log text or a live exception to what is known, redacted and bounded."""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.limits import cut, fitted
from kintsugi.capture.live import from_exception
from kintsugi.capture.python_stack import CUT_TYPE
from kintsugi.capture.redaction import redacted, redacted_lines
from kintsugi.capture.request import circumstances
from kintsugi.capture.source import locate
from kintsugi.capture.text import json_record, split_lines
from kintsugi.capture.traceback import read_failure
from kintsugi.telemetry.fingerprint import fingerprint
from kintsugi.workflow.payload import About, Build, Failure, Occurred, Payload, Repository, RequestContext

_ABOVE = 100  # lines redacted with the slice but not kept: a key may begin above it
_SUMMARY = 160  # characters
_AHEAD = timedelta(minutes=5)  # a log's clock may be this far ahead of ours
_TROUBLE = re.compile(r"\b(?:error|critical|fatal|exception|panic|fail(?:ed|ure)|refused|timed? ?out)\b", re.IGNORECASE)
_LOG_HEAD = re.compile(r"(?:[\W\d]*\d\d:\d\d:\d\d\S*\s+)?\W*(?:(?:ERROR|CRITICAL|FATAL|WARN(?:ING)?|INFO)\b[\W]*)?")
_PYTHON = re.compile(r"/python(3\.\d+)/")


def build_payload(
    source: str | BaseException,
    *,
    root: Path | None,
    opened_by: str,
    now: datetime,
    summary: str | None = None,
    build_sha: str | None = None,
    environment: str = "development",
    request: RequestContext | None = None,
    packages: Mapping[str, str] | None = None,
    repository: Repository | None = None,
    log: Sequence[str] | None = None,
    log_lines: int = 200,
) -> Payload:
    """What is known of the failure in `source`: log text (the last failure in it counts) or a live exception.

    `root` is the project's folder or repository, None where it is not at hand. `log` are the recent lines, by
    default those of the text around the failure. A text without a failure needs a summary. At most 256 KB as
    JSON. CaptureError says in a sentence why nothing can be made of the input.
    """
    report = _read(source, log)
    if report.failure is None and not (summary and summary.strip()):
        raise CaptureError(_nothing(report.lines))
    failure = _located(report.failure, root, build_sha)
    around = circumstances(report.lines[: report.ends])
    payload = Payload(
        incident=About(
            fingerprint=fingerprint_of(failure, report.lines),
            summary=summary or summary_of(failure),
            opened_by=opened_by,
        ),
        occurred=_occurred(around.time, now),
        request=request or around.request,
        exception=failure,
        log=_recent(report, log_lines),
        build=Build(
            sha=build_sha, environment=environment, python=_python(source, failure), packages=dict(packages or {})
        ),
        repository=repository,
    )
    return fitted(redacted(payload))


def summary_of(failure: Failure | None) -> str:
    """The failure on one line: what, and where in the project."""
    if failure is None:
        return ""
    frame = failure.innermost
    place = f" in {frame.path}:{frame.line}" if frame else ""
    if failure.final.type == CUT_TYPE:
        return f"A failure whose report was cut short{place}"
    kind, message = failure.final.type.rpartition(".")[2], failure.final.message.partition("\n")[0]
    return cut(f"{kind}: {message}" if message else kind, _SUMMARY) + place


@dataclass(frozen=True, slots=True)
class _Report:
    """The failure, the log lines it came with, and the line its report ends before."""

    failure: Failure | None
    lines: list[str]
    ends: int


def _read(source: str | BaseException, log: Sequence[str] | None) -> _Report:
    if isinstance(source, BaseException):
        lines = list(log or ())
        return _Report(from_exception(source), lines, len(lines))
    failure = read_failure(source)
    lines = list(log) if log is not None else split_lines(source)
    return _Report(failure, lines, _end(failure, lines))


def _end(failure: Failure | None, lines: Sequence[str]) -> int:
    """The line after the last one that names the exception."""
    if failure is None:
        return len(lines)
    named = (at for at in range(len(lines) - 1, -1, -1) if failure.final.type in lines[at])
    return next(named, len(lines) - 1) + 1


def _nothing(lines: Sequence[str]) -> str:
    if not any(line.strip() for line in lines):
        return "The input is empty. Give a traceback, a log that holds one, or a summary in words."
    return "There is no failure in this text. Give a traceback, a log that holds one, or a summary in words as well."


def _located(failure: Failure | None, root: Path | None, sha: str | None) -> Failure | None:
    return failure if failure is None or root is None else locate(failure, root, sha=sha)


def fingerprint_of(failure: Failure | None, lines: Sequence[str]) -> str:
    if failure is None:
        return fingerprint((), _last_trouble(lines), ())
    frames = [frame for raised in failure.chain for frame in raised.frames]
    counted = [frame for frame in frames if frame.in_project] or frames
    places = [(frame.path, frame.function) for frame in counted]
    return fingerprint([raised.type for raised in failure.chain], failure.final.message, places)


def _last_trouble(lines: Sequence[str]) -> str:
    """The words of the last line that speaks of trouble, else of the last line at all."""
    spoken = [line for line in lines if line.strip()]
    line = next((line for line in reversed(spoken) if _TROUBLE.search(line)), spoken[-1] if spoken else "")
    record = json_record(line) or {}
    said = record.get("msg") or record.get("message") or line
    return _LOG_HEAD.sub("", str(said), count=1)


def _occurred(time: datetime | None, now: datetime) -> Occurred:
    when = time if time is not None and time <= now + _AHEAD else now
    return Occurred(first=when, last=when)


def _recent(report: _Report, count: int) -> tuple[str, ...]:
    """The lines up to the failure, and up to a quarter more of what was logged after it, redacted."""
    end = min(report.ends + count // 4, len(report.lines))
    start = max(end - count, 0)
    above = report.lines[max(start - _ABOVE, 0) : start]
    lines = redacted_lines([*above, *report.lines[start:end]])
    return tuple(lines[-count:]) if count else ()


def _python(source: str | BaseException, failure: Failure | None) -> str | None:
    """The version that runs a live exception, or that the paths of a printed one name."""
    if isinstance(source, BaseException):
        return platform.python_version()
    paths = [frame.path for raised in failure.chain for frame in raised.frames] if failure else []
    return next((found[1] for path in paths if (found := _PYTHON.search(path))), None)
