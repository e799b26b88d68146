"""From red to green: the regression test fails without the patch, for the right reason, and passes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from kintsugi.repair.languages.known import is_test_file
from kintsugi.repair.proof.again import more_rounds, that_can_fail, with_time, without_swallowing
from kintsugi.repair.proof.by_crash import compared_with_crash, lines_that_failed
from kintsugi.repair.proof.conditions import that_show
from kintsugi.repair.proof.pair import Pair, RedToGreen, ShowsNothing
from kintsugi.repair.proof.runs import Proving, Seen, Unproven, some
from kintsugi.repair.syntax import read_source

_MOST_LEFT_OUT = 3  # how often a compiler is asked again: it tells some errors at a time


async def red_to_green(proving: Proving, mended: Sequence[str] = ()) -> RedToGreen | None:
    """By the tests of the files `mended`, which were there, else by those that the patch brings or the proposal names.

    None where there are no such tests. Raises Unproven.
    """
    files = mended or _showing_files(proving)
    named = await _first_red(proving, files) if files else None
    own = named is not None and not _holds_no_tests(proving, files, named[1])
    if not own and (loading := await _that_load(proving)):
        files, named = loading, await _first_red(proving, loading)
    if named is None:
        return None
    proving, red = named
    try:
        first = await _first_round(proving, files, red, were_there=files == mended)
    except ShowsNothing:
        if _only_follow(proving, files):
            return None
        raise
    shown = compared_with_crash(proving, first)
    shown = await more_rounds(proving, files, shown)
    shown = await that_can_fail(proving, files, shown)
    await without_swallowing(proving, files, shown)
    names = frozenset(proving.language.name_of(test.id) for test in shown.turned)
    before, now = proving.sources(files, {}), proving.sources(files, proving.proposal.all_files)
    flags = (*shown.flags, *proving.language.suspicions_of_tests(before, now, names))
    if proving.left_out:
        flags += (f"tests that only compile with the patch were left out of its red: {some(sorted(proving.left_out))}",)
    return replace(shown, flags=flags)


def _only_follow(proving: Proving, files: Sequence[str]) -> bool:
    """Whether the tests follow what the patch does, a new name or a layout, and none is new or was to fail."""
    before, now = proving.sources(files, {}), proving.sources(files, proving.proposal.all_files)
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
    sources = proving.sources(files, proving.proposal.all_files)
    return not red.results.tests or not any(proving.language.count(path, text) for path, text in sources.items())


async def _that_load(proving: Proving) -> tuple[str, ...]:
    """The test files that turn by cases which the patch brings in files without tests of their own: data, modules.

    None of them, too, where that is not known: all tests do not come to their end. Raises Unproven.
    """
    proposal = proving.proposal
    if not proving.suite.takes_files or not any(content is not None for content in proposal.tests.values()):
        return ()
    proving.progress("running all tests for those that load what the patch brings, without it and with it")
    red = await proving.tests(proving.tests_alone, seconds=proving.share_of_time)
    if red.stopped is not None or not red.results.tests:
        return ()
    green = await proving.tests(proposal.all_files)
    pair = Pair(red, green)
    pair.check_own()
    if green.stopped is not None or not green.results.complete:
        return ()
    await _check_cases(proving, pair)
    return tuple(sorted({test.file for test in pair.turned} & set(proving.suite.files)))


async def _check_cases(proving: Proving, pair: Pair) -> None:
    """What fails with the patch and without it failed before it brought its cases, too."""
    still = {test.id for test in pair.green.results.bad.values() if pair.in_red(test)}
    if not still:
        return
    before = await proving.tests({}, seconds=proving.share_of_time)
    if before.results.complete and (own := sorted(still - set(before.results.bad))):
        raise Unproven(f"still failing with the patch: {some(own)}", pair.red.run, pair.green.run)


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
    return await proving.tests(proving.tests_alone, files, seconds=proving.share_of_time, watched=())


async def _first_round(proving: Proving, files: Sequence[str], red: Seen, *, were_there: bool) -> RedToGreen:
    proving.progress("running the regression test with the patch")
    asked = lines_that_failed(proving, red)
    green = await proving.tests(proving.proposal.all_files, files, watched=asked)
    first = await with_time(proving, files, Pair(red, green))
    try:
        return RedToGreen(
            first, that_show(proving, files, first, were_there=were_there), is_later=first.red is not red, asked=asked
        )
    except Unproven as refused:
        raise type(refused)(refused.reason, first.red.run, green.run) from None
