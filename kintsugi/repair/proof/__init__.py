"""The proof of a patch: run in a box, from red to green, judged by what the tests did and not by who wrote it.

`prove` goes from cheap to dear and stops at the first reason to refuse: the patch's own text, whether it compiles,
the regression test without the patch and with it (`proof.red`), then every test that passed before (`proof.kept`).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kintsugi.repair import sandbox
from kintsugi.repair.languages import Language, Machine
from kintsugi.repair.languages.known import LANGUAGES, find_suite, language_of
from kintsugi.repair.languages.results import Crash
from kintsugi.repair.proof.call import CallTurned, call_turns
from kintsugi.repair.proof.judge import Reading, read_patch
from kintsugi.repair.proof.kept import Kept, still_passes
from kintsugi.repair.proof.pair import NoneTurns, RedToGreen, ShowsNothing
from kintsugi.repair.proof.red import red_to_green
from kintsugi.repair.proof.runs import CannotRunHere, Proposal, Proving, Unproven, ids, is_plain_file, last_line, some
from kintsugi.repair.sandbox import Box, BoxFailed, Ground, Limits, ground, run
from kintsugi.repair.sandbox import probe as boxes
from kintsugi.repair.syntax import read_source
from kintsugi.workflow.patch import Evidence, Run, Tier

__all__ = ["CannotRunHere", "Crash", "ProofSettings", "Proposal", "SandboxFailed", "Unproven", "prove", "run_tests"]


@dataclass(frozen=True, slots=True)
class ProofSettings:
    """How patches are proven. `seconds` is for one whole proof; the other limits are those of one box.

    `dependencies` is a folder like the tree that has what git does not know of it (node_modules). `mounts` are more of
    the machine that the tests may read, `variables` what they find in their environment, and `services` shell commands
    that are started beside them in the box.
    `box` is what `kintsugi.repair.sandbox.probe.probe` found, kept between proofs; without it every proof probes anew.
    `without_walls` is for patches of a trusted author: their tests are run where the machine has limits only, too.
    """

    test_command: tuple[str, ...] | None = None  # None: found out
    python: Path = field(default_factory=lambda: Path(sys.executable))
    seconds: float = 300
    memory_mb: int = 1024
    processes: int = 1024  # and threads
    output_kb: int = 256
    disk_mb: int = 512
    dependencies: Path | None = None
    mounts: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    box: Box | None = None
    without_walls: bool = False

    @property
    def limits(self) -> Limits:
        return Limits(self.seconds, self.memory_mb, self.processes, self.output_kb, self.disk_mb)

    def in_box(self, box: Box) -> Box:
        """A box with these limits, variables and services."""
        return replace(box, limits=self.limits, variables=self.variables, services=self.services)


class SandboxFailed(Exception):
    """The box itself failed: no evidence for the patch or against it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def prove(proposal: Proposal, settings: ProofSettings, *, progress: Callable[[str], None]) -> Evidence:
    """Evidence for the patch, of the highest tier reached. `progress` is told each step in words.

    Raises Unproven when the patch is refused, SandboxFailed when the box failed. Cancelling kills every process.
    """
    ends = time.monotonic() + settings.seconds
    reading = await asyncio.to_thread(read_patch, proposal.base, proposal.all_files, proposal.test_sources())
    if reading.refusal is not None:
        raise Unproven(reading.refusal)
    try:
        box = settings.box or await boxes.found(settings.python, settings.limits)
        box = settings.in_box(box)
        if not settings.without_walls and (why := boxes.no_walls(box)):
            _parses(proposal)
            return _not_here(box, reading, why)
        if settings.services and not box.has_its_network:
            return _not_here(box, reading, "services need a box with a network of its own")
        machine = Machine(box.interpreter, settings.dependencies)
        language, suite = await asyncio.to_thread(
            find_suite, proposal.base, proposal.all_files, machine, settings.test_command
        )
        if suite is not None:
            box = box.with_folders((*suite.folders, *settings.mounts), suite.placed)
        async with ground(box, proposal.base) as on:
            await _compiles(proposal, machine, on, progress)
            if suite is None:
                return _not_here(box, reading, "no test command is known")
            async with _built(Proving(proposal, reading, on, language, suite, ends, progress)) as proving:
                call = await call_turns(proving)
                could_be_made = proposal.crash is not None and proposal.crash.path.endswith(".py")
                return _with_call(await _carried_out(proving), call, could_be_made=could_be_made)
    except BoxFailed as failure:
        raise SandboxFailed(str(failure)) from failure
    except ValueError as error:  # a path that leads out of the tree
        raise Unproven(str(error)) from error


