"""Every test that passed without the patch passes with it: failing, skipped and vanished ones count against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from kintsugi.repair.languages.files import content_of
from kintsugi.repair.languages.known import is_test_file
from kintsugi.repair.languages.results import Results, TestResult, lost
from kintsugi.repair.proof.changed import old_tests_agree, still_ask
from kintsugi.repair.proof.numbers import numbers_of, why_broken
from kintsugi.repair.proof.pair import Pair, RedToGreen
from kintsugi.repair.proof.runs import LEAST_SECONDS, CannotRunHere, Proving, Seen, Unproven, some
from kintsugi.repair.syntax import read_source
from kintsugi.workflow.patch import Numbers, Run

_MANY_FILES = 40  # from here on the related tests are run first
_RERUNS = 2
_NO_TIME = "the time was used up before (KINTSUGI_TEST_SECONDS)"


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of the tests that passed before: how many, what to flag, the run with the patch."""

    passed: int
    flags: tuple[str, ...]
    run: Run
    mended: tuple[str, ...] = ()  # the files of tests that failed without the patch and pass with it
    each: bool = True  # whether tests are told apart
    numbers: Numbers | None = None
    why_not: str = ""  # why nothing could be compared


async def still_passes(proving: Proving, shown: RedToGreen | None) -> Kept:
    """Compare all tests, the related ones first where there are many. Raises Unproven.

    The tests of `shown`, which went from red to green, must pass among the others too.
    """
    try:
        kept = await _all_compared(proving, shown)
        changed = await old_tests_agree(proving)
        untried = await still_ask(proving)
        return replace(kept, flags=(*kept.flags, *changed, *untried))
    except Unproven as refused:
        raise Unproven(refused.reason, shown.red.run if shown is not None else None, refused.green) from None


async def _all_compared(proving: Proving, shown: RedToGreen | None) -> Kept:
    suite, proposal = proving.suite, proving.proposal
    related = suite.related(proposal.base, proposal.all_files, proposal.changed_source)
    if not suite.takes_files or not related or len(suite.files) <= _MANY_FILES:
        return await _compared(proving, (), shown)
    kept = await _compared(proving, related, shown)
    whole = await _compared(proving, (), shown)
    if whole.passed:
        return whole
    numbers = kept.numbers
    if numbers is not None and whole.why_not and not kept.why_not:  # the others are in no run that counts
        numbers = replace(numbers, why_not=f"the others could not be compared, as {whole.why_not}")
    return replace(kept, flags=(*kept.flags, *whole.flags), numbers=numbers)


async def _compared(proving: Proving, files: Sequence[str], shown: RedToGreen | None) -> Kept:
    what = f"the {len(files)} related test files" if files else "all tests"
    if proving.seconds_left < LEAST_SECONDS:
        if shown is None:
            raise CannotRunHere(_NO_TIME)
        return _not_compared(proving, what, _NO_TIME, (None, shown.green.run), shown)
    proving.progress(f"running {what} without the patch")
    before = await proving.tests({}, _that_exist(proving, files, {}), seconds=proving.seconds_left / 2)
    if before.stopped is not None or not before.results.complete:
        why = f"without the patch {why_broken(proving, before)}"
        return _not_compared(proving, what, why, (before, before.run), shown)
    proving.progress(f"running {what} with the patch")
    after = await proving.tests(proving.proposal.all_files, _that_exist(proving, files, proving.proposal.all_files))
    if after.stopped is not None and proving.seconds_left <= 0:
        why = "there was no time to run them with the patch"
        return _not_compared(proving, what, why, (before, after.run), shown)
    return await _judged(proving, before, after, shown)


def _not_compared(
    proving: Proving, what: str, why: str, seen: tuple[Seen | None, Run], shown: RedToGreen | None
) -> Kept:
    """Nothing is compared. The regression test ran all the same, so its run counts where this one came to less."""
    before, run = seen
    red = shown.red if shown is not None else None
    most = max(filter(None, (before, red)), key=lambda one: len(one.results.tests), default=None)
    numbers = numbers_of(proving, most, 0) if most else None
    if numbers is not None and most is not before:
        numbers = replace(numbers, why_not=why)
    return Kept(0, (f"{what} could not be compared: {why}",), run, numbers=numbers, why_not=why)


