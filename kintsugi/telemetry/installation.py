"""One call that gives a program its logging: lines, redaction, ring, counters, alerts and every side door."""

import atexit
import logging
import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from kintsugi.telemetry.alerts import Alerts, Sink, read_rules
from kintsugi.telemetry.beside import Beside
from kintsugi.telemetry.build import running_build
from kintsugi.telemetry.handler import LineHandler, Listener
from kintsugi.telemetry.hearing import Hearing
from kintsugi.telemetry.interactions import watch_bot
from kintsugi.telemetry.last_words import LastWords, ended_by
from kintsugi.telemetry.lines import LineFormatter
from kintsugi.telemetry.lookout import Lookout
from kintsugi.telemetry.others import Others
from kintsugi.telemetry.outcomes import Outcomes
from kintsugi.telemetry.printed import record_of_uncaught
from kintsugi.telemetry.redact import remember
from kintsugi.telemetry.redact.personal import kinds_of
from kintsugi.telemetry.ring import CAPACITY, Ring, level_number
from kintsugi.telemetry.sidedoors import SideDoors
from kintsugi.telemetry.started import Started
from kintsugi.telemetry.unhandled import leaves, mark_of
from kintsugi.telemetry.writer import NoWriter, Writer

if TYPE_CHECKING:
    import discord


Mode = Literal["json", "ring", "off"]


class Telemetry:
    """What `install` set up. `close()` puts everything back; `flush()` runs at the end of the program."""

    def __init__(
        self,
        ring: Ring,
        writer: Writer | NoWriter,
        handler: LineHandler,
        *,
        outcomes: Outcomes,
        alerts: Alerts,
        doors: ExitStack,
        started: Started | None,
        hearing: Hearing | None,
    ) -> None:
        self.ring = ring
        self.outcomes = outcomes
        self._writer = writer
        self._alerts = alerts
        self._handler = handler
        self._doors = doors
        self._started = started
        self._hearing = hearing
        self._listeners: list[Listener] = []
        self.listen(alerts)
        self._watching = ExitStack()
        self._last_words: LastWords | None = None

    @property
    def dropped(self) -> int:
        """Lines that could not be written, since the start."""
        return self._writer.dropped

    def recent(self, limit: int = 200, level: int | str | None = None, contains: str | None = None) -> list[str]:
        """The newest lines, oldest first; see `Ring.query`."""
        return self.ring.query(limit, level, contains)

    def tell(self, name: str, sink: Sink) -> None:
        """One more sink for alerts, known to the rules by this name."""
        self._alerts.add(name, sink)

    def listen(self, listener: Listener) -> None:
        """One more that sees what is logged. It is closed at the end of the program, or by `close()`."""
        self._listeners.append(listener)
        self._handler.listen(listener)

    def watch(self, bot: "discord.Client") -> None:
        """Binds, counts and names the errors of the bot's interactions; see `watch_bot`."""
        self._watching.callback(watch_bot(bot, self.outcomes))

    def check(self) -> None:
        """Puts back what was taken from the telemetry, and says once what keeps log lines away. Done now and then."""
        if self._hearing:
            self._hearing.look()

    def flush(self) -> None:
        """Writes what is waiting; from now on each line is written at once. Called at the end of the program."""
        self.check()
        if self._started:
            self._started.tell()
        try:
            self._close_listeners()
        finally:  # who does not wait for what is sent, still has what was logged
            self._writer.close()

    def close(self) -> None:
        """Gives the bots and the side doors back and writes what is waiting."""
        self._watching.close()
        if self._started:
            self._started.close()
        self._close_listeners()  # while what goes wrong with a sink is still ours to write
        self._doors.close()
        self.flush()
        atexit.unregister(self._end)
        if self._last_words:
            self._last_words.close()

    def speak_last(self) -> None:
        """From now on flushes itself at the end of the program, however that comes about."""
        atexit.register(self._end)
        self._last_words = LastWords(self.flush)

    def _end(self) -> None:
        error = ended_by()
        if error is not None and not mark_of(error).told_by:
            leaves(error, "end of the program")
            self._handler.handle(record_of_uncaught(error))
        with suppress(KeyboardInterrupt):  # somebody does not want to wait for it
            self.flush()

    def _close_listeners(self) -> None:
        for each in self._listeners:
            each.close()


