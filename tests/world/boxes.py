"""Boxes that were tried out once for all tests of a run: the battery of hostile actions takes seconds each time."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import pickle
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

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
    if tuple(mechanisms) != tuple(Mechanism):
        strongest = await a_box(python, limits)
        if strongest.mechanism in mechanisms:
            return strongest
    asked, kept = _asked(python, mechanisms)
    if asked not in _tried:
        with kept.with_suffix(".lock").open("w") as lock:
            await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)  # whoever comes second waits for the first
            if not kept.exists():
                _keep(kept, await probe(python, limits, mechanisms=mechanisms))
            _tried[asked] = pickle.loads(kept.read_bytes())
    return replace(_tried[asked], limits=limits)


def folder() -> Path | None:
    """Where the boxes of this run are kept, if they are."""
    return _shared[0] if _shared else None


class Found(dict[Path, Box]):
    """`probe.FOUND` for a command that a test starts: the box of our own Python is tried out by whoever needs it first.

    Others wait meanwhile, and are handed what was found. Who ends first leaves it to the next.
    """

    _lock: IO[str] | None = None

    def __contains__(self, python: object) -> bool:
        if python == Path(sys.executable) and not self._lock:
            kept = _asked(python, tuple(Mechanism))[1]
            self._lock = kept.with_suffix(".lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if kept.exists():
                super().__setitem__(python, pickle.loads(kept.read_bytes()))
                self._lock.close()
        return super().__contains__(python)

    def __setitem__(self, python: Path, box: Box) -> None:
        super().__setitem__(python, box)
        if self._lock and not self._lock.closed:
            _keep(_asked(python, tuple(Mechanism))[1], box)
            self._lock.close()


def _keep(kept: Path, box: Box) -> None:
    """At once, as whoever writes it may be killed."""
    written = kept.with_suffix(".new")
    written.write_bytes(pickle.dumps(box))
    written.replace(kept)


def _asked(python: Path, mechanisms: Sequence[Mechanism]) -> tuple[str, Path]:
    asked = f"{python} {' '.join(mechanisms)}"
    return asked, _shared[0] / f"box-{hashlib.sha256(asked.encode()).hexdigest()[:16]}"


async def in_a_box(settings: ProofSettings) -> ProofSettings:
    """The same with the box that a workbench would find out by itself, and without plugins of ours in its pytest."""
    box = await a_box(settings.python, settings.limits)
    return replace(settings, box=box, variables={**WITHOUT_PLUGINS, **settings.variables})
