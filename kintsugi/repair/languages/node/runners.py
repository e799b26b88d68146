"""The programs that run Node's tests: what they are called with, and how their reports are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kintsugi.repair.languages.collected import Told
from kintsugi.repair.languages.node.calls import ENDINGS
from kintsugi.repair.languages.reports import failure_of, inside, jest, mocha, result, tap
from kintsugi.repair.languages.results import Ending, Failure, TestResult

_REPORT = "{tmp}/results.json"
_MOCHA_REPORT = re.compile(r'\{\s*"stats":\s*\{\s*"suites":')


def _always(told: Told) -> bool:
    return True


def _has_plan(told: Told) -> bool:
    """TAP of a runner that says at its end how many tests there were: it dies before by what a test throws."""
    return re.search(r"^1\.\.\d+", told.out, re.MULTILINE) is not None


def _is_over(told: Told) -> bool:
    return '\n{"over":true}' in told.out


@dataclass(frozen=True, slots=True)
class Runner:
    """A program that runs tests: what it is called with, and how its report is read."""

    program: str
    form: str
    before: tuple[str, ...]  # arguments of ours, before the project's
    files: tuple[str, ...]  # what says that files follow
    read: Callable[[Told], Iterator[TestResult]]
    reports: tuple[str, ...] = ()
    ended_well: range = range(2)
    is_whole: Callable[[Told], bool] = _always
    drops: re.Pattern[str] = re.compile(
        r"--?(?:w|watch(?:All)?|coverage|reporters?|R|typecheck|ui|bail|silent|json)(?:=.*)?"
    )


def _by_report(read: Callable[[str, str], Iterable[TestResult]]) -> Callable[[Told], Iterator[TestResult]]:
    def from_file(told: Told) -> Iterator[TestResult]:
        for text in told.reports.values():
            try:
                yield from list(read(text, told.tree))
            except (ValueError, KeyError, TypeError):
                return

    return from_file


def _by_mocha(told: Told) -> Iterator[TestResult]:
    """Its report is a file since mocha 9.2; before, it is the last that is printed."""
    if told.reports:
        yield from _by_report(mocha)(told)
        return
    begins = list(_MOCHA_REPORT.finditer(told.out))
    if begins:
        try:
            report, _ = json.JSONDecoder().raw_decode(told.out, begins[-1].start())
            yield from list(mocha(json.dumps(report), told.tree))
        except (ValueError, KeyError, TypeError, RecursionError):
            return


def _by_tap(told: Told) -> Iterator[TestResult]:
    try:
        yield from list(tap(told.out, told.tree))
    except ValueError:
        return


def _by_events(told: Told) -> Iterator[TestResult]:
    """What our reporter printed for each test of `node --test`."""
    for line in told.out.splitlines():
        try:
            event: Any = json.loads(line)
            yield from _of_event(event, told.tree)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _of_event(event: Mapping[str, Any], tree: str) -> Iterator[TestResult]:
    file = inside(tree, str(event["file"]))
    names = [str(name) for name in event["names"]]
    is_file = names[-1].endswith(ENDINGS) and inside(tree, names[-1]) in (file, names[-1])
    if event["kind"] == "suite" or event.get("failure") == "subtestsFailed":
        return
    if is_file:
        failure = failure_of(_last_error(str(event["printed"])), tree)
        yield result(file, file, Ending.PASSED if event["ok"] else Ending.UNCOLLECTED, failure)
        return
    id = f"{file}::{' > '.join(names)}" if file else " > ".join(names)
    if event["skip"]:
        yield result(id, file, Ending.SKIPPED)
    elif event["todo"]:
        yield result(id, file, Ending.XFAILED)
    else:
        yield result(id, file, Ending.PASSED if event["ok"] else Ending.FAILED, _of_errors(event["errors"], tree))


def _of_errors(errors: Sequence[Mapping[str, Any]], tree: str) -> Failure | None:
    """The runner's own error holds the test's as its cause."""
    own = [error for error in errors if error.get("code") != "ERR_TEST_FAILURE"] or errors
    if not own:
        return None
    first = own[0]
    return failure_of(str(first["stack"]), tree, str(first.get("name") or ""), str(first["message"]))


def _last_error(printed: str) -> str:
    """Of what Node prints when a file cannot be run: from the line that names the error."""
    found = list(re.finditer(r"^(?:\w*(?:Error|Exception)\b.*)$", printed, re.MULTILINE))
    return printed[found[0].start() :] if found else printed


RUNNERS = {
    "jest": Runner(
        "jest",
        "lines",
        ("--json", f"--outputFile={_REPORT}", "--ci", "--coverage=false"),
        ("--runTestsByPath",),
        _by_report(jest),
        (_REPORT,),
    ),
    "vitest": Runner(
        "vitest",
        "lines",
        ("run", "--reporter=default", "--reporter=json", f"--outputFile.json={_REPORT}"),
        (),
        _by_report(jest),
        (_REPORT,),
    ),
    "mocha": Runner(
        "mocha",
        "lines",
        ("--reporter", "json", "--reporter-option", f"output={_REPORT}"),
        (),
        _by_mocha,
        (_REPORT,),
        range(256),
    ),
    "node": Runner("node", "events", (), (), _by_events),
    "jasmine": Runner("jasmine", "events", (), (), _by_events, ended_well=range(4), is_whole=_is_over),
    "tape": Runner("tape", "lines", (), (), _by_tap, is_whole=_has_plan),
    "tap": Runner("tap", "lines", ("--reporter=tap", "--disable-coverage"), (), _by_tap),
    # Its own limit is 10 s without a result, which a busy machine needs for a start.
    "ava": Runner("ava", "lines", ("--tap", "--timeout=10m"), (), _by_tap),
}
