"""Whether a failure is gone, by counting: runs of the intent that failed, on commits with the fix and without. Pure.

Where f of r runs failed before, the cure is shown after n = ceil(r * (20 ** (1 / f) - 1)) clean runs. It is the
predictive bound for a rate that is known from a sample alone: after r runs with f failures, a failure that still has
the same rate stays away for n more runs with a chance of (r / (r + n)) ** f, which is 5 % at that n. So an unfixed
failure is called healed in at most one case of twenty, at every f and every rate; a test measures that by simulation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, pow

from kintsugi.workflow.incident import Cure

_ONE_IN = 20  # unfixed failures, at the most one is called healed
_MOST_NEEDED = 10**9  # runs; more than anybody counts


@dataclass(frozen=True, slots=True)
class Runs:
    """How often an intent ended well and badly on one build, a commit."""

    intent: str
    build: str
    succeeded: int
    failed: int
    believed: bool = True  # false: told by a source that anybody can write to


@dataclass(frozen=True, slots=True)
class Answer:
    """That a request, known by its digest, was answered with this HTTP status on this build."""

    request: str
    build: str
    status: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What one report of a program says of its runs. `teller` tells its source from others, such as sentry:shop."""

    teller: str
    believed: bool
    runs: tuple[Runs, ...] = ()
    answers: tuple[Answer, ...] = ()


def all_runs_of(opened_by: str) -> str:
    """What the runs of a whole program are counted as, where it tells no more; by the source of its incidents."""
    return f"everything ({opened_by})"


ASKED, SENT_AGAIN = "asked what runs (kintsugi)", "sent again (kintsugi)"
"""What Kintsugi's own requests count as: it asked the program what runs, or sent a failing one again."""


def without_ours(runs: Sequence[Runs], ours: Sequence[Runs], *, fixed: bool) -> list[Runs]:
    """The runs of a whole program without those that Kintsugi's own requests made.

    The program tells sums, in which they cannot be told apart, so that each is taken to have made a run that would
    help: on builds with the fix a clean one, and before it, where it was a failing request that was sent again, a
    failed one. An own request of an unknown build counts against each.
    """
    found = []
    for each in runs:
        own = [one for one in ours if _may_be_of(one.build, each.build)]
        if fixed:
            found.append(replace(each, succeeded=max(each.succeeded - sum(one.succeeded for one in own), 0)))
        else:
            again = sum(one.succeeded for one in own if one.intent == SENT_AGAIN)
            found.append(replace(each, failed=max(each.failed - again, 0)))
    return found


def _may_be_of(own: str, build: str) -> bool:
    """Commits are told in full and in short."""
    return own.startswith(build) or build.startswith(own)


def judged(intent: str, fixed: Sequence[Runs], before: Sequence[Runs]) -> Cure:
    """The cure as `counted` sees it. What anybody could have told counts against a cure, and never shows one alone."""
    believed = [each for each in fixed if each.believed]
    cure = counted(intent, fixed, before)
    if not cure.shown or counted(intent, believed, [each for each in before if each.believed]).shown:
        return cure
    says = (
        "Unproven: these runs are told by a key that anybody can read, and are not believed alone. Look at the program."
    )
    return Cure(cure.clean, 0, f"{says} Told are {cure.says}")


def counted(intent: str, fixed: Sequence[Runs], before: Sequence[Runs]) -> Cure:
    """How far the runs on builds with the fix show the cure, against how often it failed on builds without.

    Of `before`, builds on which nothing failed do not count: they may be older than the fault. A failure of any kind
    on a build with the fix speaks against a cure that is shown by counting. Where no failure was counted before, no
    number of clean runs shows anything: `needed` is 0.
    """
    clean, bad = sum(each.succeeded for each in fixed), sum(each.failed for each in fixed)
    faulty = [each for each in before if each.failed]
    failed, runs = sum(each.failed for each in faulty), sum(each.succeeded + each.failed for each in faulty)
    if not failed:
        why = "How often it failed before was not counted, so clean runs alone show nothing."
        return Cure(clean, 0, f"Unproven: {clean} clean runs of {intent} with the fix. {why}")
    needed, was = clean_runs_needed(failed, runs), f"it failed in {failed} of {runs} before"
    if bad:
        says = f"Unproven: {bad} of {clean + bad} runs of {intent} with the fix failed, in whatever way; {was}."
        return Cure(0, needed, says)
    if clean >= needed:
        return Cure(clean, needed, f"{clean} clean runs of {intent} with the fix, of {needed} needed; {was}.")
    return Cure(clean, needed, f"Unproven: {clean} clean of the {needed} needed. These are runs of {intent}; {was}.")


def clean_runs_needed(failed: int, runs: int) -> int:
    """How many clean runs in a row show the cure of what failed in `failed` (at least 1) of `runs` before."""
    return min(ceil(runs * (pow(_ONE_IN, 1 / failed) - 1)), _MOST_NEEDED)
