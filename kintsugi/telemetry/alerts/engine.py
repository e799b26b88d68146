"""Counts what the rules match and tells the sinks: one alert for a storm, with how many lines it stands for."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from queue import Full, Queue

from kintsugi.telemetry.alerts.rules import Rule
from kintsugi.telemetry.capsule import Capsule, record
from kintsugi.telemetry.handler import Seen

_log = logging.getLogger("kintsugi.telemetry.alerts")
_WAITING = 100
# The telemetry's own troubles with a sink must not set off alerts that go to the same sink.
_OWN_LOGGER = "kintsugi.telemetry.alerts"


@dataclass(frozen=True)
class Alert:
    """What a sink is told. `line` is the finished, redacted line that tipped the scale, `since` when it was logged, in
    seconds since 1970; `count` lines were logged since the rule fired last."""

    rule: str
    summary: str
    count: int
    since: float
    line: str
    error_id: str | None
    incident_id: str | None
    capsule: Capsule | None = None  # the failing call, where the line is about an exception


Sink = Callable[[Alert], None]


@dataclass
class _Tally:
    """Times of the matches within the window, and when the rule last fired."""

    times: deque[float] = field(default_factory=deque)
    fired_at: float | None = None
    unreported: int = 0


class Alerts:
    """Looks at each record that was logged. Sinks are called on a thread of their own, one after the other."""

    def __init__(
        self, rules: Iterable[Rule], sinks: Mapping[str, Sink], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rules = tuple(rules)
        self._sinks = dict(sinks)
        self._clock = clock
        self.least_level = min((rule.least_level for rule in self._rules), default=logging.CRITICAL + 1)
        self._lock = threading.Lock()
        self._tallies = {rule.name: _Tally() for rule in self._rules}
        self._queue: Queue[tuple[Rule, Alert] | None] = Queue(_WAITING)
        self._thread: threading.Thread | None = None

    def add(self, name: str, sink: Sink) -> None:
        """One more to tell from now on; of the same name, in the place of the other."""
        self._sinks = {**self._sinks, name: sink}

    def see(self, seen: Seen) -> None:
        """Counts the record for each rule it matches. Never waits for a sink."""
        if seen.record.levelno < self.least_level or seen.record.name.startswith(_OWN_LOGGER):
            return
        for rule in self._rules:
            if matches(rule, seen):
                self._count(rule, seen)

    def close(self, timeout: float = 2.0) -> None:
        """Tells what is waiting, for at most `timeout` seconds."""
        if self._thread is not None:
            self._put(None)
            self._thread.join(timeout)

    def _count(self, rule: Rule, seen: Seen) -> None:
        now = self._clock()
        with self._lock:
            tally = self._tallies[rule.name]
            tally.times.append(now)
            tally.unreported += 1
            while tally.times[0] <= now - rule.window or len(tally.times) > rule.threshold:
                tally.times.popleft()
            resting = tally.fired_at is not None and now - tally.fired_at < rule.cooldown
            if len(tally.times) < rule.threshold or resting:
                return
            alert = _alert(rule, seen, max(tally.unreported, rule.threshold))
            tally.fired_at, tally.unreported = now, 0
            tally.times.clear()
        self._start()
        self._put((rule, alert))

    def _put(self, item: tuple[Rule, Alert] | None) -> None:
        try:
            self._queue.put_nowait(item)
        except Full:
            _log.warning("an alert was dropped: the sinks are too slow")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="telemetry-alerts", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            rule, alert = item
            for name in rule.sinks or tuple(self._sinks):
                self._tell(name, alert)

    def _tell(self, name: str, alert: Alert) -> None:
        sink = self._sinks.get(name)
        if sink is None:
            _log.warning("rule %s names a sink that is not configured: %s", alert.rule, name)
            return
        try:
            sink(alert)
        except Exception as error:
            _log.warning("sink %s could not be told of %s", name, alert.rule, exc_info=error)


def matches(rule: Rule, seen: Seen) -> bool:
    """Whether everything the rule asks for is true of the record."""
    record = seen.record
    return (
        record.levelno >= rule.least_level
        and (not rule.logger or record.name == rule.logger or record.name.startswith(rule.logger + "."))
        and (not rule.exception or rule.exception in _classes(record))
        and (not rule.text or rule.text.casefold() in seen.line.casefold())
        and (rule.pattern is None or rule.pattern.search(seen.line) is not None)
    )


def _classes(record: logging.LogRecord) -> set[str]:
    kind = record.exc_info[0] if record.exc_info and isinstance(record.exc_info, tuple) else None
    return {base.__name__ for base in kind.__mro__} if kind else set()


def _alert(rule: Rule, seen: Seen, count: int) -> Alert:
    incident, error = seen.context.incident_id, seen.error
    error_id = seen.error_id or seen.context.error_id
    return Alert(
        rule.name, rule.summary or rule.name, count, seen.record.created, seen.line, error_id,
        None if incident is None else str(incident), record(error) if error is not None else None,
    )  # fmt: skip
