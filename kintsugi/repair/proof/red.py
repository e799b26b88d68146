"""From red to green: the regression test fails without the patch, for the right reason, and passes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from kintsugi.repair.languages.known import is_test_file, is_test_path
from kintsugi.repair.languages.results import Ending, TestResult
from kintsugi.repair.proof.judge import reaches
from kintsugi.repair.proof.numbers import why_broken
from kintsugi.repair.proof.runs import CannotRunHere, Proving, Seen, Unproven, ids, is_plain_file, some
from kintsugi.repair.syntax import read_source
from kintsugi.telemetry import lazy_re as re

NO_FAILURE_GIVEN = "no failure was given: whether the test is red by it is not known"

_SHARE_OF_TIME = 0.25  # a test that hangs without the patch may not use up all there is
_MOST_FOR_SLOW = 0.7  # of what is left, where that was too short
_SLOW_SECONDS = 20.0
_SECONDS = "KINTSUGI_TEST_SECONDS"
_HANGS = 3  # times as long as with the patch: a test that ran out of time sooner may only be slow
_MOST_LEFT_OUT = 3  # how often a compiler is asked again: it tells some errors at a time
_ROUNDS, _ROUNDS_IF_SLOW, _ROUNDS_IF_CHANCY = 2, 1, 6
_CHANCY = re.compile(
    r"\b(random\w*|secrets|uuid\w*|time\w*|sleep|urandom|datetime|now|getpid|thread\w*)\b", re.IGNORECASE
)


class _ShowsNothing(Unproven):
    """The tests say nothing of the failure."""


@dataclass(frozen=True, slots=True)
class RedToGreen:
    """The first runs without and with the patch, and the tests that turned each time, as they ended in red.

    `reproduced`: whether they failed by the very crash; None where no crash is known.
    """

    red: Seen
    green: Seen
    turned: tuple[TestResult, ...]
    reproduced: bool | None = None
    flags: tuple[str, ...] = ()
    is_later: bool = False  # red was seen after green: what it had to build is built
    asked: tuple[int, ...] = ()  # the lines that failed, as the patch numbers them, where it leaves them as they are


async def red_to_green(proving: Proving) -> RedToGreen | None:
    """None where the patch brings no regression test and no failing test is known. Raises Unproven."""
    files = _showing_files(proving)
    named = await _first_red(proving, files) if files else None
    own = named is not None and not _holds_no_tests(proving, files, named[1])
    if not own and (loading := await _that_load(proving)):
        files, named = loading, await _first_red(proving, loading)
    if named is None:
        return None
    proving, red = named
    try:
        first = await _first_round(proving, files, red)
    except _ShowsNothing:
        if _only_follow(proving, files):
            return None
        raise
    shown = _compared_with_crash(proving, first)
    shown = await _more_rounds(proving, files, shown)
    shown = await _that_can_fail(proving, files, shown)
    await _without_swallowing(proving, files, shown)
    names = frozenset(proving.language.name_of(test.id) for test in shown.turned)
    before, now = _sources(proving, files, {}), _sources(proving, files, proving.proposal.all_files)
    flags = (*shown.flags, *proving.language.suspicions_of_tests(before, now, names))
    if proving.left_out:
        flags += (f"tests that only compile with the patch were left out of its red: {some(sorted(proving.left_out))}",)
    return replace(shown, flags=flags)


def _only_follow(proving: Proving, files: Sequence[str]) -> bool:
    """Whether the tests follow what the patch does, a new name or a layout, and none is new or was to fail."""
    before, now = _sources(proving, files, {}), _sources(proving, files, proving.proposal.all_files)
    count = proving.language.count
    return not proving.proposal.failing and all(
        path in before and count(path, text) <= count(path, before[path]) for path, text in now.items()
    )


def _showing_files(proving: Proving) -> tuple[str, ...]:
    proposal = proving.proposal
    own = {path for path, content in proposal.tests.items() if is_test_file(path) and content is not None}
    return tuple(sorted(own | {_file_of(name, proving.suite.files) for name in proposal.failing} - {""}))


def _file_of(name: str, files: Sequence[str]) -> str:
    """The test file that a given name lies in: by its path, or by the module in a dotted name."""
    path = name.partition("::")[0]
    if path in files:
        return path
    parts = name.split(".")
    return next((file for file in files if PurePosixPath(file).stem in parts), "")


def _holds_no_tests(proving: Proving, files: Sequence[str], red: Seen) -> bool:
    """Whether nothing runs of these files by their names, or nothing but what has no tests by its text either."""
    if red.stopped is not None or any(test.id != test.file for test in red.results.tests.values()):
        return False
    sources = _sources(proving, files, proving.proposal.all_files)
    return not red.results.tests or not any(proving.language.count(path, text) for path, text in sources.items())


async def _that_load(proving: Proving) -> tuple[str, ...]:
    """The test files that turn by cases which the patch brings in files without tests of their own: data, modules.

    None of them, too, where that is not known: all tests do not come to their end. Raises Unproven.
    """
    proposal = proving.proposal
    if not proving.suite.takes_files or not any(content is not None for content in proposal.tests.values()):
        return ()
    proving.progress("running all tests for those that load what the patch brings, without it and with it")
    red = await proving.tests(proving.tests_alone, seconds=proving.seconds_left * _SHARE_OF_TIME)
    if red.stopped is not None or not red.results.tests:
        return ()
    green = await proving.tests(proposal.all_files)
    check_own(red, green)
    if green.stopped is not None or not green.results.complete:
        return ()
    await _check_cases(proving, red, green)
    return tuple(sorted({test.file for test in _turned(red, green)} & set(proving.suite.files)))


async def _check_cases(proving: Proving, red: Seen, green: Seen) -> None:
    """What fails with the patch and without it failed before it brought its cases, too."""
    still = {test.id for test in green.results.bad.values() if _in_red(red, test)}
    if not still:
        return
    before = await proving.tests({}, seconds=proving.seconds_left * _SHARE_OF_TIME)
    if before.results.complete and (own := sorted(still - set(before.results.bad))):
        raise Unproven(f"still failing with the patch: {some(own)}", red.run, green.run)


async def _first_red(proving: Proving, files: Sequence[str]) -> tuple[Proving, Seen]:
    """The first run without the patch, and the proof from here on: tests that only compile with it may be left out."""
    proving.progress(f"running the regression test without the patch: {some(files)}")
    whole = proving, await _run_red(proving, files)
    red = whole[1]
    for _ in range(_MOST_LEFT_OUT):
        tests = {path: read_source(content) for path, content in proving.tests_alone.items() if content is not None}
        left = proving.language.without_unbuilt(tests, list(red.results.bad.values()))
        if not left:
            break
        added = {path: text.encode("utf-8", "surrogatepass") for path, text in left.items()}
        proving = replace(proving, left_out={**proving.left_out, **added})
        red = await _run_red(proving, files)
    return (proving, red) if red.results.bad else whole


async def _run_red(proving: Proving, files: Sequence[str]) -> Seen:
    return await proving.tests(proving.tests_alone, files, seconds=proving.seconds_left * _SHARE_OF_TIME, watched=())


async def _first_round(proving: Proving, files: Sequence[str], red: Seen) -> RedToGreen:
    proposal = proving.proposal
    proving.progress("running the regression test with the patch")
    asked = _that_failed(proving, red)
    green = await proving.tests(proposal.all_files, files, watched=asked)
    first, red = red, await _red_with_time(proving, files, red, green)
    try:
        _check_runs(proving, red, green)
        turned = _without_bystanders(proving, red, _turned(red, green))
        if _is_only_slow(red, green) and not (turned and _has_each(proving, turned)):
            raise CannotRunHere(_too_slow(red, green))
        _check_all_turned(proving, red, green, turned)
        right = _that_assert(proving, files, _for_the_right_reason(proving, turned))
        return RedToGreen(red, green, right, is_later=red is not first, asked=asked)
    except Unproven as refused:
        raise type(refused)(refused.reason, red.run, green.run) from None


async def _red_with_time(proving: Proving, files: Sequence[str], red: Seen, green: Seen) -> Seen:
    """Red; run once more, with time enough, where it was ended before it is known to be more than slow."""
    long = min(_HANGS * green.run.seconds + 1, proving.seconds_left * _MOST_FOR_SLOW)
    if not _is_only_slow(red, green) or long <= red.run.seconds:
        return red
    return await proving.tests(proving.tests_alone, files, seconds=long, watched=())


def _that_failed(proving: Proving, red: Seen) -> tuple[int, ...]:
    """The lines by which the crash came in red, as the patch numbers them; none where it changes them."""
    proposal = proving.proposal
    path = proposal.crash.path if proposal.crash else ""
    failed = {line for test in red.results.bad.values() for line in test.failed}
    if not failed or not is_plain_file(proposal.base, path):
        return ()
    content = (proposal.base / path).read_bytes()
    changed = proposal.all_files.get(path, content)
    return () if changed is None else proving.language.same_lines(read_source(content), read_source(changed), failed)


def _check_runs(proving: Proving, red: Seen, green: Seen) -> None:
    """Both came far enough to say something, and what they say is theirs."""
    check_own(red, green)
    for test in green.results.bad.values():
        before = _in_red(red, test)
        here = [proving.language.missing(one.failure, proving.proposal.base) for one in (before, test) if one]
        if len(here) > 1 and all(here):
            raise CannotRunHere(str(here[-1]))
    if _both_too_slow(red, green):
        raise CannotRunHere(_too_slow(red, green))
    if green.stopped is not None:
        raise Unproven(f"the regression test was stopped with the patch: {green.stopped}")
    if not green.results.tests and not red.results.tests:
        if green.results.complete:
            raise Unproven("the test runner finds no test in the regression test")
        raise CannotRunHere(why_broken(proving, green))
    if not red.results.bad and red.results.complete:
        raise _ShowsNothing("the regression test passes without the patch, so it shows nothing")


def check_own(before: Seen, after: Seen) -> None:
    """What was recorded is what the tests did. Raises Unproven."""
    for seen in (before, after):
        if seen.results.forged:
            raise Unproven(f"{seen.results.broken}", green=seen.run)
    changed = sorted(set(after.results.changed) - set(before.results.changed))
    if changed:
        raise Unproven(f"the patch changes what runs the tests while they run: {some(changed)}", green=after.run)


def _turned(red: Seen, green: Seen) -> tuple[TestResult, ...]:
    """The tests that fail in red and pass in green, as they ended in red."""
    slow = _is_only_slow(red, green)
    found = (_in_red(red, green.results.tests[name]) for name in sorted(green.results.passed))
    return tuple(test for test in found if test is not None and not (slow and _never_ended(red, test)))


def _never_ended(red: Seen, test: TestResult) -> bool:
    return test.ending is Ending.ERROR and test.id not in red.results.tests


def _without_bystanders(proving: Proving, red: Seen, turned: Sequence[TestResult]) -> tuple[TestResult, ...]:
    """Where red never ended, without tests that it may not have come to, if they are neither new nor named."""
    unseen = {test.id for test in turned if _never_ended(red, test)}
    own = {
        test.id
        for test in turned
        if _is_new(proving, test) or any(_is_named(n, test) for n in proving.proposal.failing)
    }
    return tuple(test for test in turned if test.id in own or test.id not in unseen) or tuple(turned)


def _has_each(proving: Proving, turned: Sequence[TestResult]) -> bool:
    return all(any(_is_named(name, test) for test in turned) for name in proving.proposal.failing)


def _is_only_slow(red: Seen, green: Seen) -> bool:
    """Whether red ran out of time, and green took about as long: then no test is known to hang."""
    return not red.outcome.in_time and red.run.seconds < _HANGS * green.run.seconds


def _both_too_slow(red: Seen, green: Seen) -> bool:
    """Whether the patch's run had no time to end, and the one without it was about as slow: no fault of the patch."""
    return not green.outcome.in_time and not (red.outcome.in_time and green.run.seconds >= _HANGS * red.run.seconds)


