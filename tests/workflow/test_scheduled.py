"""When a scheduled job is due, what answers it, and what did not come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kintsugi.workflow.scheduled import CheckIn, Missing, NoSchedule, Schedule, ScheduledJob, begun

HOURLY = Schedule(crontab="0 * * * *", margin=5)
NINE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, 23, hour, minute, second, tzinfo=UTC)


def a_check_in(when: datetime, status: str = "ok", id: str = "", **changes: Any) -> CheckIn:
    common = {"slug": "bills", "environment": "live", "id": id or f"{when:%H%M%S}", "schedule": HOURLY}
    return CheckIn(**{**common, "at": when, "status": status, **changes})


def a_job(when: datetime = NINE, **changes: Any) -> ScheduledJob:
    found = begun("42", a_check_in(when, **changes))
    assert found
    return found


@pytest.mark.parametrize(
    ("schedule", "after", "due"),
    [
        (Schedule(crontab="0 2 * * *"), "2026-11-23T09:00:00Z", "2026-11-24T02:00:00Z"),
        (Schedule(crontab="0 2 * * mon-fri"), "2026-11-27T09:00:00Z", "2026-11-30T02:00:00Z"),
        (Schedule(crontab="@daily"), "2026-11-23T09:00:00Z", "2026-11-24T00:00:00Z"),
        (Schedule(crontab="0 2 * * *", timezone="Asia/Tokyo"), "2026-11-23T09:00:00Z", "2026-11-23T17:00:00Z"),
        (Schedule(crontab="30 2 * * *", timezone="Europe/Berlin"), "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"),
        (Schedule(crontab="30 2 * * *", timezone="Europe/Berlin"), "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
        (Schedule(every=90, unit="minute"), "2026-11-23T09:00:00Z", "2026-11-23T10:30:00Z"),
        (Schedule(every=2, unit="week"), "2026-11-23T09:00:00Z", "2026-12-07T09:00:00Z"),
        (Schedule(every=1, unit="month"), "2026-01-31T09:00:00Z", "2026-02-28T09:00:00Z"),
        (Schedule(every=1, unit="year"), "2024-02-29T09:00:00Z", "2025-02-28T09:00:00Z"),
    ],
    ids=lambda value: getattr(value, "words", None),
)
def test_when_it_is_due(schedule: Schedule, after: str, due: str):
    assert schedule.after(datetime.fromisoformat(after)) == datetime.fromisoformat(due)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(crontab="every day"),
        Schedule(crontab="0 0 30 2 *"),
        Schedule(crontab="0 2 * * *", timezone="Mars/Olympus"),
        Schedule(crontab="0 2 * * *", timezone="../../etc/passwd"),
        Schedule(crontab="0 2 * * *", timezone="\0"),
        Schedule(every=0, unit="hour"),
        Schedule(every=1, unit="moon"),
        Schedule(every=2**31, unit="year"),
        Schedule(every=2**31, unit="week"),
    ],
    ids=lambda schedule: repr(schedule.words + schedule.timezone),
)
def test_what_is_no_schedule_is_told_so(schedule: Schedule):
    with pytest.raises(NoSchedule):
        schedule.after(NINE)


def test_what_does_not_come_within_its_margin_is_missing():
    job = a_job()

    assert job.overdue(at(10, 4, 59)) is None
    assert job.overdue(at(10, 5)) == Missing(due=at(10), deadline=at(10, 5))


def test_what_comes_in_time_or_a_little_before_is_not():
    for when in (at(9, 59, 57), at(10), at(10, 4)):
        job = a_job().checked_in(a_check_in(when))
        assert (job.due, job.failures) == (at(11), 0)


def test_one_that_was_missed_is_awaited_again_and_what_comes_late_is_no_failure():
    job = a_job()
    missing = job.overdue(at(10, 5))
    assert missing
    missed = job.without(missing)

    late = missed.checked_in(a_check_in(at(10, 30)))

    assert (missed.due, missed.failures) == (at(11), 1)
    assert (late.due, late.failures) == (at(11), 0)


def test_a_run_that_began_long_before_does_not_answer_by_its_end():
    job = a_job().checked_in(a_check_in(at(9, 40), "in_progress", "long"))
    job = job.checked_in(a_check_in(at(10, 1), "ok", "long", took=21 * 60))

    assert job.last.status == "ok"
    assert job.overdue(at(10, 5)) == Missing(due=at(10), deadline=at(10, 5))


def test_an_end_whose_beginning_got_lost_stands_for_it():
    job = a_job().checked_in(a_check_in(at(10, 45), took=45 * 60))

    assert job.due == at(11)


def test_what_comes_in_another_order_or_twice_changes_nothing():
    begins, ends = a_check_in(at(10), "in_progress", "run"), a_check_in(at(10, 0, 9), "ok", "run", took=9.0)
    in_order = a_job().checked_in(begins).checked_in(ends)

    assert a_job().checked_in(ends).checked_in(begins) == in_order
    assert in_order.checked_in(ends) == in_order


def test_two_runs_at_once_end_each_for_itself():
    job = a_job().checked_in(a_check_in(at(10), "in_progress", "long"))
    job = job.checked_in(a_check_in(at(11), "in_progress", "next"))

    job = job.checked_in(a_check_in(at(11, 2), "ok", "long", took=62 * 60))

    assert (job.last.id, job.began, job.due) == ("next", at(11), at(12))


def test_a_run_that_takes_too_long_is_missing_its_end():
    schedule = replace(HOURLY, longest=20)
    job = a_job(schedule=schedule).checked_in(a_check_in(at(10), "in_progress", "run", schedule=schedule))
    missing = job.overdue(at(10, 20))

    assert missing == Missing(due=at(10), deadline=at(10, 20), ran_too_long=True)
    assert job.without(missing).deadline == at(11, 5)
    assert job.checked_in(a_check_in(at(10, 19), "ok", "run", schedule=schedule)).deadline == at(11, 5)


def test_an_id_of_nothing_ends_the_run_that_is_under_way():
    job = a_job().checked_in(a_check_in(at(10), "in_progress", "run"))

    ended = job.checked_in(replace(a_check_in(at(10, 1)), id=""))
    alone = ended.checked_in(replace(a_check_in(at(11, 1)), id=""))

    assert (ended.began, ended.due) == (None, at(11))
    assert alone.due == at(12)


def test_another_schedule_holds_from_the_check_in_that_tells_it():
    job = a_job().checked_in(a_check_in(at(9, 30), schedule=Schedule(every=10, unit="minute")))

    assert job.due == at(9, 40)
    assert job.checked_in(a_check_in(at(9, 40), schedule=None)).due == at(9, 50)


def test_as_many_failures_as_the_job_tolerates_are_not_told():
    job = a_job(schedule=replace(HOURLY, tolerated=1))
    told = []
    for hour in (10, 11):
        missing = job.overdue(at(hour, 5))
        assert missing
        job = job.without(missing)
        told.append(job.is_told)

    assert told == [False, True]


@pytest.mark.parametrize(
    ("since", "until", "due"),
    [
        (at(9, 30), at(9, 50), at(10)),  # before it is due
        (at(9, 30), at(10, 2), at(11)),  # while it is
        (at(10, 0, 30), at(10, 2), at(11)),
        (at(10, 3), at(10, 4), at(10)),  # it had not come by then
        (at(9, 30), at(15, 30), at(16)),
    ],
)
def test_what_would_have_come_while_nobody_listened_is_not_missing(since: datetime, until: datetime, due: datetime):
    assert a_job().unheard(since, until).due == due


def test_of_a_run_whose_end_nobody_heard_nothing_is_known():
    schedule = replace(HOURLY, longest=90)
    job = a_job(schedule=schedule).checked_in(a_check_in(at(10), "in_progress", "run", schedule=schedule))

    assert job.unheard(at(10, 10), at(10, 11)).began is None
