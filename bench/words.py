"""How well the code is found by the words of a report, where no traceback tells.

`python -m bench.words cases --out CASES REPOSITORY…` looks in the histories of cloned repositories for small fixes
whose subject speaks of a wrong result, and keeps each subject with the functions that it changed.
`python -m bench.words measure CASES` says in how many of them the context holds the function, and its file.
`python -m bench.words look CASES` has a scripted searcher look for the function with the model's tools, within their
bounds, where the context does not hold it. It knows the report alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.context import LinesByPath, fix_lines, git
from kintsugi.integrations.git import Git
from kintsugi.integrations.look_tools import LookTools
from kintsugi.integrations.model.looking import Found, LookPolicy
from kintsugi.integrations.workbench import Workbench
from kintsugi.repair.context import Context, build_context, tokens_in
from kintsugi.repair.context.index import Unit, parse, words
from kintsugi.repair.context.sources import is_test
from kintsugi.repair.proof import ProofSettings
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.payload import About, Occurred, Payload
from kintsugi.workflow.ports import Case as WorkCase
from tests.world.make import an_incident

_FIXES = re.compile(r"\bfix(?:e[sd])?\b", re.IGNORECASE)
# Not a wrong result that a user could report: what crashed (there is a traceback), and what nobody sees who uses it.
_NO_REPORT = re.compile(
    r"\btypos?\b|\blint|ruff|mypy|flake|pylint|black\b|isort|sort(?:ed)? imports|\btests?\b"
    r"|typing|type (?:hint|annotation|warning|error)|annotation|warnings?\b"
    r"|docs?\b|docstring|documentation|comments?\b|readme|whitespace|\bCI\b|docker|depend|bump|release|refactor|format(?:ting)?$"
    r"|crash|traceback|\w+Error\b|\w*Exception\b|\b500\b|\bcss\b|theme|translat|migration|deprecat|merge|revert|cleanup|review"
    r"|\bimports?$|sonar|codeql|pre-?commit|coverage|unused|syntax|python ?3|\bpep",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"^(?:\w+(?:\([^)]*\))?!?:\s*)")
_NUMBERS = re.compile(r"\s*\(?(?:closes|fixes|fix|refs?|see)?[\s:]*(?:[\w-]+/[\w.-]+)?#\d+\)?[,.]?", re.IGNORECASE)
_FEWEST_WORDS, _MOST_FILES, _MOST_FUNCTIONS, _MOST_LINES = 4, 2, 3, 40
_SUBJECTS = 12_000  # commits of a history that are looked through


@dataclass(frozen=True, slots=True)
class Case:
    """A fix without a crash: what was said of it, and the old lines that it changed, by path."""

    repository: str
    parent: str
    commit: str
    says: str
    fix: LinesByPath


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    cases = commands.add_parser("cases")
    cases.add_argument("repositories", nargs="+", type=Path)
    cases.add_argument("--out", type=Path, required=True)
    cases.add_argument("--each", type=int, default=12, help="kept of each repository, spread over its history")
    cases.set_defaults(run=_cases)
    measure = commands.add_parser("measure")
    measure.add_argument("cases", type=Path)
    measure.add_argument("--tokens", type=int, default=8000)
    measure.set_defaults(run=_measure)
    look = commands.add_parser("look")
    look.add_argument("cases", type=Path)
    look.add_argument("--all", action="store_true", help="also where the context holds it")
    look.set_defaults(run=_look)
    arguments = parser.parse_args()
    arguments.run(arguments)


def _cases(arguments: argparse.Namespace) -> None:
    with arguments.out.open("a") as out:
        for repository in arguments.repositories:
            found = list(_fixes(repository))
            step = max(len(found) / arguments.each, 1.0)
            kept = [found[int(at * step)] for at in range(min(arguments.each, len(found)))]
            for case in kept:
                print(json.dumps(asdict(case)), file=out, flush=True)
            print(f"{repository}: {len(kept)} of {len(found)} fixes", file=sys.stderr)


def _fixes(repository: Path) -> Iterator[Case]:
    for line in git(repository, "log", "--no-merges", "--format=%H %P %s", "-n", str(_SUBJECTS)).splitlines():
        commit, parent, *rest = line.split(" ", 2)
        says = _said(rest[0]) if rest else ""
        if not says:
            continue
        fix = fix_lines(repository, parent, commit)
        if fix and len(fix) <= _MOST_FILES and _size(fix) <= _MOST_LINES:
            case = Case(str(repository), parent, commit, says, fix)
            if 0 < len(_changed_functions(case)) <= _MOST_FUNCTIONS:
                yield case


def _said(subject: str) -> str:
    """The subject as a person's report; "" where it speaks of no wrong result."""
    if not _FIXES.search(subject) or _NO_REPORT.search(subject):
        return ""
    says = _NUMBERS.sub("", _PREFIX.sub("", subject)).strip()
    return says if len(says.split()) >= _FEWEST_WORDS else ""


def _size(fix: LinesByPath) -> int:
    return sum(last - first + 1 for lines in fix.values() for first, last in lines)


