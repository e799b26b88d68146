"""The objects that a call was made with, as a graph of source: nearest first, within caps that each step asks."""

from __future__ import annotations

import functools
import keyword
import time
from collections import deque
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote, unquote_plus

from kintsugi.telemetry.capsule.masked import Masked, is_plain, tells_in_a_name
from kintsugi.telemetry.redact import MASK, is_clean, redact, redact_field, tells_of_its_value
from kintsugi.telemetry.redact.keys import Grade, grade

MOST_OBJECTS = 3_000
MOST_WORK = 960  # pieces that are looked at: items, attributes, texts
_OF_A_BOT = 500  # more, where there are objects of Discord: each of these leads to its guild and to all that is in it
MOST_CHARACTERS = 40_000  # of values; the layout of the file comes on top
MOST_ITEMS = 1_000  # of one container
LONGEST_TEXT = 16_000
DEEPEST = 200
_STRETCH = 16  # so deep brackets may be in each other: then what is inside gets a name
OF_THE_CALL = 1  # so deep lie the call's arguments
_NEAR = 2  # these, whatever they are called
_AN_OBJECT, _A_LOOK = 3, 2  # of the work: an object or a container, a text on its own
_OF_PYTHON, _A_CLASS = 5, 8  # besides: an object of a class made in Python, and the first of its class
A_MARK = 0.5  # an attribute that is None, True or False
_A_PIECE, _A_LOOK_AT = 64, 16  # characters that are one piece of it: of any text, and of one on its own besides
_LAST = 600  # of the work: what is put off to the last is looked at only where no more than this is used by then
_GRACE = 500  # of the work, for what is small: many small things are not small
CPU_SECONDS = 0.05  # for looking at values: only a machine that is very slow comes to that

_TOO_MUCH = "too much to write down"
A_SECRET = "a secret"  # noqa: S105
_NO_TIME = "not looked at in the time there is"
_LAYERS = 3  # times that a text may be quoted: an address in an address, sent as a form
_TOGETHER = 1_000  # characters of texts that are looked through together
_SHORT = 200  # characters of a text that is looked at with others
_BRIEF = 6  # digits of a number that only its name can hide

T = TypeVar("T")


