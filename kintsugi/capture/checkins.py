"""What a check-in says of a scheduled job, and the failure that it is where one did not come.

An item is what https://develop.sentry.dev/sdk/telemetry/check-ins/ describes. The id that is all zeros stands for the
run that is under way. A schedule that does not fit is none.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kintsugi.capture.fields import Fields
from kintsugi.capture.grouping import group_of_job
from kintsugi.capture.limits import fitted
from kintsugi.capture.redaction import clean, redacted
from kintsugi.capture.release import commit_of
from kintsugi.capture.runs import intent_of
from kintsugi.workflow.payload import About, Build, Occurred, Payload, RequestContext
from kintsugi.workflow.scheduled import STATUSES, CheckIn, Missing, NoSchedule, Schedule, ScheduledJob

log = logging.getLogger("kintsugi.capture")

_LONGEST = 64  # characters of a schedule's parts and of an environment
_MOST_MINUTES = 40_320  # as at Sentry: four weeks
_LONGEST_RUN = 31 * 86_400.0  # seconds; more is no duration


def check_in_of(item: Mapping[str, Any], at: datetime) -> CheckIn | None:
    """None for what names no job, or says neither that it runs nor how it ended."""
    fields = Fields(item)
    slug, status = fields.text("monitor_slug"), (fields.text("status") or "").lower()
    if not slug or status not in STATUSES:
        return None
    return CheckIn(
        slug=intent_of(slug),
        environment=clean(fields.text("environment") or "production")[:_LONGEST],
        id=_run_of(item),
        status=status,
        at=at,
        took=_seconds(item.get("duration")),
        release=clean(fields.text("release") or "")[:_LONGEST],
        schedule=_schedule(slug, fields.object("monitor_config"), at),
    )


def payload_of_missing(missing: Missing, job: ScheduledJob, *, program: str) -> Payload:
    """The failure that something of this job did not come, with what its last check-in said."""
    last, schedule = job.last, job.schedule
    group = group_of_job(job.slug, job.environment, program=program, ran_too_long=missing.ran_too_long)
    told = {
        "scheduled job": job.slug,
        "schedule": schedule.words,
        "margin": f"{schedule.margin} min",
        "longest run": f"{schedule.longest} min" if schedule.longest else None,
        "failures in a row": job.failures,
        "last release": last.release or None,
    }
    about = About(
        fingerprint=group.fingerprint,
        grouped_by=group.by,
        kin=group.kin,
        summary=_summary(missing, job),
        opened_by=f"sentry:{job.project}",
    )
    payload = Payload(
        incident=about,
        occurred=Occurred(first=missing.deadline, last=missing.deadline),
        request=RequestContext(
            intent=job.slug, entities={name: value for name, value in told.items() if value is not None}
        ),
        log=(_said(last),),
        build=Build(sha=commit_of(last.release), environment=job.environment),
    )
    return fitted(redacted(payload))


def _summary(missing: Missing, job: ScheduledJob) -> str:
    if missing.ran_too_long:
        ran = f"{job.schedule.longest} min"
        return f"{job.slug} ({job.environment}) did not end within {ran}: it began at {_clock(missing.due)}"
    return (
        f"{job.slug} ({job.environment}) did not check in: it was due at {_clock(missing.due)}, by {job.schedule.words}"
    )


def _said(last: CheckIn) -> str:
    words = {"ok": "ended well", "error": "ended with an error"}.get(last.status, "began")
    took = f" after {last.took:.1f} s" if last.ends and last.took is not None else ""
    build = f", release {last.release}" if last.release else ""
    return f"{_clock(last.at)}: the last run that was heard of {words}{took}{build}"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _run_of(item: Mapping[str, Any]) -> str:
    id = item.get("check_in_id")
    return id[:_LONGEST] if isinstance(id, str) and id.strip("0-") else ""


def _seconds(told: object) -> float | None:
    number = isinstance(told, int | float) and not isinstance(told, bool)
    return float(told) if number and 0 <= told <= _LONGEST_RUN else None  # type: ignore[arg-type, operator]


def _schedule(slug: str, config: Fields, at: datetime) -> Schedule | None:
    """None where it tells none, or none that can be followed."""
    told = config.object("schedule")
    if not told.given:
        return None
    crontab = told.text("value") if told.text("type") == "crontab" else None
    found = Schedule(
        crontab=(crontab or "").strip()[:_LONGEST],
        every=0 if crontab else told.number("value"),
        unit="" if crontab else (told.text("unit") or "").lower().removesuffix("s"),
        timezone=(config.text("timezone") or "UTC").strip()[:_LONGEST],
        margin=min(max(config.number("checkin_margin"), 1), _MOST_MINUTES),
        longest=min(config.number("max_runtime"), _MOST_MINUTES),
        tolerated=max(config.number("failure_issue_threshold"), 1) - 1,
    )
    try:
        found.after(at)
    except NoSchedule as error:
        log.warning("schedule_unreadable", extra={"job": slug, "why": str(error)})
        return None
    return found
