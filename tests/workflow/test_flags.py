"""What is remembered beside the state: each has one rule that says when it ends, on every way through the table."""

import random

import pytest

from kintsugi.workflow import triggers as t
from kintsugi.workflow.engine import is_stale
from kintsugi.workflow.errors import Refusal
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.machine import advance
from kintsugi.workflow.ports import Claim
from kintsugi.workflow.states import TRANSITIONS, Effect, State
from tests.world.make import NOON, a_deployment, a_trigger, an_incident

STEPS = 40
STATES = [state for state in State if state is not State.STAGED]
RESULTS = {t.RolledBack: Effect.ROLL_BACK}
SIDE = {t.Cancelled, t.Ignored, t.Duplicated, t.Noted, t.ChangeFound, t.BetterTold}
"""What fits nearly everywhere, and would be most of a walk."""


class Walk:
    """One incident moved at random, with the effects that it owes. What a rollback comes to happens while it is owed."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.incident = an_incident(chance.choice(STATES), way_back=a_deployment())
        self.owed: list[tuple[Effect, int]] = []
        self.told: list[str] = []

    @property
    def rolls_back(self) -> bool:
        return any(kind is Effect.ROLL_BACK for kind, _ in self.still_owed())

    def still_owed(self) -> list[tuple[Effect, int]]:
        return [(kind, seq) for kind, seq in self.owed if not is_stale(self._claim(kind, seq))]

    def step(self) -> None:
        fits = [row.on for row in TRANSITIONS if self.incident.state in row.sources]
        kind = self.chance.choice([each for each in fits if each not in SIDE or self.chance.random() < 0.05])
        effect = self.chance.choice([kind for kind, _ in self.still_owed()] or [Effect.ANNOUNCE])
        if RESULTS.get(kind, effect) is not effect or (kind is t.StepGaveUp and effect is Effect.ANNOUNCE):
            return
        changes = {"effect": effect} if kind is t.StepGaveUp else {}
        changes |= {"hint": self.chance.choice(["", "look"])} if kind is t.Retried else {}
        try:
            move = advance(self.incident, a_trigger(kind, **changes))
        except Refusal:
            return
        ended = RESULTS.get(kind) or (effect if kind is t.StepGaveUp else None)
        self.incident = move.after
        self.owed = [each for each in self.still_owed() if each[0] is not ended]
        self.owed += [(each, self.incident.seq) for each in move.effects if each is not Effect.ANNOUNCE]
        self.told.append(f"{kind.__name__} {changes} -> {self.incident.state}")

    def _claim(self, kind: Effect, seq: int) -> Claim:
        return Claim("1", self.incident, kind, seq, 1, 1, NOON)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_remembered_beside_the_state_ends_with_what_it_is_about(seed: int):
    """A rollback is under way exactly as long as one is owed, and a patch is somebody's while the diagnosis is theirs.

    However the incident is moved meanwhile; and a restart finds both in one row and its ledger.
    """
    chance, seen = random.Random(seed), set[str]()
    for _ in range(50):
        walk = Walk(chance)
        for _ in range(STEPS):
            walk.step()
            assert walk.incident.rolling_back is walk.rolls_back, walk.told[-8:]
            assert _is_somebodys(walk.incident) or walk.incident.proposed_in is None, walk.told[-8:]
            seen |= {"rolls back"} if walk.rolls_back else {"proposed"} if walk.incident.proposed_in else set()
    assert seen == {"rolls back", "proposed"}


def _is_somebodys(incident: Incident) -> bool:
    return incident.diagnosis is not None and bool(incident.diagnosis.by)
