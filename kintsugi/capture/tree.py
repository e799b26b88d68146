"""The project's files as they were at a build: from a commit where there is one, else from the folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kintsugi.capture.errors import CaptureError
from kintsugi.children import environment
from kintsugi.telemetry import lazy_re as re

_LARGEST = 2_000_000  # bytes of a source file worth showing lines of
_MOST_FILES = 50_000
_GIT_SECONDS = 20
_SKIPPED_FOLDERS = frozenset(("node_modules", "site-packages", "dist-packages", "venv", "__pycache__"))
_REVISION = re.compile(r"[A-Za-z0-9_][\w./@^~-]*$")


@dataclass(frozen=True, slots=True)
class Tree:
    """Files under `root`, relative with forward slashes; `commit` None means as they lie in the folder."""

    root: Path
    commit: str | None
    paths: frozenset[str]

    def lines(self, path: str) -> list[str]:
        """The lines of one of `paths`; empty where it is no readable text of a sensible size."""
        raw = self._from_commit(path) if self.commit else self._from_folder(path)
        if raw is None or len(raw) > _LARGEST or b"\x00" in raw:
            return []
        return raw.decode("utf-8", errors="replace").splitlines()

    def _from_commit(self, path: str) -> bytes | None:
        return _git(self.root, "cat-file", "blob", f"{self.commit}:{path}")

    def _from_folder(self, path: str) -> bytes | None:
        file = (self.root / path).resolve()
        if not file.is_relative_to(self.root) or not file.is_file() or file.stat().st_size > _LARGEST:
            return None
        return file.read_bytes()


def tree_at(root: Path, sha: str | None) -> Tree:
    """The project at `root` as of `sha` where its repository has that commit.

    Else as it lies in the folder, or at HEAD for a bare repository. CaptureError where there is no such folder.
    """
    root = root.resolve()
    if not root.is_dir():
        raise CaptureError(f"There is no folder {root}. Name the repository the program was built from.")
    commit = _commit(root, sha)
    if commit is not None:
        return Tree(root, commit, _listed(_git(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)))
    return Tree(root, None, _tracked(root))


def commit_at(root: Path, sha: str | None) -> str | None:
    """The commit whose files `tree_at` lists; None where it lists the folder as it lies, or there is none."""
    root = root.resolve()
    return _commit(root, sha) if root.is_dir() else None


def _commit(root: Path, sha: str | None) -> str | None:
    asked = [sha] if sha and _REVISION.match(sha) else []
    bare = (_git(root, "rev-parse", "--is-bare-repository") or b"").strip() == b"true"
    for revision in [*asked, *(["HEAD"] if bare else [])]:
        found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        if found:
            return found.decode().strip()
    return None


def _tracked(root: Path) -> frozenset[str]:
    listed = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    return _listed(listed) if listed is not None else frozenset(_walked(root))


def _listed(output: bytes | None) -> frozenset[str]:
    return frozenset(name for name in (output or b"").decode("utf-8", errors="replace").split("\0") if name)


def _walked(root: Path) -> Iterator[str]:
    count = 0
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in _SKIPPED_FOLDERS and not name.startswith(".")]
        for name in files:
            if (count := count + 1) > _MOST_FILES:
                return
            yield (Path(folder) / name).relative_to(root).as_posix()


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git prints about the repository whose top is `root`; None where it is none or git refuses."""
    own = {"GIT_CEILING_DIRECTORIES": str(root.parent), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    command = ["git", "-c", "core.fsmonitor=false", "-C", str(root), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, env=environment(own), timeout=_GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
