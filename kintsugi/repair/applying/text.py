"""A file's bytes as lines and back, so that every line that is not changed keeps its bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

from kintsugi.repair.applying.changes import Refused

BOM = "\ufeff"


@dataclass(frozen=True)
class Text:
    """A text file. `lines` have no endings; `endings` has one for each line, the last perhaps empty.

    `minds_tabs`: tabs and blanks cannot be mixed in it, as in Python. `hidden`: of lines that are here as they are
    shown, with a mask, what they really are.
    """

    lines: tuple[str, ...]
    endings: tuple[str, ...]
    encoding: str = "utf-8"
    minds_tabs: bool = False
    hidden: Mapping[int, str] = field(default_factory=dict)

    @cached_property
    def _keyed(self) -> dict[str, Sequence[str]]:
        return {}

    def keyed(self, name: str, key: Callable[[str], str]) -> Sequence[str]:
        """The lines as `key` sees them, worked out once for each name."""
        if name not in self._keyed:
            self._keyed[name] = list(map(key, self.lines))
        return self._keyed[name]

    @cached_property
    def known(self) -> frozenset[str]:
        return frozenset(self.lines)

    @cached_property
    def usual_ending(self) -> str:
        counted = Counter(filter(None, self.endings))
        return counted.most_common(1)[0][0] if counted else "\n"

    @cached_property
    def has_mixed_endings(self) -> bool:
        return len(set(filter(None, self.endings))) > 1

    @cached_property
    def string(self) -> str:
        """The lines with LF. Only the last may lack it."""
        return "\n".join(self.lines) + ("\n" if self.endings and self.endings[-1] else "")

    def real(self, start: int, end: int) -> list[str]:
        """The lines from `start` to `end` as they really are."""
        return [self.hidden.get(at, self.lines[at]) for at in range(start, end)]

    @property
    def ends_with_newline(self) -> bool:
        return not self.endings or bool(self.endings[-1])


def read_text(content: bytes, path: str) -> Text:
    """Raises Refused for what is not text."""
    if b"\0" in content:
        raise Refused(f"{path} is binary. Only text can be patched.")
    try:
        string, encoding = content.decode(), "utf-8"
    except UnicodeDecodeError:
        string, encoding = content.decode("latin-1"), "latin-1"
    pieces = string.split("\n")
    tail = [] if pieces[-1] == "" else [pieces[-1]]
    whole = pieces[:-1]
    lines, endings = whole + tail, ["\n"] * len(whole) + [""] * len(tail)
    if "\r" in string:
        lines = [*(line[:-1] if line.endswith("\r") else line for line in whole), *tail]
        endings = [*("\r\n" if line.endswith("\r") else "\n" for line in whole), *("" for _ in tail)]
    return Text(tuple(lines), tuple(endings), encoding, minds_tabs=path.endswith((".py", ".pyi")))


def to_bytes(lines: Sequence[str], endings: Sequence[str], encoding: str, path: str) -> bytes:
    string = "".join(chain.from_iterable(zip(lines, endings, strict=True)))
    try:
        return string.encode(encoding)
    except UnicodeEncodeError as error:
        raise Refused(f"{path}: {string[error.start]!r} cannot be written in the file's {encoding}.") from error
