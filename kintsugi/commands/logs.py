"""Telemetry from the command line: the redactor as a filter, the alert rules for a central sink."""

from __future__ import annotations

import sys
from pathlib import Path

from kintsugi.commands.outcome import UsageError
from kintsugi.telemetry.alerts import BadRule, export_loki, read_rules
from kintsugi.telemetry.redact import filter_stream


def redact(file: str) -> None:
    """Copy FILE, or standard input, line by line and without secrets. Bytes that are no text pass as they are."""
    for stream in (sys.stdin, sys.stdout):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape", newline="")  # type: ignore[union-attr]  # it has it
    if file == "-":
        filter_stream(sys.stdin, sys.stdout)
        return
    try:
        with Path(file).open(encoding="utf-8", errors="surrogateescape", newline="") as source:
            filter_stream(source, sys.stdout)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error


def export_alerts(rules: Path | None, form: str) -> None:
    """Print the rules in another system's words."""
    if form != "loki":
        raise UsageError(f"--format {form}: the formats are loki.")
    try:
        sys.stdout.write(export_loki(read_rules(rules)))
    except BadRule as error:
        raise UsageError(str(error)) from error