class TooMuch(Exception):
    """What is half looked at is left out: half of it would be another value."""


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
    is_wiring: Callable[[object, str], bool] = lambda *_: False  # whether it is what nobody is likely to need
    wanted: Set[str] = frozenset()  # names that the code uses which failed: what lies under them comes first
    left: float = MOST_WORK
    size: int = 0
    masked: Masked = field(default_factory=Masked)  # secrets: where there is one, what is left could not be run
    leaves_out: bool = False  # whether a secret is left out, and missing: of a call that serves a request
    _known: dict[int, tuple[Entry, object]] = field(default_factory=dict)  # the object too: so its id stays its own
    _waiting: deque[tuple[Entry, object]] = field(default_factory=deque)
    _later: deque[tuple[Entry, object]] = field(default_factory=deque)
    _last: deque[tuple[Entry, object]] = field(default_factory=deque)
    _floor: float = 0
    _is_of_a_bot: bool = False
    _texts: dict[str, str] = field(default_factory=dict)  # short ones that are to be looked through, and their names
    _seen: set[str] = field(default_factory=set)  # those, and all that were before
    _pending: int = 0  # characters of these
    hashed: list[tuple[Entry, Entry]] = field(default_factory=list)  # what is a key or in a set, and what holds it
    asked: list[tuple[Entry, Entry]] = field(default_factory=list)  # what is asked for something, and what that makes
    _ends: float = field(default_factory=lambda: time.thread_time() + CPU_SECONDS)
    _looks: float = field(default_factory=lambda: time.perf_counter() + CPU_SECONDS)  # before that it cannot be late

    def is_late(self) -> bool:
        """Whether the time is used up. The thread's own clock is dear, so another one says when to look at it."""
        if time.perf_counter() < self._looks:
            return False
        left = self._ends - time.thread_time()
        self._looks = time.perf_counter() + left
        return left <= 0

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """For what is done once a process: the first crash is to be written down like the others."""
        began = time.thread_time()
        yield
        self._ends += time.thread_time() - began

    def entry(self, value: object, hint: str, depth: int, *, at_once: bool = False, at_last: bool = False) -> Entry:
        """The one entry of this object. What it is made of is looked at later, nearest first, or at once.

        `at_last`: like wiring and all that wiring leads to, it waits for the others, unless it is near or wanted.
        """
        known = self._known.get(id(value))
        if known is None:
            known = self._known[id(value)] = Entry(hint, depth), value
            if at_once and self.left > -_GRACE:
                self._fill(value, known[0])
            elif depth < _NEAR or (hint in self.wanted and not (self.leaves_out and self.is_wiring(value, hint))):
                self._waiting.append(known)
            else:
                is_last = hint not in self.wanted and (at_last or self._floor > 0 or self.is_wiring(value, hint))
                (self._last if is_last else self._later).append(known)
        known[0].uses += 1
        return known[0]

    def complete(self, call: Entry) -> None:
        """Look at all that waits for this call, as far as the caps allow."""
        for taken, (entry, value) in enumerate(iter(self._next, None)):
            if (
                self.left <= self._floor
                or taken >= MOST_OBJECTS
                or self.size > MOST_CHARACTERS
                or entry.depth > DEEPEST
            ):
                leave_out(entry, _TOO_MUCH)
            elif self.is_late():
                leave_out(entry, _NO_TIME)
            else:
                self._fill(value, entry)
                self.size += len(entry.opens) + 4 * len(entry.parts)
                entry.needs_name |= entry.depth % _STRETCH == 0
        self._lose_what_needs_it()
        self._look_through()
        if self.leaves_out:
            self._sweep(call)

    def _lose_what_needs_it(self) -> None:
        """What is missing takes with it what cannot be made without it, once, whatever else it lacks. The innermost was
        looked at last."""
        needed, is_changed = [*reversed(self.asked), *self.hashed], True
        while is_changed:
            is_changed = False
            for key, holder in needed:
                if not holder.opens.startswith("missing(") and (why := _missing_in(key)):
                    holder.opens, holder.parts, holder.closes = why, [], ""
                    is_changed = bool(self.asked)

    def _fill(self, value: object, entry: Entry) -> None:
        """One that is not what it should be must not take the others with it."""
        self.left -= _AN_OBJECT
        try:
            self.fill(self, value, entry)
        except TooMuch:
            leave_out(entry, _TOO_MUCH)
        except Exception as error:
            leave_out(entry, f"it could not be written down: {type(error).__name__}")

    def _next(self) -> tuple[Entry, object] | None:
        queue = self._waiting or self._later or self._last
        self._floor = MOST_WORK - _LAST if queue is self._last else 0
        return queue.popleft() if queue else None

    def literal(self, write: Callable[[str, T], str], name: str, value: T, depth: int) -> str | Entry:
        """Of a text, octets or a number; or what says that it is a secret that was left out."""
        known = len(self.masked.names)
        if self.leaves_out and self.masked.is_too_much:  # nothing of the call will be kept
            raise TooMuch
        if self.leaves_out and "csrf" in name.lower():  # as Django keeps one in `META`: CSRF_COOKIE
            name = "csrf_token"
        written = write(name, value)
        is_one = self.leaves_out and len(self.masked.names) > known
        return self._secret(name, depth) if is_one and self.masked.leave_out(known) else written

    def _secret(self, name: str, depth: int) -> Entry:
        stands = Entry(name if self.masked.tells_nothing(name) else "", depth, uses=1)
        leave_out(stands, A_SECRET)
        return stands

    def _sweep(self, call: Entry) -> None:
        """A text may have been written down before it was known to be a secret, a piece of one, or to hold one."""
        if not self.masked.has_any:
            return
        entries = list(self._all(call))
        texts = [_looked_at(entry) for entry in entries]
        found = self.masked.found_in("\n".join(texts))
        for entry, text in zip(entries, texts, strict=True) if found else ():
            if here := [one for one in found if one in text]:
                self._take_out(entry, here)

    def _all(self, call: Entry) -> Iterator[Entry]:
        waiting = [call, *(entry for entry, _ in self._known.values())]
        seen = set(map(id, waiting))
        while waiting:
            entry = waiting.pop()
            yield entry
            for one in (entry.on, *(held for part in entry.parts for held in (part.value, part.lead))):
                if type(one) is Entry and id(one) not in seen:
                    seen.add(id(one))
                    waiting.append(one)

    def _take_out(self, entry: Entry, pieces: list[str]) -> None:
        """The texts in which one of them is. Where a name has one, or a key, all of it: a copy could not have that."""
        named = "\n".join((_made_of(entry), *map(_key, entry.parts)))
        if any(one in named and (one in _made_of(entry) or tells_in_a_name(one)) for one in pieces):
            entry.hint = "" if any(one in entry.hint.lower() for one in pieces) else entry.hint
            return leave_out(entry, A_SECRET)
        texts = [_text(part.value) for part in entry.parts]
        whole = "\n".join((named, *texts))
        apart = any(one not in whole for one in pieces)  # it is cut into items, as by `list(pin)`
        for part, text in zip(entry.parts, texts, strict=True):
            if text and (apart or any(one in text for one in pieces)):
                part.value = self._secret("", entry.depth + 1)
        return None

    def text(self, name: str, value: str, layers: int = _LAYERS) -> str:
        """A literal. `name` is what it stands under."""
        size, shown = len(value), value
        if self.leaves_out and layers and "%" in value:  # as it was before it was put into an address or a form
            for plain in {unquote(value), unquote_plus(value)} - {value}:
                self.text(name, plain, layers - 1)
        if self.masked.has(value, as_a_part=not self.leaves_out):
            shown = self._known_in(name, value)
        elif name and tells_of_its_value(name) and value.lower() != name.lower():
            shown = redact_field(name, value)
        elif size < _SHORT:
            self._remember(name, value)
        elif self.left < -_GRACE:
            raise TooMuch
        else:
            shown = redact(value)
        if shown != value:
            self.masked.hold_back(name, value, shown)
        self.size += size
        self.left -= size // _A_PIECE
        written = repr(value)
        return written if "'" in value or '"' in value else f'"{written[1:-1]}"'

    def _known_in(self, name: str, value: str) -> str:
        """A text with a known secret in it. What else is secret in that is to be known, and what is not is not."""
        if not self.leaves_out:
            return MASK
        shown = redact_field(name, value) if name else redact(value)
        return MASK if shown == value and not self.masked.is_in(value) else self.masked.without(shown)

    def _remember(self, name: str, text: str) -> None:
        """To be looked through with others: that takes a fraction of the time."""
        if text in self._seen:
            return
        if self.leaves_out:  # it has to be known now
            is_a_name = not name and text.isidentifier() and is_plain(text)
            if is_a_name or is_clean(text) or (shown := redact(text)) == text:
                self._seen.add(text)
            else:
                self.masked.hold_back(name, text, shown)
            return
        self._seen.add(text)
        self._texts[text] = name
        self._pending += len(text)
        if self._pending > _TOGETHER:
            self._look_through()

    def _look_through(self) -> None:
        texts, self._texts, self._pending = self._texts, {}, 0
        for text in self._doubtful(list(texts)):
            self.left -= _A_LOOK + len(text) // _A_LOOK_AT
            if (shown := redact(text)) != text:
                self.masked.hold_back(texts[text], text, shown)

    def _doubtful(self, texts: list[str]) -> list[str]:
        """Those that have to be looked at one by one."""
        if is_clean("\n".join(texts)):
            return []
        if len(texts) == 1:
            return texts
        half = len(texts) // 2
        return [*self._doubtful(texts[:half]), *self._doubtful(texts[half:])]

    def octets(self, name: str, value: bytes) -> str:
        try:
            self.text(name, value.decode())
        except UnicodeDecodeError:
            self.text(name, value.decode("latin-1"))
        return repr(value)

    def number(self, name: str, value: int) -> str:
        written = int.__repr__(value)
        is_told = bool(name) and tells_of_its_value(name)
        if self.masked.has(written, as_a_part=not self.leaves_out) or (is_told and redact_field(name, written) == MASK):
            self.masked.hold_back(name, written, MASK)
        elif not is_told and len(written) > _BRIEF:
            self._remember(name, written)
        self.size += len(written)
        self.left -= len(written) // _A_PIECE
        return written

    def keyword(self, name: str) -> str:
        """What stands before a value that is handed over under this name."""
        lead = keyword_for(name)
        self.look_at(lead, name)
        return lead

    def look_at(self, lead: str, name: str) -> None:
        """A name that is written as a text is looked at like one: in the whole, escapes may hide what is in it."""
        if not lead.endswith("="):
            self.text("", name)

    def one_of_python(self, *, is_first: bool, is_of_a_bot: bool) -> None:
        """An object of a class made in Python, and whether it is the first of that. A call in a bot has more room."""
        self.left -= _OF_PYTHON + _A_CLASS * is_first
        if is_of_a_bot and not self._is_of_a_bot:
            self._is_of_a_bot = True
            self.left += _OF_A_BOT

    def is_hashed_for(self, holder: Entry, inner: Entry) -> None:
        """Whoever copies `inner` needs its keys as well."""
        self.hashed += [(key, holder) for key, one in self.hashed if one is inner]

    def made_of(self, holder: Entry, part: str | Entry) -> Part:
        """A part that is asked for something when its holder is made: without the one there is no other."""
        if isinstance(part, Entry):
            self.asked.append((part, holder))
        return Part(part)

    def step(self, price: float = 1) -> None:
        """One more piece of something large. Raises TooMuch, where that is enough."""
        self.left -= price
        if self.left < 0:
            raise TooMuch


