"""From a traceback, a log or a live exception to the payload of an incident.

What is named here is imported when it is first asked for: whoever only looks at a log need not wait for the rest.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kintsugi.capture.build import build_payload, summary_of
    from kintsugi.capture.errors import CaptureError
    from kintsugi.capture.live import from_exception
    from kintsugi.capture.source import locate
    from kintsugi.capture.text import read_text
    from kintsugi.capture.traceback import read_failure

__all__ = ["CaptureError", "build_payload", "from_exception", "locate", "read_failure", "read_text", "summary_of"]

_WHERE = {
    "CaptureError": "errors",
    "build_payload": "build",
    "from_exception": "live",
    "locate": "source",
    "read_failure": "traceback",
    "read_text": "text",
    "summary_of": "build",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
