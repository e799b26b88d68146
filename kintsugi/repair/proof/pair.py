"""The same tests, run without the patch and with it: which of them turned, and what only had too little time."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kintsugi.repair.languages.results import Ending, TestResult
from kintsugi.repair.proof.runs import Seen, Unproven, some

HANGS = 3  # times as long as with the patch: a test that ran out of time sooner may only be slow
MORE_TIME = "Give it more time, KINTSUGI_TEST_SECONDS"


class ShowsNothing(Unproven):
    """The tests say nothing of the failure."""


class NoneTurns(Unproven):
    """No test fails without the patch and passes with it each time."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs: `red` without the patch, `green` with it."""

    red: Seen
    green: Seen

    @property
    def turned(self) -> tuple[TestResult, ...]:
        """The tests that fail in red and pass in green, as they ended in red."""
        slow = self.is_only_slow
        found = (self.in_red(self.green.results.tests[name]) for name in sorted(self.green.results.passed))
        return tuple(test for test in found if test is not None and not (slow and self.never_ended(test)))

    def in_red(self, test: TestResult) -> TestResult | None:
        """How a test failed in red: itself, by its whole file, or by the end of the run before it."""
        red = self.red.results
        if test.id in red.bad:
            return red.bad[test.id]
        whole_file = (one for one in red.bad.values() if one.ending is Ending.UNCOLLECTED and one.file == test.file)
        unread = next(whole_file, None)
        if unread is not None:
            return replace(unread, id=test.id)
        never_ended = not red.complete and test.id not in red.tests
        return replace(test, ending=Ending.ERROR) if never_ended else None

    def never_ended(self, test: TestResult) -> bool:
        """Whether a test counts as failed in red as the run was over before it."""
        return test.ending is Ending.ERROR and test.id not in self.red.results.tests

    @property
    def is_only_slow(self) -> bool:
        """Whether red ran out of time, and green took about as long: then no test is known to hang."""
        return not self.red.outcome.in_time and self.red.run.seconds < HANGS * self.green.run.seconds

    @property
    def are_both_too_slow(self) -> bool:
        """Whether green had no time to end, and red was about as slow: no fault of the patch."""
        red, green = self.red, self.green
        hangs_in_green = red.outcome.in_time and green.run.seconds >= HANGS * red.run.seconds
        return not green.outcome.in_time and not hangs_in_green

    @property
    def too_slow(self) -> str:
        """What to say of a pair that had too little time."""
        red, green = f"{self.red.run.seconds:.0f} s", f"{self.green.run.seconds:.0f} s"
        if not self.green.outcome.in_time:
            return f"the regression test did not end within {green}. {MORE_TIME}"
        took = f"{red} were too short, and with it {green} were needed"
        return f"without the patch the regression test did not end: {took}. {MORE_TIME}"

    def check_own(self) -> None:
        """What was recorded is what the tests did. Raises Unproven."""
        for seen in (self.red, self.green):
            if seen.results.forged:
                raise Unproven(f"{seen.results.broken}", green=seen.run)
        changed = sorted(set(self.green.results.changed) - set(self.red.results.changed))
        if changed:
            raise Unproven(
                f"the patch changes what runs the tests while they run: {some(changed)}", green=self.green.run
            )


@dataclass(frozen=True, slots=True)
class RedToGreen:
    """The first two runs, and the tests that turned each time, as they ended in red.

    `reproduced`: whether they failed by the very crash; None where no crash is known.
    """

    first: Pair
    turned: tuple[TestResult, ...]
    reproduced: bool | None = None
    flags: tuple[str, ...] = ()
    is_later: bool = False  # red was seen after green: what it had to build is built
    asked: tuple[int, ...] = ()  # the lines that failed, as the patch numbers them, where it leaves them as they are

    @property
    def red(self) -> Seen:
        return self.first.red

    @property
    def green(self) -> Seen:
        return self.first.green
