"""Which deployed commit brought a failure: its call is made again at deployed commits alone, at as few as it takes.

As with `git bisect`, a failure that came is taken to have stayed. What cannot be run (a wall: a commit that does not
import, or another failure) is never called good nor guilty. A commit is named only where it fails, and every deployed
commit right before it was run and does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kintsugi.workflow.patch import Reproduction


class Answer(StrEnum):
    """What can be said."""

    GUILTY = "guilty"  # this deployed commit brought it
    OLDER = "older_than"  # it fails at the oldest deployed commit already
    CANNOT = "cannot_run_before"  # it fails here, and what was deployed before cannot be run
    NOT_REPRODUCED = "not_reproduced"  # not even at the build that failed


@dataclass(frozen=True, slots=True)
class Brought:
    """The answer, and the commit it is about. `runs`: how often the call was made; `could_not_run`: how many of these
    came to no answer.
    """

    answer: Answer
    commit: str
    why: str = ""
    runs: int = 0
    could_not_run: int = 0

    @property
    def says(self) -> str:
        """A sentence, and how many commits said nothing."""
        could_not = f" At {self.could_not_run} of the {self.runs} commits that were tried it could not be run."
        return f"{self._says}{could_not if self.could_not_run and self.runs > 1 else ''}"

    @property
    def _says(self) -> str:
        commit = self.commit[:10]
        match self.answer:
            case Answer.GUILTY:
                return f"The deployed commit {commit} brought it: the call fails there, and not at the one before."
            case Answer.OLDER:
                return f"It is older than {commit}, the oldest deployed commit that is known: it fails there already."
            case Answer.CANNOT:
                return f"It cannot be run before {commit}, where it fails: {self.why}."
            case Answer.NOT_REPRODUCED:
                return f"Nothing can be said: at the build that failed, {commit}, the call does not fail. {self.why}"


Run = Callable[[str], Awaitable[Reproduction]]


async def brought_by(failing: str, before: Mapping[str, frozenset[str]], order: Sequence[str], run: Run) -> Brought:
    """`before`: of each deployed commit, all deployed commits in its history; `order` lists them, ancestors first.

    `run` makes the failing call at a commit.
    """
    seen: dict[str, Reproduction] = {}

    async def at(commit: str) -> Reproduction:
        if commit not in seen:
            seen[commit] = await run(commit)
        return seen[commit]

    first = await at(failing)
    if not first.is_reproduced:
        return Brought(Answer.NOT_REPRODUCED, failing, first.says, len(seen))
    bad, good = failing, set[str]()
    while left := [one for one in order if one in before[bad] and one not in good and one not in seen]:
        commit = left[len(left) // 2]
        found = await at(commit)
        if found.is_reproduced:
            bad = commit
        elif found.ends_well:
            good |= {commit, *before[commit]}
    return _judged(bad, before, good, seen)


def _judged(
    bad: str, before: Mapping[str, frozenset[str]], good: set[str], seen: Mapping[str, Reproduction]
) -> Brought:
    """By the deployed commits right before the one that fails: those in its history that no other of it holds."""
    all_before = before[bad]
    nearest = [one for one in all_before if not any(one in before[other] for other in all_before)]
    walls = [one for one in nearest if one not in good]
    runs, silent = len(seen), sum(not (one.is_reproduced or one.ends_well) for one in seen.values())
    if not nearest:
        return Brought(Answer.OLDER, bad, "", runs, silent)
    if walls:
        return Brought(Answer.CANNOT, bad, f"at {walls[0][:10]}, {seen[walls[0]].why}", runs, silent)
    return Brought(Answer.GUILTY, bad, "", runs, silent)
