"""Counts what the rules match and tells the sinks: one alert for a storm, with how many lines it stands for, and one
when it is over."""

import heapq
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, Full, Queue
from typing import NamedTuple

from kintsugi.telemetry.alerts.raised import chain_of
from kintsugi.telemetry.alerts.rules import Rule
from kintsugi.telemetry.alerts.shown import exception_of, frames_of, words_of
from kintsugi.telemetry.capsule import Capsule, record
from kintsugi.telemetry.handler import Seen

_log = logging.getLogger("kintsugi.telemetry.alerts")
_WAITING = 100
_A_LOOK = 1.0  # seconds
_FIRST_WAIT, _TRIES = 1.0, 4  # seconds, four times as long each time; tries after the first
# The telemetry's own troubles with a sink must not set off alerts that go to the same sink.
_MOST_CLASSES = 1_000  # chains of classes
_OWN_LOGGER = "kintsugi.telemetry.alerts"


@dataclass(frozen=True)
class Alert:
    """What a sink is told. `line` is the finished, redacted line that tipped the scale, `since` when it was logged, in
    seconds since 1970; `count` lines were logged since the rule fired last.

    `message`, `exception` and `frames` (the innermost ones, `path:line in function`) are the same for people, redacted.
    `over`: the storm ended; `line` was its last. `key` names the failure that it is about; `crashed`, whether nobody
    had handled it.
    """

    rule: str
    summary: str
    count: int
    since: float
    line: str
    error_id: str | None
    incident_id: str | None
    logger: str = ""
    level: str = ""
    message: str = ""
    exception: str = ""
    frames: tuple[str, ...] = ()
    over: bool = False
    key: str = ""
    crashed: bool = False
    capsule: Capsule | None = None  # the failing call, where the line is about an exception


Sink = Callable[[Alert], None]


@dataclass
class _Tally:
    """Times of the matches within the window, and when the rule last fired."""

    times: deque[float] = field(default_factory=deque)
    fired_at: float | None = None
    unreported: int = 0
    last: Alert | None = None  # of what was logged since it fired


