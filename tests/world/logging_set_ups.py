"""Programs that set up logging in some way, before the telemetry or after it, and log one error with a secret."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import logging.config
import logging.handlers
import os
import queue
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from kintsugi import telemetry
from kintsugi.telemetry.handler import Seen

SECRET = "a-secret" + "-of-this-process-77"
EARLY = logging.getLogger("shop.early")  # as modules have theirs, before anything is configured
Set = Callable[[Path], Callable[[], None]]


def by_the_logger() -> None:
    try:
        raise ValueError(f"no bill for {SECRET}")
    except ValueError:
        EARLY.exception("no bill %s", SECRET)


def dict_config(folder: Path) -> Callable[[], None]:
    file = {"class": "logging.FileHandler", "filename": str(folder / "own.log")}
    console = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
    root = {"level": "INFO", "handlers": ["file", "console"]}
    logging.config.dictConfig({"version": 1, "handlers": {"file": file, "console": console}, "root": root})
    return by_the_logger


def file_config(folder: Path) -> Callable[[], None]:
    (folder / "logging.ini").write_text(
        "[loggers]\nkeys=root\n[handlers]\nkeys=file\n[formatters]\nkeys=\n"
        "[logger_root]\nlevel=INFO\nhandlers=file\n"
        f"[handler_file]\nclass=FileHandler\nargs=({str(folder / 'own.log')!r},)\n"
    )
    logging.config.fileConfig(folder / "logging.ini")
    return by_the_logger


def handlers_replaced(folder: Path) -> Callable[[], None]:
    logging.getLogger().handlers = [logging.FileHandler(folder / "own.log"), logging.StreamHandler()]
    return by_the_logger


def propagation_off(folder: Path) -> Callable[[], None]:
    logger = logging.getLogger("shop")
    logger.handlers = [logging.StreamHandler(sys.stdout), logging.FileHandler(folder / "own.log")]
    logger.propagate = False
    return by_the_logger


def memory_handler(folder: Path) -> Callable[[], None]:
    kept = logging.handlers.MemoryHandler(100, target=logging.FileHandler(folder / "own.log"))
    to_console = logging.handlers.MemoryHandler(100, target=logging.StreamHandler())
    logging.getLogger().addHandler(kept)
    logging.getLogger().addHandler(to_console)
    return by_the_logger


def queue_handler(folder: Path) -> Callable[[], None]:
    waiting: queue.SimpleQueue[logging.LogRecord] = queue.SimpleQueue()
    logging.getLogger().addHandler(logging.handlers.QueueHandler(waiting))
    listener = logging.handlers.QueueListener(waiting, logging.FileHandler(folder / "own.log"), logging.StreamHandler())
    listener.start()

    def log() -> None:
        by_the_logger()
        listener.stop()

    return log


def basic_config(folder: Path) -> Callable[[], None]:
    logging.basicConfig(filename=folder / "own.log", force=True, level="INFO")
    return by_the_logger


class ItsOwn(logging.Handler):
    """Formats the exception by itself, and keeps what it was handed."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        assert isinstance(error, ValueError)
        self.file.write_text(f"{record.getMessage()} {record.args} {error} {error!r} {error.args}")


def of_a_library(folder: Path) -> Callable[[], None]:
    logging.getLogger("shop").addHandler(ItsOwn(folder / "own.log"))
    return by_the_logger


def wrapped_by_an_sdk(folder: Path) -> Callable[[], None]:
    """As Sentry's SDK does: what passes `callHandlers` is looked at once more when it has passed."""
    before = logging.Logger.callHandlers

    def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
        before(logger, record)
        with (folder / "own.log").open("a") as file:
            file.write(f"{record.getMessage()} {record.args} {record.exc_info and record.exc_info[1]}")

    logging.Logger.callHandlers = call_handlers  # type: ignore[method-assign]
    return by_the_logger


class Proxy:
    """Another object for the console, as Flask has it."""

    def __getattr__(self, name: str) -> object:
        return getattr(sys.stderr, name)


def proxy_of_the_console(folder: Path) -> Callable[[], None]:
    logging.getLogger().addHandler(logging.StreamHandler(Proxy()))  # type: ignore[type-var]
    return by_the_logger


