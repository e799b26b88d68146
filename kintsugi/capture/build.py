"""Makes the payload of an incident: from log text or a live exception to what is known, redacted and bounded."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from kintsugi.capture.errors import CaptureError
from kintsugi.capture.grouping import Group, group_of, group_of_words
from kintsugi.capture.limits import cut, fitted
from kintsugi.capture.live import capsule_of, from_exception
from kintsugi.capture.log import reports_in
from kintsugi.capture.records import json_record
from kintsugi.capture.redaction import clean, redacted, redacted_lines
from kintsugi.capture.report import CUT_TYPE, LOGGED_TYPE, Report
from kintsugi.capture.request import circumstances
from kintsugi.capture.shown import shown_call
from kintsugi.capture.source import lines_of, locate
from kintsugi.capture.text import split_lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import About, Build, Capsule, Failure, Occurred, Payload, Repository, RequestContext

_ABOVE = 100  # lines redacted with the slice but not kept: a key may begin above it
_SUMMARY = 160  # characters
_AHEAD = timedelta(minutes=5)  # a log's clock may be this far ahead of ours
_TROUBLE = re.compile(r"\b(?:error|critical|fatal|exception|panic|fail(?:ed|ure)|refused|timed? ?out)\b", re.IGNORECASE)
_LOG_HEAD = re.compile(r"(?:[\W\d]*\d\d:\d\d:\d\d\S*\s+)?\W*(?:(?:ERROR|CRITICAL|FATAL|WARN(?:ING)?|INFO)\b[\W]*)?")
_GIVE = "Give a traceback, a log that holds one, or a summary in words as well."
_PYTHON = re.compile(r"/python(3\.\d+)/")


def build_payload(
    source: str | Report | BaseException,
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
    capsule: Capsule | None = None,
) -> Payload:
    """What is known of the failure in `source`: log text (the last failure in it counts), a report that was read in
    a log, or a live exception.

    `root` is the project's folder or repository, None where it is not at hand. `log` are the recent lines, by
    default those of the log around the failure. A text without a failure needs a summary. At most 256 KB as
    JSON. CaptureError says in a sentence why nothing can be made of the input.
    """
    told = _told(source, log)
    if told.failure is None and not (summary and summary.strip()):
        raise CaptureError(_nothing(told))
    failure = _located(told.failure, root, build_sha)
    group = group_of(failure, "" if failure else _last_trouble(told.lines))
    around = circumstances(told.lines[: told.ends])
    payload = Payload(
        incident=_about(group, summary or "", opened_by),
        occurred=_occurred(around.time, now),
        request=request or around.request,
        exception=failure,
        capsule=capsule or _call_in(source, around.capsule) or shown_call(failure, lines_of(root, build_sha)),
        log=_recent(told, log, log_lines),
        build=Build(
            sha=build_sha, environment=environment, python=_python(source, failure), packages=dict(packages or {})
        ),
        repository=repository,
    )
    shown = redacted(payload)
    return fitted(shown if summary else summed_up(shown))


def payload_in_words(
    words: str,
    *,
    log: Sequence[str],
    opened_by: str,
    now: datetime,
    place: str = "",
    build_sha: str | None = None,
    environment: str = "development",
    repository: Repository | None = None,
    log_lines: int = 200,
) -> Payload:
    """What a person tells, with the recent lines of the log beside it. No failure of the log is taken for it.

    `place`: where they say that it lies. CaptureError where nothing is said.
    """
    if not words.strip():
        raise CaptureError("Say in a few words what is wrong, and what you expected.")
    payload = Payload(
        incident=_about(group_of_words(words), words.strip(), opened_by),
        occurred=Occurred(first=now, last=now),
        log=_recent(_Told(None, log, len(log)), log, log_lines),
        pointed=place.strip(),
        build=Build(sha=build_sha, environment=environment),
        repository=repository,
    )
    return fitted(redacted(payload))


def _call_in(source: object, logged: Capsule | None) -> Capsule | None:
    """The failing call: of a live exception it is recorded now, which costs a millisecond."""
    return capsule_of(source) if isinstance(source, BaseException) else logged


def _about(group: Group, summary: str, opened_by: str) -> About:
    return About(
        fingerprint=group.fingerprint,
        earlier=group.earlier,
        grouped_by=group.by,
        kin=group.kin,
        summary=summary,
        opened_by=opened_by,
    )


def summed_up(payload: Payload) -> Payload:
    """With a summary of what is shown of its failure: one that was made before could end within a secret."""
    summary = clean(summary_of(payload.exception)) or payload.incident.summary
    return payload.model_copy(update={"incident": payload.incident.model_copy(update={"summary": summary})})


def summary_of(failure: Failure | None) -> str:
    """The failure on one line: what, and where in the project."""
    if failure is None:
        return ""
    telling = failure.telling
    frame = telling.own[-1] if telling.own else failure.innermost
    place = f" in {frame.path}:{frame.line}" if frame else ""
    if telling.type == CUT_TYPE:
        return f"A failure whose report was cut short{place}"
    kind, message = _short(telling.type), _first_line(telling.message)
    if kind == LOGGED_TYPE and message:
        return cut(message, _SUMMARY) + place
    if not message and not failure.complete:
        return f"{kind}, its message was cut off{place}"
    return cut(f"{kind}: {message}" if message else kind, _SUMMARY) + place + _group_of(failure)


def _group_of(failure: Failure) -> str:
    name = _short(failure.final.type)
    return "" if failure.telling is failure.final else f" (one of {'an' if name[:1] in 'AEIOU' else 'a'} {name})"


def _short(kind: str) -> str:
    return kind.rpartition(".")[2]


def _first_line(message: str) -> str:
    """All of it on one line where the first says nothing: some messages are lists."""
    first = message.strip().partition("\n")[0]
    return first if any(map(str.isalnum, first)) else " ".join(message.split())


@dataclass(frozen=True, slots=True)
class _Told:
    """The failure, the log lines it came with, and how many of them go up to its report's end."""

    failure: Failure | None
    lines: Sequence[str]
    ends: int
    cut_at: int = 0  # the line on which a report begins that tells neither what failed nor where


