"""Kintsugi: from a crash to a proven, deployed fix.

    import kintsugi

    kintsugi.install()

in any program gives it telemetry, and the means to report what goes wrong. Importing this loads nothing of that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kintsugi.telemetry import Telemetry

__all__ = ["install"]


def install(
    *,
    report_to: str | None = None,
    secrets: Iterable[str] = (),
    build: str | None = None,
    environment: str | None = None,
) -> Telemetry:
    """Keeps what this process logs, redacted, and reports each failure to the Kintsugi at `report_to`.

    `report_to` is a Sentry DSN of that Kintsugi, such as https://key@kintsugi.example/42, from KINTSUGI_REPORT_URL
    unless given; without one nothing is reported, and a warning says so. `build` is the commit that runs, found
    unless given, `environment` from KINTSUGI_ENV_NAME. The console stays as it is, unless KINTSUGI_TELEMETRY is `json`
    (or `off`, and nothing is heard). Works beside any library for Discord, and none. Raises
    `kintsugi.reporting.BadAddress`.
    """
    from kintsugi.reporting import installed  # noqa: PLC0415  # importing a module does nothing

    return installed(report_to, secrets=secrets, build=build, environment=environment)
