"""The Checker port on a git repository: apply the edits, hold them against the policy, prove them in a sandbox.

The edits are read against the commit that failed; where the branch has moved on since, git merges the result onto its
head. What comes out is a tree in the repository's own object store: exactly what is shown, confirmed and pushed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from kintsugi.integrations.git import Git, GitError
from kintsugi.repair.apply import Applied, Refused, apply
from kintsugi.repair.capsule import failing_call
from kintsugi.repair.policy import PolicySettings
from kintsugi.repair.proof import CannotRunHere, ProofSettings, SandboxFailed, Unproven, run_tests
from kintsugi.repair.proof.by_crash import NO_FAILURE_GIVEN
from kintsugi.repair.referee import crash_of, its_tests, keeps_policy, made_again, proven, with_flags
from kintsugi.repair.replies import read_reply
from kintsugi.repair.sandbox import Box, BoxFailed
from kintsugi.repair.sandbox.probe import found
from kintsugi.repair.scratch import scratch
from kintsugi.repair.trees import RevisionTree
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.incident import Diagnosis, Incident, NewFile, Patch
from kintsugi.workflow.patch import Edit, Evidence, ReplyFormat, Reproduction, Run, Tier
from kintsugi.workflow.payload import Payload
from kintsugi.workflow.ports import Case, PatchUnproven, Progress

_NO_CRASH = "no crash is behind it: only a person can tell whether the test asks for the right result"
_NEEDS_RED = (
    "No crash is behind this incident, so only a test shows that a patch mends it: add a regression test that asserts "
    "the right result, fails without the patch and passes with it."
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A patch that applies and keeps to the policy."""

    patch: Patch
    files: Mapping[str, bytes | None]  # against the patch's base
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """Of which patch a proof is asked, and for what."""

    incident: int
    patch: Patch
    test: NewFile | None
    payload: Payload
    made_again: Reproduction | None

    @classmethod
    def of(cls, case: Case, patch: Patch) -> _Asked:
        incident, diagnosis = case.incident, case.incident.diagnosis
        test = diagnosis.regression_test if diagnosis else None
        return cls(incident.id, patch, test, case.payload, incident.reproduction)


