"""What other people's handlers are handed: copies of records with nothing secret in them.

What is clean stays as it is, of its own type: the template and its arguments, extra fields, and the exception.
"""

import copy
import logging
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from kintsugi.telemetry.encoding import unprintable
from kintsugi.telemetry.records import FIELDS
from kintsugi.telemetry.redact import redact, redact_field

STANDARD_FIELDS = frozenset(FIELDS) | {"message", "asctime"}
_DEEPEST = 6
_MOST_LINKS = 10
_PLAIN = (int, float, bool, type(None))


def redacted(record: logging.LogRecord) -> logging.LogRecord:
    """A copy, redacted. The record itself stays as it is."""
    try:
        return _redacted(record)
    except Exception:
        return bare(record)


def bare(record: logging.LogRecord) -> logging.LogRecord:
    """The template without arguments: what can be said without running anybody's code."""
    template = redact(record.msg) if type(record.msg) is str else "[message cannot be read]"
    return logging.LogRecord(record.name, record.levelno, record.pathname, record.lineno, template, None, None)


def _redacted(record: logging.LogRecord) -> logging.LogRecord:
    copied = copy.copy(record)
    message, fits = _message(record)
    shown = redact(message)
    if shown != message or not fits:
        copied.msg, copied.args = shown, None
    if record.exc_info:
        copied.exc_info = _exc_info(record.exc_info)
    if record.exc_text:
        copied.exc_text = redact(record.exc_text)
    for name, value in list(record.__dict__.items()):
        if name not in STANDARD_FIELDS:
            copied.__dict__[name] = _value(name, value, _DEEPEST)
    return copied


def _message(record: logging.LogRecord) -> tuple[str, bool]:
    """The words, and whether template and arguments fit."""
    try:
        return record.getMessage(), True
    except Exception as error:
        return f"{unprintable(record.msg)} [arguments do not fit ({type(error).__name__})]", False


def _value(name: str, value: Any, depth: int) -> Any:
    """By the name that it stands under, as long as it is a text or holds some; others by their words."""
    if isinstance(value, str):
        return redact_field(name, value)
    if isinstance(value, _PLAIN):
        return "***" if redact_field(name, str(value)) == "***" else value
    if depth and isinstance(value, Mapping) and type(value) is dict:
        return {key: _value(str(key), each, depth - 1) for key, each in list(value.items())}
    if depth and type(value) in (list, tuple, set, frozenset):
        return type(value)(_value(name, each, depth - 1) for each in list(value))
    words = unprintable(value)
    return value if redact_field(name, words) == words else redact(words)


def _exc_info(given: Any) -> Any:
    error = given[1] if isinstance(given, tuple) else given
    if not isinstance(error, BaseException):
        return given
    shown = exception(error)
    return given if shown is error else (type(shown), shown, shown.__traceback__)


def exception(error: BaseException) -> BaseException:
    """The exception itself where nothing of it is secret, else one of its class, made for showing."""
    text = "".join(traceback.format_exception(error))
    return error if redact(text) == text else _stand_in(error, _MOST_LINKS)


def _stand_in(error: BaseException, links: int) -> BaseException:
    shown = _of_class(error)
    trace = error.__traceback__
    shown.__traceback__ = trace if _is_clean(trace) else None
    if links:
        cause, context = error.__cause__, error.__context__
        shown.__cause__ = _stand_in(cause, links - 1) if cause is not None else None
        shown.__context__ = _stand_in(context, links - 1) if context is not None and context is not cause else None
    shown.__suppress_context__ = error.__suppress_context__
    return shown


def _of_class(error: BaseException) -> BaseException:
    """Of a class of the same name below the exception's own, so that who asks for its class finds it."""
    words, kind = redact(unprintable(error)), type(error)
    speaks = {
        "__str__": lambda _: words,
        "__repr__": lambda _: redact(f"{kind.__name__}({words!r})"),
        "__module__": kind.__module__,
        "__qualname__": kind.__qualname__,
    }
    base: type[BaseException] = kind if not issubclass(kind, BaseExceptionGroup) else Exception
    try:
        made: Any = type(kind.__name__, (base,), speaks)
        shown: BaseException = made.__new__(made)
        shown.__dict__.update({name: _value(name, value, _DEEPEST) for name, value in vars(error).items()})
    except Exception:
        shown = type(kind.__name__, (Exception,), speaks)()
    shown.args = (words,)
    return shown


def _is_clean(trace: TracebackType | None) -> bool:
    lines = "".join(traceback.format_tb(trace))
    return redact(lines) == lines
