"""The lines that differ between two files, fast for large ones whose changes lie far apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

_MOST_PAIRS = 4_000  # of equal lines: difflib looks at each of them for each run that it finds
_LONG = 4_000  # lines: then difflib leaves out the most common ones


def differing_lines(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    """(lines only in the old, lines only in the new).

    As difflib does it, the longest common run divides the rest; but only runs are looked at that have a line which
    both have once, which takes one pass. Where there is none, difflib has to do; where the same lines come so often
    that it would take minutes, they are only counted, and what moved is no difference.
    """
    gone: list[str] = []
    come: list[str] = []
    parts = [(old, new)]  # the next one last
    while parts:
        before, after = parts.pop()
        is_short = before and after and len(before) + len(after) <= _LONG
        at, to, length = _longest_run(before, after) if is_short else (0, 0, 0)
        if length:
            parts += [(before[at + length :], after[to + length :]), (before[:at], after[:to])]
            continue
        less, more = _apart(before, after) if before and after else (before, after)
        gone += less
        come += more
    return gone, come


def _apart(old: Sequence[str], new: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    counts = Counter(old), Counter(new)
    pairs = sum(count * counts[1][line] for line, count in counts[0].items())
    if pairs <= _MOST_PAIRS:
        return _by_difflib(old, new)
    return _more_often(old, counts[1]), _more_often(new, counts[0])


def _more_often(lines: Sequence[str], elsewhere: Counter[str]) -> list[str]:
    """The lines that stand here more often than there."""
    left = Counter(elsewhere)
    found = []
    for line in lines:
        left[line] -= 1
        if left[line] < 0:
            found.append(line)
    return found


def _longest_run(old: Sequence[str], new: Sequence[str]) -> tuple[int, int, int]:
    """Where it begins in both and how many lines it has; no lines where there is none."""
    counts = Counter(old), Counter(new)
    place = {line: number for number, line in enumerate(new) if counts[1][line] == 1 == counts[0].get(line)}
    best, done = (0, 0, 0), 0
    for number, line in enumerate(old):
        if number < done or line not in place:
            continue
        at, to = number, place[line]
        while at and to and old[at - 1] == new[to - 1]:
            at, to = at - 1, to - 1
        done = number + 1
        while done < len(old) and to + done - at < len(new) and old[done] == new[to + done - at]:
            done += 1
        if done - at > best[2]:
            best = (at, to, done - at)
    return best


def _by_difflib(old: Sequence[str], new: Sequence[str]) -> tuple[list[str], list[str]]:
    codes = SequenceMatcher(None, old, new, autojunk=len(old) + len(new) > _LONG).get_opcodes()
    gone = [line for tag, start, end, _, _ in codes if tag != "equal" for line in old[start:end]]
    come = [line for tag, _, _, start, end in codes if tag != "equal" for line in new[start:end]]
    return gone, come
