"""The ports that read our copy of the code, behind a look at GitHub that brings it up to date."""

from __future__ import annotations

from contextlib import suppress

from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Diagnosis, Patch
from kintsugi.workflow.patch import Evidence, Reproduction
from kintsugi.workflow.ports import Analyst, Case, Checker, CodeHost, Progress


class FreshAnalyst:
    """The Analyst port after a look at the code host, which brings our copy of the code up to date if it can."""

    def __init__(self, analyst: Analyst, code_host: CodeHost) -> None:
        self._analyst = analyst
        self._code_host = code_host

    async def diagnose(self, case: Case, progress: Progress) -> Diagnosis:
        with suppress(StepFailed):
            await self._code_host.head()
        return await self._analyst.diagnose(case, progress)


class FreshChecker:
    """The Checker port after the same look, which has to work: a patch is checked against the branch as it is."""

    def __init__(self, checker: Checker, code_host: CodeHost) -> None:
        self._checker = checker
        self._code_host = code_host

    async def reproduce(
        self, case: Case, progress: Progress, commit: str | None = None, seconds: float | None = None
    ) -> Reproduction:
        with suppress(StepFailed):
            await self._code_host.head()
        return await self._checker.reproduce(case, progress, commit, seconds)

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        await self._code_host.head()
        return await self._checker.check(case, progress)
