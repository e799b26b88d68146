"""What is no HTTP is told in one line: whoever knocks with it learns nothing by it, and nothing of ours is at fault."""

from __future__ import annotations

import logging

from aiohttp.http import HttpProcessingError
from aiohttp.web import RequestPayloadError

_THEIRS = (HttpProcessingError, RequestPayloadError, ConnectionError)


def requests_log() -> logging.Logger:
    """For the server's own words about requests."""
    log = logging.getLogger("kintsugi.web.requests")
    if _in_one_line not in log.filters:
        log.addFilter(_in_one_line)
    return log


def _in_one_line(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, _THEIRS):
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.msg, record.args, record.exc_info = "request_unreadable", (), None
        record.why = type(error).__name__
    return True