async def run_tests(
    base: Path,
    files: Mapping[str, bytes | None],
    path: str,
    settings: ProofSettings,
    *,
    progress: Callable[[str], None],
) -> Run:
    """The tests of one file on `base` with `files` changed, in the box; a verdict on nothing.

    Raises CannotRunHere, SandboxFailed, and Unproven where there is no such test file.
    """
    ends = time.monotonic() + settings.seconds
    proposal = Proposal(base, files)
    try:
        box = settings.box or await boxes.found(settings.python, settings.limits)
        box = replace(box, limits=settings.limits, variables=settings.variables, services=settings.services)
        if why := boxes.no_walls(box):
            raise CannotRunHere(why)
        machine = Machine(box.interpreter, settings.dependencies)
        found = await asyncio.to_thread(find_suite, base, files, machine, settings.test_command)
        language, suite = found
        if suite is None:
            raise CannotRunHere("no test command is known")
        if suite.takes_files and path not in suite.files:
            raise Unproven(f"{path} is no test file; some that are: {some(suite.files)}")
        box = box.with_folders((*suite.folders, *settings.mounts), suite.placed)
        async with ground(box, base) as on:
            proving = Proving(proposal, Reading(), on, language, suite, ends, progress)
            return (await proving.tests(files, (path,))).run
    except BoxFailed as failure:
        raise SandboxFailed(str(failure)) from failure
    except ValueError as error:  # a path that leads out of the tree
        raise Unproven(str(error)) from error


def _parses(proposal: Proposal) -> None:
    """Where nothing can be run, the patch must at least be syntax."""
    for path, content in proposal.all_files.items():
        language = language_of(path)
        if language and content is not None and not language.can_read(read_source(content)):
            raise Unproven(f"the patch does not compile: {path}")


def _not_here(box: Box, reading: Reading, why: str) -> Evidence:
    says = f"It applies. The tests can't run here ({why}): the pull request's own checks are the proof."
    return Evidence(Tier.E0, says, box.says, flags=reading.flags)


@asynccontextmanager
async def _built(proving: Proving) -> AsyncIterator[Proving]:
    """The same with what the tests need compiled once, on the tree as it is.

    No later run can write to it, and nothing of the patch is in it: what runs beside a patch was not made by one.
    """
    on = proving.ground
    building = proving.suite.building(proving.proposal.base) if on.box.shares_builds else None
    if building is None:
        yield proving
        return
    async with sandbox.building(on, building.prepare) as ground:
        proving.progress("compiling what the tests need")
        proving = replace(proving, ground=ground, suite=building.suite)
        await proving.in_box(building.job, seconds=proving.seconds_left / 2)  # what fails here, fails in the tests too
        yield proving


async def _carried_out(proving: Proving) -> Evidence:
    try:
        shown = await red_to_green(proving)
    except CannotRunHere as reason:
        return await _without_its_test(proving, _and_lacks(proving, reason))
    try:
        kept = await still_passes(proving, shown)
        if shown is None and kept.mended and proving.suite.takes_files:
            shown, kept = await _by_what_it_mends(proving, kept)
    except CannotRunHere as reason:
        return _not_here(proving.ground.box, proving.reading, _and_lacks(proving, reason))
    return _evidence(proving, shown, kept)


async def _by_what_it_mends(proving: Proving, kept: Kept) -> tuple[RedToGreen | None, Kept]:
    """Tests that nobody named failed before and pass now: they show something where they do so each time."""
    why = "they pass without it too"
    try:
        if (shown := await red_to_green(proving, kept.mended)) is not None:
            return shown, kept
    except (NoneTurns, ShowsNothing) as refused:
        why = refused.reason
    flag = f"that tests in {some(kept.mended)} failed before and pass now shows nothing: {why}"
    return None, replace(kept, flags=(*kept.flags, flag))


def _and_lacks(proving: Proving, reason: CannotRunHere) -> str:
    return "; ".join(filter(None, (str(reason), proving.suite.lacks.rstrip("."))))


async def _without_its_test(proving: Proving, why: str) -> Evidence:
    """The regression test can't run here, with the patch and without: no evidence for it, whatever the others do.

    They are compared all the same: what breaks them is refused, and the evidence says how many there are.
    """
    nothing = _not_here(proving.ground.box, proving.reading, why)
    try:
        kept = await still_passes(proving, None)
    except CannotRunHere:
        return nothing
    told = f" {kept.numbers.says}" if kept.numbers else ""
    return replace(nothing, says=f"{nothing.says}{told}", green=kept.run, numbers=kept.numbers)