def discord_py(folder: Path) -> Callable[[], None]:
    import discord

    discord.utils.setup_logging(root=True)
    logging.getLogger().addHandler(logging.FileHandler(folder / "own.log"))
    return by_the_logger


def uvicorn(folder: Path) -> Callable[[], None]:
    from uvicorn.config import Config

    Config("nothing:app").configure_logging()
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(logging.FileHandler(folder / "own.log"))

    def log() -> None:
        try:
            raise ValueError(f"no bill for {SECRET}")
        except ValueError:
            logger.exception("no bill %s", SECRET)

    return log


def loguru(folder: Path) -> Callable[[], None]:
    from loguru import logger

    logger.remove()
    logger.add(sys.stderr)

    def log() -> None:
        try:
            raise ValueError(f"no bill for {SECRET}")
        except ValueError:
            logger.exception("no bill {}", SECRET)

    return log


def structlog(folder: Path) -> Callable[[], None]:
    import structlog as library

    library.configure(processors=[library.processors.JSONRenderer()], logger_factory=library.PrintLoggerFactory())
    logger = library.get_logger()

    def log() -> None:
        try:
            raise ValueError(f"no bill for {SECRET}")
        except ValueError:
            logger.exception("no bill", token=SECRET)

    return log


def aiologger(folder: Path) -> Callable[[], None]:
    import aiologger as library
    from aiologger.handlers.files import AsyncFileHandler

    async def say() -> None:
        logger = library.Logger.with_default_handlers(name="shop")
        logger.add_handler(AsyncFileHandler(str(folder / "own.log")))
        try:
            raise ValueError(f"no bill for {SECRET}")
        except ValueError:
            await logger.exception(f"no bill {SECRET}")
        await logger.shutdown()

    return lambda: asyncio.run(say())


SET_UPS: dict[str, Set] = {
    "dictConfig": dict_config, "fileConfig": file_config, "handlers replaced": handlers_replaced,
    "propagation off": propagation_off, "MemoryHandler": memory_handler, "QueueHandler": queue_handler,
    "basicConfig": basic_config, "a library's handler": of_a_library, "discord.py": discord_py, "uvicorn": uvicorn,
    "loguru": loguru, "structlog": structlog, "an SDK's wrap": wrapped_by_an_sdk,
    "a proxy of the console": proxy_of_the_console,
}  # fmt: skip
if find_spec("aiologger"):  # it is no part of the tests' environment
    SET_UPS["aiologger"] = aiologger


class Ear:
    least_level = logging.ERROR

    def __init__(self) -> None:
        self.errors: list[BaseException] = []

    def see(self, seen: Seen) -> None:
        if seen.error is not None and SECRET in str(seen.error):
            self.errors.append(seen.error)

    def close(self) -> None:
        """Nothing waits."""


def run(set_up: Set, folder: Path, *, before: bool) -> dict[str, object]:
    sys.stdout = sys.stderr = console = io.StringIO()
    (folder / "rules.toml").write_text('[[rule]]\nname = "bills"\nexception = "ValueError"\nlevel = "error"\n')
    log = set_up(folder) if before else None
    stream, told, ear = io.StringIO(), list[object](), Ear()
    logs = telemetry.install(stream=stream, secrets=[SECRET], rules=folder / "rules.toml", sinks={"list": told.append})
    logs.listen(ear)
    log = log or set_up(folder)
    log()
    logs.close()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    own = folder / "own.log"
    texts = {
        "stream": stream.getvalue(),
        "own file": own.read_text() if own.exists() else "",
        "console": console.getvalue(),
    }
    return {
        "ring": sum("no bill" in line for line in logs.recent()),
        "stream": sum("no bill" in line["msg"] and "ValueError" in (line["exception"] or "") for line in lines),
        "captured": len(ear.errors),
        "alerts": len(told),
        "in clear": [name for name, text in texts.items() if SECRET in text],
        "beside the lines": console.getvalue(),
    }


def main(folder: Path) -> None:
    for name, set_up in SET_UPS.items():
        for before in (True, False):
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                continue
            title = f"{name} {'before' if before else 'after'}"
            (folder / title).mkdir()
            try:
                result: dict[str, object] = run(set_up, folder / title, before=before)
            except BaseException as error:  # what went wrong is the result
                result = {"failed": repr(error)}
            (folder / f"{title}.json").write_text(json.dumps(result))
            os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
