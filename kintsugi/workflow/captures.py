"""What a captured failure does inside a transaction: it opens an incident, or counts on the one that is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

from kintsugi.workflow.incident import Incident
from kintsugi.workflow.machine import Move, advance
from kintsugi.workflow.names import Effect, State
from kintsugi.workflow.ports import Executor, Ledger, Outcome, Receipt
from kintsugi.workflow.sighted import (
    by_its_known_name,
    hitting_more,
    how_it_counts,
    is_better_told,
    newly_opened,
    seen_again,
)
from kintsugi.workflow.triggers import BetterTold, Captured, Unignored


class Writer(Protocol):
    """The engine's part in it."""

    def record(self, ledger: Ledger, move: Move) -> Incident:
        """Write a move, and have its effects performed."""
        ...

    def kept(self, text: str) -> str:
        """As it may be written down."""
        ...


class Captures:
    """Plain functions inside the transaction of a ledger."""

    def __init__(self, writer: Writer, executor: Executor) -> None:
        self._writer, self._executor = writer, executor

    def take(self, ledger: Ledger, captured: Captured) -> Receipt:
        """Open an incident of it, or count it."""
        if known := ledger.known(captured.key):
            return Receipt(Outcome.DUPLICATE, *known)
        captured = by_its_known_name(captured, ledger)
        if first := self._counts_on(ledger, captured):
            return self._count(ledger, captured, first)
        says = self._writer.kept(captured.says)
        fresh = newly_opened(ledger.next_id(captured), captured)
        move = advance(fresh, captured)
        ledger.admit(captured, fresh.id, Outcome.APPLIED, says)
        ledger.saw((fresh.id, captured))
        said = replace(move, after=move.after.saying(says).but(people=1 if captured.who else 0))
        return Receipt(Outcome.APPLIED, self._writer.record(ledger, said), says)

    def count_known(self, ledger: Ledger, captured: Captured) -> Receipt | None:
        """Count it by its outline. None, with nothing done, where all of it is needed."""
        first = ledger.open_with(captured.payload.incident.fingerprint)
        if first is None:
            captured = by_its_known_name(captured, ledger)
            first = self._counts_on(ledger, captured, end=False)
        if first is None or (first.quiet and first.quiet.wish.build) or is_better_told(captured, first):
            return None
        return self._count(ledger, captured, first)

    def count_each(self, ledger: Ledger, batch: Sequence[Captured]) -> list[Receipt | None]:
        """As `count_known` of each, in their order. What is plain to count takes a few statements for all of them."""
        plain = self._plainly(ledger, batch)
        return [plain.get(at) or self.count_known(ledger, captured) for at, captured in enumerate(batch)]

    def _plainly(self, ledger: Ledger, batch: Sequence[Captured]) -> dict[int, Receipt]:
        """Those that count on an open incident and do nothing else, by their place in the batch."""
        known = ledger.each_open_with({each.payload.incident.fingerprint for each in batch})
        plain: dict[str, tuple[int, Captured, Incident]] = {}
        for at, each in enumerate(batch):
            if (first := known.get(each.payload.incident.fingerprint)) and _is_plain(each, first):
                plain.setdefault(each.key, (at, each, first))  # the same key once more is told what it was told
        fresh = ledger.admit_each(
            [(each, first.id, self._writer.kept(each.says)) for _, each, first in plain.values()], Outcome.COUNTED
        )
        counted = [(at, each, first.id) for at, each, first in plain.values() if each.key in fresh]
        ledger.saw(*((id, each) for _, each, id in counted))
        now = {first.id: first for _, _, first in plain.values()}
        receipts: dict[int, Receipt] = {}
        for at, each, id in counted:
            now[id] = seen_again(now[id], each)
            receipts[at] = Receipt(Outcome.COUNTED, now[id], how_it_counts(now[id]))
        hit = {id: each for _, each, id in counted if each.who}
        ledger.amend(*(hitting_more(ledger, now[id], hit.get(id)) for id in dict.fromkeys(id for _, _, id in counted)))
        return receipts

    def _counts_on(self, ledger: Ledger, captured: Captured, *, end: bool = True) -> Incident | None:
        """The incident of this failure that is open, or is quiet and stays so; a quiet that is over ends, if `end`."""
        fingerprint = captured.payload.incident.fingerprint
        if first := ledger.open_with(fingerprint):
            return first
        if not captured.opens:
            return ledger.newest_with(fingerprint)
        found = ledger.quiet_with(fingerprint)
        build = captured.payload.build.sha if captured.believed else None
        if found is None or found.quiet is None:
            return None
        if found.duplicate_of:
            original = ledger.incident(found.duplicate_of)
            return original if original and not original.ended else None
        if why := found.quiet.over(captured.at, build, captured.contains):
            if end:
                self._unignore(ledger, found, captured, why)
            return None
        return found

    def _unignore(self, ledger: Ledger, found: Incident, captured: Captured, why: str) -> None:
        over = Unignored(incident=found.id, key=f"{captured.key}:unignored", at=captured.at, why=why)
        ledger.admit(over, found.id, Outcome.APPLIED, over.says)
        self._writer.record(ledger, advance(found, over))

    def _count(self, ledger: Ledger, captured: Captured, first: Incident) -> Receipt:
        if earlier := ledger.admit(captured, first.id, Outcome.COUNTED, self._writer.kept(captured.says)):
            return Receipt(Outcome.DUPLICATE, first, earlier)
        ledger.saw((first.id, captured))
        again = hitting_more(ledger, seen_again(first, captured), captured)
        if is_better_told(captured, first):
            again = self._told_better(ledger, again, captured)
        else:
            ledger.amend(again)
        if first.state is State.DEPLOYED and (watch := ledger.hasten(first.id, Effect.WATCH)):
            self._executor.enqueue(ledger, watch, timedelta())
        return Receipt(Outcome.COUNTED, again, how_it_counts(again))

    def _told_better(self, ledger: Ledger, incident: Incident, captured: Captured) -> Incident:
        """What is captured now takes the place of what anybody could have told."""
        told = BetterTold(
            incident=incident.id,
            key=f"{captured.key}:better",
            at=captured.at,
            actor=captured.actor,
            payload=captured.payload,
        )
        move, says = advance(incident, told), self._writer.kept(told.says)
        ledger.admit(told, incident.id, Outcome.APPLIED, says)
        return self._writer.record(ledger, replace(move, after=move.after.saying(says)))


def _is_plain(captured: Captured, first: Incident) -> bool:
    """Whether counting is all that it does to its incident, which is open."""
    ends_a_quiet = first.quiet and first.quiet.wish.build
    return not (ends_a_quiet or is_better_told(captured, first) or first.state is State.DEPLOYED)
