"""Boxes that were tried out once for all tests of a run: the battery of hostile actions takes seconds each time."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox import Box, Limits, Mechanism
from kintsugi.repair.sandbox.probe import probe

WITHOUT_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""For a project that uses none of the plugins beside our own pytest: they take longer to load than all else of a run."""

_tried: dict[str, Box] = {}
_shared: list[Path] = []


def share(folder: Path) -> None:
    """From now on the boxes of all processes of this run are kept in `folder`."""
    _shared[:] = [folder]


async def a_box(python: Path, limits: Limits, mechanisms: Sequence[Mechanism] = tuple(Mechanism)) -> Box:
    """What `probe` finds. The battery is the same whatever the limits. Raises BoxFailed."""
    asked, kept = _asked(python, mechanisms)
    if asked not in _tried:
        with kept.with_suffix(".lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)  # whoever comes second waits for the first
            if not kept.exists():
                kept.write_bytes(pickle.dumps(await probe(python, limits, mechanisms=mechanisms)))
            _tried[asked] = pickle.loads(kept.read_bytes())
    return replace(_tried[asked], limits=limits)


def tried(python: Path) -> Path | None:
    """Where what `probe` finds is kept, if it was asked for in this run."""
    kept = _asked(python, tuple(Mechanism))[1] if _shared else None
    return kept if kept and kept.exists() else None


def _asked(python: Path, mechanisms: Sequence[Mechanism]) -> tuple[str, Path]:
    asked = f"{python} {' '.join(mechanisms)}"
    return asked, _shared[0] / f"box-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"


async def in_a_box(settings: ProofSettings) -> ProofSettings:
    """The same with the box that a workbench would find out by itself, and without plugins of ours in its pytest."""
    box = await a_box(settings.python, settings.limits)
    return replace(settings, box=box, variables={**WITHOUT_PLUGINS, **settings.variables})