def _seen_once(red: Seen) -> str:
    once = f"without the patch the regression test did not end within {red.run.seconds:.0f} s"
    return f"{once}, and there was no time to see that again. Give it more time, {_SECONDS}"


def _too_slow(red: Seen, green: Seen) -> str:
    if not green.outcome.in_time:
        return f"the regression test did not end within {green.run.seconds:.0f} s. Give it more time, {_SECONDS}"
    took = f"{red.run.seconds:.0f} s were too short, and with it {green.run.seconds:.0f} s were needed"
    return f"without the patch the regression test did not end: {took}. Give it more time, {_SECONDS}"


def _in_red(red: Seen, test: TestResult) -> TestResult | None:
    """How a test failed in red: itself, by its whole file, or by the end of the run before it."""
    bad = red.results.bad
    if test.id in bad:
        return bad[test.id]
    whole_file = (one for one in bad.values() if one.ending is Ending.UNCOLLECTED and one.file == test.file)
    unread = next(whole_file, None)
    if unread is not None:
        return replace(unread, id=test.id)
    never_ended = not red.results.complete and test.id not in red.results.tests
    return replace(test, ending=Ending.ERROR) if never_ended else None


def _check_all_turned(proving: Proving, red: Seen, green: Seen, turned: Sequence[TestResult]) -> None:
    """Nothing of what shows the failure may still fail, be skipped or be gone."""
    failing = proving.proposal.failing
    still = [
        test.id
        for test in green.results.bad.values()
        if _in_red(red, test) and (any(_is_named(name, test) for name in failing) or _is_new(proving, test))
    ]
    if still:
        raise Unproven(f"still failing with the patch: {some(still)}")
    if not turned:
        why = some(sorted(green.results.bad)) or "they are skipped or gone"
        raise Unproven(f"no test that fails without the patch passes with it: {why}")
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
    before = _sources(proving, files, {})
    name, text_of = proving.language.name_of(test.id) or test.id.rpartition(" > ")[0], proving.language.text_of
    return any(text_of(sources[path], name) != text_of(before.get(path, ""), name) for path in files)


