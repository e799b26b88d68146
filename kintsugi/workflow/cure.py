"""Whether a failure is gone, by counting: runs of the intent that failed, on commits with the fix and without. Pure.

After n clean runs the failure's rate is below 3/n with 95 % confidence (the rule of three: Hanley and Lippman-Hand,
"If nothing goes wrong, is everything all right?", JAMA 1983). The cure is shown when that is below the old rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from kintsugi.workflow.incident import Cure

ASSUMED_RATE = 0.01
"""Of failures, where nobody counted how often it failed before."""


@dataclass(frozen=True, slots=True)
class Runs:
    """How often an intent ended well and badly on one build, a commit."""

    intent: str
    build: str
    succeeded: int
    failed: int


def counted(intent: str, fixed: Sequence[Runs], before: Sequence[Runs]) -> Cure:
    """How far the runs on builds with the fix show the cure, against how often it failed on builds without.

    Of `before`, builds on which nothing failed do not count: they may be older than the fault. A failure of any kind
    on a build with the fix speaks against a cure that is shown by counting.
    """
    clean, bad = sum(each.succeeded for each in fixed), sum(each.failed for each in fixed)
    faulty = [each for each in before if each.failed]
    failed, runs = sum(each.failed for each in faulty), sum(each.succeeded + each.failed for each in faulty)
    needed = floor(3 / (failed / runs if failed else ASSUMED_RATE)) + 1
    was = f"it failed in {failed} of {runs} before" if failed else "how often it failed before was not counted"
    if bad:
        says = f"Unproven: {bad} of {clean + bad} runs of {intent} with the fix failed, in whatever way; {was}."
        return Cure(0, needed, says)
    if clean >= needed:
        return Cure(clean, needed, f"{clean} clean runs of {intent} with the fix, of {needed} needed; {was}.")
    return Cure(clean, needed, f"Unproven: {clean} clean of the {needed} needed. These are runs of {intent}; {was}.")
