"""How many of a project's tests ran, and why not the rest: evidence that knows what it does not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from kintsugi.repair.languages.files import content_of
from kintsugi.repair.languages.results import Ending, TestResult, last_raised
from kintsugi.repair.proof.runs import Proving, Seen, last_line
from kintsugi.repair.syntax import read_source
from kintsugi.workflow.patch import Numbers

_RAN = {Ending.PASSED, Ending.FAILED, Ending.XFAILED}
_MOST_REASONS = 3
_LONGEST = 160


def numbers_of(proving: Proving, before: Seen, compared: int) -> Numbers | None:
    """Of the run without the patch. A file of which nothing was collected counts as its text says."""
    if not before.results.each:
        return None
    known = ran = 0
    reasons: Counter[str] = Counter()
    by_file = _by_file(before.results.tests.values())
    base = proving.proposal.base
    for path in {*proving.that_exist(proving.suite.files, {}), *by_file}:
        told = [test for test in by_file.get(path, ()) if test.ending is not Ending.UNCOLLECTED]
        if told:
            known += len(told)
            ran += sum(test.ending in _RAN for test in told)
            reasons.update(_why_it_did_not(proving, test) for test in told if test.ending not in _RAN)
        elif count := proving.language.count(path, read_source(content_of(path, base, {}))):
            known += count
            reasons[_why_nothing(proving, before, by_file.get(path, ()))] += count
    return Numbers(known, ran, len(before.results.passed), compared, _sentence(reasons))


def why_broken(proving: Proving, seen: Seen) -> str:
    """Why a run did not come to its end."""
    here = proving.language.missing(last_raised(seen.run.output), proving.proposal.base)
    if why := here or seen.stopped:
        return why
    said = last_line(seen.run.output)[:_LONGEST]
    if not any(map(str.isalpha, said)):  # the dots of the tests that had passed
        said = f"exit status {seen.run.exit_status}"
    return f"the runner ended early: {said}"


def _by_file(tests: Iterable[TestResult]) -> Mapping[str, list[TestResult]]:
    found: dict[str, list[TestResult]] = {}
    for test in tests:
        found.setdefault(test.file, []).append(test)
    return found


def _why_it_did_not(proving: Proving, test: TestResult) -> str:
    if test.ending is not Ending.ERROR:
        return "they are skipped" if test.ending is Ending.SKIPPED else "they are left out by the project's settings"
    return proving.language.missing(test.failure, proving.proposal.base) or f"their set-up fails ({_said(test)})"


def _why_nothing(proving: Proving, before: Seen, told: Iterable[TestResult]) -> str:
    for test in told:
        here = proving.language.missing(test.failure, proving.proposal.base)
        return here or f"their file cannot be read ({_said(test)})"
    if not before.results.complete:
        why = why_broken(proving, before)
        return f"their run was stopped: {why}" if why == before.stopped else why
    return proving.suite.leaves_out or "the runner collects nothing of their file"


def _said(test: TestResult) -> str:
    return " ".join(test.failure.said.split())[:_LONGEST] if test.failure else "no reason is given"


def _sentence(reasons: Counter[str]) -> str:
    most = reasons.most_common(_MOST_REASONS)
    parts = [f"{count:,} did not as {reason}" for reason, count in most]
    more = reasons.total() - sum(count for _, count in most)
    return ", ".join([*parts, *([f"{more:,} for other reasons"] if more else [])])
