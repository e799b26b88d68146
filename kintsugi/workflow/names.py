"""The states an incident can be in, and the effects it can owe.

They stand one step below the table, as what the table names needs them too. `states.py` is the page to point at, and
hands them on: whoever is not the lifecycle itself imports them from there.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where an incident stands. The main line comes first, in order; then the sidings, then the other ends."""

    CAPTURED = "captured"
    DIAGNOSED = "diagnosed"
    AWAITING_CONFIRM = "awaiting_confirm"
    CONFIRMED = "confirmed"
    PR_OPENED = "pr_opened"
    MERGED = "merged"
    DEPLOYED = "deployed"
    HEALED = "healed"
    STAGED = "staged"
    NEEDS_HUMAN = "needs_human"
    STUCK = "stuck"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ABANDONED = "abandoned"
    RECURRED = "recurred"
    ROLLED_BACK = "rolled_back"
    CANCELLED = "cancelled"

    @property
    def words(self) -> str:
        """As it is read aloud: `awaiting_confirm` is "awaiting confirmation"."""
        return _WORDS.get(self.value, self.value.replace("_", " "))

    @property
    def says(self) -> str:
        """The rest of a sentence that begins with an incident's name: "is healed", "needs a human"."""
        return self.words if self is State.NEEDS_HUMAN else f"is {self.words}"


_WORDS = {"awaiting_confirm": "awaiting confirmation", "needs_human": "needs a human", "pr_opened": "in review"}


class Effect(StrEnum):
    """What must be done in the world after a move."""

    DIAGNOSE = "diagnose"
    CHECK_PATCH = "check_patch"
    ASK_CONFIRMATION = "ask_confirmation"
    OPEN_PULL_REQUEST = "open_pull_request"
    DEPLOY = "deploy"
    WATCH = "watch"
    ROLL_BACK = "roll_back"
    ANNOUNCE = "announce"

    @property
    def words(self) -> str:
        """As it is read aloud: `check_patch` is "check patch"."""
        return self.value.replace("_", " ")


def kind_of(effect: str) -> str:
    """Of an effect's id, which is `<incident>:<kind>:<seq>`: an Effect, or one that only newer code knows."""
    return effect.split(":")[1]


MAIN_LINE = tuple(State)[:8]

ENDED = frozenset(
    {
        State.HEALED,
        State.REJECTED,
        State.EXPIRED,
        State.ABANDONED,
        State.RECURRED,
        State.ROLLED_BACK,
        State.CANCELLED,
    }
)
"""An incident that ended makes room for a new one of the same failure. Some ends can still be left, by a fact from
outside: a merge, a reopened pull request, a recurrence, a rollback."""
