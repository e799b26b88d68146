"""Runs in a bot's own environment, in a folder with its code: makes the bot, and tells of the first crash of its code.

It needs nothing but the bot's library. `prepare` of the list is run in a coroutine, with `bot`, `lib` (the library),
`commands` (its extension) and `add` (of a cog).
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import logging
import os
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

WORDS = json.loads(Path(sys.argv[1]).read_text())
TREE = str(Path.cwd())
sys.path[0] = TREE  # not this file's folder
sys.path.append(WORDS["kintsugi"])
ANSWERS = ("CheckFailure", "UserInputError", "CommandNotFound", "CommandOnCooldown", "ApplicationCheckFailure")


def is_project(file: str) -> bool:
    return os.path.realpath(file).startswith(TREE + os.sep)


def seen(error: BaseException | None) -> None:
    """The first crash ends it. What a library wraps around a failing command is no crash of its own."""
    while error is not None and type(getattr(error, "original", None)).__mro__[-2:-1] == (BaseException,):
        error = error.original  # type: ignore[attr-defined]
    if error is None or any(kind.__name__ in ANSWERS for kind in type(error).__mro__):
        return
    from kintsugi.telemetry.capsule import record

    frames = []
    stack = error.__traceback__
    while stack is not None:
        if is_project(stack.tb_frame.f_code.co_filename):
            frames.append(stack.tb_frame.f_code)
        stack = stack.tb_next
    if not frames:
        logging.error("outside of the bot's code", exc_info=error)
        return
    record(error, is_project=is_project)  # the first builds tables
    begun = time.thread_time()
    capsule = record(error, is_project=is_project)
    took = (time.thread_time() - begun) * 1000
    assert capsule
    kind = type(error)
    told = {
        "kind": kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}",
        "message": str(error), "path": os.path.relpath(os.path.realpath(frames[-1].co_filename), TREE),
        "function": frames[-1].co_qualname, "module": capsule.module, "call": capsule.function,
        "source": capsule.source, "why_not": capsule.why_not, "in_part": capsule.in_part, "ms": took,
        "variables": ADDED,
    }  # fmt: skip
    found = Path(WORDS["found"])
    found.with_suffix(".part").write_text(json.dumps(told))
    found.with_suffix(".part").rename(found)
    os._exit(0)


class Heard(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1]:
            seen(record.exc_info[1])


def listen(lib: Any, commands: Any) -> None:
    """To what the library's dispatch catches: it is logged, printed, or handed to these."""
    logging.basicConfig(level=logging.INFO, handlers=[Heard(), logging.StreamHandler()])

    async def on_error(self: object, *_: object, **__: object) -> None:
        seen(sys.exc_info()[1])

    async def on_command_error(self: object, context: object, error: BaseException) -> None:
        seen(error)

    async def on_item_error(self: object, *given: object) -> None:
        seen(next(one for one in given if isinstance(one, BaseException)))

    lib.Client.on_error = on_error
    for kind in (commands.Bot, commands.AutoShardedBot):
        kind.on_command_error = on_command_error
        for name in ("on_application_command_error", "on_slash_command_error", "on_message_command_error"):
            if hasattr(kind, name):
                setattr(kind, name, on_command_error)
    lib.ui.View.on_error = on_item_error
    lib.ui.Modal.on_error = on_item_error


async def main() -> None:
    lib = importlib.import_module(WORDS["library"])
    commands = importlib.import_module(f"{WORDS['library']}.ext.commands")
    route = importlib.import_module(f"{WORDS['library']}.http").Route
    setattr(route, "BASE" if hasattr(route, "BASE") else "API_BASE_URL", WORDS["api"])
    gateway = importlib.import_module(f"{WORDS['library']}.gateway").DiscordWebSocket
    if hasattr(gateway, "DEFAULT_GATEWAY"):
        import yarl

        gateway.DEFAULT_GATEWAY = yarl.URL(WORDS["gateway"])
    listen(lib, commands)

    async def add(cog: Any) -> Any:
        await result if inspect.isawaitable(result := bot.add_cog(cog)) else None
        return cog

    names: dict[str, Any] = {"lib": lib, "commands": commands, WORDS["library"]: lib, "asyncio": asyncio, "add": add}
    exec("async def prepare(bot):\n" + textwrap.indent(WORDS["prepare"], "    ") + "\n    return bot", names)
    bot = commands.Bot(command_prefix=".", intents=lib.Intents.all())

    async def once_ready() -> None:
        while not bot.is_ready():
            await asyncio.sleep(0.05)
        try:
            await names["prepare"](bot)
            if hasattr(bot, "tree"):
                await bot.tree.sync()
            elif hasattr(bot, "sync_commands"):
                await bot.sync_commands()
            elif hasattr(bot, "sync_all_application_commands"):
                bot.add_all_application_commands()
                await bot.sync_all_application_commands()
            elif hasattr(bot, "_sync_application_commands"):
                await bot._sync_application_commands()
        except BaseException:
            logging.getLogger().removeHandler(logging.getLogger().handlers[0])
            logging.exception("could not be prepared")
            os._exit(1)
        Path(WORDS["prepared"]).touch()

    waits = asyncio.ensure_future(once_ready())
    await bot.start(WORDS["token"])
    await waits


before = dict(os.environ)
exec(WORDS["settings"], {})
ADDED = {name: value for name, value in os.environ.items() if before.get(name) != value}
asyncio.run(main())
