"""One pass over a log, front to back, that yields each report in it. Linear in the text, flat in memory. Pure.

A line with one of a reader's marks is where a report may be. What stands before it there, and how the lines around
look, tells which lines are of the same writer (`wrappers.py`); the reader takes these front to back to the report's
end. Lines that belong to a report are not looked at again; those of others in between are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ahocorasick_rs import AhoCorasick

from kintsugi.capture.readers import new_readers
from kintsugi.capture.report import Found, Line, Reader, Report
from kintsugi.capture.text import blocks, uncoloured
from kintsugi.capture.wrappers import Strip, Unfolding, as_carried, opens_field, view_by_vote, without_headings

_ABOVE = 320  # lines kept at hand
_SHOWN_BEFORE = 300  # of a report's log: a key may begin among those that are not kept
_SHOWN_AFTER = 50
_NEAR = 40  # lines that vote, and that may name what a stack belongs to
_STRANGERS = 200  # lines of other writers in a row, after which a report is over
_LONGEST = 6_000  # lines of a report
_MOST_TEXT = 10_000  # characters of a line that is shown


def reports_in(text: str) -> Iterator[Report]:
    """Every failure in this text, in the order in which they begin."""
    return reports([uncoloured(text)])


def reports_of(chunks: Iterable[bytes], *, from_start: bool = True) -> Iterator[Report]:
    """Every failure in a log that comes as bytes."""
    return reports(blocks(chunks), from_start=from_start)


def reports(texts: Iterable[str], *, from_start: bool = True) -> Iterator[Report]:
    """Every failure in a log that comes in pieces, each of which ends with a line.

    `from_start`: nothing of it was let go of, so that a stack with nothing above has lost its head before.
    """
    readers = new_readers()
    tape = _Tape(iter(texts), from_start, as_carried({mark for reader in readers for mark in reader.marks}))
    at = 0
    while (line := tape.line(at, skipping=True)) is not None:
        if line.marked and at not in tape.taken:
            yield from _report_at(tape, at, line, readers)
        at += 1
        tape.forget(at)


def _report_at(tape: _Tape, at: int, line: Line, readers: Iterable[Reader]) -> Iterator[Report]:
    """The failure that is noticed on this line, if it is one."""
    for reader in readers:
        width = reader.begins(line.text)
        if width is None:
            continue
        view = _View(tape, at, line, _strip(tape, at, line, width, reader))
        found = reader.read(view)
        if found is None:
            continue
        positions = view.take(found)
        if found.failure is not None:
            yield tape.report(found, positions, more=view.asked_beyond)
        return


def _strip(tape: _Tape, at: int, line: Line, width: int, reader: Reader) -> Strip:
    above, below = tape.around(at)
    around = [other for other in (*above, *below) if _same_writer(line, other)]
    after = [other for other in below[:3] if _same_writer(line, other)]
    beside = [*(other for other in above[-3:] if _same_writer(line, other)), *after]

    def votes(strip: Strip) -> int:
        return sum((text := strip(other)) is not None and reader.inside(text) for other in around)

    def near(strip: Strip) -> bool:
        return any(strip(other) for other in beside)

    def below_it(strip: Strip) -> bool:
        return any(strip(other) for other in after)

    chosen = view_by_vote(line.text[:width], votes, near, below_it, in_field=not line.inside and opens_field(above))
    return chosen if line.inside or line.text[:width].strip() else without_headings(chosen, above, below)


def _same_writer(line: Line, other: Line) -> bool:
    return line.writer == other.writer and line.inside == other.inside


class _Tape:
    """The lines of a log as they come, with those just before and after at hand."""

    def __init__(self, texts: Iterator[str], from_start: bool, marks: list[str]) -> None:
        self.from_start = from_start
        self._texts, self._marks = texts, AhoCorasick(marks)
        self._lines: list[Line] = []
        self._base = 0  # the position of the first that is at hand
        self._number = 1  # in the log, of the line that comes next
        self._unfolding = Unfolding()
        self._quiet = ""
        self.taken: set[int] = set()  # positions of lines that belong to a report

    def _marked(self, text: str) -> list[int]:
        """Where marks begin in this text, a line end before its first character being part of it."""
        try:
            found = self._marks.find_matches_as_indexes(f"\n{text}")
        except UnicodeEncodeError:  # half of a surrogate pair, which JSON can hold
            found = self._marks.find_matches_as_indexes("\n" + text.encode("utf-8", "replace").decode())
        return [start for _, start, _ in found]

    def line(self, at: int, *, skipping: bool = False) -> Line | None:
        """The line at this position; None beyond the end. `skipping`: whole pieces without a mark may be left out."""
        while at >= self._base + len(self._lines):
            if not self._load(skipping):
                return None
        return self._lines[at - self._base] if at >= self._base else None

    def around(self, at: int) -> tuple[list[Line], list[Line]]:
        """The lines near this one, above and below it."""
        self.line(at + _NEAR)
        here = at - self._base
        return self._lines[max(here - _NEAR, 0) : here], self._lines[here + 1 : here + 1 + _NEAR]

    def report(self, found: Found, positions: Sequence[int], *, more: bool) -> Report:
        """The report on these lines, with the log around it."""
        assert found.failure is not None
        first, last = positions[0], positions[-1]
        self.line(last + _SHOWN_AFTER)
        begin = max(first - self._base - _SHOWN_BEFORE, 0)
        end = last + 1 - self._base
        above, below = self._lines[begin:end], self._lines[end : end + _SHOWN_AFTER]
        own = [line.raw[:_MOST_TEXT] for line in above if line.raw is not None]
        after = [line.raw[:_MOST_TEXT] for line in below if line.raw is not None]
        numbers = [self._lines[position - self._base].number for position in positions]
        return Report(numbers[0], numbers[-1], found.failure, (*own, *after), len(own), more, frozenset(numbers))

    def forget(self, at: int) -> None:
        """Let go of lines far above this one."""
        if at - self._base > 4 * _ABOVE:
            del self._lines[: at - self._base - _ABOVE]
            self._base = at - _ABOVE
            self.taken = {one for one in self.taken if one >= self._base}

    def _load(self, skipping: bool) -> bool:
        """Whether there was one more piece of the log."""
        text = next(self._texts, None)
        while text is not None and skipping and not (marks := self._marked(text)):
            self._pass_over(text)
            text = next(self._texts, None)
        if self._quiet:
            self._take(self._quiet, [])
            self._quiet = ""
        if text is None:
            return False
        self._take(text, marks if skipping else self._marked(text))
        return True

    def _pass_over(self, text: str) -> None:
        """Count lines that nobody will look at, and keep the last few of them."""
        self._quiet += text
        cut = len(self._quiet)
        for _ in range(_ABOVE):
            cut = self._quiet.rfind("\n", 0, cut)
            if cut < 0:
                return
        self._number += self._quiet.count("\n", 0, cut + 1)
        self._quiet = self._quiet[cut + 1 :]

    def _take(self, text: str, marks: list[int]) -> None:
        marked = set(_lines_of(text, marks))
        raws = text.split("\n")
        if raws[-1] == "":
            raws.pop()
        for at, raw in enumerate(raws):
            for line in self._unfolding.lines(self._number, raw):
                is_marked = at in marked and (line.text is raw or bool(self._marked(line.text)))
                self._lines.append(line._replace(marked=True) if is_marked else line)
            self._number += 1


def _lines_of(text: str, positions: list[int]) -> Iterator[int]:
    """On which line of the text each of these stands, in order, the first being 0."""
    line = at = 0
    for position in positions:
        line += text.count("\n", at, position)
        at = max(at, position)
        yield line


class _View:
    """The lines of one writer around the place where a report was noticed."""

    def __init__(self, tape: _Tape, at: int, line: Line, strip: Strip) -> None:
        self._tape, self._line, self._strip = tape, line, strip
        self._positions: list[int] = []
        self._texts: list[str] = []
        self._next = at
        self._over = self._at_end = self.asked_beyond = False
        self._doubled = False  # an empty line stands after each
        self.is_start = tape.from_start and not line.inside
        self._look_back(at)
        self.at = len(self._texts)
        self.is_start = self.is_start and not self.at
        self.whole = line.inside
        if self._is_doubled():
            self._doubled = True
            self._drop_empty()
        self.asked_beyond = False  # whether the reader asked for more than the log has

    def __getitem__(self, position: int) -> str | None:
        if position < 0:
            return None
        while position >= len(self._texts):
            if self._over or not self._go_on():
                self._over = True
                self.asked_beyond = self.asked_beyond or self._at_end
                return None
        return self._texts[position]

    def joined(self, position: int) -> str | None:
        line, after = self[position], self[position + 1]
        return None if line is None or after is None else line + after

    def take(self, found: Found) -> Sequence[int]:
        """Mark what was read; the positions of its lines."""
        positions = self._positions[max(found.first, 0) : max(found.end, found.first + 1)]
        self._tape.taken.update(positions)
        return positions

    def _look_back(self, at: int) -> None:
        for position in range(at - 1, at - 1 - _NEAR, -1):
            line = self._tape.line(position) if position >= 0 else None
            if line is None or (self._line.inside and (line.ends or not line.inside)):
                break
            if _same_writer(self._line, line) and (text := self._strip(line)) is not None:
                if position in self._tape.taken:
                    self.is_start = False
                    break
                self._positions.insert(0, position)
                self._texts.insert(0, text)

    def _is_doubled(self) -> bool:
        """A paste may have one after every line."""
        below = [text for ahead in range(1, 7) if (text := self[self.at + ahead]) is not None]
        return len(below) > 3 and all(bool(text.strip()) == bool(at % 2) for at, text in enumerate(below))

    def _drop_empty(self) -> None:
        texts, positions, at = self._texts, self._positions, self.at
        self._texts, self._positions = [], []
        for number, (text, position) in enumerate(zip(texts, positions, strict=True)):
            if number == at:
                self.at = len(self._texts)
            if text.strip() or not self._texts or not self._texts[-1].strip():
                self._texts.append(text)
                self._positions.append(position)

    def _go_on(self) -> bool:
        """Whether there was one more line of this writer."""
        for position in range(self._next, self._next + _STRANGERS):
            line = self._tape.line(position)
            if line is None or len(self._texts) > _LONGEST:
                self._at_end = line is None
                return False
            if position not in self._tape.taken and _same_writer(self._line, line):
                text = self._strip(line)
                if text is None or (self._doubled and not text.strip() and self._texts[-1].strip()):
                    continue
                self._positions.append(position)
                self._texts.append(text)
                self._next = position + 1
                self._over = line.ends
                return True
        return False
