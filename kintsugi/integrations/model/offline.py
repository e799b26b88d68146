"""The Analyst port without a model: deterministic, honest, and without a patch.

Rule-made patches are not worth their risk (nine templates mended 3 of 87 real crashes), so this one says what is
certain: the innermost line of the project, who changed it last, what happened to the same failure before.
"""

from __future__ import annotations

import asyncio

from kintsugi.integrations.git import Blame, Git
from kintsugi.repair.context import ContextError, index_of
from kintsugi.repair.outage import provider_outage
from kintsugi.workflow.incident import Category, Diagnosis, Incident
from kintsugi.workflow.payload import Frame
from kintsugi.workflow.ports import Case, Progress


class OfflineAnalyst:
    """Reads the stack and the repository's history."""

    def __init__(self, git: Git | None) -> None:
        self._git = git

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        progress("no model is configured: reading the stack and the history")
        frame = case.payload.exception.innermost if case.payload.exception else None
        blame = await asyncio.to_thread(self._blame, case, frame) if frame else None
        outage = provider_outage(case.payload)
        where = _where(frame) if case.payload.exception else await asyncio.to_thread(self._likely, case)
        sentences = [_what(case), outage, where, _who(blame), _before(case.earlier), _suggestion(case, frame)]
        explanation = "\n".join(sentence for sentence in sentences if sentence)
        category = Category.OUTAGE if outage else Category.UNKNOWN
        return Diagnosis(_cause(case, frame), explanation, category, 0.0, analyst="offline")

    def _likely(self, case: Case) -> str:
        """Where a report in words may lie."""
        if self._git is None:
            return ""
        try:
            places = index_of(self._git.directory, case.payload.build.sha).places(case.payload.incident.summary)
        except ContextError as error:
            return str(error)
        return f"Most likely here, by its words: {', '.join(places)}." if places else ""

    def _blame(self, case: Case, frame: Frame) -> Blame | None:
        commit = case.payload.build.sha or "HEAD"
        return self._git.blame(commit, frame.path, frame.line) if self._git and frame.line else None


def _cause(case: Case, frame: Frame | None) -> str:
    place = f" in {frame.path}:{frame.line}" if frame else ""
    kind = case.payload.exception.final.type if case.payload.exception else "A report in words, without a crash"
    return f"{kind}{place}, cause not analysed: no model is configured."


def _what(case: Case) -> str:
    failure = case.payload.exception
    if failure is None:
        return f"Reported in words: {case.payload.incident.summary}"
    return f"{failure.final.type}: {failure.final.message}"


def _where(frame: Frame | None) -> str:
    if frame is None:
        return "No frame of the stack belongs to the project."
    code = f": {frame.code}" if frame.code else ""
    return f"The project's innermost line is {frame.path}:{frame.line} in {frame.function}(){code}"


def _who(blame: Blame | None) -> str:
    return f'It was changed last in {blame.commit[:10]} by {blame.author}: "{blame.subject}"' if blame else ""


def _before(earlier: tuple[Incident, ...]) -> str:
    told = [f"{each.name} ended {each.state.words}: {each.says} {each.pruned}".strip() for each in earlier]
    return "The same failure before: " + " ".join(told) if told else "This failure was not seen before."


def _suggestion(case: Case, frame: Frame | None) -> str:
    if case.payload.in_words:
        return "Begin with a test that asserts the right result, and fails."
    where = f"{frame.path}:{frame.line}" if frame else "the request in the log"
    return f"Begin at {where} with the values of the request, and write a test that fails as it did."
