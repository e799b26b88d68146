"""What carries lines: JSON records and exports, escapes, and what loggers and containers put before each. Pure."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from kintsugi.capture.records import RECORD_MARKS, line_of, pairs_in, record_in, stack_of, writer_of
from kintsugi.capture.report import Line
from kintsugi.capture.text import returned
from kintsugi.telemetry import lazy_re as re

CARRIERS = (  # for the table of what is read
    ("any order", "with the newest line first too, as dashboards export logs, up to 64 MB"),
    (
        "what stands before each line",
        "whatever most lines around a report share but for the time: compose, pm2, kubectl, "
        "journald, syslog, Heroku, CloudWatch, GitHub Actions, loggers; several writers are told apart",
    ),
    ("JSON", "one record a line or a report; arrays, exports and records over several lines; the text in any field"),
    ("escapes", "line breaks as `\\n` and `#012`, HTML entities, fields of CSV files"),
    ("terminals", "colours, lines written over one another, lines wrapped in the middle of a call"),
    ("bytes", "UTF-8, UTF-16 with a mark or without, Windows' Western code page; NULs are passed over"),
)

Strip = Callable[[Line], str | None]

_ESCAPED = re.compile(
    r"""Traceback\ \(most\ recent\ call\ last\):\\n
    | \\n\s*(?:\\t)*(?:at\ \S | \#\d | from\ \S | goroutine\ \d | File\ \\?"/ | \d+:\ \S | \*\*\ \( | stack\ backtrace:
      | \S{1,300}\.go:\d)
    | \\n(?:note:\ run\ with
      | \s+\(\w+\ [\d.]+\)\  | [^\s:"]{1,200}:\d+(?::in\ |\ \(0x) | [│╭] | Current\ thread | -+>\ \d)
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_QUOTE = re.compile(r'(?<!\\)"')
_OPEN_FIELD = re.compile(r'(?:^"[^"]+|,"[^"]*)$')
_ESCAPE_SHOWN = ("\\x1b[", "\\u001b[", "\\u001B[", "\\033[", "\\e[", "#033[")  # a terminal's colours, as text
_SHOWN_COLOUR = re.compile(r"(?:\\x1b|\\u001[bB]|\\033|\\e|#033)\[[\d;]{0,20}m")
_MEMBER = re.compile(r'\s*(?:"(?P<name>[\w@. -]{1,40})"\s*:\s*)?(?P<text>"(?:[^"\\]|\\.)*"),?\s*$')
_OPENS_LIST = re.compile(r'.{0,2000}?(?:"(?P<name>[\w@. -]{1,40})"\s*:\s*)?\[\s*$')
_CLOSES_LIST = re.compile(r"\s*\],?\s*$")
_LINE_MEMBERS = frozenset(
    ("message", "msg", "log", "MESSAGE", "textPayload", "@message", "text", "line", "body", "content", "_raw")
)
_STACK_LISTS = frozenset(
    ("stack", "stackTrace", "stack_trace", "stacktrace", "trace", "traceback", "exception", "lines")
)
_ENTITY = re.compile(r"&(?:quot|#39|#x27|lt|gt);")
_BREAK = re.compile(r"<br ?/?>")
_LONGEST_MEMBER = 100_000
_LONGEST_HEADING = 200
_MOST_ENDS, _MOST_OUTER = 12, 4  # of words, at which what many lines share may end; and so many are tried

TIME = re.compile(
    r"""(?: (?:[A-Z][a-z]{2},?\ +)? [A-Z][a-z]{2}\ +\d{1,2}\ +(?=\d{1,2}:)        # Nov 28
        | \d{1,4}[-/.](?:\d{1,2}|[A-Z][a-z]{2})[-/.]\d{1,4} [T:,\ ]*           # 2026-11-28, 28/Nov/2026
        )? \d{1,2}:\d\d(?::\d\d)?(?:[.,:]\d{1,9})?(?:\ ?(?:[AP]M|Z|UTC|[+-]\d\d:?\d\d))?
      | \d{4}[-/.]\d\d[-/.]\d\d | \d{1,2}/[A-Z][a-z]{2}/\d{4} | \d{8}T\d{6}Z?
      | \d{9,}(?:\.\d+)? | \d+\.\d{3,}""",
    re.VERBOSE,
)
_RUNS = re.compile(r"\d+|\s+|[A-Za-z]+|[^\w\s]+|\w")


class Unfolding:
    """Takes lines out of what carries them. It remembers whether it is within a list that stands on several lines."""

    def __init__(self) -> None:
        self._list: str | None = None
        self._named: dict[str, str] = {}  # what a record over several lines has said of its failure
        self._has_header = False

    def lines(self, number: int, raw: str) -> Iterator[Line]:
        """The lines that this line of the log holds: one for most, itself."""
        for text in returned(raw):
            yield from self._of_one(number, text)

    def _of_one(self, number: int, raw: str) -> Iterable[Line]:
        if not any(escape in raw for escape in _ESCAPE_SHOWN):
            return self._unfolded(number, raw)
        found = self._unfolded(number, _SHOWN_COLOUR.sub("", raw))
        return [line._replace(raw=line.raw and raw) for line in found]

    def _unfolded(self, number: int, raw: str) -> Iterable[Line]:
        if ('"' in raw or self._list is not None) and (found := self._json(number, raw)) is not None:
            return found
        if "\\n" in raw and _ESCAPED.search(raw):
            return _record(number, raw, (stack_of(pairs_in(raw)) if '="' in raw else None) or _unescaped(raw))
        if "#012" in raw:
            return _record(number, raw, raw.replace("#012", "\n").replace("#011", "\t"))
        if "&" in raw and '"' not in raw and "<" not in raw and _ENTITY.search(raw):
            return _record(number, raw, _BREAK.sub("\n", html.unescape(raw)))
        return (Line(number, raw, raw),)

    def _json(self, number: int, raw: str) -> Iterable[Line] | None:
        head, record = record_in(raw)
        if record is not None:
            return _of_record(number, raw, record, head)
        if len(raw) > _LONGEST_MEMBER:
            return None
        if opens := _OPENS_LIST.match(raw) if raw.rstrip().endswith("[") else None:
            self._list, self._has_header = opens["name"] or "", False
            return None
        if self._list is not None and _CLOSES_LIST.match(raw):
            return self._close_list(number, raw)
        return self._member(number, raw)

    def _close_list(self, number: int, raw: str) -> Iterable[Line] | None:
        """Where a list of Python's calls ends, what was raised is known from the members before it."""
        writer, self._list = f"json {self._list}", None
        if not self._has_header:
            return None
        head = ": ".join(filter(None, (self._named.get("errorType"), self._named.get("errorMessage"))))
        return (Line(number, head, raw, writer=writer),)

    def _member(self, number: int, raw: str) -> Iterable[Line] | None:
        """A line of a record that was printed over several lines."""
        found = _MEMBER.match(raw)
        if found is None:
            return None
        name = found["name"]
        if name is None and self._list not in _STACK_LISTS:
            return None
        text = str(json.loads(found["text"], strict=False)) if _is_json(found["text"]) else None
        if text is not None and name in ("errorType", "errorMessage"):
            self._named[name] = text
        if text is None or (name is not None and name not in _LINE_MEMBERS and "\n" not in text):
            return None
        if name is None and text.lstrip().startswith('File "') and "errorType" in self._named:
            return self._calls(number, raw, text)
        if "\n" in text.strip("\n"):
            return _record(number, raw, text)
        return (Line(number, text.strip("\n"), raw, writer=f"json {name or self._list}"),)

    def _calls(self, number: int, raw: str, text: str) -> Iterable[Line]:
        """One of Python's calls in a list, as AWS Lambda answers with: its lines, and the header before the first."""
        lines = text.rstrip("\n").split("\n")
        if not self._has_header:
            lines.insert(0, "Traceback (most recent call last):")
        self._has_header = True
        writer = f"json {self._list}"
        return [Line(number, line, None if at else raw, writer=writer) for at, line in enumerate(lines)]


def as_carried(marks: Iterable[str]) -> list[str]:
    """The marks of reports, also as they look within a string of JSON, in syslog and in HTML."""
    forms = set(RECORD_MARKS)
    for mark in marks:
        in_string = mark.replace('"', '\\"').replace("\t", "\\t").replace("\n", "\\n")
        forms |= {mark, in_string, html.escape(mark)}
        forms.add(mark.replace("\t", "#011").replace("\n", "#012"))
    return sorted(forms)


def opens_field(above: Sequence[Line]) -> bool:
    """Whether a field of a CSV file was begun on one of these lines, and not ended."""
    for line in reversed(above):
        if '"' not in line.text:
            continue
        text = line.text.replace('""', "")
        if text.count('"') % 2:
            return _OPEN_FIELD.search(text) is not None
    return False


def view_by_vote(
    prefix: str,
    votes: Callable[[Strip], int],
    near: Callable[[Strip], bool],
    below: Callable[[Strip], bool],
    *,
    in_field: bool = False,
) -> Strip:
    """How the lines around a report are to be read, where `prefix` stands before it on the line where it was noticed.

    `votes(strip)` counts the lines around that, read so, can only be from within a report; the most win. Where none
    can, `near(strip)` says whether a line just beside looks alike, `below(strip)` whether one just below does.
    `in_field`: of a CSV file.
    """
    if not prefix.strip():
        plain = _outdented(len(prefix))
        return _quoted if in_field else plain
    same, numbered, after = _alike(prefix, any_number=False), _alike(prefix, any_number=True), _after(prefix)
    counts = {strip: votes(strip) for strip in (same, numbered, _bare, _quoted)}
    most = max(counts.values())
    if not most:
        outer = _outer(prefix, votes, below)
        return outer or (same if near(same) else after(_bare))
    if counts[same]:
        counts[numbered] = 0  # several that differ by a number share the log
    chosen = max(counts, key=lambda strip: counts[strip])
    return after(chosen) if chosen in (_quoted, _bare) else chosen


def _outer(prefix: str, votes: Callable[[Strip], int], below: Callable[[Strip], bool]) -> Strip | None:
    """What lines below share with the beginning of `prefix`, the rest of which only this line has."""
    ends = [blanks.end() for blanks in re.finditer(r"\s+[\"']?", prefix) if blanks.end() < len(prefix)][:_MOST_ENDS]
    alike = ((_alike(prefix[:end], any_number=False), _quote_of(prefix[:end])) for end in reversed(ends))
    shared = islice((each for each in alike if below(each[0])), _MOST_OUTER)
    chosen, quote = next((each for each in shared if votes(each[0])), (None, ""))
    if chosen is None:
        return None
    return lambda line: line.text[len(prefix) :].removesuffix(quote) if line.text.startswith(prefix) else chosen(line)


def without_headings(strip: Strip, above: Sequence[Line], below: Sequence[Line]) -> Strip:
    """Some tools tell when and who on a line of its own, before each line: what stands above the report comes again
    just below its first line, but for the time."""
    heading = above[-1].text if above and below else ""
    if len(heading) > _LONGEST_HEADING or not TIME.search(heading):
        return strip
    shape = re.compile(_shape(heading, any_number=False))
    if not shape.fullmatch(below[0].text):
        return strip
    return lambda line: None if shape.fullmatch(line.text) else strip(line)


def _of_record(number: int, raw: str, record: Any, head: str, *, within: str = "") -> Sequence[Line]:
    stack = stack_of(record)
    writer = f"json {within}{head.strip()} {writer_of(record)}" if record else ""
    if stack is not None:
        return _record(number, raw, stack)
    lines = line_of(record)
    if not lines:
        return (Line(number, raw, raw),)
    found: list[Line] = []
    for text in lines:
        before, inner = record_in(text.strip("\n")) if "{" in text and not within else ("", None)
        if isinstance(inner, dict) and (
            stack_of(inner) or line_of(inner)
        ):  # what a container writes in JSON, its log keeps within JSON
            told = _of_record(number, raw, inner, before, within=f"{writer} ")
            found += told if not found else [line._replace(raw=None) for line in told]
        elif "\n" in text.strip("\n"):
            found += _record(number, raw, text, first=not found)
        else:
            found.append(Line(number, text.rstrip("\n"), raw if not found else None, writer=writer))
    return found


def _record(number: int, raw: str, text: str, *, first: bool = True) -> list[Line]:
    """The lines of one text that one line of the log holds: no report in it goes on beyond it."""
    texts = [piece for line in text.rstrip().split("\n") for piece in returned(line)]
    if len(texts) == 1:
        return [Line(number, texts[0], raw if first else None)]
    last = len(texts) - 1
    return [
        Line(number, text, raw if first and not at else None, ends=at == last, inside=True)
        for at, text in enumerate(texts)
    ]


def _is_json(text: str) -> bool:
    try:
        json.loads(text, strict=False)
    except ValueError:
        return False
    return True


def _unescaped(line: str) -> str:
    """The line with its escapes undone; where the report stands in a string, only that string."""
    found = _ESCAPED.search(line)
    at = found.start() if found else 0
    if at and line[at - 1] == "'" and found and found[0].startswith("Traceback"):  # what `repr` made of a text
        line = line[: at - 1] + line[at - 1 :].rstrip().removesuffix("'").removesuffix("\\n")
    before = [quote.start() for quote in _QUOTE.finditer(line, 0, at)]
    if len(before) % 2:
        line = _QUOTE.split(line[before[-1] + 1 :], maxsplit=1)[0]
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[1]), line)