class Workbench:
    """Checks patches against `branch` of the repository `git`."""

    def __init__(
        self,
        git: Git,
        branch: str,
        proof: ProofSettings,
        redact: Callable[[str], str],
        policy: PolicySettings | None = None,
    ) -> None:
        self._git = git
        self._branch = branch
        self._proof = proof
        self._redact = redact
        self._policy = policy or PolicySettings()
        self._at: str | None = None
        self._box: asyncio.Task[Box] | None = None
        self._last: tuple[_Asked, Evidence] | None = None

    def at(self, commit: str | None) -> Workbench:
        """The same, where the branch has not moved on from this commit. As it is now where that is not known."""
        then = Workbench(self._git, self._branch, self._proof, self._redact, self._policy)
        then._at, then._box = commit, self._box
        return then

    def warm_up(self) -> None:
        """Begin to find out which box works here, which takes seconds, before the first patch is there."""
        if self._box is None and self._proof.box is None:
            self._box = asyncio.create_task(found(self._proof.python, self._proof.limits))

    async def close(self) -> None:
        """Stop what `warm_up` began."""
        if self._box and not self._box.done():
            self._box.cancel()
            await asyncio.gather(self._box, return_exceptions=True)

    async def reproduce(
        self, case: Case, progress: Progress, commit: str | None = None, seconds: float | None = None
    ) -> Reproduction:
        """See Checker. At `commit`, else at the build that failed, else at the branch's head."""
        named = commit or case.incident.build_sha or f"refs/heads/{self._branch}"
        failed_at = self._git.resolve(named)
        if failed_at is None:
            raise StepFailed(f"{self._git.directory} has no commit {named[:40]}.")
        export, told = partial(self._git.export, failed_at), case.payload
        try:
            settings = await self._settings(progress)
            return await made_again(
                export, told.capsule, told.exception, settings=settings, commit=failed_at, seconds=seconds
            )
        except GitError as error:
            raise StepFailed(f"git said: {error}") from error
        except (SandboxFailed, BoxFailed) as failed:
            raise StepFailed(f"The sandbox failed: {failed}") from failed

    async def check(self, case: Case, progress: Progress) -> tuple[Patch, Evidence]:
        diagnosis = case.incident.diagnosis
        assert diagnosis
        progress("applying the edits")
        try:
            candidate = await asyncio.to_thread(self._candidate, case.incident, diagnosis)
        except GitError as error:
            raise StepFailed(f"git said: {error}") from error
        last, self._last = self._last, None  # for once: it is the same proof, and no second one
        if last and last[0] == _Asked.of(case, candidate.patch):
            progress("nothing runs again: exactly this patch was proven while the model looked for it")
            return candidate.patch, last[1]
        return candidate.patch, await self._prove(candidate, case, diagnosis, progress)

    async def try_out(self, case: Case, progress: Progress) -> Evidence:
        """The same while the model looks: the next check takes the proof, where it is asked of exactly this patch."""
        patch, evidence = await self.check(case, progress)
        if evidence.tier.proves:
            self._last = _Asked.of(case, patch), evidence
        return evidence

    async def run(self, incident: Incident, diagnosis: Diagnosis | None, path: str, progress: Progress) -> Run:
        """The tests of one file at the failing build, with a proposed change or without any.

        Raises PatchUnproven where the change does not apply or the file is none, StepFailed where nothing can be run.
        """
        try:
            base, files = await asyncio.to_thread(self._changed_by, incident, diagnosis)
            settings = await self._settings(progress)
            with scratch() as folder:
                await asyncio.to_thread(self._git.export, base, folder)
                return await run_tests(folder, files, path, settings, progress=progress)
        except Unproven as unproven:
            raise _unproven(unproven) from unproven
        except CannotRunHere as reason:
            raise StepFailed(f"Tests can't run here: {reason}.") from reason
        except GitError as error:
            raise StepFailed(f"git said: {error}") from error
        except (SandboxFailed, BoxFailed) as failed:
            raise StepFailed(f"The sandbox failed: {failed}") from failed

    def _changed_by(self, incident: Incident, diagnosis: Diagnosis | None) -> tuple[str, Mapping[str, bytes | None]]:
        if diagnosis:
            candidate = self._candidate(incident, diagnosis)
            return candidate.patch.base, candidate.files
        base = self._git.resolve(incident.build_sha or "") or self._git.resolve(f"refs/heads/{self._branch}")
        if base is None:
            raise StepFailed(f"{self._git.directory} has no branch {self._branch}. Set KINTSUGI_BRANCH.", final=True)
        return base, {}

    def _candidate(self, incident: Incident, diagnosis: Diagnosis) -> _Candidate:
        branch = self._git.resolve(f"refs/heads/{self._branch}")
        head = (self._at and self._git.resolve(self._at)) or branch
        if head is None:
            raise StepFailed(f"{self._git.directory} has no branch {self._branch}. Set KINTSUGI_BRANCH.", final=True)
        failed_at = self._git.resolve(diagnosis.base or incident.build_sha or head) or head
        tree = RevisionTree(self._git.directory, failed_at)
        applied = _applied(diagnosis, tree)
        try:
            flags = keeps_policy(applied, tree, self._policy)
        except Unproven as refused:
            raise _unproven(refused) from refused
        result = self._onto(head, failed_at, applied)
        patch = Patch(base=head, tree=result, diff=self._git.diff(head, result))
        if result == self._git.tree_of(head):
            raise PatchUnproven("The patch changes nothing on the branch as it is now.")
        return _Candidate(patch, self._changed(head, result), flags)

    def _onto(self, head: str, failed_at: str, applied: Applied) -> str:
        """The tree of the change on the branch's head."""
        tree = self._git.write_tree(failed_at, applied.files, applied.modes)
        if head == failed_at:
            return tree
        change = self._git.commit(tree, [failed_at], "change", datetime.fromtimestamp(0, UTC), "Kintsugi")
        merged = self._git.merged_tree(head, change)
        if merged is None:
            raise PatchUnproven(f"The patch conflicts with what came to {self._branch} since {failed_at[:10]}.")
        return merged

    def _changed(self, base: str, tree: str) -> dict[str, bytes | None]:
        """Path by path, what the tree makes of its base."""
        return {path: self._git.file(tree, path) for path in self._git.changed_paths(base, tree)}

    async def _prove(self, candidate: _Candidate, case: Case, diagnosis: Diagnosis, progress: Progress) -> Evidence:
        tests = its_tests(candidate.files)
        if test := diagnosis.regression_test:
            tests[test.path] = candidate.files.get(test.path)
        if case.payload.in_words and not tests:
            raise PatchUnproven(_NEEDS_RED)
        crash, made = crash_of(case.payload.exception), case.incident.reproduction
        call = failing_call(case.payload.capsule, case.payload.exception, crash)
        call = call if made and made.is_reproduced else None
        export = partial(self._git.export, candidate.patch.base)
        try:
            settings = await self._settings(progress)
            evidence = await proven(
                export, candidate.files, tests, crash, call=call, settings=settings, progress=progress
            )
        except Unproven as unproven:
            raise _unproven(unproven) from unproven
        except GitError as error:
            raise StepFailed(f"git said: {error}") from error
        except (SandboxFailed, BoxFailed) as failed:
            raise StepFailed(f"The sandbox failed, which says nothing about the patch: {failed}") from failed
        return _shown_in_words(evidence, candidate) if case.payload.in_words else with_flags(evidence, candidate.flags)

    async def _settings(self, progress: Progress) -> ProofSettings:
        """The proof's settings with the box that works here; found out once."""
        if self._proof.box:
            return self._proof
        if self._box is None or (self._box.done() and self._box.exception()):
            self._box = asyncio.create_task(found(self._proof.python, self._proof.limits))
        if not self._box.done():
            progress("trying out the sandbox with hostile actions")
        return replace(self._proof, box=await self._box)


def _shown_in_words(evidence: Evidence, candidate: _Candidate) -> Evidence:
    """The evidence where nothing crashed: a test that was red or could not be run here, and what that is worth."""
    if evidence.tier is Tier.E1:
        raise PatchUnproven(_NEEDS_RED)
    told = replace(evidence, flags=tuple(flag for flag in evidence.flags if flag != NO_FAILURE_GIVEN))
    return with_flags(told, (_NO_CRASH, *candidate.flags))


def _applied(diagnosis: Diagnosis, tree: RevisionTree) -> Applied:
    try:
        if diagnosis.patch:
            return apply(read_reply(diagnosis.patch, ReplyFormat.AUTO), tree)
        return apply([*diagnosis.edits, *_new_test(diagnosis)], tree)
    except Refused as refused:
        raise PatchUnproven(f"The patch does not apply: {refused}") from refused


def _new_test(diagnosis: Diagnosis) -> list[Edit]:
    test = diagnosis.regression_test
    return [Edit(test.path, "", test.content)] if test else []


def _unproven(refused: Unproven) -> PatchUnproven:
    reason = refused.reason[:1].upper() + refused.reason[1:].rstrip(".") + "."
    return PatchUnproven(reason, _output(refused.green or refused.red))


def _output(run: Run | None) -> str:
    return run.output if run else ""