async def _judged(proving: Proving, before: Seen, after: Seen, shown: RedToGreen | None) -> Kept:
    Pair(before, after).check_own()
    if after.stopped is not None or not after.results.complete:
        why = after.stopped or after.results.broken
        raise Unproven(f"the tests did not come to their end with the patch: {why}", green=after.run)
    turned = {test.id for test in shown.turned} if shown is not None else set()
    bad = sorted(turned & set(after.results.bad))
    if bad:
        raise Unproven(f"the regression test fails among the other tests: {some(bad)}", green=after.run)
    flags = _left_behind(before, after)
    gone = lost(before.results, after.results)
    renamed = await _renamed(proving, gone, before, after, shown)
    gone = {name: how for name, how in gone.items() if name not in renamed}
    if renamed:
        flags += (f"tests with another name or place: {some([f'{old} is {new}' for old, new in renamed.items()])}",)
    if gone:
        flags += await _settled(proving, gone, before, after)
    mended = tuple(sorted({before.results.bad[one].file for one in set(before.results.bad) & after.results.passed}))
    told_apart, passed = before.results.each and after.results.each, len(before.results.passed)
    return Kept(passed, flags, after.run, mended, told_apart, numbers_of(proving, before, passed))


async def _renamed(
    proving: Proving, gone: Iterable[str], before: Seen, after: Seen, shown: RedToGreen | None
) -> dict[str, str]:
    """The vanished tests, by the new name under which each passes with the patch and without it.

    One that fails without the patch is another test, however alike they are: the vanished one passed.
    """
    names = {name: new for name in gone if (new := _new_name(proving, before.results.tests[name], after.results))}
    passed = set(shown.red.results.passed) if shown is not None else set()
    if unknown := set(names.values()) - passed:
        passed |= await _pass_without(proving, {after.results.tests[new].file for new in unknown}, shown)
    return {name: new for name, new in names.items() if new in passed}


async def _pass_without(proving: Proving, files: Set[str], shown: RedToGreen | None) -> Set[str]:
    """The tests of these files that pass without the patch. Those that show the failure are left out where they lie in
    other files: in Go they end the run before others come to their turn."""
    showing = {test.file for test in shown.turned} - files if shown is not None else set()
    changed = {**proving.proposal.all_files, **proving.tests_alone}
    alone = {path: content for path, content in changed.items() if is_test_file(path) and path not in showing}
    proving.progress(f"running the renamed tests without the patch: {some(sorted(files))}")
    return (await proving.tests(alone, sorted(files))).results.passed


def _new_name(proving: Proving, test: TestResult, after: Results) -> str | None:
    """The test that a vanished one was made into, if it passes: by its file and name, as the patch's text says."""
    for (path, name), (new_path, new_name) in proving.reading.renamed.items():
        if test.file == path and proving.language.is_called(test.id, name):
            found = sorted(
                one
                for one in after.passed
                if after.tests[one].file == new_path and proving.language.is_called(one, new_name)
            )
            return found[0] if found else None
    return None


async def _settled(proving: Proving, gone: Mapping[str, str], before: Seen, after: Seen) -> tuple[str, ...]:
    """Tests that no longer pass count against the patch unless they pass in another run, or fail without it too."""
    replaced = sorted(name for name in gone if _has_other_parameters(proving, name, before.results, after.results))
    left = {name: how for name, how in gone.items() if name not in replaced}
    files = sorted({before.results.tests[name].file for name in left} - {""})
    for overlay in (*[proving.proposal.all_files] * _RERUNS, {}):
        if not left:
            break
        proving.progress(f"running again what no longer passes: {some(sorted(left))}")
        seen = await proving.tests(overlay, _that_exist(proving, files, overlay))
        settled = seen.results.passed if overlay else set(seen.results.bad)
        left = {name: how for name, how in left.items() if name not in settled}
    if left:
        told = some([f"{name} ({how})" for name, how in sorted(left.items())])
        raise Unproven(f"passed without the patch and not with it: {told}", green=after.run)
    flaky = sorted(set(gone) - set(replaced))
    flags = (f"flaky, ended otherwise in another run: {some(flaky)}",) if flaky else ()
    return (*flags, f"replaced by cases with other parameters: {some(replaced)}") if replaced else flags


def _that_exist(proving: Proving, files: Sequence[str], overlay: Mapping[str, bytes | None]) -> tuple[str, ...]:
    there = proving.that_exist(files, overlay)
    if files and not there:
        raise CannotRunHere("none of the test files is there both without the patch and with it")
    return there


def _has_other_parameters(proving: Proving, name: str, before: Results, after: Results) -> bool:
    """Whether a parametrised test only has other cases now: as many of them pass as did."""
    file, base = before.tests[name].file, proving.proposal.base
    old, new = (read_source(content_of(file, base, changes)) for changes in ({}, proving.proposal.all_files))
    stem = proving.language.stem_of(name, old)
    if not stem or name in after.tests:
        return False

    def count(results: Results, source: str) -> int:
        own = (one for one in results.passed if results.tests[one].file == file)
        return sum(proving.language.stem_of(one, source) == stem for one in own)

    return count(after, new) >= count(before, old)


def _left_behind(before: Seen, after: Seen) -> tuple[str, ...]:
    left = after.outcome.left_behind
    return (f"processes its tests leave behind, now killed: {left}",) if left > before.outcome.left_behind else ()
