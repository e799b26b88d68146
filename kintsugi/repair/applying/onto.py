"""Bringing a result onto a tree that has moved on since: git merges, file by file."""

from __future__ import annotations

import subprocess
from dataclasses import replace

from kintsugi.children import environment
from kintsugi.repair.apply import Applied
from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.scratch import scratch
from kintsugi.repair.trees import Tree

_SECONDS = 60.0
_MOST_CONFLICTS = 127  # git's exit status is their number, and above this an error


def merged_onto(applied: Applied, base: Tree, present: Tree) -> Applied:
    """The result, made from `base`, on the `present` tree. Raises Refused where both changed the same lines."""
    files = {}
    for path, wanted in applied.files.items():
        old, ours = base.read(path), present.read(path)
        merged = _merged(path, old, ours, wanted)
        if merged != ours or path in applied.modes:
            files[path] = merged
    if not files:
        raise Refused("The reply changes nothing: the files already are as it wants them.")
    return replace(applied, files=files)


def _merged(path: str, old: bytes | None, ours: bytes | None, wanted: bytes | None) -> bytes | None:
    if ours in (old, wanted):
        return wanted
    if old is None or ours is None or wanted is None:
        raise Refused(f"{path} was made, changed or removed since, and the reply does so otherwise.")
    return _merged_lines(path, old, ours, wanted)


def _merged_lines(path: str, old: bytes, ours: bytes, wanted: bytes) -> bytes:
    with scratch() as folder:
        names = []
        for name, content in (("present", ours), ("base", old), ("patch", wanted)):
            (folder / name).write_bytes(content)
            names.append(name)
        done = subprocess.run(
            ["git", "merge-file", "-p", *names],
            cwd=folder,
            capture_output=True,
            env=environment(),
            timeout=_SECONDS,
            check=False,
        )
    if done.returncode == 0:
        return done.stdout
    if done.returncode > _MOST_CONFLICTS:
        raise Refused(f"{path} cannot be merged: {done.stderr.decode(errors='replace').strip()}")
    raise Refused(f"{path} was changed since in the same lines: {done.returncode} conflicts. Make the patch anew.")