def _for_the_right_reason(proving: Proving, turned: Sequence[TestResult]) -> tuple[TestResult, ...]:
    proposal = proving.proposal
    tests = frozenset(path for path in proposal.all_files if is_test_path(path))
    wrong = {test.id: proving.language.why_wrong(test, tests, proposal.crash) for test in turned}
    right = tuple(test for test in turned if wrong[test.id] is None)
    if not right:
        raise _ShowsNothing(next(reason for reason in wrong.values() if reason is not None))
    return right


def _that_assert(proving: Proving, files: Sequence[str], turned: Sequence[TestResult]) -> tuple[TestResult, ...]:
    """Those that assert a value: that nothing is raised proves no fix. For cases it is the test that loads them."""
    proposal = proving.proposal
    sources = proposal.test_sources()
    if not proposal.failing and not set(files) & set(sources):
        sources = _sources(proving, files, proposal.all_files)
    found = tuple(
        test for test in turned if proving.language.asserts_a_value(sources, proving.language.name_of(test.id))
    )
    if not found:
        raise Unproven(f"the regression test asserts no value, only that nothing is raised: {ids(turned)}")
    return found


def _compared_with_crash(proving: Proving, shown: RedToGreen) -> RedToGreen:
    """Whether the tests are red by the crash, and what became of it with the patch."""
    crash = proving.proposal.crash
    if crash is None:
        return replace(shown, flags=(NO_FAILURE_GIVEN,))
    by_it = tuple(test for test in shown.turned if reaches(test, crash))
    if not by_it:
        what = f"{crash.short_kind} in {crash.place}" if crash.path else crash.short_kind
        return replace(
            shown,
            reproduced=False,
            flags=(f"the test is red for another reason than the failure, which was {what}: {_why_red(shown.turned)}",),
        )
    now = [shown.green.results.tests[test.id] for test in by_it]
    flags = []
    if not crash.path:
        flags.append("where the failure happened in the project is not known: only its type was compared")
    whole = shown.green.results.tests.values()  # which of them prints what is answered, is chance
    if any(test.raised for test in now) or any(crash.is_in(test.answered) for test in whole):
        flags.append(f"with the patch {crash.short_kind} is still raised in {crash.place}, and caught")
    if all(test.entered is False for test in now):
        flags.append(f"with the patch the test no longer comes to {crash.place}")
    elif shown.asked and all(test.came is False for test in now):
        flags.append(
            f"with the patch the test no longer comes to the line that failed in {crash.place}. Is that meant?"
        )
    elsewhere = sorted({one for test in now for one in test.others} - {one for test in by_it for one in test.others})
    if elsewhere:
        flags.append(f"with the patch {crash.short_kind} is raised in {crash.path}, {some(elsewhere)}, and answered")
    return replace(shown, turned=by_it, reproduced=True, flags=tuple(flags))


