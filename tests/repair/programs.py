"""Small programs in other languages, and the referee's verdict on patches for them: policy, then proof, in a real box."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kintsugi.repair.languages.results import Crash
from kintsugi.repair.proof import ProofSettings, Unproven
from kintsugi.repair.referee import its_tests, keeps_policy, proven, with_flags
from kintsugi.repair.sandbox import Mechanism
from kintsugi.repair.trees import FolderTree
from kintsugi.workflow.patch import Evidence, Tier
from tests.world import boxes
from tests.world.patience import PATIENCE


@dataclass(frozen=True)
class Patch:
    files: Mapping[str, bytes | None]
    modes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """What became of a patch: evidence, or why it is refused."""

    evidence: Evidence | None
    refused: str = ""

    @property
    def is_proven(self) -> bool:
        return self.evidence is not None and self.evidence.tier is not Tier.E0


async def a_box(*programs: str) -> ProofSettings:
    """Settings with a box that was probed once; skips where this machine has no such programs or no box with walls."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} on this machine")
    return await with_walls(ProofSettings(seconds=PATIENCE, python=Path(sys.executable)))


async def with_walls(asked: ProofSettings) -> ProofSettings:
    """The same in a box that was probed once; skips where this machine has none with walls."""
    found = await boxes.in_a_box(asked)
    if found.box is None or found.box.mechanism is Mechanism.LIMITS:
        pytest.skip("this machine allows no box with walls: allow unprivileged user namespaces")
    return found


def a_program(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


async def judged(
    program: Path, changes: Mapping[str, str | None], settings: ProofSettings, crash: Crash | None = None
) -> Said:
    """The referee's verdict on a patch that leaves the changed files so; None removes one."""
    files = {path: None if text is None else text.encode() for path, text in changes.items()}
    tree = FolderTree(program)
    try:
        flags = keeps_policy(Patch(files), tree)
        evidence = await proven(tree.export, files, its_tests(files), crash, settings=settings, progress=lambda _: None)
    except Unproven as refused:
        return Said(None, refused.reason)
    return Said(with_flags(evidence, flags))
