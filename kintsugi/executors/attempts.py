"""What became of each attempt at an effect in this process, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import product

from kintsugi.telemetry.counts import Spreads, Tally
from kintsugi.workflow.engine import Perform, Performed
from kintsugi.workflow.ports import Claim
from kintsugi.workflow.retry import Again
from kintsugi.workflow.states import Effect

DONE, LATER, FAILED = "done", "later", "failed"
_BOUNDS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0)  # seconds


class Attempts:
    """Counts the attempts: `later` is one that is not done yet and no failure, such as a deployment under way."""

    def __init__(self) -> None:
        self.ended = Tally(product(Effect, (DONE, LATER, FAILED)))  # by kind and outcome
        self.retries = Tally((kind.value,) for kind in Effect)  # by kind: those after a failed one
        self.seconds = Spreads(_BOUNDS)  # by kind

    def counted(self, performers: Mapping[Effect, Perform]) -> Mapping[Effect, Perform]:
        """The same functions, each attempt counted."""
        return {kind: self._counted(perform) for kind, perform in performers.items()}

    def _counted(self, perform: Perform) -> Perform:
        async def counted(claim: Claim) -> Performed:
            outcome, began = FAILED, time.monotonic()
            if claim.attempt > 1:
                self.retries.count(claim.kind.value)
            try:
                performed = await perform(claim)
                outcome = LATER if isinstance(performed, Again) else DONE
                return performed
            finally:  # a lease that was lost, or the end of the process, is an attempt that failed as well
                self.ended.count(claim.kind.value, outcome)
                self.seconds.add(claim.kind.value, time.monotonic() - began)

        return counted
