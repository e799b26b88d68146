"""One run of something that the program does for somebody: bound, and counted as succeeded or failed."""

from collections.abc import Mapping
from typing import Any

from kintsugi.telemetry.context import Binding, bind, bind_run
from kintsugi.telemetry.outcomes import Outcomes


class Run:
    """Counted once. Whoever begins it says when it succeeded; it fails where an exception leaves it."""

    def __init__(self, outcomes: Outcomes, intent: str) -> None:
        self._outcomes = outcomes
        self.intent = intent
        self._ended: bool | None = None

    def succeeded(self) -> None:
        """It came to its end; where an exception left it meanwhile, it failed all the same."""
        if self._ended is None:
            self._ended = True
            self._outcomes.succeeded(self.intent)

    def failed(self) -> None:
        """An exception left it, perhaps by what it had started, and after it was counted as succeeded."""
        if self._ended is not False:
            self._outcomes.failed(self.intent, after_success=bool(self._ended))
            self._ended = False


def begin(
    outcomes: Outcomes,
    intent: str,
    *,
    user: object = None,
    channel: object = None,
    entities: Mapping[str, Any] | None = None,
) -> tuple[Run, Binding]:
    """From here on this task, and what it starts, works on this run."""
    run = Run(outcomes, intent)
    ids = [None if each is None else str(each) for each in (user, channel)]
    binding = bind(user=ids[0], channel=ids[1], intent=intent, entities=entities, error_id=None)
    bind_run(run)
    return run, binding


def name_of(function: object) -> str:
    """`Shop.poll`, wherever it was defined."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return str(name).rpartition("<locals>.")[2]
