"""What a patch does to tests that were there, measured: the old tests are run on the program as the patch leaves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.proof.numbers import why_broken
from kintsugi.repair.proof.runs import CannotRunHere, Proving, Seen, Unproven, some
from kintsugi.repair.syntax import read_source


async def old_tests_agree(proving: Proving) -> tuple[str, ...]:
    """Flags on the tests whose assertions the patch changes. Raises Unproven where one lost an assertion that holds."""
    reading, proposal = proving.reading, proving.proposal
    files = proving.that_exist(sorted({path for path, _ in reading.changed}), {})
    if not files or not proving.suite.takes_files:
        return ()
    program = {path: content for path, content in proposal.all_files.items() if not is_test_path(path)}
    proving.progress(f"running the tests whose assertions are changed as they were: {some(files)}")
    seen = await proving.tests(program, files)
    if not _came_to_its_end(seen):
        return ()
    if needless := [name for name in sorted(reading.dropped) if _ends(proving, seen, *name) == {True}]:
        told = some([f"{path}: {name}" for path, name in needless])
        raise Unproven(f"the patch loosens tests: an assertion is gone that holds with the patch too: {told}")
    fail = [f"{path}: {name}" for path, name in sorted(reading.changed) if False in _ends(proving, seen, path, name)]
    return (f"it changes what tests expect that fail with it as they were: {some(fail)}",) if fail else ()


async def still_ask(proving: Proving) -> tuple[str, ...]:
    """Tests that are to be cases of tables now run under their very names, and turn from red to green: what they asked
    for before no longer holds. They can fail, and so can those that may no longer come to what they assert.
    Flags on those of which that could not be tried. Raises Unproven, and CannotRunHere where a removed test is one.
    """
    cases = {was for was, now in proving.reading.renamed.items() if was == now}
    asked = sorted(cases | proving.reading.guarded)
    changes = proving.proposal.all_files
    files = proving.that_exist(sorted({path for path, _ in asked}), changes)
    if not files:
        return ()
    proving.progress(f"running tests that may no longer ask anything: {some(files)}")
    chosen = files if proving.suite.takes_files else ()
    seen = await proving.tests(changes, chosen)
    passed = {one: _called(proving, seen, *one, exactly=one in cases) & seen.results.passed for one in asked}
    if cases:
        await _check_cases(proving, {one: passed[one] for one in sorted(cases)}, seen, chosen)
    turned = _turned(proving, {one: found for one, found in passed.items() if found})
    again = await proving.tests({**changes, **turned}, chosen) if turned else seen
    _check_own(again)
    weak = [one for one, found in passed.items() if not found & set(again.results.bad)]
    if idle := [one for one in weak if one[0] in turned and passed[one] & again.results.passed]:
        raise Unproven(f"the patch loosens tests: {_told(idle)} can no longer fail", green=again.run)
    untried = [one for one in weak if one in cases or passed[one] or not _came_to_its_end(seen)]
    says = f"whether {_told(untried)} can still fail could not be tried"
    if cases & set(untried):
        raise CannotRunHere(says if _came_to_its_end(again) else f"{says}: {why_broken(proving, again)}")
    return (says,) if untried else ()


async def _check_cases(
    proving: Proving, cases: Mapping[tuple[str, str], Set[str]], seen: Seen, chosen: Sequence[str]
) -> None:
    """Each fails without the patch and passes with it. Raises Unproven, and CannotRunHere where a run did not end."""
    _check_own(seen)
    red = await proving.tests(proving.tests_alone, chosen, seconds=proving.share_of_time)
    lacking = [one for one, found in cases.items() if not found & set(red.results.bad)]
    if not lacking:
        return
    unseen = {one for one in lacking if not cases[one] & set(red.results.tests)}
    for run in (seen, red):
        if not _came_to_its_end(run) and unseen:
            why = why_broken(proving, run)
            raise CannotRunHere(f"whether {_told(sorted(unseen))} still asks what it did is not known: {why}")
    why = "is removed, and no case of its name fails without the patch and passes with it"
    raise Unproven(f"the patch loosens tests: {_told(lacking)} {why}", green=seen.run)


def _check_own(seen: Seen) -> None:
    if seen.results.forged:
        raise Unproven(f"{seen.results.broken}", green=seen.run)


def _came_to_its_end(seen: Seen) -> bool:
    return seen.stopped is None and seen.results.complete


def _turned(proving: Proving, tests: Mapping[tuple[str, str], Set[str]]) -> dict[str, bytes]:
    """The files of tests with their assertions turned round, where they have any that can be."""
    found: dict[str, bytes] = {}
    for file in {path for path, _ in tests}:
        names = {
            proving.language.name_of(id) or name for (path, name), ids in tests.items() if path == file for id in ids
        }
        source = read_source(proving.proposal.all_files[file] or b"")
        text = proving.language.turned_round(source, names)
        if text is not None and text != source:
            found[file] = text.encode("utf-8", "surrogatepass")
    return found


def _told(tests: Sequence[tuple[str, str]]) -> str:
    return some([f"{path}: {name}" for path, name in tests])


def _called(proving: Proving, seen: Seen, path: str, name: str, *, exactly: bool) -> set[str]:
    """The tests that ran under a name. TAP names no file, and what is read of it may be a part of another name."""
    every = (one.id for one in seen.results.tests.values() if one.file in (path, ""))
    return {id for id in every if (name in _names_in(id) if exactly else proving.language.is_called(id, name))}


def _names_in(id: str) -> set[str]:
    """What a test may be called by its id, which begins in TAP with what stands above and ends with what it asserts."""
    named, parts = "::" in id, id.rpartition("::")[2].split(" > ")
    from_to = (
        [(0, len(parts))] if named else [(at, to) for at in range(len(parts)) for to in range(at + 1, len(parts) + 1)]
    )
    return {" ".join(parts[at:to]) for at, to in from_to}


def _ends(proving: Proving, seen: Seen, path: str, name: str) -> set[bool]:
    """How a test ended by its file and name, each of its cases: whether it passed. TAP names no file."""
    every = (one for one in seen.results.tests.values() if one.file in (path, ""))
    own = [one for one in every if proving.language.is_called(one.id, name)]
    return {one.id in seen.results.passed for one in own if one.is_bad or one.id in seen.results.passed}