def _looked_at(entry: Entry) -> str:
    """All that is text in it, in small letters, but for names; and what lies side by side as one text."""
    values = "".join([_text(part.value) for part in entry.parts])
    return "\n".join([_made_of(entry), values, *[_key(part) for part in entry.parts]])


def _text(value: str | Entry) -> str:
    """Of a literal, without its quotes."""
    if type(value) is not str or not value:
        return ""
    if value[-1] in "'\"":
        return value[value.find(value[-1]) + 1 : -1].lower()
    return value if value[-1].isdigit() else ""


def _key(part: Part) -> str:
    return part.lead.lower() if type(part.lead) is str else ""


def _made_of(entry: Entry) -> str:
    """The text that one is made of at once, such as a path; of what is missing, what it is called, as by a key."""
    opens = entry.opens
    if opens.startswith("missing("):
        return entry.hint.lower()
    return opens.lower() if opens[-1:] == ")" else ""


def leave_out(entry: Entry, why: str) -> None:
    """What could not be rebuilt: whatever uses it is told why."""
    where = f"{entry.hint}: " if entry.hint else ""
    entry.opens, entry.parts, entry.closes = f"missing({(where + why)[:160]!r})", [], ""


def _missing_in(key: Entry, depth: int = 0) -> str:
    """What stands for something that is needed to hash it; "" where nothing does."""
    if key.opens.startswith("missing("):
        return key.opens
    if depth > _NEAR or key.opens not in ("(", "frozenset({"):
        return ""
    parts = (_missing_in(part.value, depth + 1) for part in key.parts if isinstance(part.value, Entry))
    return next(filter(None, parts), "")


@functools.lru_cache(maxsize=1024)
def keyword_for(name: str) -> str:
    """What stands before a value that is handed over under this name, whatever name it is."""
    return f"{name}=" if name.isidentifier() and not keyword.iskeyword(name) else f"**{{{name!r}: "


def called(name: str, holder: Entry) -> str:
    """What a part of something is called: a password's parts are passwords."""
    told = grade(holder.hint)
    return holder.hint if told > Grade.WEAK and told > grade(name) else name
