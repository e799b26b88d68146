"""What capturing can refuse."""

from __future__ import annotations

from kintsugi.workflow.errors import BadInput


class CaptureError(BadInput):
    """The input cannot become a payload. Its text is a sentence that says why and what would do."""
