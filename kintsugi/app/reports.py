"""The door for Sentry's SDKs, made from the settings."""

from __future__ import annotations

from kintsugi.app.settings import SentrySettings
from kintsugi.web.reported import Reported
from kintsugi.web.reports import Reports
from kintsugi.web.sentry import Project


def reports(settings: SentrySettings, reported: Reported) -> Reports:
    """The projects that may report, and what becomes of what they report."""
    projects = {
        name: Project(each.key.get_secret_value(), each.opens, each.a_day, each.origins, each.public)
        for name, each in settings.projects.items()
    }
    return Reports(reported.take, projects)
