"""The one place where a failure becomes `Captured`, whoever reports it: Discord, an alert, a file, an SDK, the demo."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from kintsugi.capture.build import build_payload, payload_in_words
from kintsugi.capture.errors import CaptureError
from kintsugi.capture.program import Program, digest_of
from kintsugi.capture.recent import recent_failures
from kintsugi.capture.report import Report
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.payload import Capsule, Payload, RequestContext
from kintsugi.workflow.ports import Clock, Outcome, Receipt
from kintsugi.workflow.triggers import Captured, Noted

log = logging.getLogger("kintsugi.service")


Contains = Callable[[str, str], Awaitable[bool]]
"""Whether a build contains a commit. Raises StepFailed where nobody can be asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes failures in. `dry_run`: all of them are staged. `rounds`: how often a patch may be proposed for one."""

    fire: Callable[[Captured | Noted], Awaitable[Receipt]]
    clock: Clock
    program: Program
    dry_run: bool = False
    rounds: int = 3
    contains: Contains | None = None
    count: Callable[[Captured], Awaitable[Receipt | None]] | None = None

    async def read(
        self,
        source: str | Report,
        *,
        key: str,
        actor: str,
        summary: str = "",
        log: Sequence[str] | None = None,
        dry_run: bool = False,
    ) -> Receipt:
        """A report, or the last failure in a text, becomes an incident. Raises CaptureError and StoreUnavailable.

        `log` are the recent lines, by default those of the text. A text without a failure needs a summary.
        """
        payload = await self.payload(source, actor=actor, summary=summary, log=log)
        return await self.take(payload, key=key, actor=actor, dry_run=dry_run)

    async def told(
        self,
        words: str,
        *,
        key: str,
        actor: str,
        log: Sequence[str] = (),
        about: str = "",
        place: str = "",
        dry_run: bool = False,
    ) -> Receipt:
        """What a person reports becomes an incident of its own, with their words as its summary.

        `log` are the recent lines. `about`: the id of one of its failures (`recent_failures`) that they say it is
        about; no other is taken for it. Where that has an open incident, the words are noted on it. `place`: where they
        say that it lies. Raises CaptureError and StoreUnavailable.
        """
        payload = await asyncio.to_thread(self._told, words, actor, log, about, place)
        receipt = await self.take(payload, key=key, actor=actor, dry_run=dry_run)
        if receipt.outcome == Outcome.COUNTED and about:  # the open incident has a summary of its own
            said = payload.incident.summary
            note = Noted(incident=receipt.incident.id, key=f"{key}:said", at=self.clock.now(), actor=actor, text=said)
            return replace(await self.fire(note), outcome=receipt.outcome)
        return receipt

    def _told(self, words: str, actor: str, log: Sequence[str], about: str, place: str) -> Payload:
        now, program = self.clock.now(), self.program
        if not about:
            return payload_in_words(
                words,
                log=log,
                opened_by=actor,
                now=now,
                place=place,
                build_sha=program.build,
                environment=program.environment,
                repository=program.repository,
            )
        meant = next((each for each in recent_failures(log) if each.id == about), None)
        if meant is None:
            raise CaptureError("The log no longer holds that failure. Report it without it, or choose another one.")
        payload = self._payload(meant.report, actor, words, log)
        return payload.model_copy(update={"pointed": place})

    async def take(
        self,
        payload: Payload,
        *,
        key: str,
        actor: str,
        dry_run: bool = False,
        believed: bool = True,
        opens: bool = True,
        who: str = "",
    ) -> Receipt:
        """What was captured already becomes an incident, or counts on the one that is open. Raises StoreUnavailable.

        `believed`: whether it may speak against a cure, which not everybody who can report may. `opens`: false where it
        is only to count, if there is an incident of it. `who`: a digest of whom it hit, where the payload does not say.
        """
        captured = self._captured(payload, key, actor, believed=believed, who=who)
        captured = replace(captured, opens=opens, dry_run=dry_run or self.dry_run)
        receipt = await self.fire(captured)
        return await self._with_the_build(captured, receipt) or receipt

    async def take_outline(
        self, payload: Payload, *, key: str, actor: str, believed: bool = True, who: str = ""
    ) -> Receipt | None:
        """Count a failure of which the outline is at hand; None where the whole is needed. Raises StoreUnavailable."""
        return await self.count(self._captured(payload, key, actor, believed=believed, who=who)) if self.count else None

    def _captured(self, payload: Payload, key: str, actor: str, *, believed: bool, who: str) -> Captured:
        return Captured(
            key=key,
            at=self.clock.now(),
            actor=actor,
            payload=payload,
            rounds_allowed=self.rounds,
            believed=believed,
            who=who or digest_of(payload.request.user),
        )

    async def _with_the_build(self, captured: Captured, receipt: Receipt) -> Receipt | None:
        """Once more, where it was ignored until a build, and this is one: who contains what is asked only then."""
        quiet, build = receipt.incident.quiet, captured.payload.build.sha
        if not (quiet and quiet.wish.build and build and captured.believed and self.contains):
            return None
        try:
            if not await self.contains(build, quiet.wish.build):
                return None
        except StepFailed as error:
            log.warning("build_unknown", extra={"build": build, "why": str(error)})
            return None
        return await self.fire(replace(captured, key=f"{captured.key}:build", contains=quiet.wish.build))

    async def payload(
        self,
        source: str | Report | BaseException,
        *,
        actor: str,
        summary: str = "",
        log: Sequence[str] | None = None,
        request: RequestContext | None = None,
        capsule: Capsule | None = None,
    ) -> Payload:
        """What is known of a report, of the last failure in a text, or of a live exception. Raises CaptureError."""
        return await asyncio.to_thread(
            partial(self._payload, source, actor, summary, log, request=request, capsule=capsule)
        )

    def _payload(
        self,
        source: str | Report | BaseException,
        actor: str,
        summary: str,
        log: Sequence[str] | None,
        *,
        request: RequestContext | None = None,
        capsule: Capsule | None = None,
    ) -> Payload:
        """It reads the program's code, so it is for a thread."""
        return build_payload(
            source,
            root=self.program.source,
            summary=summary,
            opened_by=actor,
            build_sha=self.program.build,
            environment=self.program.environment,
            repository=self.program.repository,
            now=self.clock.now(),
            log=log,
            request=request,
            capsule=capsule,
        )