async def _compiles(proposal: Proposal, machine: Machine, on: Ground, progress: Callable[[str], None]) -> None:
    files = proposal.all_files
    for language in LANGUAGES:
        changed = [path for path, content in files.items() if language.reads(path) and content is not None]
        job = language.compiling(changed, files, machine) if changed else None
        if job is None:
            _still_reads(proposal, language, changed)
            continue
        progress("compiling the changed files")
        outcome = await run(on, job)
        if outcome.run.exit_status != 0:
            raise Unproven(f"the patch does not compile: {last_line(outcome.run.output)}", green=outcome.run)


def _still_reads(proposal: Proposal, language: Language, paths: Sequence[str]) -> None:
    """Of a language that is compiled with its tests, what was syntax is syntax: no test may load the file."""
    for path in paths:
        before, after = proposal.base / path, proposal.all_files[path] or b""
        could = language.can_read(read_source(before.read_bytes())) if is_plain_file(proposal.base, path) else False
        if could and not language.can_read(read_source(after)):
            raise Unproven(f"the patch does not compile: {path}")


def _evidence(proving: Proving, shown: RedToGreen | None, kept: Kept) -> Evidence:
    box = proving.ground.box
    flags = (*proving.reading.flags, *kept.flags)
    if box.got_through:
        flags = (f"the box here does not contain everything: {boxes.in_words(box.got_through)}", *flags)
    if not kept.each:
        return _by_status(proving, shown, kept, flags)
    still = f"Tests that passed before: {kept.passed}, none is lost."
    if not kept.passed:
        still = "No other test is known to have passed before."
    ran = kept.numbers.says if kept.numbers else ""
    still = " ".join(filter(None, (still, ran, proving.suite.knows, proving.suite.lacks, _unread(proving.reading))))
    if shown is None:
        tier = Tier.E1 if kept.passed else Tier.E0
        flags = (*flags, "no test shows that the failure is gone")
        applies = "It applies." if proving.reading.is_unread else "It applies and compiles."
        return Evidence(tier, f"{applies} {still}", box.says, green=kept.run, flags=flags, numbers=kept.numbers)
    passes = "passes" if len(shown.turned) == 1 else "pass"
    says = f"Red to green: {ids(shown.turned)} failed before and {passes} now. {still}"
    flags = (*shown.flags, *flags)
    red, green = shown.red.run, shown.green.run
    return Evidence(Tier.E2, says, box.says, red, green, flags, shown.reproduced, kept.numbers)


_NOT_MADE = "The failing call itself was not made again."


def _with_call(evidence: Evidence, call: CallTurned | None, *, could_be_made: bool) -> Evidence:
    """With what became of the failing call itself. A test that is red by something else shows nothing of the crash."""
    if call is not None and call.turned:
        says = f"The failing call itself, {call.name}, failed before and ends well now. {evidence.says}"
        flags = (*call.flags, *evidence.flags)
        if evidence.tier is Tier.E2:
            return replace(evidence, says=says, reproduced=True, flags=flags)
        flags = (*flags, "no test asserts what the failing call should give")
        return replace(evidence, tier=Tier.E2, says=says, red=call.red, green=call.green, reproduced=True, flags=flags)
    if call is None:
        not_made = could_be_made and evidence.tier is Tier.E2
        return replace(evidence, says=f"{evidence.says} {_NOT_MADE}") if not_made else evidence
    evidence = replace(evidence, flags=(*call.flags, *evidence.flags))
    if call.ends:
        says = f"The failing call itself, {call.name}, failed before and {call.ends}. {evidence.says}"
        evidence = replace(evidence, says=says)
    if evidence.tier is Tier.E2 and evidence.reproduced is False:
        says = f"{evidence.says} But its red is another failure than the crash."
        return replace(evidence, tier=Tier.E1, says=says)
    return evidence


def _unread(reading: Reading) -> str:
    return "Nothing was read of the patch: its language is not known here." if reading.is_unread else ""


def _by_status(proving: Proving, shown: RedToGreen | None, kept: Kept, flags: tuple[str, ...]) -> Evidence:
    """An exit status proves nothing: of no test is it known that it ran."""
    command = f"`{proving.suite.says}`"
    says = f"{command} fails without it and ends well with it" if shown else f"{command} ends with it as without it"
    says = f"It applies; {says}. Its exit status alone proves nothing: let it print TAP, or write JUnit's XML."
    says = " ".join(filter(None, (says, proving.suite.lacks, _unread(proving.reading))))
    red, green = (shown.red.run, shown.green.run) if shown else (None, kept.run)
    return Evidence(Tier.E0, says, proving.ground.box.says, red, green, flags)
