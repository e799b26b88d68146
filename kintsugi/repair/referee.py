"""The referee: policy, then proof, whoever proposes a patch. The lifecycle's step and `kintsugi prove` both use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from kintsugi.repair.capsule import FailingCall, reproduced
from kintsugi.repair.languages.known import is_test_path
from kintsugi.repair.policy import Finding, PolicySettings, Result, check
from kintsugi.repair.proof import Crash, ProofSettings, Proposal, Unproven, prove
from kintsugi.repair.sandbox.probe import found
from kintsugi.repair.scratch import scratch
from kintsugi.repair.trees import Tree
from kintsugi.workflow.patch import Evidence, Reproduction
from kintsugi.workflow.payload import Capsule, Failure, Raised


def keeps_policy(patch: Result, tree: Tree, policy: PolicySettings | None = None) -> tuple[str, ...]:
    """What the policy only flags. Raises Unproven where it refuses."""
    findings = check(patch, tree, policy)
    refusals = [_sentence(finding) for finding in findings if finding.refuses]
    if refusals:
        raise Unproven("the patch breaks the policy: " + " ".join(refusals))
    return tuple(_sentence(finding) for finding in findings)


async def proven(
    export: Callable[[Path], None],
    files: Mapping[str, bytes | None],
    tests: Mapping[str, bytes | None],
    crash: Crash | None,
    *,
    call: FailingCall | None = None,
    settings: ProofSettings,
    progress: Callable[[str], None],
) -> Evidence:
    """The proof of a patch on the tree that `export` writes into an empty folder.

    `files` is the whole patch, `tests` the part of it that is to show the fix; `call` is the failing call, where
    it fails in the same way without the patch. Raises Unproven, SandboxFailed, and
    what `export` raises.
    """
    with scratch() as folder:
        await asyncio.to_thread(export, folder)
        return await prove(Proposal(folder, files, tests, crash=crash, call=call), settings, progress=progress)


async def made_again(
    export: Callable[[Path], None],
    capsule: Capsule | None,
    failure: Failure | None,
    *,
    settings: ProofSettings,
    commit: str,
    seconds: float | None = None,
) -> Reproduction:
    """The failing call, made again on the tree that `export` writes. Raises BoxFailed, and what `export` raises."""
    settings = replace(settings, seconds=seconds) if seconds else settings
    box = settings.in_box(settings.box or await found(settings.python, settings.limits))
    crash, anyhow = crash_of(failure), settings.without_walls
    with scratch() as folder:
        await asyncio.to_thread(export, folder)
        return await reproduced(
            capsule, failure, crash, folder, box, commit=commit, seconds=seconds, without_walls=anyhow
        )


def its_tests(files: Mapping[str, bytes | None]) -> dict[str, bytes | None]:
    """The part of a patch that belongs to the tests."""
    return {path: content for path, content in files.items() if is_test_path(path)}


def with_flags(evidence: Evidence, flags: tuple[str, ...]) -> Evidence:
    """The evidence with what others have flagged before it."""
    return replace(evidence, flags=(*flags, *evidence.flags))


def crash_of(failure: Failure | None) -> Crash | None:
    """What a patch is to mend: the exception that reached the top, where it came through the project last."""
    if failure is None:
        return None
    raised = _that_failed(failure)
    own = [frame for frame in raised.frames if frame.in_project]
    path, function = (own[-1].path, own[-1].function) if own else ("", "")
    return Crash(raised.type, raised.message, path, function)


def _that_failed(failure: Failure) -> Raised:
    """The last exception, or the first of its group where it only gathers others."""
    grouped = len(failure.chain) > 1 and failure.chain[-2].link == "group"
    return (
        next((raised for raised in failure.chain if raised.link == "group"), failure.final)
        if grouped
        else failure.final
    )


def _sentence(finding: Finding) -> str:
    return f"{finding.path}: {finding.sentence}"
