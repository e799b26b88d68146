"""The objects that a call was made with, as a graph of source: nearest first, within caps that each step asks."""

from __future__ import annotations

import keyword
import time
from collections import deque
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field

from kintsugi.telemetry.redact import MASK, is_clean, redact, redact_field
from kintsugi.telemetry.redact.keys import Grade, grade

MOST_OBJECTS = 3_000
MOST_CHARACTERS = 40_000  # of values; the layout of the file comes on top
MOST_ITEMS = 1_000  # of one container
LONGEST_TEXT = 16_000
DEEPEST = 24
_NEAR = 2  # the call's arguments, whatever they are called
CPU_SECONDS = 0.002  # for looking at values: naming and writing them takes as long again
_GRACE = 0.01  # what is small is looked at for so much longer; many small things are not small


_NO_TIME = "not looked at in the time there is"
_STEPS = 32  # texts that are looked at together
_SHORT, _BRIEF = 200, 6  # characters: of a text that is remembered, of a number that no name but a secret's hides


class OutOfTime(Exception):
    """What is half looked at is left out: half of it would be another value."""


class Secret(Exception):
    """A value that has to be masked: what is left could not be run."""


@dataclass(slots=True)
class Part:
    """One piece inside of brackets. `lead` stands before it: a keyword with its sign, a key, or nothing.

    `later` is how it is set afterwards, where its holder can be changed: with `{one}`, and `{value}`.
    """

    value: str | Entry
    lead: str | Entry = ""
    later: str = ""
    postponed: bool = False


@dataclass(slots=True, eq=False)
class Entry:
    """One object: source that makes it, `opens`, its parts, `closes`. `hint` is what it would be called."""

    hint: str
    depth: int
    opens: str = ""
    parts: list[Part] = field(default_factory=list)
    closes: str = ""
    uses: int = 0
    name: str = ""
    needs_name: bool = False
    on: Entry | None = None  # what has to be there before it by its name


@dataclass(eq=False)
class Graph:
    """Takes values and hands back what stands for them. `fill` says what an object is made of."""

    fill: Callable[[Graph, object, Entry], None]
    wanted: Set[str] = frozenset()  # names that the code uses which failed: what lies under them comes first
    ends: float = 0.0  # of the thread's time
    size: int = 0
    _known: dict[int, tuple[Entry, object]] = field(default_factory=dict)  # the object too: so its id stays its own
    _waiting: deque[tuple[Entry, object]] = field(default_factory=deque)
    _later: deque[tuple[Entry, object]] = field(default_factory=deque)
    _harmless: set[tuple[str, str]] = field(default_factory=set)  # short texts that were looked at, with their names
    _left: float = CPU_SECONDS
    _looks: float = 0.0  # of any clock: before that it cannot be late

    def __post_init__(self) -> None:
        self.ends = time.thread_time() + CPU_SECONDS
        self._looks = time.perf_counter() + CPU_SECONDS

    def is_late(self, grace: float = 0.0) -> bool:
        """Whether the time is used up. The thread's own clock is dear, so another one says when to look at it."""
        if time.perf_counter() < self._looks:
            return False
        if self._left <= 0 and not grace:
            return True
        self._left = self.ends - time.thread_time()
        self._looks = time.perf_counter() + self._left
        return self._left + grace <= 0

    def entry(self, value: object, hint: str, depth: int, *, at_once: bool = False) -> Entry:
        """The one entry of this object. What it is made of is looked at later, nearest first, or at once."""
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = Entry(hint, depth), value
            if at_once and len(self._known) <= MOST_OBJECTS and not self.is_late(_GRACE):
                self._fill(value, known[0])
            else:
                (self._waiting if depth < _NEAR or hint in self.wanted else self._later).append(known)
        known[0].uses += 1
        return known[0]

    def complete(self) -> None:
        """Look at all that waits, as far as the caps allow."""
        for taken, (entry, value) in enumerate(iter(self._next, None)):
            if taken >= MOST_OBJECTS or self.size > MOST_CHARACTERS or entry.depth > DEEPEST:
                leave_out(entry, "too much to write down")
            elif self.is_late():
                leave_out(entry, _NO_TIME)
            else:
                self._fill(value, entry)
                self.size += len(entry.opens) + 4 * len(entry.parts)

    def _fill(self, value: object, entry: Entry) -> None:
        """One that is not what it should be must not take the others with it."""
        try:
            self.fill(self, value, entry)
        except Secret:
            raise
        except OutOfTime:
            leave_out(entry, _NO_TIME)
        except Exception as error:
            leave_out(entry, f"it could not be written down: {type(error).__name__}")

    def _next(self) -> tuple[Entry, object] | None:
        queue = self._waiting or self._later
        return queue.popleft() if queue else None

    def text(self, name: str, value: str) -> str:
        """A literal. `name` is what it stands under. Raises Secret."""
        if (name, value) not in self._harmless:
            if redact_field(name, value) != value if name else redact(value) != value:
                raise Secret(name)
            if len(value) < _SHORT:
                self._harmless.add((name, value))
        self.size += len(value)
        written = repr(value)
        plain = written[0] == "'" and '"' not in written  # no quotes in it, of any kind
        return f'"{written[1:-1]}"' if plain else written

    def texts(self, named: Iterable[tuple[str, object]]) -> None:
        """Look at many short texts at once, each with what it stands under: that takes a fraction of the time."""
        texts = [(name, value) for name, value in named if type(value) is str]
        short = [(name, text) for name, text in texts if len(text) < _SHORT and not (name and grade(name))]
        for at in range(0, len(short) if len(short) > 1 else 0, _STEPS):
            some = short[at : at + _STEPS]
            if is_clean("\n".join([text for _, text in some])):
                self._harmless.update(some)

    def octets(self, name: str, value: bytes) -> str:
        try:
            self.text(name, value.decode())
        except UnicodeDecodeError:
            self.text(name, value.decode("latin-1"))
        return repr(value)

    def number(self, name: str, value: int) -> str:
        written = int.__repr__(value)
        if name and (len(written) > _BRIEF or grade(name)) and redact_field(name, written) == MASK:
            raise Secret(name)
        return written

    def step(self) -> None:
        """One more piece of something large. Raises OutOfTime, where there is none left for that."""
        if self.is_late():
            raise OutOfTime


def leave_out(entry: Entry, why: str) -> None:
    """What could not be rebuilt: whatever uses it is told why."""
    where = f"{entry.hint}: " if entry.hint else ""
    entry.opens, entry.parts, entry.closes = f"missing({(where + why)[:160]!r})", [], ""


def keyword_for(name: str) -> str:
    """What stands before a value that is handed over under this name, whatever name it is."""
    return f"{name}=" if name.isidentifier() and not keyword.iskeyword(name) else f"**{{{name!r}: "


def called(name: str, holder: Entry) -> str:
    """What a part of something is called: a password's parts are passwords."""
    return holder.hint if grade(holder.hint) > max(grade(name), Grade.WEAK) else name
