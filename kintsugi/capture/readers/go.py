"""Go's panics and fatal errors, also those that net/http, gin and chi recover from; errors logged with their stack."""

from __future__ import annotations

from kintsugi.capture.records import record_in
from kintsugi.capture.report import Found, Lines
from kintsugi.capture.wrappers import TIME
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_GOROUTINE = re.compile(r"goroutine \d{1,12} (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[[^\]]{1,200}\]:\s*$")
_PANIC = re.compile(
    r".*?(?:\bhttp2?: panic serving \S+: |\b(?P<kind>panic|fatal error): |\[PANIC RECOVER\] |(?i:panic recovered: ?))"
    r"(?P<message>.*?)(?: \[recovered[^\]]*\])*\s*$"
)
_CALL = re.compile(r"(?P<function>[^\s(]\S*?)(?:\((?:[^()]|\([^()]*\))*\))?(?: in goroutine \d+)?\s*$")
_PLACE = re.compile(
    r"\s*(?P<path>(?:/|[A-Za-z]:[\\/]|[\w.-]+/)[^\t]*?\.\w+):(?P<line>\d{1,9})(?: \+0x[0-9a-f]+)?(?: fp=.*)?\s*$"
)
_GIN = re.compile(r"(?P<path>(?:/|[A-Za-z]:[\\/])\S*\.go):(?P<line>\d{1,9}) \(0x[0-9a-f]+\)\s*$")
_GIN_CALL = re.compile(r"\s*(?P<function>[^\s:]{1,300}): (?P<code>.*)$")
# The place of a call whose goroutine is not told: of `%+v` of an error, of zap; chi marks where it failed by an arrow.
_BARE = re.compile(
    r"(?:\s?->[ \t]{2,}|\t| {4,})(?P<path>[^\s:\"'()]{0,500}\.go|[A-Za-z]:[^\s:]+\.go):(?P<line>\d{1,9})\s*$"
)
_BARE_CALL = re.compile(
    r"\s{0,8}(?:-> )?(?P<function>[\w./*()\[\]{}@~$-]*\.[\w.*()\[\]$-]*[\w)\]]|\w+(?=\(\)))(?:\(\))?\s*$"
)
_LEVELS = "TRACE|DEBUG|INFO|WARN(?:ING)?|ERROR|DPANIC|PANIC|FATAL"
_LEVEL = re.compile(rf"(?:{_LEVELS})$", re.IGNORECASE)
# Where a logger writes none: after the time, shortened by some; klog's is a letter. A word of the message is none.
_HEAD = re.compile(
    rf"[\s\]|-]*(?:\S+ \S+\[\d+\]: )?(?:\[?(?P<level>{_LEVELS}|TRC|DBG|DEBU|INF|WRN|ERRO?)(?=[\s\]\[:|])"
    r"(?:\[\d+\]|[\]:|])*"
    r"|\[?(?P<lower>(?:trace|debug|info|warn(?:ing)?|error)(?=[\]:|]))[\]:|]+|.{0,80}\b(?:level|lvl)=\"?(?P<pair>\w+)"
    r"|(?P<letter>[IWEF])\d{4} [\d:.]+ +\d+ [^\s\]]+\])\s*"
)
_COLUMN = re.compile(r"\t| {2,}")
_WHERE_LOGGED = re.compile(r"[\w./-]+\.go:\d+$")
_PANICS_FILE = re.compile(r"/src/runtime/(?:panic|signal_\w+)\.go$")
_LOOK_BACK = 14  # lines above a stack that may tell of the panic
_LONGEST = 4_000
_MOST_FRAMES = 500
_QUIET = frozenset(("TRACE", "DEBUG", "INFO", "WARN", "WARNING", "TRC", "DBG", "DEBU", "INF", "WRN", "I", "W"))
_FIRST = frozenset(("runtime.goexit", "runtime.main"))
_OWN_FRAMES = _FIRST | {"panic", "runtime.gopanic", "gopanic"}