def _why_red(turned: Sequence[TestResult]) -> str:
    return some([f"{test.id} by {test.failure.kind if test.failure else 'its end'}" for test in turned])


async def _more_rounds(proving: Proving, files: Sequence[str], shown: RedToGreen) -> RedToGreen:
    """Again and again: a test that turns by chance turns back."""
    proposal = proving.proposal
    turned = shown.turned
    rounds = _rounds(proving, shown)
    for number in range(1, rounds + 1):
        proving.progress(f"running the regression test again without and with the patch, {number} of {rounds}")
        seconds = proving.seconds_left * _SHARE_OF_TIME
        if not shown.red.outcome.in_time:
            seconds = min(proving.seconds_left * _MOST_FOR_SLOW, _HANGS * shown.green.run.seconds + 1)
        red = await proving.tests(proving.tests_alone, files, seconds=seconds)
        green = await proving.tests(proposal.all_files, files)
        red = await _red_with_time(proving, files, red, green)
        if proving.seconds_left <= 0 or _is_only_slow(red, green):  # what did not come to its end says nothing
            if number == 1 and not shown.is_later and all(_never_ended(shown.red, test) for test in turned):
                raise CannotRunHere(_seen_once(shown.red))
            break
        again = {test.id for test in _turned(red, green)}
        turned = tuple(test for test in turned if test.id in again)
        if not turned:
            reason = f"the regression test does not turn from red to green each time: {ids(shown.turned)}"
            raise Unproven(reason, red.run, green.run)
    return replace(shown, turned=turned)


