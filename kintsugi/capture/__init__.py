"""From a traceback, a log or a live exception to the payload of an incident."""

from capture.build import build_payload, summary_of
from capture.errors import CaptureError
from capture.live import from_exception
from capture.source import locate
from capture.text import read_text
from capture.traceback import read_failure

__all__ = ["CaptureError", "build_payload", "from_exception", "locate", "read_failure", "read_text", "summary_of"]
