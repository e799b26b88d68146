"""Where the demo lives: a folder with the program's repository, what runs of it, and the incidents' database.

Everything in it is made so that a second start finds either the whole of a thing or nothing of it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import httpx

from kintsugi.children import environment
from kintsugi.integrations.git import NO_OBJECT, Git, RefChange
from kintsugi.workflow.errors import StepFailed

BRANCH = "main"
_AUTHOR = "Shop"
_EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
_MARK = ".kintsugi-demo"
_BUG = '    "WELCOME5": {"amount": 500, "says": "5.00 off the first order"},\n'


class WorkspaceError(StepFailed):
    """The folder cannot be used; the message says why."""


class Workspace:
    """The demo's folder. Blocking; call `prepare()` first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.origin = self.folder / "origin.git"
        self.runtime = self.folder / "runtime"
        self.database = self.folder / "kintsugi.db"
        self.lock = self.folder.with_name(f"{self.folder.name}.lock")

    @property
    def git(self) -> Git:
        return Git(self.origin)

    @property
    def log(self) -> Path:
        """What the program printed."""
        return self.runtime / "service.log"

    @property
    def ending(self) -> str | None:
        """Which ending an earlier run was to show, or None where there was none."""
        try:
            return str(json.loads((self.folder / _MARK).read_text())["ending"])
        except (OSError, ValueError, KeyError):
            return None

    def base_url(self) -> str:
        """Where the program answers, or nothing before its first start."""
        try:
            return f"http://127.0.0.1:{int((self.runtime / 'port').read_text())}"
        except (OSError, ValueError):
            return ""

    def prepare(self, ending: str) -> None:
        """Make what is missing."""
        if self.folder.is_dir() and self.ending is None and any(self.folder.iterdir()):
            raise WorkspaceError(f"{self.folder} is not empty and not the demo's. Name another with --dir.")
        self.folder.mkdir(parents=True, exist_ok=True)
        _write(self.folder / _MARK, json.dumps({"ending": ending}))
        for stale in self.origin.rglob("*.lock"):  # of a git that was killed; we alone work here, by our own lock
            stale.unlink()
        if not self.origin.is_dir():
            self._make_repository()

    def remove(self) -> None:
        """Stop the program and remove everything of an earlier run."""
        if self.ending is not None:
            self.stop()
            shutil.rmtree(self.folder)

    def deploy_command(self) -> tuple[str, ...]:
        script = str(example("checkout") / "deploy.py")
        return (sys.executable, script, "--repo", str(self.origin), "--into", str(self.runtime))

    def deploy(self, commit: str) -> None:
        """Have `commit` run. Raises WorkspaceError."""
        self._run_deploy(env={"KINTSUGI_COMMIT": commit})

    def stop(self) -> None:
        """Stop the program, if it runs."""
        if self.runtime.is_dir():
            self._run_deploy("--stop", env={})

    def get(self, path: str) -> tuple[int, dict[str, object]]:
        """Ask the program. Status and JSON."""
        answer = httpx.get(f"{self.base_url()}{path}", timeout=10, trust_env=False)
        body: dict[str, object] = answer.json()
        return answer.status_code, body

    def _run_deploy(self, *options: str, env: Mapping[str, str]) -> None:
        command = [*self.deploy_command(), *options]
        done = subprocess.run(command, env=environment(env), capture_output=True, text=True, check=False)
        if done.returncode:
            raise WorkspaceError(f"The sample program does not start: {done.stderr.strip()}", final=True)

    def _make_repository(self) -> None:
        """Two commits: the shop as it was, and the change that brought the bug."""
        unfinished = self.folder / "origin.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        git = Git.init_bare(unfinished, BRANCH)
        files = {path: (example("checkout") / path).read_bytes() for path in _files(example("checkout"))}
        before = files | {"shop/coupons.py": files["shop/coupons.py"].replace(_BUG.encode(), b"")}
        first = _commit(git, before, [], "A small shop: catalogue, coupons, checkout", day=2)
        second = _commit(git, files, [first], "Coupons of a fixed amount, for the first order", day=9)
        git.update_refs([RefChange(f"refs/heads/{BRANCH}", second, NO_OBJECT)])
        unfinished.rename(self.origin)


def example(name: str) -> Path:
    """A folder beside this file: the sample program, or the recorded replies."""
    return Path(__file__).parent / name


def _files(root: Path) -> list[str]:
    found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if "__pycache__" not in path.parts)


def _commit(git: Git, files: Mapping[str, bytes], parents: list[str], message: str, *, day: int) -> str:
    tree = git.write_tree(_EMPTY_TREE, files)
    return git.commit(tree, parents, message, datetime(2026, 3, day, 10, tzinfo=UTC), _AUTHOR)


def _write(file: Path, text: str) -> None:
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.replace(file)
