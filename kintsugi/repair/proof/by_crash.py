"""Whether the tests that turned were red by the crash that is to be mended, and what became of it with the patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kintsugi.repair.languages.results import TestResult
from kintsugi.repair.proof.judge import reaches
from kintsugi.repair.proof.pair import RedToGreen
from kintsugi.repair.proof.runs import Proving, Seen, is_plain_file, some
from kintsugi.repair.syntax import read_source

NO_FAILURE_GIVEN = "no failure was given: whether the test is red by it is not known"


def lines_that_failed(proving: Proving, red: Seen) -> tuple[int, ...]:
    """The lines by which the crash came in red, as the patch numbers them; none where it changes them."""
    proposal = proving.proposal
    path = proposal.crash.path if proposal.crash else ""
    failed = {line for test in red.results.bad.values() for line in test.failed}
    if not failed or not is_plain_file(proposal.base, path):
        return ()
    content = (proposal.base / path).read_bytes()
    changed = proposal.all_files.get(path, content)
    return () if changed is None else proving.language.same_lines(read_source(content), read_source(changed), failed)


def compared_with_crash(proving: Proving, shown: RedToGreen) -> RedToGreen:
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
    green = shown.first.green.results.tests
    now = [green[test.id] for test in by_it]
    flags = []
    if not crash.path:
        flags.append("where the failure happened in the project is not known: only its type was compared")
    printed = any(crash.is_in(test.answered) for test in green.values())  # by which test, is chance
    if printed or any(test.raised for test in now):
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