def _outdented(width: int) -> Strip:
    def strip(line: Line) -> str:
        text = line.text
        blanks = len(text) - len(text.lstrip(" \t"))
        return text[min(blanks, width) :]

    return strip if width else _bare


def _bare(line: Line) -> str | None:
    return line.text


def _quoted(line: Line) -> str | None:
    """A line of a field of a CSV file: quotes in it are doubled, and a single one ends it, or begins it."""
    text = line.text.replace('""', "\0")
    begun = _OPEN_FIELD.search(text) if text.count('"') % 2 else None
    text = text.rpartition('"')[2] if begun else text.partition('"')[0]
    return text.replace("\0", '"')


def _after(prefix: str) -> Callable[[Strip], Strip]:
    """Only one line has the prefix; those around have none."""

    def first(strip: Strip) -> Strip:
        def stripped(line: Line) -> str | None:
            if line.text.startswith(prefix):
                return strip(Line(line.number, line.text[len(prefix) :], line.raw))
            return strip(line)

        return stripped

    return first


def _alike(prefix: str, *, any_number: bool) -> Strip:
    """Lines that begin as this one does, but for the time; and for any number."""
    shape = re.compile(_shape(prefix, any_number=any_number))
    quote = _quote_of(prefix)

    def strip(line: Line) -> str | None:
        text = line.text
        if not text or text.isspace():
            return ""
        found = shape.match(text)
        return text[found.end() :].removesuffix(quote) if found else None

    return strip