def _changed_functions(case: Case) -> list[Unit]:
    """The functions of the program in which the fix changed a line."""
    found = []
    for path, lines in case.fix.items():
        if is_test(path):
            continue
        text = git(Path(case.repository), "show", f"{case.parent}:{path}")
        units = [unit for unit in parse(path, text).units if unit.kind == "function"]
        found += [unit for unit in units if any(unit.start <= last and first <= unit.end for first, last in lines)]
    return found


def _measure(arguments: argparse.Namespace) -> None:
    """Prints each case; then in how many a changed function is shown, all of them, and a changed file."""
    rows, blind = [], []
    for line in arguments.cases.read_text().splitlines():
        case = Case(**json.loads(line))
        began = time.perf_counter()
        context = build_context(_payload(case), Path(case.repository), tokens=arguments.tokens, rev=case.parent)
        rows.append(_found(case, context))
        blind += [] if _names_it(case) else [rows[-1]]
        marks = "".join(mark if hit else "-" for mark, hit in zip("faF", rows[-1], strict=True))
        seconds = time.perf_counter() - began
        print(
            f"{marks} {seconds:5.2f} s  {Path(case.repository).parent.name} {case.commit[:10]} {case.says}", flush=True
        )
    _sum_up("", rows)
    _sum_up("of these, named by no identifier: ", blind)


def _look(arguments: argparse.Namespace) -> None:
    """Prints each case with what the searcher read; then how often it came to the function, and what that took."""
    found: list[tuple[bool, int, int]] = []
    for line in arguments.cases.read_text().splitlines():
        case = Case(**json.loads(line))
        if not arguments.all and _is_shown(case):
            continue
        searcher = Searcher(case)
        asyncio.run(searcher.search())
        hit = any(_shows(unit, case.fix[unit.path], searcher.read) for unit in _changed_functions(case))
        found.append((hit, searcher.calls, searcher.tokens))
        print("f" if hit else "-", *found[-1][1:], Path(case.repository).parent.name, case.says, flush=True)
    hits, calls, tokens = (sum(row[at] for row in found) / max(len(found), 1) for at in range(3))
    print(
        f"{len(found)} fixes: a changed function was read in {hits:.0%}, by {calls:.1f} calls and {tokens:,.0f} tokens"
    )


def _is_shown(case: Case) -> bool:
    return _found(case, build_context(_payload(case), Path(case.repository), rev=case.parent))[0]


class Searcher:
    """Looks for the words of the report, all at once, and reads what is named as most likely."""

    def __init__(self, case: Case) -> None:
        git, failed = Git(Path(case.repository)), an_incident(build_sha=case.parent)
        bench = Workbench(git, "HEAD", ProofSettings(), redact)
        self._tools = LookTools(git, "HEAD", bench, WorkCase(failed, _payload(case)), redact)
        self._says, self._policy = case.says[:200], LookPolicy()
        self.calls = self.tokens = 0
        self.read: set[tuple[str, int]] = set()

    async def search(self) -> None:
        likely = _LIKELY.findall(await self._ask(self._tools.find(self._says)))
        for path, start, end in likely:
            if self.calls >= self._policy.calls or self.tokens >= self._policy.tokens:
                return
            first, last = max(int(start) - _AROUND, 1), int(end) + _AROUND
            answer = await self._ask(self._tools.read(path, first, last))
            self.read |= {(path, int(line.split("\t")[0])) for line in answer.splitlines()[1:] if "\t" in line}

    async def _ask(self, call: Awaitable[Found]) -> str:
        self.calls += 1
        text = (await call).text
        self.tokens += tokens_in(text)
        return text


_LIKELY = re.compile(r"^(\S+):(\d+)-(\d+) ", re.MULTILINE)
_AROUND = 120  # lines


def _names_it(case: Case) -> bool:
    """Whether the words hold the name of a changed function as it is written, which a person would hardly know."""
    return any(unit.name in words(case.says) for unit in _changed_functions(case))


def _payload(case: Case) -> Payload:
    now = datetime.now(UTC)
    about = About(fingerprint="bench", summary=case.says, opened_by="bench")
    return Payload(incident=about, occurred=Occurred(first=now, last=now))


def _found(case: Case, context: Context) -> tuple[bool, bool, bool]:
    """Whether a changed line of some changed function is shown, of each of them, and a changed file."""
    shown = {(region.path, line) for region in context.regions for line in range(region.start, region.end + 1)}
    functions = _changed_functions(case)
    hits = [_shows(unit, case.fix[unit.path], shown) for unit in functions]
    files = {unit.path for unit in functions}
    return any(hits), all(hits), any(path in files for path, _ in shown)


def _shows(unit: Unit, fix: Sequence[tuple[int, int]], shown: set[tuple[str, int]]) -> bool:
    changed = {line for first, last in fix for line in range(max(first, unit.start), min(last, unit.end) + 1)}
    return any((unit.path, line) in shown for line in changed)


def _sum_up(which: str, rows: Sequence[tuple[bool, bool, bool]]) -> None:
    function, whole, file = (sum(row[at] for row in rows) / len(rows) for at in range(3))
    print(
        f"{which}{len(rows)} fixes without a traceback: a changed function is shown in {function:.0%} "
        f"(all that changed in {whole:.0%}), a changed file in {file:.0%}"
    )


if __name__ == "__main__":
    main()