class _Owed(NamedTuple):
    """An alert that a sink has not taken yet, and when it is tried again."""

    due: float
    number: int
    name: str
    alert: Alert
    tries: int


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
        self._of_classes: dict[tuple[int, ...], tuple[tuple[type, ...], tuple[Rule, ...]]] = {}
        self._tallies = {rule.name: _Tally() for rule in self._rules}
        self._queue: Queue[tuple[Rule, Alert] | None] = Queue(_WAITING)
        self._owed: list[_Owed] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, name: str, sink: Sink) -> None:
        """One more to tell from now on; of the same name, in the place of the other."""
        self._sinks = {**self._sinks, name: sink}

    def see(self, seen: Seen) -> None:
        """Counts the record for each rule it matches. Never waits for a sink."""
        if seen.record.levelno < self.least_level or seen.record.name.startswith(_OWN_LOGGER):
            return
        error = exception_of(seen)
        chain = tuple(chain_of(error)) if error is not None else ()
        for rule in self._about(tuple(map(type, chain))):
            if matches(rule, seen, chain):
                self._count(rule, seen)

    def _about(self, classes: tuple[type, ...]) -> tuple[Rule, ...]:
        """The rules, as far as exceptions of such a chain of classes may match: asked once of each, as few ever do.

        A class is told by its id, and kept so that no other one gets it: one with a metaclass may have no hash, or be
        equal to another class.
        """
        ids = tuple(map(id, classes))
        if ids in self._of_classes:
            return self._of_classes[ids][1]
        rules = tuple(filter(None, (of_classes(rule, classes) for rule in self._rules)))
        if len(self._of_classes) < _MOST_CLASSES:
            self._of_classes[ids] = classes, rules
        return rules

    def close(self, timeout: float = 2.0) -> None:
        """Tells what is waiting, for at most `timeout` seconds; where no thread could be started, all of it."""
        if self._thread is not None:
            self._put(None)
            self._thread.join(timeout)
        elif not self._queue.empty():
            self._put(None)
            self._run()

    def _count(self, rule: Rule, seen: Seen) -> None:
        now = self._clock()
        with self._lock:
            tally = self._tallies[rule.name]
            tally.times.append(now)
            tally.unreported += 1
            while tally.times[0] <= now - rule.window or len(tally.times) > rule.threshold:
                tally.times.popleft()
            resting = tally.fired_at is not None and now - tally.fired_at < rule.cooldown
            alert = _alert(rule, seen, max(tally.unreported, rule.threshold))
            if len(tally.times) < rule.threshold or resting:
                tally.last = alert if tally.fired_at is not None else None
                return
            tally.fired_at, tally.unreported, tally.last = now, 0, None
            tally.times.clear()
        self._start()
        self._put((rule, alert))

    def _put(self, item: tuple[Rule, Alert] | None) -> None:
        try:
            self._queue.put_nowait(item)
        except Full:
            _log.warning("an alert was dropped: its sinks are too slow")

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="telemetry-alerts", daemon=True)
                with suppress(RuntimeError):  # Python 3.12 starts none while a program ends
                    thread.start()
                    self._thread = thread

    def _run(self) -> None:
        """Until it is told to end; then what is owed is tried once more."""
        while True:
            try:
                item = self._queue.get(timeout=self._until_due())
            except Empty:
                self._try_again()
                self._tell_ends()
                continue
            if item is None:
                break
            rule, alert = item
            for name in rule.sinks or tuple(self._sinks):
                self._tell(name, alert, 0)
            self._try_again()
        for owed in sorted(self._owed):
            self._tell(owed.name, owed.alert, _TRIES)

    def _until_due(self) -> float:
        return min([_A_LOOK, *(max(owed.due - time.monotonic(), 0.0) for owed in self._owed[:1])])

    def _try_again(self) -> None:
        while self._owed and self._owed[0].due <= time.monotonic():
            owed = heapq.heappop(self._owed)
            self._tell(owed.name, owed.alert, owed.tries)

    def _tell_ends(self) -> None:
        """Of storms: of what was logged beyond their alert, and no more for as long as the rule looks."""
        now = self._clock()
        for rule in self._rules:
            with self._lock:
                tally = self._tallies[rule.name]
                quiet = not tally.times or now - tally.times[-1] >= rule.window
                last, count = tally.last, tally.unreported
                if not quiet or last is None:
                    continue
                tally.last, tally.unreported = None, 0
                tally.times.clear()
            for name in rule.sinks or tuple(self._sinks):
                self._tell(name, replace(last, count=count, over=True), 0)

    def _tell(self, name: str, alert: Alert, tries: int) -> None:
        sink = self._sinks.get(name)
        if sink is None:
            _log.warning("rule %s names a sink that is not configured: %s", alert.rule, name)
            return
        try:
            sink(alert)
        except Exception as error:
            if tries >= _TRIES:
                _log.warning("sink %s failed to take an alert of %s", name, alert.rule, exc_info=error)
                return
            if not tries:
                _log.warning("sink %s did not take an alert of %s: trying again", name, alert.rule)
            due = time.monotonic() + _FIRST_WAIT * 4**tries
            heapq.heappush(self._owed, _Owed(due, next(self._numbers), name, alert, tries + 1))


def of_classes(rule: Rule, classes: Sequence[type]) -> Rule | None:
    """What is left of a rule for exceptions of these classes: without the conditions that none of them can meet."""
    left = tuple(each for each in rule.any if each.may_be_met(classes))
    if (rule.any and not left) or (rule.raised is not None and not rule.raised.may_be_met(classes)):
        return None
    return rule if len(left) == len(rule.any) else replace(rule, any=left)


def matches(rule: Rule, seen: Seen, chain: Sequence[BaseException]) -> bool:
    """Whether everything the rule asks for is true of the record, and of the chain of its exception."""
    record = seen.record
    return (
        record.levelno >= rule.least_level
        and (not rule.logger or record.name == rule.logger or record.name.startswith(rule.logger + "."))
        and (not rule.text or rule.text.casefold() in seen.line.casefold())
        and (rule.pattern is None or rule.pattern.search(seen.line) is not None)
        and (rule.raised is None or rule.raised.is_met(chain, seen.line))
        and (not rule.any or any(each.is_met(chain, seen.line) for each in rule.any))
    )


def _alert(rule: Rule, seen: Seen, count: int) -> Alert:
    incident = seen.context.incident_id
    error = exception_of(seen)
    return Alert(
        rule.name, rule.summary or rule.name, count, seen.record.created, seen.line,
        seen.error_id or seen.context.error_id, None if incident is None else str(incident),
        seen.record.name, seen.record.levelname, words_of(seen.line),
        *frames_of(error), key=seen.key, crashed=bool(seen.way),
        capsule=record(error) if error is not None else None,
    )  # fmt: skip
