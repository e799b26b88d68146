"""The wheel, built once, and an environment that holds nothing but it and what it asks for."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.world.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PLAIN = (
    "ahocorasick-rs",
    "python-json-logger",
    "sentry-sdk",
    "urllib3",
    "certifi",
)  # what the plain `kintsugi` asks for


@dataclass(frozen=True)
class Environment:
    """A virtual environment of its own, and what was added to it when the wheel came."""

    folder: Path
    added: frozenset[str]

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """This environment's python, which sees nothing of the checkout."""
        return run([str(self.python), *arguments], cwd or self.folder, **variables)


def run(command: list[str], cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A program, in an environment without our own settings, after at most two minutes."""
    ours = ("KINTSUGI_", "PYTHON", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return subprocess.run(
        command, cwd=cwd, env={**kept, **variables}, text=True, capture_output=True, timeout=PATIENCE, check=False
    )


def built(kind: str, source: Path, into: Path) -> Path:
    """A `wheel` or an `sdist` of the sources, by hatchling, without the network."""
    done = run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(into)], source)
    assert done.returncode == 0, done.stderr
    return next(into.iterdir())


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def plain(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """`pip install` of the wheel into an empty environment, to which the packages it asks for are lent."""
    folder = tmp_path_factory.mktemp("plain") / "venv"
    run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder.parent)
    packages = next(folder.glob("lib/python*/site-packages"))
    before = _names_in(packages)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    done = run([*pip, "install", "--no-deps", "--no-index", str(wheel)], folder)
    assert done.returncode == 0, done.stderr
    added = _names_in(packages) - before
    for name in PLAIN:
        lend(name, packages)
    return Environment(folder, added)


def _names_in(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir())


def lend(name: str, packages: Path) -> None:
    """One of our own environment's distributions, by links."""
    found = distribution(name)
    for top in {file.parts[0] for file in found.files or () if file.parts[0] != ".."}:
        (packages / top).symlink_to(Path(str(found.locate_file(top))).resolve())
