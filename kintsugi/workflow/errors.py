"""What can go wrong, as a tree:

Exception
├── Refusal            the answer is no, and the message says why and what can be done
│   ├── NotFound       there is no such incident
│   ├── Forbidden      whoever asks may not; somebody else might
│   ├── NotAllowedNow  no row of the table fits the present state
│   └── GuardRefused   a row fits, and a guard objects
├── StepFailed         an effect did not work; `retry_after` and `final` say what to make of it
├── Conflict           somebody else wrote first: try again
├── BadInput           what was handed in cannot be used
│   └── SettingsError  a setting is wrong, or one is missing
└── StoreUnavailable   nothing can be read or written just now; nothing was changed
"""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from kintsugi.workflow.incident import Cost, Diagnosis


class Refusal(Exception):
    """The answer is no. The message is a sentence for the one who asked."""


class Forbidden(Refusal):
    """Whoever asks may not; somebody else might."""


class NotFound(Refusal):
    """There is no such incident."""

    def __init__(self, incident: int | str) -> None:
        name = f"INC-{incident}" if isinstance(incident, int) else f"incident {incident!r}"
        super().__init__(f"There is no {name}.")


class NotAllowedNow(Refusal):
    """No row of the table fits: `name` is in `state`, `asked` was wanted, `possible` is what can come next."""

    def __init__(self, name: str, state: str, asked: str, possible: tuple[str, ...]) -> None:
        self.state, self.asked, self.possible = state, asked, possible
        rest = f"What can come next: {', '.join(possible)}." if possible else "Nothing more can come."
        super().__init__(f"{name} is {state}: not {asked!r} now. {rest}")


class GuardRefused(Refusal):
    """A guard objects: `name` stays in `state` because of `reason`."""

    def __init__(self, name: str, state: str, reason: str) -> None:
        self.state, self.reason = state, reason
        super().__init__(f"{name} stays {state}: {reason}")


class StepFailed(Exception):
    """An effect did not work.

    `final`: trying again cannot mend it. `retry_after`: not before that. `spent`: what it has cost all the same.
    `most_tries`: so many and no more, where each of them costs money. `found`: what it had found out before it came to
    this, for the next try to go on from.
    """

    def __init__(
        self,
        says: str,
        *,
        final: bool = False,
        retry_after: timedelta | None = None,
        spent: Cost | None = None,
        most_tries: int | None = None,
    ) -> None:
        super().__init__(says)
        self.most_tries = most_tries
        self.final, self.retry_after, self.spent = final, retry_after, spent or Cost()
        self.found: Diagnosis | None = None

    def having_spent(self, before: Cost) -> Self:
        """The same, where the step had cost something before it came to this."""
        self.spent = before + self.spent
        return self

    def having_found(self, diagnosis: Diagnosis) -> Self:
        """The same, where the step had come so far."""
        self.found = diagnosis
        return self


class Conflict(Exception):
    """Somebody else wrote the same thing first. The loser tries again."""


class BadInput(Exception):
    """What was handed in cannot be used; the message says what is wrong and what to do. Nothing was changed."""


class SettingsError(BadInput):
    """A setting is wrong, or one is missing. The message names it, and says what it should be."""


class StoreUnavailable(Exception):
    """Nothing can be read or written just now: the disk is full, the database is away or not ours."""
