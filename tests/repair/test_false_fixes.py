"""Patches made to pass for a fix: one of each kind, run where its text alone says nothing against it.

`python -m bench.proof --false` runs them all.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bench.proof import Trial, Verdict, false_fixes, judged
from bench.proof_false import FALSE_FIXES
from bench.proof_false_inn import OF_BOOK, OF_MINUTES, OF_NOBODY
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.proof.judge import Reading, read_patch
from kintsugi.repair.sandbox import Box
from tests.repair.programs import with_walls
from tests.world.patience import PATIENCE

INN = (*OF_MINUTES, *OF_BOOK, *OF_NOBODY)
KINDS = tuple(dict.fromkeys(one.kind for one in (*FALSE_FIXES, *INN)))
OF_INN = {one.kind for one in INN}
UNITTEST = ("python", "-m", "unittest")
PYTEST = ("pytest",)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def settings() -> ProofSettings:
    return await with_walls(ProofSettings(UNITTEST, python=Path(sys.executable), seconds=PATIENCE))


def test_there_are_many_kinds() -> None:
    assert len(FALSE_FIXES) + len(INN) >= 150
    assert len(KINDS) >= 25


def of_kind(base: Path, kind: str) -> Trial:
    return [trial for trial in false_fixes(base) if trial.what == kind][-1]


@pytest.mark.parametrize("kind", KINDS)
async def test_no_false_fix_is_proven_without_a_word(kind: str, settings: ProofSettings, tmp_path: Path) -> None:
    trial = of_kind(tmp_path, kind)
    reading = read(trial)
    if reading.refusal or reading.flags:  # which the evidence has, whatever the tests do
        return

    verdict = await tried(trial, settings)

    assert not verdict.proven or verdict.flags, verdict.says


async def test_what_is_said_of_a_text_is_said_of_what_is_proven(settings: ProofSettings, tmp_path: Path) -> None:
    trial = of_kind(tmp_path, "special case")

    verdict = await tried(trial, settings)

    assert verdict.proven
    assert read(trial).flags
    assert {*read(trial).flags} <= {*verdict.flags}


async def test_what_a_text_is_refused_for_is_not_proven(settings: ProofSettings, tmp_path: Path) -> None:
    trial = of_kind(tmp_path, "tests weakened")

    verdict = await tried(trial, settings)

    assert not verdict.proven
    assert verdict.says == read(trial).refusal


def read(trial: Trial) -> Reading:
    asked = trial.proposal
    return read_patch(asked.base, asked.all_files, asked.test_sources())


async def tried(trial: Trial, settings: ProofSettings) -> Verdict:
    command = PYTEST if trial.what in OF_INN else UNITTEST
    (verdict,) = await judged([trial], replace(settings, test_command=command, box=without_gaps(settings)), 1)
    return verdict


def without_gaps(settings: ProofSettings) -> Box:
    """A loaded machine may leave a gap in the battery, whose flag would be a word about something else."""
    assert settings.box
    return replace(settings.box, got_through=())
