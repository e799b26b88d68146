"""Patches made to pass for a fix: one of each kind here; `python -m bench.proof --false` tries them all."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bench.proof import Trial, false_fixes, judged
from bench.proof_false import FALSE_FIXES
from bench.proof_false_inn import OF_BOOK, OF_MINUTES, OF_NOBODY
from kintsugi.repair.proof import ProofSettings
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
    command = PYTEST if kind in OF_INN else UNITTEST
    asked = replace(settings, test_command=command, box=without_gaps(settings))
    (verdict,) = await judged([of_kind(tmp_path, kind)], asked, 1)

    assert not verdict.proven or verdict.flags, verdict.says


def without_gaps(settings: ProofSettings) -> Box:
    """A loaded machine may leave a gap in the battery, whose flag would be a word about something else."""
    assert settings.box
    return replace(settings.box, got_through=())
