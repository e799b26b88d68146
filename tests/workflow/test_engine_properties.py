"""Random facts, duplicates and reorderings against the engine on a real database, compared with the table."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kintsugi.persistence.database import Database
from kintsugi.persistence.store import SqlStore
from kintsugi.workflow import triggers as t
from kintsugi.workflow.errors import GuardRefused, NotAllowedNow, Refusal
from kintsugi.workflow.incident import Incident
from kintsugi.workflow.machine import advance
from kintsugi.workflow.ports import Claim, Outcome
from kintsugi.workflow.states import ENDED, OWING, TRANSITIONS, Effect, State
from tests.world.clock import ManualClock
from tests.world.make import HEAD, MERGE, TOKEN, a_patch, a_pull_request, a_trigger, an_ask
from tests.world.migrated import migrate
from tests.world.world import World

FACTS = [kind for kind in t.all_triggers() if kind is not t.Captured]
VARIANTS: dict[type[t.Trigger], list[dict[str, Any]]] = {
    t.Confirmed: [{}, {"token": "1-guess"}, {"token": TOKEN}],
    t.ConfirmationAsked: [{}, {"ask": an_ask(token="1-other")}],
    t.PatchProven: [{}, {"patch": a_patch(diff="another")}],
    t.PullRequestMerged: [{}, {"number": 7}],
    t.PullRequestOpened: [{}, {"pull_request": a_pull_request(head=MERGE)}],
    t.ChecksFailed: [{}, {"head": MERGE}],
    t.ProvenInCi: [{}, {"head": MERGE}, {"tree": MERGE}],
    t.ChangesRequested: [{}, {"head": HEAD}],
    t.Recurred: [{}, {"contains_fix": False}],
    t.DeploySucceeded: [{}, {"contains_merge": False}],
    t.StepGaveUp: [{"effect": effect} for effect in Effect if effect is not Effect.ANNOUNCE],
}


class EngineAgainstTable(RuleBasedStateMachine):
    """The model is the table: an incident moved by `advance`, and a list of facts that came early."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        url = Database.parse(f"sqlite:///{Path(self.folder.name) / 'kintsugi.db'}")
        migrate(url)
        self.world = World(SqlStore(url, ManualClock()), ManualClock())
        self.waiting: list[t.Trigger] = []
        self.fired: list[t.Trigger] = []

    @initialize(dry_run=st.booleans())
    def captured(self, dry_run: bool) -> None:
        self.number = self.runner.run(self.world.crashes(dry_run=dry_run))
        self.model: Incident = self.runner.run(self.world.incident(self.number))

    @rule(kind=st.sampled_from(FACTS), data=st.data())
    def something_happens(self, kind: type[t.Trigger], data: st.DataObject) -> None:
        changes = data.draw(st.sampled_from(VARIANTS.get(kind, [{}])))
        trigger = a_trigger(kind, incident=self.number, key=f"told:{len(self.fired)}", **changes)
        self.fired.append(trigger)

        assert self.told(trigger) == self.expected(trigger)

    @rule()
    def what_fits_happens(self) -> None:
        """Else random facts would seldom get past the first states."""
        for kind in FACTS:
            trigger = a_trigger(kind, incident=self.number, key=f"told:{len(self.fired)}")
            if kind not in (t.Cancelled, t.Ignored, t.StepGaveUp, t.DiagnosedWithoutPatch) and self.fits(trigger):
                self.fired.append(trigger)
                assert self.told(trigger) == self.expected(trigger) == Outcome.APPLIED
                return

    @rule(data=st.data())
    def something_is_told_again(self, data: st.DataObject) -> None:
        if self.fired:
            assert self.told(data.draw(st.sampled_from(self.fired))) == Outcome.DUPLICATE

    @rule(count=st.integers(1, 3))
    def workers_take_effects(self, count: int) -> None:
        """Only what the present state owes is performed; what is stale is dropped."""
        for effect in self.runner.run(self.world.store.due(count)):
            self.runner.run(self.world.engine.run_effect(effect, dict.fromkeys(Effect, self.perform)))

    async def perform(self, claim: Claim) -> None:
        assert claim.kind is Effect.ANNOUNCE or (self.model.state, claim.kind) in OWING

    @invariant()
    def the_incident_is_where_the_table_says(self) -> None:
        incident = self.runner.run(self.world.incident(self.number))

        assert incident == self.model

    def the_history_is_a_chain_of_rows_and_every_debt_of_it_is_in_the_ledger_once(self) -> None:
        """At the end: both keep all that was ever written."""
        history = self.runner.run(self.world.store.history(self.number))
        found = [owes.id for owes in self.runner.run(self.world.store.owed(self.number))]
        owed = []
        for number, step in enumerate(history, start=1):
            rows = [row for row in TRANSITIONS if row.on.__name__ == step.trigger and step.source in row.sources]
            taken = [row for row in rows if (row.dest or step.source) == step.dest]
            assert step.seq == number
            assert number == 1 or step.source == history[number - 2].dest
            assert taken
            owed += [f"{self.number}:{effect}:{step.seq}" for effect in taken[0].owes]

        assert len(found) == len(set(found))
        assert len(found) == len(owed)

    def told(self, trigger: t.Trigger) -> str:
        try:
            return self.runner.run(self.world.engine.fire(trigger)).outcome
        except Refusal:
            return Outcome.REFUSED

    def expected(self, trigger: t.Trigger) -> str:
        try:
            self.model = advance(self.model, trigger).after
        except GuardRefused:
            return Outcome.REFUSED
        except NotAllowedNow:
            early = issubclass(type(trigger), t.Fact) and self.model.state not in ENDED - {State.ABANDONED}
            if early:
                self.waiting.append(trigger)
            return Outcome.WAITING if early else Outcome.REFUSED
        self.apply_what_waits()
        return Outcome.APPLIED

    def apply_what_waits(self) -> None:
        for trigger in list(self.waiting):
            try:
                self.model = advance(self.model, trigger).after
            except GuardRefused:
                self.waiting.remove(trigger)
            except NotAllowedNow:
                if self.model.state in ENDED - {State.ABANDONED}:
                    self.waiting.remove(trigger)
            else:
                self.waiting.remove(trigger)
                return self.apply_what_waits()
        return None

    def fits(self, trigger: t.Trigger) -> bool:
        try:
            advance(self.model, trigger)
        except Refusal:
            return False
        return True

    def teardown(self) -> None:
        self.the_history_is_a_chain_of_rows_and_every_debt_of_it_is_in_the_ledger_once()
        self.runner.run(self.world.store.close())
        self.runner.close()
        self.folder.cleanup()


TestEngineAgainstTable = EngineAgainstTable.TestCase
TestEngineAgainstTable.settings = settings(
    max_examples=40, stateful_step_count=30, suppress_health_check=list(HealthCheck), derandomize=True
)