def _rounds(proving: Proving, shown: RedToGreen) -> int:
    if shown.red.run.seconds + shown.green.run.seconds > _SLOW_SECONDS:
        return _ROUNDS_IF_SLOW
    changed = "\n".join(proving.proposal.test_sources().values())
    return _ROUNDS_IF_CHANCY if _CHANCY.search(changed) else _ROUNDS


async def _that_can_fail(proving: Proving, files: Sequence[str], shown: RedToGreen) -> RedToGreen:
    """Turn their assertions round: what passes with the patch then too would pass whatever the patch did."""
    names = {proving.language.name_of(test.id) for test in shown.turned}
    sources = _sources(proving, files, proving.proposal.all_files)
    changed = {
        path: text
        for path, source in sources.items()
        if (text := proving.language.turned_round(source, names)) is not None
    }
    if not changed:
        return replace(shown, flags=(*shown.flags, "whether the regression test can fail could not be tried"))
    proving.progress("running the regression test with its assertions turned round")
    written = {path: text.encode() for path, text in changed.items()}
    seen = await proving.tests({**proving.proposal.all_files, **written}, files)
    if seen.results.forged:
        raise Unproven(f"{seen.results.broken}", shown.red.run, seen.run)
    able = tuple(test for test in shown.turned if test.id in seen.results.bad)
    if able:
        return replace(shown, turned=able)
    if any(test.id in seen.results.passed for test in shown.turned):
        says = (
            f"the regression test passes with its assertions turned round too, so it shows nothing: {ids(shown.turned)}"
        )
        raise Unproven(says, shown.red.run, seen.run)
    return replace(shown, flags=(*shown.flags, "whether the regression test can fail could not be tried"))


def _sources(proving: Proving, files: Sequence[str], changes: Mapping[str, bytes | None]) -> dict[str, str]:
    """The text of those of the test files that are there with these changes."""
    base = proving.proposal.base
    found = {}
    for path in files:
        content = (
            changes[path] if path in changes else (base / path).read_bytes() if is_plain_file(base, path) else None
        )
        if content is not None:
            found[path] = read_source(content)
    return found


async def _without_swallowing(proving: Proving, files: Sequence[str], shown: RedToGreen) -> None:
    """Take away what the patch swallows: if the test fails then, the swallowing is all that made it pass."""
    swallowing = proving.reading.swallowing
    if not swallowing.places:
        return
    proving.progress("running the regression test without what the patch swallows")
    stripped: Mapping[str, bytes] = {path: text.encode() for path, text in swallowing.without.items()}
    seen = await proving.tests({**proving.proposal.all_files, **stripped}, files)
    if not {test.id for test in shown.turned} <= seen.results.passed:
        if _is_only_slow(seen, shown.green):
            why = f"the regression test did not end within {seen.run.seconds:.0f} s without what the patch swallows"
            raise CannotRunHere(f"{why}. Give it more time, {_SECONDS}")
        places = "; ".join(str(place) for place in swallowing.places)
        raise Unproven(f"only dropping the exception makes the test pass: {places}", shown.red.run, seen.run)
