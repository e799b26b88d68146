"""Builds' own README: an index's page has no relative links, so they become absolute, below `project.urls.Source`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_RELATIVE = r"(?!https?://|#|mailto:)(?:\./)?"
_LINK = re.compile(rf"(!?)(\[[^\]]*\])\({_RELATIVE}([^)\s]+)")
_PICTURE = re.compile(rf'(<img [^>]*src=")({_RELATIVE})([^"]+)')


class CustomMetadataHook(MetadataHookInterface):
    """Called by hatchling, for wheels and source distributions alike."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text("utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, metadata["urls"]["Source"])}


def absolute(text: str, source: str) -> str:
    """Markdown whose links lead to files on the branch `main` at `source`, and whose pictures are those files."""
    at = source.rstrip("/")
    text = _PICTURE.sub(rf"\1{at}/raw/main/\3", text)
    return _LINK.sub(lambda found: f"{found[1]}{found[2]}({at}/{'raw' if found[1] else 'blob'}/main/{found[3]}", text)
