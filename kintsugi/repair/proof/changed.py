"""What a patch does to tests that were there, measured: the old tests are run on the program as the patch leaves it."""

from __future__ import annotations

from collections.abc import Sequence

from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.languages.results import TestResult
from kintsugi.repair.proof.runs import Proving, Seen, Unproven, some
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
    if seen.stopped is not None or not seen.results.complete:
        return ()
    if needless := [name for name in sorted(reading.dropped) if _ends(proving, seen, *name) == {True}]:
        told = some([f"{path}: {name}" for path, name in needless])
        raise Unproven(f"the patch loosens tests: an assertion is gone that holds with the patch too: {told}")
    fail = [f"{path}: {name}" for path, name in sorted(reading.changed) if False in _ends(proving, seen, path, name)]
    return (f"it changes what tests expect that fail with it as they were: {some(fail)}",) if fail else ()


async def cases_pass(proving: Proving) -> None:
    """The tests that are to be cases of tables now run under their very names, pass, and can fail. Raises Unproven."""
    cases = sorted(was for was, now in proving.reading.renamed.items() if was == now)
    if not cases:
        return
    changes = proving.proposal.all_files
    files = sorted({path for path, _ in cases})
    proving.progress(f"running the tables that tests have become cases of: {some(files)}")
    seen = await proving.tests(changes, files if proving.suite.takes_files else ())
    passed = [seen.results.tests[id] for id in seen.results.passed]
    if gone := [one for one in cases if not _is_among(passed, *one)]:
        raise Unproven(_removed(gone, "no case of its name passes"), green=seen.run)
    texts = {path: read_source(changes[path] or b"") for path in files}
    turned = {
        path: text.encode("utf-8", "surrogatepass")
        for path in files
        if (text := proving.language.turned_round(texts[path], [name for where, name in cases if where == path]))
    }
    seen = await proving.tests({**changes, **turned}, files if proving.suite.takes_files else ())
    if idle := [one for one in cases if not _is_among(list(seen.results.bad.values()), *one)]:
        raise Unproven(_removed(idle, "the case of its name cannot fail"), green=seen.run)


def _removed(cases: Sequence[tuple[str, str]], why: str) -> str:
    told = "; ".join(f"{path}: {name} is removed" for path, name in cases)
    return f"the patch loosens tests: {told}, and {why}"


def _is_among(tests: Sequence[TestResult], path: str, name: str) -> bool:
    return any(one.file in (path, "") and name in _names_in(one.id) for one in tests)


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