def install(
    bot: "discord.Client | None" = None,
    *,
    level: int | str = logging.INFO,
    stream: IO[Any] | None = None,
    direct: bool | None = None,
    secrets: Iterable[str] = (),
    build: str | None = None,
    rules: Path | None = None,
    sinks: Mapping[str, Sink] | None = None,
    ring: int = CAPACITY,
    mode: Mode = "json",
) -> Telemetry:
    """Leads everything this process logs through redaction to JSON lines on `stream`: standard error unless given, or
    what KINTSUGI_LOG_STREAM says (`stdout`, `stderr`). With `direct` (KINTSUGI_LOG_DIRECT=true) each line is written
    before the call that logs it returns, and a stream that is stuck holds the program up.

    With the mode `ring` the lines are kept in memory alone, and console, levels and handlers stay as they are: what
    the program does not log, is not kept. With `off` nothing is heard, bound or counted.

    `secrets` are this process's own tokens and passwords, hidden in every encoding. `build` is the commit that
    runs, found by `running_build` unless given. `rules` is a TOML file of alert rules beside the
    built-in ones, `sinks` are whom alerts are told, by name. Raises BadRule for a bad rules file, ValueError for
    an unknown level or kind of personal data (KINTSUGI_REDACT_PII).
    """
    remember(secrets)
    kinds_of(os.environ.get("KINTSUGI_REDACT_PII", ""))
    number = level_number(level)
    alerts = Alerts(read_rules(rules), sinks or {})
    lines = Ring(ring)
    writer = _writer(stream, direct) if mode == "json" else NoWriter()
    handler = LineHandler(lines, writer)
    outcomes = Outcomes(build or running_build() or "unknown")
    started = None if mode == "off" else Started(outcomes)
    doors, hearing = _doors(mode, handler, number)
    telemetry = Telemetry(
        lines, writer, handler, outcomes=outcomes, alerts=alerts, doors=doors, started=started, hearing=hearing
    )
    if mode != "off":
        telemetry.speak_last()
    if bot is not None and mode != "off":
        telemetry.watch(bot)
    return telemetry


def _writer(stream: IO[Any] | None, direct: bool | None) -> Writer:
    """Raises ValueError for a setting that is none."""
    name = os.environ.get("KINTSUGI_LOG_STREAM") or "stderr"
    said = (os.environ.get("KINTSUGI_LOG_DIRECT") or "false").lower()
    if name not in ("stdout", "stderr"):
        raise ValueError(f"KINTSUGI_LOG_STREAM is {name!r}: it should be stdout or stderr.")
    if said not in ("true", "false", "1", "0"):
        raise ValueError(f"KINTSUGI_LOG_DIRECT is {said!r}: it should be true or false.")
    own = stream or getattr(sys, name)
    if own is None or not hasattr(own, "fileno"):  # a program may have led its streams into its log
        own = getattr(sys, f"__{name}__") or Path(os.devnull).open("w")  # noqa: SIM115  (as long as the process lives)
    return Writer(own, _dropped_line, direct=said in ("true", "1") if direct is None else direct)


def _doors(mode: Mode, handler: LineHandler, level: int) -> tuple[ExitStack, Hearing | None]:
    """What leads to the handler, until it is closed; and what hears the loggers."""
    opened = ExitStack()
    if mode == "off":
        return opened, None
    doors = SideDoors(handler, level) if mode == "json" else Beside(handler, level)
    opened.callback(doors.close)
    opened.callback(Others().close)
    opened.callback(Lookout(doors.hearing).close)
    return opened, doors.hearing


def _dropped_line(count: int) -> str:
    record = logging.LogRecord("kintsugi.telemetry", logging.WARNING, "", 0, "log lines were dropped", None, None)
    record.__dict__["dropped"] = count
    return LineFormatter().format(record)
