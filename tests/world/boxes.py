"""Boxes that were tried out once for all tests of a process: the battery of hostile actions takes seconds each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox import Box, Limits, Mechanism
from kintsugi.repair.sandbox.probe import probe

_tried: dict[tuple[Path, tuple[Mechanism, ...]], Box] = {}


async def a_box(python: Path, limits: Limits, mechanisms: Sequence[Mechanism] = tuple(Mechanism)) -> Box:
    """What `probe` finds. The battery is the same whatever the limits. Raises BoxFailed."""
    asked = python, tuple(mechanisms)
    if asked not in _tried:
        _tried[asked] = await probe(python, limits, mechanisms=mechanisms)
    return replace(_tried[asked], limits=limits)


async def in_a_box(settings: ProofSettings) -> ProofSettings:
    """The same with the box that a workbench would find out by itself."""
    return replace(settings, box=await a_box(settings.python, settings.limits))
