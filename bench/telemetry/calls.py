"""One full log call: context, message with an argument, two extra fields, formatting, ring and write.

Ours is what a program has that called `install`, alerts included.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from bench.telemetry.measure import best_of, rows
from kintsugi.telemetry import bind, install

_CALLS = 400
_TARGETS = {"python-json-logger": "0.55", "structlog json": "0.90", "structlog orjson": "1.10 (stretch)"}
_MESSAGE = "order %s was shipped to the customer after checking stock, price and discount"
_EXTRA = {"attempt": 2, "warehouse": "north-3"}
_CONTEXT = {"user": "81384788765712384", "channel": "81384788765712385", "intent": "order ship"}
Log = Callable[[], object]


def call_table(rounds: int) -> str:
    """Ours over each peer; every contestant writes to the null device. Peers redact nothing, bind the same context."""
    with Path(os.devnull).open("w", encoding="utf-8") as stream:
        contestants = {"ours": _ours(), "python-json-logger": _json_logger(stream), "stdlib text": _text(stream)}
        if find_spec("structlog"):
            contestants |= {"structlog json": _structlog(stream), "structlog orjson": _structlog_orjson()}
        if find_spec("loguru"):
            contestants["loguru json"] = _loguru(stream)
        best = best_of(contestants, rounds, _CALLS, {"ours": lambda: _installed(stream)})
    absent = [
        (name, "absent", "", "") for name in ("structlog json", "structlog orjson", "loguru json") if name not in best
    ]
    body = [(name, f"{best[name]:.1f}", f"{best['ours'] / best[name]:.2f}", _TARGETS.get(name, "")) for name in best]
    return rows("A full log call", ("contestant", "µs", "ours / this", "at most"), body + absent)


def kinds_table(rounds: int) -> str:
    """What a line costs that is not the usual one, over the usual one."""
    logger = logging.getLogger("bench.others")
    token = "aB3dE6gH9jK2mN5p" * 2
    others: dict[str, Log] = {
        "usual": _ours(),
        "with a word of secrets": lambda: logger.info(_MESSAGE.replace("stock", "token"), 4711, extra=_EXTRA),
        "with a secret": lambda: logger.info(f"{_MESSAGE} token=%s", 4711, token, extra=_EXTRA),
        "with an exception": lambda: _fails(logger),
    }
    with Path(os.devnull).open("w", encoding="utf-8") as stream, _installed(stream):
        best = best_of(others, rounds, _CALLS)
    targets = {"with a secret": "2.0", "with an exception": "(60 µs)"}
    body = [(name, f"{best[name]:.1f}", f"{best[name] / best['usual']:.2f}", targets.get(name, "")) for name in best]
    return rows("A log call of ours", ("line", "µs", "this / usual", "at most"), body)


def _fails(logger: logging.Logger) -> None:
    prices: dict[str, int] = {}
    try:
        _ = prices["discount"]
    except KeyError:
        logger.exception("order %s failed", 4711)


def _logger(name: str, handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger(name, logging.INFO)
    logger.addHandler(handler)
    return logger


def _ours() -> Log:
    bind(**_CONTEXT, entities={"order": "A-1", "express": True})
    logger = logging.getLogger("bench.orders")
    return lambda: logger.info(_MESSAGE, 4711, extra=_EXTRA)


@contextmanager
def _installed(stream: Any) -> Iterator[None]:
    telemetry = install(stream=stream)
    try:
        yield
    finally:
        telemetry.close()


class _Remembering(logging.StreamHandler[Any]):
    """A peer's handler with a ring, so that all do the same work."""

    def __init__(self, stream: Any, formatter: logging.Formatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self._ring: deque[str] = deque(maxlen=2_000)

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        self._ring.append(line)
        return line


class _WithContext(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.__dict__.update(_CONTEXT)
        return True


def _json_logger(stream: Any) -> Log:
    formatter = JsonFormatter("%(asctime)s %(levelname)s %(name)s %(message)s", rename_fields={"asctime": "ts"})
    handler = _Remembering(stream, formatter)
    handler.addFilter(_WithContext())
    logger = _logger("bench.orders", handler)
    return lambda: logger.info(_MESSAGE, 4711, extra=_EXTRA)


def _text(stream: Any) -> Log:
    logger = _logger("bench.orders", _Remembering(stream, logging.Formatter("%(asctime)s %(levelname)s %(message)s")))
    return lambda: logger.info(_MESSAGE, 4711, extra=_EXTRA)


def _structlog(stream: Any) -> Log:
    import structlog

    log = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=[*_processors(structlog), structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(**_CONTEXT)
    return lambda: log.info(_MESSAGE, 4711, **_EXTRA)


def _structlog_orjson() -> Log:
    import orjson
    import structlog

    log = structlog.wrap_logger(
        structlog.BytesLogger(Path(os.devnull).open("wb")),  # noqa: SIM115  (open as long as the run)
        processors=[*_processors(structlog), structlog.processors.JSONRenderer(serializer=orjson.dumps)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=True,
    )
    return lambda: log.info(_MESSAGE, 4711, **_EXTRA)


def _processors(structlog: Any) -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]


def _loguru(stream: Any) -> Log:
    from loguru import logger

    logger.remove()
    logger.add(stream, serialize=True, level="INFO")
    log = logger.bind(**_CONTEXT, **_EXTRA)
    return lambda: log.info("order {} was shipped to the customer after checking stock, price and discount", 4711)  # noqa: PLE1205  (loguru)
