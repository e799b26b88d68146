"""The door for Sentry's SDKs, made from the settings."""

from __future__ import annotations

from dataclasses import replace

from kintsugi.app.settings import SentryProject, SentrySettings
from kintsugi.web.reported import Reported
from kintsugi.web.reports import Reports
from kintsugi.web.sentry import Project


def reports(settings: SentrySettings, reported: Reported) -> Reports:
    """The projects that may report, and what becomes of what they report."""
    alone = len(settings.projects) == 1
    projects = {name: _project(name, each, alone) for name, each in settings.projects.items()}
    return Reports(reported.take, projects)


def _project(name: str, room: SentryProject, alone: bool) -> Project:
    project = Project(
        room.key.get_secret_value(),
        opens=room.opens,
        a_day=room.a_day,
        a_failure=room.a_failure,
        origins=room.origins,
        public=room.public,
    )
    return project if alone and project.believed else replace(project, program=name)
