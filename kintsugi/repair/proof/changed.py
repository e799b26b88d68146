"""What a patch does to tests that were there, measured: the old tests are run on the program as the patch leaves it."""

from __future__ import annotations

from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.proof.runs import Proving, Seen, Unproven, some


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


def _ends(proving: Proving, seen: Seen, path: str, name: str) -> set[bool]:
    """How a test ended by its file and name, each of its cases: whether it passed. TAP names no file."""
    every = (one for one in seen.results.tests.values() if one.file in (path, ""))
    own = [one for one in every if proving.language.is_called(one.id, name)]
    return {one.id in seen.results.passed for one in own if one.is_bad or one.id in seen.results.passed}