def _told(source: str | Report | BaseException, log: Sequence[str] | None) -> _Told:
    if isinstance(source, BaseException):
        return _Told(from_exception(source), log or (), len(log or ()))
    if isinstance(source, Report):
        return _of_report(source)
    last = None
    for report in reports_in(source):
        last = report if report.is_named or last is None else last
    lines = split_lines(source) if last is None else []
    return _Told(None, lines, len(lines)) if last is None else _of_report(last)


def _of_report(report: Report) -> _Told:
    if report.is_named:
        return _Told(report.failure, report.log, report.ends)
    return _Told(None, report.log, report.ends, cut_at=report.first_line)


def _nothing(told: _Told) -> str:
    if told.cut_at:
        return f"The report on line {told.cut_at} is cut before it tells what failed or where. {_GIVE}"
    if not any(line.strip() for line in told.lines):
        return f"The input is empty. {_GIVE}"
    return f"There is no failure in this text. {_GIVE}"


def _located(failure: Failure | None, root: Path | None, sha: str | None) -> Failure | None:
    return failure if failure is None or root is None else locate(failure, root, sha=sha)


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


def _recent(told: _Told, log: Sequence[str] | None, count: int) -> tuple[str, ...]:
    """The lines up to the failure, and up to a quarter more of what was logged after it, redacted."""
    lines, ends = (told.lines, told.ends) if log is None else (log, len(log))
    end = min(ends + count // 4, len(lines))
    start = max(end - count, 0)
    shown = redacted_lines(lines[max(start - _ABOVE, 0) : end])
    return tuple(shown[-count:]) if count else ()


def _python(source: object, failure: Failure | None) -> str | None:
    """The version that runs a live exception, or that the paths of a printed one name."""
    if isinstance(source, BaseException):
        return platform.python_version()
    paths = [frame.path for raised in failure.chain for frame in raised.frames] if failure else []
    return next((found[1] for path in paths if (found := _PYTHON.search(path))), None)
