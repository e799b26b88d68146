"""The only writer of state. `fire()` takes what happened, `run_effect()` does what is owed; both know no SQL.

Three short transactions per effect: the trigger that owes it, the claim, and the result with the next trigger in it.
The world is touched between the last two, with no transaction open.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from kintsugi.workflow.captures import Captures
from kintsugi.workflow.counting import Counting
from kintsugi.workflow.errors import (
    Conflict,
    GuardRefused,
    NotAllowedNow,
    NotFound,
    Refusal,
    StepFailed,
    StoreUnavailable,
)
from kintsugi.workflow.incident import NOTHING, Cost, Incident
from kintsugi.workflow.machine import Move, advance
from kintsugi.workflow.names import ENDED, Effect, State
from kintsugi.workflow.ports import Claim, Clock, Executor, Ledger, Outcome, Receipt, Store
from kintsugi.workflow.retry import Again, GiveUp, RetrySchedule
from kintsugi.workflow.states import BEFORE_THE_MERGE, OWING
from kintsugi.workflow.triggers import (
    Captured,
    Diagnosed,
    DiagnosedWithoutPatch,
    Origin,
    StepGaveUp,
    Trigger,
)

log = logging.getLogger("kintsugi.engine")

T = TypeVar("T")

Performed = Trigger | Again | None
"""What an effect hands back: the next trigger, a wish to be called again later, or nothing more."""

Perform = Callable[[Claim], Awaitable[Performed]]

_CONFLICT_TRIES = 5
_AFTER_A_ROLLBACK = timedelta(minutes=5)  # a step that gave up while one was under way is tried again
_LAST_WORDS = 5.0  # seconds to hand back what is under way
_ONLY_LOOKS = {Effect.DIAGNOSE, Effect.CHECK_PATCH}  # may be stopped at any moment: it changes nothing outside
_TAKES_NO_MORE_FACTS = ENDED - {State.ABANDONED}


class _Stopped(asyncio.CancelledError):
    """We are told to end while an effect is under way. `left`: what it had cost and found out by then, if anything."""

    def __init__(self, left: StepFailed | None) -> None:
        super().__init__()
        self.left = left


class LeaseLost(Exception):
    """Another worker took the effect over; whatever this one did is not recorded, but for what it cost (`left`)."""

    left: StepFailed | None = None


class NoLongerOwed(LeaseLost):
    """Somebody moved the incident on: what this would find out is of no use any more."""


@dataclass(frozen=True, slots=True)
class _Decision:
    """What the table says to a trigger: a move, or a refusal and what the inbox keeps of it."""

    outcome: str
    says: str
    move: Move | None = None
    refusal: Refusal | None = None


class Engine:
    """Decides by the table, writes incident, history and owed effects together, and has those performed."""

    def __init__(
        self,
        store: Store,
        executor: Executor,
        clock: Clock,
        *,
        redact: Callable[[str], str],
        retries: RetrySchedule | None = None,
        lease: timedelta = timedelta(seconds=60),
    ) -> None:
        self._store = store
        self._executor = executor
        self._clock = clock
        self._redact = redact
        self._retries = retries or RetrySchedule()
        self._lease = lease
        self._captures = Captures(self, executor)
        self._counting = Counting(self._transact, self._captures.count_each)

    async def fire(self, trigger: Trigger) -> Receipt:
        """Take in one trigger.

        Raises Refusal for what does not fit; a fact that is early waits, a repeated key changes nothing.
        """
        taken = await self._transact(lambda ledger: self._take(ledger, trigger))
        if isinstance(taken, Refusal):
            log.info(
                "refused",
                extra={"trigger": type(trigger).__name__, "actor": trigger.actor, "why": str(taken)},
            )
            raise taken
        return taken

    async def count(self, captured: Captured) -> Receipt | None:
        """Count a sighting of which an outline is at hand. None, with nothing done, where all of it is needed:

        where it opens an incident, takes the place of what is kept, or comes from a build that may end a quiet.
        """
        return await self._counting.count(captured)

    async def hasten(self, incident: int, kind: Effect) -> Incident:
        """Have an effect that waits performed now. Raises Refusal where nothing of the kind waits."""

        def due_now(ledger: Ledger) -> Incident | Refusal:
            found = ledger.incident(incident)
            if found is None:
                return NotFound(incident)
            effect = ledger.hasten(incident, kind)
            if effect is None:
                return Refusal(f"{found.name} {found.state.says}: it does not wait to {kind.words}.")
            self._executor.enqueue(ledger, effect, timedelta())
            return found

        found = await self._transact(due_now)
        if isinstance(found, Refusal):
            raise found
        return found

    async def run_effect(self, effect: str, performers: Mapping[Effect, Perform]) -> None:
        """Perform one effect that is due. Does nothing where it is not ours to perform."""
        claim = await self._transact(lambda ledger: self._claim(ledger, effect))
        if claim is None:
            return
        try:
            performed = await self._perform(claim, performers[claim.kind])
        except NoLongerOwed as void:
            await self._void(claim, void.left)
        except LeaseLost as lost:
            log.warning("lease_lost", extra={"effect": claim.id, "epoch": claim.epoch})
            if lost.left:
                await self._hand_back(claim, lost.left)
            await self._have_it_told(claim)
        except _Stopped as stopped:
            await self._hand_back(claim, stopped.left)
            raise
        except Exception as error:  # the place where any failure becomes another try or an end
            await self._after_failure(claim, error)
        else:
            await self._keep(claim, performed)

    async def check(self, claim: Claim) -> None:
        """For right before a word to the world: whoever slept over his lease says nothing. Raises LeaseLost."""
        if not await self._store.holds(claim):
            raise LeaseLost(claim.id)

    # --- taking in a trigger ------------------------------------------------------------------------------------

    def _take(self, ledger: Ledger, trigger: Trigger, by: Claim | None = None) -> Receipt | Refusal:
        if isinstance(trigger, Captured):
            return self._captures.take(ledger, trigger)
        incident = ledger.incident(trigger.incident)
        if incident is None:
            return NotFound(trigger.incident)
        decision = _unless_another_is_open(ledger, self._decide(incident, trigger))
        if earlier := ledger.admit(trigger, incident.id, decision.outcome, decision.says):
            return Receipt(Outcome.DUPLICATE, incident, earlier)
        if decision.refusal:
            return decision.refusal
        if decision.move is None:
            return Receipt(decision.outcome, incident, decision.says)
        after = self._apply_early_facts(ledger, self.record(ledger, decision.move, by))
        return Receipt(Outcome.APPLIED, after, decision.says)

    def _decide(self, incident: Incident, trigger: Trigger) -> _Decision:
        try:
            move = advance(incident, trigger)
        except NotAllowedNow as refusal:
            if trigger.origin is Origin.FACT and incident.state not in _TAKES_NO_MORE_FACTS:
                return _Decision(Outcome.WAITING, f"{incident.name} is {incident.state}: this waits until it fits.")
            return _Decision(Outcome.REFUSED, str(refusal), refusal=refusal)
        except GuardRefused as refusal:
            return _Decision(Outcome.REFUSED, str(refusal), refusal=refusal)
        says = self.kept(trigger.says)
        return _Decision(Outcome.APPLIED, says, move=replace(move, after=move.after.saying(says)))

    def record(self, ledger: Ledger, move: Move, by: Claim | None = None) -> Incident:
        """Write a move, and have its effects performed."""
        for effect in ledger.record(move, by):
            self._executor.enqueue(ledger, effect, timedelta())
        extra = {
            "incident_id": move.after.name,
            "trigger": type(move.trigger).__name__,
            "dest": move.after.state.value,
        }
        ledger.after_commit(lambda: log.info("transition", extra=extra))
        return move.after

    def _apply_early_facts(self, ledger: Ledger, incident: Incident) -> Incident:
        for fact in ledger.waiting(incident.id):
            decision = self._decide(incident, fact)
            if decision.outcome == Outcome.WAITING:
                continue
            ledger.admit_late(fact, decision.outcome, decision.says)
            if decision.move:
                return self._apply_early_facts(ledger, self.record(ledger, decision.move))
        return incident

    # --- performing what is owed --------------------------------------------------------------------------------

    def _claim(self, ledger: Ledger, effect: str) -> Claim | None:
        claim = ledger.claim(effect, self._lease)
        if claim and is_stale(claim):
            ledger.settle(claim, "cancelled", _moved_on(claim.incident))
            return None
        if claim and self._retries.is_deadly(claim.attempt):
            self._bury(ledger, claim)
            return None
        return claim

    def _bury(self, ledger: Ledger, claim: Claim) -> None:
        """Whoever performs it dies of it, or never gets to its end: it is a human's to look at."""
        says = f"It was begun {claim.attempt - 1} times and came to no end: the process ended each time."
        log.error("effect_crashes_worker", extra={"effect": claim.id, "attempts": claim.attempt - 1})
        if ledger.settle(claim, "failed", says) and self._holds_up(ledger, claim):
            self._take(ledger, self._gave_up(claim, says), claim)

    async def _void(self, claim: Claim, left: StepFailed | None) -> None:
        """Write down that it was stopped, and what it had cost by then."""

        def void(ledger: Ledger) -> str:
            self._keep_what_is_left(ledger, claim, left)
            why = _moved_on(ledger.incident(claim.incident.id) or claim.incident)
            ledger.settle(claim, "cancelled", why, left.spent if left else NOTHING)
            return why

        log.info("effect_stopped", extra={"effect": claim.id, "why": await self._transact(void)})

    async def _have_it_told(self, claim: Claim) -> None:
        """What we said in our sleep may stand over what is newer: the newest is told once more."""

        def owe(ledger: Ledger) -> None:
            if effect := ledger.owe_again(claim.incident.id, Effect.ANNOUNCE):
                self._executor.enqueue(ledger, effect, timedelta())

        with suppress(StoreUnavailable):  # then our lease has not run out by our sleep, but by its absence
            await self._transact(owe)

    async def _hand_back(self, claim: Claim, left: StepFailed | None) -> None:
        """We are told to end: let another begin it at once, as far as that can still be written down."""

        def hand_back(ledger: Ledger) -> None:
            self._keep_what_is_left(ledger, claim, left)
            if ledger.hand_back(claim, left.spent if left else NOTHING):
                self._executor.enqueue(ledger, claim.id, timedelta())

        with suppress(StoreUnavailable, TimeoutError, asyncio.CancelledError):
            async with asyncio.timeout(_LAST_WORDS):
                await self._transact(hand_back)

    async def _perform(self, claim: Claim, perform: Perform) -> Performed:
        renewal = asyncio.create_task(self._renew(claim))
        work = asyncio.ensure_future(perform(claim))
        try:
            await asyncio.wait({renewal, work}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                renewal.result()
            return await work
        except asyncio.CancelledError:
            raise _Stopped(await _left_of(work)) from None
        except LeaseLost as lost:
            lost.left = await _left_of(work)
            raise
        finally:
            for task in (renewal, work):
                task.cancel()
            await asyncio.gather(renewal, work, return_exceptions=True)

    async def _renew(self, claim: Claim) -> None:
        """Keep the lease while the work runs. Raises NoLongerOwed, or LeaseLost, which a silent store means as well."""
        third = self._lease.total_seconds() / 3
        while True:
            await asyncio.sleep(third)
            try:
                async with asyncio.timeout(third):
                    renewed = await self._renewed(claim, third / 20)
            except TimeoutError:
                renewed = False
            if not renewed:
                raise LeaseLost(claim.id)

    async def _renewed(self, claim: Claim, pause: float) -> bool:
        def renew(ledger: Ledger) -> bool:
            incident = ledger.incident(claim.incident.id) or claim.incident
            if claim.kind in _ONLY_LOOKS and is_stale(replace(claim, incident=incident)):
                raise NoLongerOwed(claim.id)
            return ledger.renew(claim, self._lease)

        while True:
            try:
                return await self._transact(renew)
            except StoreUnavailable:  # it may be back before the lease is over
                await asyncio.sleep(pause)

    async def _keep(self, claim: Claim, performed: Performed) -> None:
        """Write down what came of an effect. Where that cannot be done, it is one more way for a try to fail."""
        try:
            await self._after_success(claim, performed)
        except StoreUnavailable:  # nothing can be written at all: the lease runs out, and it is performed again
            raise
        except Exception as error:
            log.exception("result_not_stored", extra={"effect": claim.id})
            why = f"What came of it cannot be written down ({type(error).__name__})."
            await self._after_failure(claim, StepFailed(why, spent=_cost_of(performed)))

    async def _after_success(self, claim: Claim, performed: Performed) -> None:
        def result(ledger: Ledger) -> bool:
            if isinstance(performed, Again):
                if performed.cure and (incident := ledger.incident(claim.incident.id)):
                    ledger.amend(incident.but(cure=performed.cure))
                return self._postpone(ledger, claim, performed, failed=False)
            if not ledger.settle(claim, "done", cost=_cost_of(performed)):
                return False
            if performed and isinstance(self._take(ledger, performed, claim), Refusal):  # it came too late
                self._keep_what_is_left(ledger, claim, StepFailed("", spent=_cost_of(performed)))
            return True

        if not await self._transact(result):
            log.warning("result_dropped", extra={"effect": claim.id, "epoch": claim.epoch})

    async def _after_failure(self, claim: Claim, error: Exception) -> None:
        says = self.kept(_sentence(error))
        decision = self._retries.decide(claim.attempt, error)
        final = isinstance(decision, GiveUp)
        log.warning(
            "effect_failed",
            extra={"effect": claim.id, "attempt": claim.attempt, "final": final, "why": says},
            exc_info=None if isinstance(error, StepFailed | Refusal) else error,
        )

        left = error if isinstance(error, StepFailed) else None
        spent = left.spent if left else NOTHING

        def result(ledger: Ledger) -> None:
            self._keep_what_is_left(ledger, claim, left)
            if isinstance(decision, Again):
                self._postpone(ledger, claim, Again(decision.after, says), failed=True, cost=spent)
            elif self._is_rolled_back(ledger, claim):  # and would be stuck with nothing that is owed
                self._postpone(ledger, claim, Again(_AFTER_A_ROLLBACK, says), failed=False, cost=spent)
            elif ledger.settle(claim, "failed", says, spent) and self._holds_up(ledger, claim):
                self._take(ledger, self._gave_up(claim, says), claim)

        await self._transact(result)

    def _keep_what_is_left(self, ledger: Ledger, claim: Claim, left: StepFailed | None) -> None:
        """What a step that came to nothing has cost, and what it had found out for the next try to go on from."""
        if left is None or not (left.spent.calls or left.found):
            return
        if incident := ledger.incident(claim.incident.id):
            known = {"diagnosis": left.found} if left.found and not is_stale(replace(claim, incident=incident)) else {}
            ledger.amend(incident.but(cost=incident.cost + left.spent, **known))

    def _postpone(self, ledger: Ledger, claim: Claim, again: Again, *, failed: bool, cost: Cost = NOTHING) -> bool:
        kept = ledger.postpone(claim, again.after, again.says, failed=failed, cost=cost)
        if kept:
            self._executor.enqueue(ledger, claim.id, again.after)
        return kept

    def _holds_up(self, ledger: Ledger, claim: Claim) -> bool:
        """Whether the incident waits for this effect still. One that somebody moved on must not get stuck by it."""
        incident = ledger.incident(claim.incident.id)
        return incident is not None and (incident.state, claim.kind) in OWING

    def _is_rolled_back(self, ledger: Ledger, claim: Claim) -> bool:
        """Whether the incident cannot get stuck by this effect now, as a rollback is under way."""
        incident = ledger.incident(claim.incident.id)
        return claim.kind is not Effect.ROLL_BACK and incident is not None and incident.rolling_back

    def _gave_up(self, claim: Claim, says: str) -> StepGaveUp:
        key = f"fx:{claim.id}:gave-up"
        return StepGaveUp(incident=claim.incident.id, key=key, at=self._clock.now(), effect=claim.kind, why=says)

    def kept(self, text: str) -> str:
        """Somebody's reason, a model's words: without secrets, and without the letters that no database takes."""
        return self._redact(text).replace("\0", "?").encode("utf-8", "replace").decode()

    async def _transact(self, work: Callable[[Ledger], T]) -> T:
        for attempt in range(1, _CONFLICT_TRIES):
            try:
                return await self._store.transact(work)
            except Conflict:
                await asyncio.sleep(0.01 * 2**attempt)
        return await self._store.transact(work)


async def _left_of(work: asyncio.Future[Performed]) -> StepFailed | None:
    """Stop it. What it had cost and found by then is in how it ends."""
    work.cancel()
    (ended,) = await asyncio.gather(work, return_exceptions=True)
    return ended if isinstance(ended, StepFailed) else None


def _moved_on(incident: Incident) -> str:
    return f"{incident.name} is {incident.state} now."


def is_stale(claim: Claim) -> bool:
    """Whether the incident has moved on, so that this effect is no longer owed."""
    if claim.kind is Effect.ANNOUNCE:
        return False
    incident = claim.incident
    if claim.kind is Effect.ROLL_BACK and incident.state in BEFORE_THE_MERGE:
        return not incident.rolling_back  # it belongs to the wish for it, whatever the fix is doing meanwhile
    return (incident.state, claim.kind) not in OWING or claim.seq < incident.since


def _unless_another_is_open(ledger: Ledger, decision: _Decision) -> _Decision:
    """The decision; or no, where it would take an incident up again while another is open for the same failure."""
    move = decision.move
    if move is None or not move.before.ended or move.after.ended or move.trigger.origin is not Origin.COMMAND:
        return decision
    other = ledger.open_with(move.before.fingerprint)
    if other is None or other.id == move.before.id:
        return decision
    why = f"{other.name} is open for the same failure. Go on there."
    refusal = GuardRefused(move.before.name, move.source, why)
    return _Decision(Outcome.REFUSED, str(refusal), refusal=refusal)


def _cost_of(performed: Performed) -> Cost:
    """What the model calls behind this result cost."""
    if isinstance(performed, Diagnosed | DiagnosedWithoutPatch) and performed.diagnosis:
        return performed.diagnosis.cost
    return Cost()


def _sentence(error: Exception) -> str:
    if isinstance(error, StepFailed | Refusal):
        return str(error)
    return f"{type(error).__name__}: {error}".strip().rstrip(":")
