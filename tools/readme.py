"""Builds' own README: an index's page has no relative links, so they become absolute, below `project.urls.Source`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"\]\((?!https?://|#|mailto:)(?:\./)?([^)\s]+)")


class CustomMetadataHook(MetadataHookInterface):
    """Called by hatchling, for wheels and source distributions alike."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, metadata["urls"]["Source"])}


def absolute(text: str, source: str) -> str:
    """Markdown whose links to files of the project lead to them on the branch `main` at `source`."""
    return _LINK.sub(rf"]({source.rstrip('/')}/blob/main/\1", text)
