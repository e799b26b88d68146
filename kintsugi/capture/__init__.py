"""From a traceback, a log or a live exception to the payload of an incident."""

from kintsugi.capture.build import build_payload, summary_of
from kintsugi.capture.errors import CaptureError
from kintsugi.capture.live import from_exception
from kintsugi.capture.source import locate
from kintsugi.capture.text import read_text
from kintsugi.capture.traceback import read_failure

__all__ = ["CaptureError", "build_payload", "from_exception", "locate", "read_failure", "read_text", "summary_of"]
