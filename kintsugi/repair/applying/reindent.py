"""Carrying added lines from the reply's indentation into the file's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

from kintsugi.repair.applying.text import Text

_STEP = "    "
_SAME_SHARE = 0.75  # of the lines stand as the reply has them: then so do the added ones
_ODD_SHARE = 0.1  # of the lines may stand whole steps elsewhere, as a fix sets lines in or out
_IN_STEP_SHARE = 0.8  # of a file's lines stand whole steps in: then these are its steps
_STRAY_SHARE = 0.2  # of lines in tabs may be set in otherwise: there, no two indentations can have become one


@dataclass(frozen=True, slots=True)
class Reindent:
    """From the reply's indentation to the file's. Made of the lines that both have."""

    known: Mapping[str, str]
    reply_unit: str
    file_unit: str

    def __call__(self, line: str) -> str:
        if not self.known or not line.strip():
            return line
        indent = indent_of(line)
        return self._carried(indent) + line[len(indent) :]

    def _carried(self, indent: str) -> str:
        if indent in self.known:
            return self.known[indent]
        below = [one for one in self.known if len(one) < len(indent) and indent.startswith(one)]
        if below:
            base = max(below, key=len)
            return self.known[base] + _converted(indent[len(base) :], self.reply_unit, self.file_unit)
        base = min(self.known, key=len)
        missing = len(_converted(base[len(indent) :], self.reply_unit, self.file_unit))
        return self.known[base][: max(len(self.known[base]) - missing, 0)]


AS_IT_IS = Reindent({}, _STEP, _STEP)


def reindent(pairs: Iterable[tuple[str, str]], reply: Sequence[str], text: Text) -> Reindent | None:
    """From (line of the reply, line of the file) that are the same but for indentation.

    None where they contradict each other: no one carrying-over explains all of them.
    """
    counted = Counter((indent_of(theirs), indent_of(ours)) for theirs, ours in pairs if theirs.strip())
    set_in = {pair: count for pair, count in counted.items() if any(pair)}
    same = sum(count for (theirs, ours), count in set_in.items() if theirs == ours)
    if not set_in and not text.minds_tabs:
        return AS_IT_IS
    file = text.lines
    tabs_for_blanks = not set_in and _has_tabs(reply) and bool(_unit(file)) and not _has_tabs(file)
    if same >= _SAME_SHARE * sum(set_in.values()) and not tabs_for_blanks:
        return AS_IT_IS
    known = dict(reversed([pair for pair, _ in counted.most_common()]))
    unexplained = sum(count for (theirs, ours), count in counted.items() if known[theirs] != ours)
    if unexplained > (_STRAY_SHARE if _unit(reply) == "\t" else 0) * counted.total() or not _is_in_step(known):
        return None
    if steps := _steps_alone(known, reply, file):
        return steps
    if _is_doubtful(known, reply):
        return None
    if _is_shift(known) and not _has_tabs(reply):
        return Reindent(known, _STEP, _STEP)
    unit, to = _unit(reply), _unit_of_file(file)
    return Reindent(known, unit or to or _STEP, to or unit or _STEP)


def for_all(carries: Sequence[Reindent], silent: Sequence[Sequence[str] | None]) -> list[Reindent]:
    """The same with what some changes of a reply tell of its steps, for those that are silent on them.

    `silent`: the lines of a change that quotes none that is set in, there or here; None for one that does.
    """
    told = {(one.reply_unit, one.file_unit) for one in carries if one.reply_unit != one.file_unit}
    as_they_are = any(one == AS_IT_IS and lines is None for one, lines in zip(carries, silent, strict=True))
    if len(told) != 1 or as_they_are:
        return list(carries)
    unit, to = told.pop()
    steps = Reindent({"": ""}, unit, to)
    return [
        steps if lines is not None and _unit(lines) == unit else one for one, lines in zip(carries, silent, strict=True)
    ]


def rounded(pairs: Sequence[tuple[int, int]], reply: Sequence[str], text: Text) -> list[str] | None:
    """The reply's lines in the file's steps, where its smaller ones left no room for what is aligned within a step.

    `pairs` are the numbers of lines (of the reply, of the file) that are the same but for indentation: these keep the
    file's own, unless they stand whole steps elsewhere. None where the steps do not explain nearly all of them, or a
    line of the reply alone stands between two steps.
    """
    if _has_tabs(reply) or _has_tabs(text.lines):
        return None
    widths = [(_width(reply[theirs]), _width(text.lines[ours])) for theirs, ours in pairs if reply[theirs].strip()]
    unit, to = _step(reply), _step(text.lines)
    off = sum(abs(theirs * to // unit - ours) >= to for theirs, ours in widths)
    if unit >= to or to % unit or off > _ODD_SHARE * len(widths):
        return None
    kept = dict(pairs)
    made = list[str]()
    for number, line in enumerate(reply):
        width = _width(line) * to // unit
        ours = text.lines[kept[number]] if number in kept else ""
        if number in kept and not line.strip():
            made.append(ours)
        elif ours.strip() and abs(width - _width(ours)) < to:
            made.append(indent_of(ours) + line.lstrip(" "))
        elif line.strip() and _width(line) % unit:
            return None
        else:
            made.append(" " * width + line.lstrip(" "))
    return made


def _step(lines: Sequence[str]) -> int:
    """The rise that is met most often."""
    steps = _rises(lines)
    return steps.most_common(1)[0][0] if steps else len(_STEP)


def _rises(lines: Sequence[str]) -> Counter[int]:
    """By how many blanks lines are set in further than the line above, and how often."""
    widths = [_width(line) for line in lines if line.strip()]
    return Counter(below - above for above, below in pairwise(widths) if below > above)


def _width(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _is_doubtful(known: Mapping[str, str], reply: Sequence[str]) -> bool:
    """Whether lines may as well stand further out as in smaller steps, and some line hangs on that."""
    (theirs, ours), *others = known.items()
    unknown = any(indent_of(line) not in known for line in reply if line.strip())
    return not others and 0 < len(theirs) < len(ours) and "\t" not in theirs + ours and unknown


def _steps_alone(known: Mapping[str, str], reply: Sequence[str], file: Sequence[str]) -> Reindent | None:
    """The reply's smaller steps, where these bring all its lines into the file's steps, and setting it in does not."""
    (theirs, ours), *others = known.items()
    if others or not 0 < len(theirs) < len(ours) or len(ours) % len(theirs) or _has_tabs(reply) or "\t" in ours:
        return None
    to = _step(file)
    unit, odd = divmod(to * len(theirs), len(ours))
    widths = {_width(line) for line in reply if line.strip()}
    if odd or set(_rises(reply)) != {unit} or any(width % unit for width in widths):
        return None
    set_in = len(ours) - len(theirs)
    return Reindent(known, " " * unit, " " * to) if any((width + set_in) % to for width in widths) else None


def _has_tabs(lines: Sequence[str]) -> bool:
    return any("\t" in indent_of(line) for line in lines)


def _is_shift(known: Mapping[str, str]) -> bool:
    """Whether all lines stand the same number of blanks further in or out."""
    plain = not any("\t" in indent for pair in known.items() for indent in pair)
    return plain and len({len(ours) - len(theirs) for theirs, ours in known.items()}) == 1


def indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip(" \t"))]


def _is_in_step(known: Mapping[str, str]) -> bool:
    """Whether what is deeper in the reply is deeper in the file."""
    ordered = sorted(known.items(), key=lambda pair: len(pair[0].expandtabs(8)))
    widths = [len(ours.expandtabs(8)) for _, ours in ordered]
    return all(shallow < deep for shallow, deep in pairwise(widths))


def _unit(lines: Sequence[str]) -> str:
    """One step of indentation; empty where nothing is indented."""
    indents = [indent for line in lines if line.strip() and (indent := indent_of(line))]
    if not indents:
        return ""
    if sum("\t" in indent for indent in indents) * 2 > len(indents):
        return "\t"
    widths = {len(indent) for indent in indents if "\t" not in indent}
    step = gcd(*widths, *(b - a for a, b in pairwise(sorted(widths))))
    return " " * step if step > 1 else _STEP


def _unit_of_file(lines: Sequence[str]) -> str:
    """The same, by what nearly all of its lines do: some may be aligned with what stands above."""
    unit, step = _unit(lines), _step(lines)
    widths = [_width(line) for line in lines if line.strip() and line[0] == " "]
    in_step = sum(width % step == 0 for width in widths) >= _IN_STEP_SHARE * len(widths)
    return " " * step if unit.strip("\t") and in_step else unit


def _converted(indent: str, unit: str, to: str) -> str:
    steps, rest = divmod(len(indent), len(unit))
    return indent if indent != unit * steps + indent[len(unit) * steps :] else to * steps + " " * rest