def _quote_of(prefix: str) -> str:
    """The quote that ends each line, where one begins it: `child 7 said: "…"`."""
    return prefix[-1:] if prefix[-2:] in (' "', " '") else ""


def _shape(prefix: str, *, any_number: bool) -> str:
    pieces, at = [], 0
    for time in TIME.finditer(prefix):
        pieces.append(_fixed(prefix[at : time.start()], any_number=any_number))
        pieces.append(_changing(time[0]))
        at = time.end()
    rest = prefix[at:].rstrip()
    blanks = len(prefix) - len(prefix.rstrip())
    return "".join((*pieces, _fixed(rest, any_number=any_number), rf"[ \t]{{0,{blanks}}}"))


def _fixed(text: str, *, any_number: bool) -> str:
    return "".join(_run(run, any_number=any_number) for run in _RUNS.findall(text))


def _run(run: str, *, any_number: bool) -> str:
    if run.isspace():
        return r"[ \t]+"
    return r"\d+" if any_number and run.isdigit() else re.escape(run)


def _changing(time: str) -> str:
    return "".join(
        r"[ \t]*\d+"
        if run.isdigit()
        else r"[ \t]*"
        if run.isspace()
        else r"[A-Za-z]+"
        if run.isalpha()
        else re.escape(run)
        for run in _RUNS.findall(time)
    )
