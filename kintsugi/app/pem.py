"""Private keys as settings have them: the PEM itself, or its file."""

from __future__ import annotations

from pathlib import Path

from kintsugi.workflow.errors import SettingsError


def pem_of(setting: str, value: str) -> str:
    """The private key: its text, also with \\n for line ends as it comes through some dashboards, or its file.

    Raises SettingsError, which names the setting and says nothing of its value.
    """
    if "-----BEGIN" in value:
        return value.replace("\\n", "\n")
    try:
        return Path(value).read_text()
    except (OSError, ValueError) as error:
        raise SettingsError(f"{setting} should be the private key's PEM, or its file.") from error
