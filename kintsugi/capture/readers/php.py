"""PHP's uncaught exceptions and fatal errors, and those that Laravel and Symfony log."""

from __future__ import annotations

from kintsugi.capture.readers.at_lines import chained
from kintsugi.capture.report import Found, Lines
from kintsugi.telemetry import lazy_re as re
from kintsugi.workflow.payload import Failure, Frame, Raised

_UNCAUGHT = re.compile(r"(?:PHP )?(?:Fatal error|fatal error):\s+Uncaught (?:exception ')?(?P<said>.*)$")
_FATAL = re.compile(
    r"(?:PHP )?(?P<type>Fatal error|Parse error|Recoverable fatal error):\s+(?P<message>.*?)"
    r" in (?P<path>\S(?:(?! in ).)*?) on line (?P<line>\d{1,9})"
)
_LOGGED = re.compile(
    r"\(?(?P<type>[A-Za-z_][\w\\]*)\(code: [^)]{0,40}\): (?P<message>.*)"
    r" at (?P<path>\S(?:(?! at ).)*?):(?P<line>\d{1,9})\)"
)
_PREVIOUS = re.compile(r"\[previous exception\] \[object\] ")
_SYMFONY = re.compile(
    r'Uncaught PHP Exception (?P<type>[A-Za-z_][\w\\]*): "(?P<message>.*)"'
    r" at (?P<path>\S(?:(?! at ).)*?) line (?P<line>\d{1,9})"
)
_SAID = re.compile(
    r"(?P<type>[A-Za-z_][\w\\]*)(?:: (?P<message>.*))? in (?P<path>\S[^\n]*?):(?P<line>\d{1,9})\s*$", re.DOTALL
)
_NEXT = re.compile(r"Next (?P<said>[A-Za-z_][\w\\]*.*)$")
_CALL = re.compile(
    r"#\d{1,5} (?:(?P<path>\S[^\n]*?)\((?P<line>\d{1,9})\)|\[internal function\]): "
    r"(?P<function>[^\s(][^(\n]{0,300})\(?.*$"
)
_MAIN = re.compile(r"#\d{1,5} \{main\}")
_THROWN = re.compile(r"\s*thrown in \S.*? on line \d+")
_STACKS = ("Stack trace:", "[stacktrace]", "[previous exception]")
_ESCAPE = re.compile(r'\\(["\\/])')
_MESSAGE_LINES = 20
_LONGEST = 20_000
_MOST = 2_000


class Php:
    name = "PHP"
    reads = "uncaught exceptions with `Next`, fatal and parse errors, Laravel's and Symfony's logs"
    marks = ("atal error: ", "Parse error: ", "(code: ", "Uncaught PHP Exception ")

    def begins(self, text: str) -> int | None:
        text = text[:_LONGEST]
        for shape in (_UNCAUGHT, _SYMFONY, _FATAL):
            if found := shape.search(text):
                return found.start()
        return found.start() if "(code: " in text and (found := _LOGGED.search(text)) else None

    def inside(self, text: str) -> bool:
        return text.startswith(_STACKS) or (text.startswith("#") and _CALL.match(text[:_LONGEST]) is not None)

    def read(self, lines: Lines) -> Found | None:
        line = (lines[lines.at] or "")[:_LONGEST]
        if found := _UNCAUGHT.match(line):
            return _uncaught(lines, found["said"])
        if found := _LOGGED.match(line):
            return _logged(lines, found)
        if found := _SYMFONY.match(line) or _FATAL.match(line):
            raised, end = _with_calls(lines, lines.at + 1, _named(found))
            return Found(lines.at, end, Failure(language="php", chain=(raised,)))
        return None


def _logged(lines: Lines, found: re.Match[str]) -> Found:
    """As Monolog writes it, within a string of JSON: the exception, and below it each that it came of."""
    raised, end = _with_calls(lines, lines.at + 1, _named(found))
    told = [_out_of_json(raised)]
    while True:
        at = end + (lines[end] == "")
        before = _PREVIOUS.match(lines[at] or "")
        found_before = _LOGGED.match((lines[at] or "")[before.end() : _LONGEST]) if before else None
        if found_before is None:
            return Found(lines.at, end, Failure(language="php", chain=chained(told[::-1])))
        raised, end = _with_calls(lines, at + 1, _named(found_before))
        told.append(_out_of_json(raised))


def _out_of_json(raised: Raised) -> Raised:
    frames = [
        frame.model_copy(update={"path": _plain(frame.path), "function": _plain(frame.function)})
        for frame in raised.frames
    ]
    return raised.model_copy(
        update={"type": _plain(raised.type), "message": _plain(raised.message), "frames": tuple(frames)}
    )


def _plain(text: str) -> str:
    """Without the escapes of JSON, where there are any; its line ends are gone already."""
    return _ESCAPE.sub(r"\1", text) if "\\\\" in text or '\\"' in text else text


def _uncaught(lines: Lines, said: str) -> Found | None:
    """The exception with its stack, and those that came of it: each says `Next`."""
    chain: list[Raised] = []
    at = lines.at
    while True:
        raised, end = _told(lines, at, said)
        if raised is None:
            break
        chain = [*(one.model_copy(update={"link": "cause"}) for one in chain), raised]
        at = end + (lines[end] == "")
        found = _NEXT.match((lines[at] or "")[:_LONGEST])
        if found is None:
            end += 1 if _THROWN.match((lines[end] or "")[:_LONGEST]) else 0
            return Found(lines.at, end, Failure(language="php", chain=tuple(chain)))
        said = found["said"]
    return None if not chain else Found(lines.at, at, Failure(language="php", chain=tuple(chain)))


def _told(lines: Lines, at: int, said: str) -> tuple[Raised | None, int]:
    """The exception whose first line this is: its message may have more."""
    for more in range(_MESSAGE_LINES):
        if found := _SAID.match(said):
            return _with_calls(lines, at + more + 1, _named(found))
        line = lines[at + more + 1]
        if line is None:
            break
        said = f"{said}\n{line}"[:_LONGEST]
    return None, at + 1


def _with_calls(lines: Lines, at: int, raised: Raised) -> tuple[Raised, int]:
    """With the calls of the stack that begins on this line, if one does; and the line after it."""
    if (lines[at] or "").strip().removeprefix('"') not in _STACKS:
        return raised, at
    calls: list[tuple[str, int, str]] = []
    for position in range(at + 1, at + 1 + _MOST):
        line = (lines[position] or "")[:_LONGEST]
        found = _CALL.match(line)
        if found is None:
            at = position + 1 if _MAIN.match(line) else position
            break
        calls.append((found["path"] or "", int(found["line"] or 0), found["function"]))
    functions = [function for _, _, function in calls] + [""]
    places = [(frame.path, frame.line) for frame in raised.frames] + [(path, line) for path, line, _ in calls]
    frames = [
        Frame(path=path, line=line, function=function)
        for (path, line), function in zip(places, functions, strict=False)
    ]
    return raised.model_copy(update={"frames": tuple(frame for frame in reversed(frames) if frame.path)}), at


def _named(found: re.Match[str]) -> Raised:
    frame = Frame(path=found["path"], line=int(found["line"]))
    return Raised(type=found["type"], message=(found["message"] or "").strip(), frames=(frame,))
