"""What the first two runs of the regression test must show.

They are theirs and came far enough; all that was to turn green did, failed for the right reason, and asserts a value.
"""

from __future__ import annotations

from collections.abc import Sequence

from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.languages.results import TestResult
from kintsugi.repair.proof.numbers import why_broken
from kintsugi.repair.proof.pair import NoneTurns, Pair, ShowsNothing
from kintsugi.repair.proof.runs import CannotRunHere, Proving, Unproven, ids, some


def that_show(proving: Proving, files: Sequence[str], pair: Pair, *, were_there: bool) -> tuple[TestResult, ...]:
    """The tests that turned and show that the failure is gone, as they ended in red. What they assert is not asked of
    tests that were there and that nobody named.

    Raises Unproven where there are none, and CannotRunHere where the machine is the reason.
    """
    _check_runs(proving, pair)
    turned = _without_bystanders(proving, pair)
    if pair.is_only_slow and not (turned and _has_each(proving, turned)):
        raise CannotRunHere(pair.too_slow)
    _check_all_turned(proving, pair, turned)
    right = _for_the_right_reason(proving, turned)
    return right if were_there else _that_assert(proving, files, right)


def _check_runs(proving: Proving, pair: Pair) -> None:
    """Both came far enough to say something, and what they say is theirs."""
    pair.check_own()
    red, green = pair.red, pair.green
    for test in green.results.bad.values():
        before = pair.in_red(test)
        here = [proving.language.missing(one.failure, proving.proposal.base) for one in (before, test) if one]
        if len(here) > 1 and all(here):
            raise CannotRunHere(str(here[-1]))
    if pair.are_both_too_slow:
        raise CannotRunHere(pair.too_slow)
    if green.stopped is not None:
        raise Unproven(f"the regression test was stopped with the patch: {green.stopped}")
    if not green.results.tests and not red.results.tests:
        if green.results.complete:
            raise Unproven("the test runner finds no test in the regression test")
        raise CannotRunHere(why_broken(proving, green))
    if not red.results.bad and red.results.complete:
        raise ShowsNothing("the regression test passes without the patch, so it shows nothing")


def _without_bystanders(proving: Proving, pair: Pair) -> tuple[TestResult, ...]:
    """Where red never ended, without tests that it may not have come to, if they are neither new nor named."""
    failing = proving.proposal.failing
    sure = tuple(
        test
        for test in pair.turned
        if not pair.never_ended(test) or _is_new(proving, test) or any(_is_named(name, test) for name in failing)
    )
    return sure or pair.turned


def _has_each(proving: Proving, turned: Sequence[TestResult]) -> bool:
    return all(any(_is_named(name, test) for test in turned) for name in proving.proposal.failing)


def _check_all_turned(proving: Proving, pair: Pair, turned: Sequence[TestResult]) -> None:
    """Nothing of what shows the failure may still fail, be skipped or be gone."""
    failing, bad = proving.proposal.failing, pair.green.results.bad
    still = [
        test.id
        for test in bad.values()
        if pair.in_red(test) and (any(_is_named(name, test) for name in failing) or _is_new(proving, test))
    ]
    if still:
        raise Unproven(f"still failing with the patch: {some(still)}")
    if not turned:
        why = some(sorted(bad)) or "they are skipped or gone"
        raise NoneTurns(f"no test that fails without the patch passes with it: {why}")
    for name in failing:
        if not any(_is_named(name, test) for test in turned):
            raise Unproven(f"{name} was to fail without the patch and to pass with it")


def _is_named(name: str, test: TestResult) -> bool:
    """Whether a given name is a test's: its file, its id, the beginning of it, or its last parts."""
    begins = test.id.startswith((f"{name}[", f"{name}::", f"{name}.", f"{name}/", f"{name} > "))
    return name in (test.id, test.file) or begins or test.id.endswith(f".{name}")


def _is_new(proving: Proving, test: TestResult) -> bool:
    """Whether the patch brings or changes the test: then it must pass, whatever others of its file do."""
    sources = proving.proposal.test_sources()
    files = [test.file] if test.file in sources else [] if test.file else sorted(sources)  # TAP names no file
    before = proving.sources(files, {})
    name, text_of = proving.language.name_of(test.id) or test.id.rpartition(" > ")[0], proving.language.text_of
    return any(text_of(sources[path], name) != text_of(before.get(path, ""), name) for path in files)


def _for_the_right_reason(proving: Proving, turned: Sequence[TestResult]) -> tuple[TestResult, ...]:
    proposal = proving.proposal
    tests = frozenset(path for path in proposal.all_files if is_test_path(path))
    wrong = {test.id: proving.language.why_wrong(test, tests, proposal.crash) for test in turned}
    right = tuple(test for test in turned if wrong[test.id] is None)
    if not right:
        raise ShowsNothing(next(reason for reason in wrong.values() if reason is not None))
    return right


def _that_assert(proving: Proving, files: Sequence[str], turned: Sequence[TestResult]) -> tuple[TestResult, ...]:
    """Those that assert a value: that nothing is raised proves no fix. For cases it is the test that loads them."""
    proposal = proving.proposal
    sources = proposal.test_sources()
    if not proposal.failing and not set(files) & set(sources):
        sources = proving.sources(files, proposal.all_files)
    found = tuple(
        test for test in turned if proving.language.asserts_a_value(sources, proving.language.name_of(test.id))
    )
    if not found:
        raise Unproven(f"the regression test asserts no value, only that nothing is raised: {ids(turned)}")
    return found