class Go:
    name = "Go"
    reads = (
        "panics and fatal errors, also as net/http, gin and chi recover from them; the goroutine that failed; "
        "errors logged with a stack, as zap does"
    )
    marks = ("goroutine ", ".go:")

    def begins(self, text: str) -> int | None:
        if len(text) > _LONGEST:
            return None
        if "[PANIC RECOVER] " in text and _GOROUTINE.search(text):
            return text.index("[PANIC RECOVER] ")
        if ".go:" in text and (bare := _BARE.search(text)):
            return bare.start()
        found = _GOROUTINE.search(text) if "goroutine " in text else _GIN.search(text) if "(0x" in text else None
        return found.start() if found else None

    def inside(self, text: str) -> bool:
        return _PLACE.match(text[:_LONGEST]) is not None or _GIN.match(text[:_LONGEST]) is not None

    def read(self, lines: Lines) -> Found | None:
        line = lines[lines.at] or ""
        if line.startswith("[PANIC RECOVER] "):
            return _echo(lines, line)
        if _BARE.match(line):
            return _bare(lines)
        return _gin(lines) if _GIN.match(line) else _goroutine(lines)


def _goroutine(lines: Lines) -> Found | None:
    """The stack on this line and those below; one that no panic stands above tells of nothing that failed."""
    told = _panic_above(lines, lines.at)
    frames, end = _frames(lines, lines.at + 1)
    if told is None and any(frame.function in _OWN_FRAMES - _FIRST for frame in frames):
        told = _words_above(lines, lines.at) or (lines.at, "panic", "")  # they may stand in the record before
    if told is None:
        return Found(lines.at, end, None)
    first, kind, message = told
    raised = Raised(type=kind, message=message, frames=tuple(reversed(_since_panic(frames))))
    failure = Failure(language="go", chain=(raised,), complete=bool(frames))
    return Found(first, _other_goroutines(lines, end), failure)


def _panic_above(lines: Lines, at: int) -> tuple[int, str, str] | None:
    """The line that tells of the panic, its kind, and its message."""
    for position in range(at - 1, max(at - 1 - _LOOK_BACK, -1), -1):
        line = (lines[position] or "")[:_LONGEST]
        if found := _PANIC.match(line):
            more = [lines[k] or "" for k in range(position + 1, at)]
            said = [line.strip() for line in more if line.strip() and not line.startswith("[signal ")]
            return position, found["kind"] or "panic", "\n".join((found["message"], *said)).strip()
        if _GOROUTINE.search(line):
            break
    return None


def _words_above(lines: Lines, at: int) -> tuple[int, str, str] | None:
    """What a program that recovers says by itself, on the line above its stack."""
    above = next((k for k in range(at - 1, max(at - 3, -1), -1) if (lines[k] or "").strip()), None)
    return None if above is None else (above, "panic", (lines[above] or "").strip())


def _frames(lines: Lines, at: int) -> tuple[list[Frame], int]:
    """Calls and their places, two lines each, innermost first; and the line after them."""
    frames: list[Frame] = []
    while len(frames) < _MOST_FRAMES:
        function = _CALL.match((lines[at] or "").strip().removeprefix("created by ")[:_LONGEST])
        where = _PLACE.match((lines[at + 1] or "")[:_LONGEST]) if function else None
        if function is None or where is None:
            break
        frames.append(Frame(path=where["path"], line=int(where["line"]), function=function["function"]))
        at += 2
    return frames, at


def _since_panic(frames: list[Frame]) -> list[Frame]:
    """Without the calls of the panic itself, and of who recovered from it."""
    last = max(
        (at for at, frame in enumerate(frames) if _is_panics(frame) and frame.function not in _FIRST), default=-1
    )
    inner = frames[last + 1 :] if last + 1 < len(frames) else frames
    return [frame for frame in inner if not _is_panics(frame)]


def _is_panics(frame: Frame) -> bool:
    return frame.function in _OWN_FRAMES or _PANICS_FILE.search(frame.path) is not None


def _other_goroutines(lines: Lines, at: int) -> int:
    """The line after the stacks of the goroutines that did not panic."""
    end = at
    for _ in range(_MOST_FRAMES):
        if lines[at] != "" or not _GOROUTINE.match(lines[at + 1] or ""):
            break
        _, end = _frames(lines, at + 2)
        at = end
    return end


