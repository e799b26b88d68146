"""The door for Sentry's SDKs, made from the settings."""

from __future__ import annotations

from dataclasses import replace

from kintsugi.app.settings import SentryProject, SentrySettings
from kintsugi.capture.program import Program
from kintsugi.persistence.scheduled import ScheduledJobs
from kintsugi.telemetry.redact import of_this_process
from kintsugi.web.missed import Watch
from kintsugi.web.reader import Setup
from kintsugi.web.readers import Readers, room_for_readers
from kintsugi.web.reported import Reported
from kintsugi.web.reports import Reports
from kintsugi.web.sentry import Project
from kintsugi.web.shares import Shares


def reports(settings: SentrySettings, reported: Reported, program: Program, secrets: tuple[str, ...]) -> Reports:
    """The projects that may report, and what becomes of what they report. Its readers never tell the `secrets`."""
    alone = len(settings.projects) == 1
    projects = {name: _project(name, each, alone) for name, each in settings.projects.items()}
    room = room_for_readers()
    return Reports(
        take=reported.take,
        readers=Readers(Setup(program, secrets, of_this_process().personal_kinds), room.places),
        shares=Shares(room),
        clock=reported.clock,
        projects=projects,
    )


def watch(reports: Reports, jobs: ScheduledJobs) -> Watch | None:
    """Who looks after the scheduled jobs; None where no project wants that."""
    watched = any(each.check_ins for each in reports.projects.values())
    return Watch(jobs=jobs, take=reports.take, projects=reports.projects) if watched else None


def _project(name: str, room: SentryProject, alone: bool) -> Project:
    project = Project(
        room.key.get_secret_value(),
        opens=room.opens,
        a_day=room.a_day,
        a_failure=room.a_failure,
        origins=room.origins,
        public=room.public,
        check_ins=room.check_ins,
    )
    return project if alone and project.believed else replace(project, program=name)
