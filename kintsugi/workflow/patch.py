"""A proposed change to the code, as it crosses the ports: what the analyst says, what the proof saw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class ReplyFormat(StrEnum):
    """How a change is written down. AUTO recognises which of the others it is."""

    EDITS = "edits"
    UDIFF = "udiff"
    V4A = "v4a"
    WHOLE = "whole"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `search` by `replace` in the original file at `path`.

    `path` is relative to the repository's root, with forward slashes. An empty `search` makes a new file.
    `occurrence` (from 1) picks one of several equal places; without it there must be exactly one.
    """

    path: str
    search: str
    replace: str
    occurrence: int | None = None


class Tier(StrEnum):
    """How strong the evidence for a patch is."""

    E0 = "E0"  # it applies and compiles
    E1 = "E1"  # the tests that passed still pass
    E2 = "E2"  # a test or reproduction that failed before passes after: red to green

    @property
    def words(self) -> str:
        """What the code means, to be said beside it."""
        return {Tier.E0: "applies and compiles", Tier.E1: "no test broke", Tier.E2: "failed before, passes now"}[self]

    @property
    def proves(self) -> bool:
        """Whether tests were compared: of E0 nothing is known but that it applies."""
        return self is not Tier.E0

    @property
    def spoken(self) -> str:
        """The code with its words: "E2 (failed before, passes now)"."""
        return f"{self.value} ({self.words})"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a test command: what was asked, how it ended, what it printed (redacted, the end of it)."""

    command: tuple[str, ...]
    exit_status: int | None  # None: it did not end by itself
    seconds: float
    output: str


@dataclass(frozen=True, slots=True)
class Numbers:
    """How much of a project's tests the evidence stands on.

    `known`: those that the project has, as far as its runner or its text tells; `ran` of these without the patch,
    `passed` then, `compared` with how they end with the patch. `why_not`: why the rest did not run.
    """

    known: int
    ran: int
    passed: int
    compared: int
    why_not: str = ""

    @property
    def says(self) -> str:
        """A sentence."""
        if self.ran == self.known:
            return f"All {self.known:,} tests ran." if self.known > 1 else "Its only test ran." if self.known else ""
        return f"{self.ran:,} of {self.known:,} tests ran{': ' * bool(self.why_not)}{self.why_not}."


class Rerun(StrEnum):
    """How the failing call ended when it was made again in the sandbox."""

    REPRODUCED = "reproduced"  # by the same type and message, through the same function
    OTHER_FAILURE = "other_failure"
    NOT_REPRODUCIBLE = "not_reproducible"


@dataclass(frozen=True, slots=True)
class Reproduction:
    """The failing call made again at `commit`. `call` is its module and function; `why` what hinders, or what else
    failed.
    """

    rerun: Rerun
    call: str
    commit: str
    seconds: float
    why: str = ""
    ends_well: bool = False  # it was made, and did not fail
    in_part: str = ""  # how much of the call was made, where a report shows no more

    @property
    def is_reproduced(self) -> bool:
        return self.rerun is Rerun.REPRODUCED

    @property
    def words(self) -> str:
        """As a card or a page has it."""
        if self.is_reproduced:
            return f"{self.call}: reproduced in {self.seconds:.1f} s before any model was asked{self._part}."
        return self.says

    @property
    def says(self) -> str:
        """A sentence."""
        match self.rerun:
            case Rerun.REPRODUCED:
                return f"{self.call} fails in the same way at {self.commit[:10]}, in {self.seconds:.1f} s{self._part}."
            case Rerun.OTHER_FAILURE:
                return f"{self.call} fails at {self.commit[:10]}, but in another way: {self.why}{self._part}."
            case Rerun.NOT_REPRODUCIBLE:
                call = self.call or "The failing call"
                return f"{call} cannot be made again at {self.commit[:10]}: {self.why}{self._part}."

    @property
    def _part(self) -> str:
        return f" (in part: {self.in_part})" if self.in_part else ""


@dataclass(frozen=True, slots=True)
class Change:
    """The deployed commit that brought a failure, with its pull request where its title names one."""

    commit: str
    pull_request: int | None = None
    in_part: str = ""  # how much of the call was made to find it

    @property
    def words(self) -> str:
        """As it is read aloud."""
        number = f", pull request #{self.pull_request}" if self.pull_request else ""
        return f"{self.commit[:10]}{number}{f' (by a call in part: {self.in_part})' if self.in_part else ''}"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the proof saw. `box` says in words what the runs were contained by.

    `reproduced`: whether the test that went from red to green was red by the incident's own failure; None where there
    is no such test, or no failure was known.
    """

    tier: Tier
    says: str
    box: str
    red: Run | None = None
    green: Run | None = None
    flags: tuple[str, ...] = ()  # what a human should look at, such as changed assertions
    reproduced: bool | None = None
    numbers: Numbers | None = None  # of the project's tests; None where they are not told apart

    def without_outputs(self, remark: str) -> Evidence:
        """The same, with a remark instead of what the runs printed."""
        red, green = (run and replace(run, output=remark) for run in (self.red, self.green))
        return replace(self, red=red, green=green)