def _echo(lines: Lines, line: str) -> Found | None:
    """echo's log of a panic that it recovered from: the message stands before its stack, on the same line."""
    found = _GOROUTINE.search(line)
    frames, end = _frames(lines, lines.at + 1)
    message = line[len("[PANIC RECOVER] ") : found.start() if found else None].strip()
    raised = Raised(type="panic", message=message, frames=tuple(reversed(_since_panic(frames))))
    return Found(lines.at, end, Failure(language="go", chain=(raised,)))


def _bare(lines: Lines) -> Found | None:
    """A stack without its goroutine, below the words of the error or of the log call."""
    frames, end = _bare_frames(lines)
    if not frames:
        return None
    above = (k for k in range(lines.at - 2, max(lines.at - 2 - _LOOK_BACK, -1), -1) if (lines[k] or "").strip())
    first = next(above, None)
    line = (lines[first] or "")[:_LONGEST] if first is not None else ""
    level, said = _logged(line)
    told = _PANIC.match(line) if not line.endswith("}") else None
    panicked = told is not None or any(frame.function in _OWN_FRAMES - _FIRST for frame in frames)
    is_failure = level or panicked or lines.whole or any(frame.function.startswith("runtime.") for frame in frames)
    if first is None or (level in _QUIET and not panicked) or not is_failure:  # others list calls too, as profilers do
        return Found(lines.at - 1, end, None)
    message = told["message"].strip() if told else said
    ordered = tuple(reversed(_since_panic(frames)))
    raised = Raised(type="panic" if panicked else "error", message=message, frames=ordered)
    return Found(first, end, Failure(language="go", chain=(raised,)))


def _bare_frames(lines: Lines) -> tuple[list[Frame], int]:
    frames: list[Frame] = []
    at = lines.at - 1
    while len(frames) < _MOST_FRAMES:
        at += lines[at] == "" and bool(frames)
        call = _BARE_CALL.match((lines[at] or "")[:_LONGEST])
        place = _BARE.match((lines[at + 1] or "")[:_LONGEST]) if call else None
        if call is None or place is None:
            break
        frames.append(Frame(path=place["path"], line=int(place["line"]), function=call["function"]))
        at += 2
    return frames, at


def _logged(line: str) -> tuple[str, str]:
    """The level of what a logger wrote above a stack, "" where none is told, and its words without time and level."""
    head, record = record_in(line)
    text = (head if record is not None else line).strip()
    columns = [column.strip() for column in _COLUMN.split(text)]
    at = next((at for at, column in enumerate(columns) if _LEVEL.match(column)), None)
    if at is None:
        level, text = _without_head(text)
        columns = [text]
    else:
        level, columns = columns[at].upper(), [one for one in columns[at + 1 :] if not _WHERE_LOGGED.match(one)]
    record = record if isinstance(record, dict) else {}
    said = [*filter(None, columns), *(record[name] for name in ("error", "err") if name in record)]
    return level, ": ".join(map(str, said)).strip()


def _without_head(line: str) -> tuple[str, str]:
    time = TIME.match(line, line.startswith("["))
    head = _HEAD.match(line, time.end() if time else 0)
    found = next(filter(None, head.group("level", "lower", "pair", "letter")), "") if head else ""
    return found.upper(), line[head.end() :] if head and not head["pair"] else line


def _gin(lines: Lines) -> Found | None:
    """gin's log of a panic that it recovered from: places first, with what is called there below each."""
    heads = [k for k in range(lines.at - 1, max(lines.at - 41, -1), -1) if "panic recovered" in (lines[k] or "")]
    if not heads:
        return None
    said = [text for k in range(heads[0] + 1, lines.at) if (text := (lines[k] or "").strip())]
    frames: list[Frame] = []
    at = lines.at
    while len(frames) < _MOST_FRAMES and (place := _GIN.match((lines[at] or "")[:_LONGEST])):
        call = _GIN_CALL.match((lines[at + 1] or "")[:_LONGEST])
        function, code = (call["function"], call["code"].strip()) if call else ("", "")
        frames.append(Frame(path=place["path"], line=int(place["line"]), function=function, code=code))
        at += 2 if call else 1
    raised = Raised(type="panic", message=said[-1] if said else "", frames=tuple(reversed(_since_panic(frames))))
    return Found(heads[0], at, Failure(language="go", chain=(raised,)))
