"""Bringing a result to disk: all or nothing, nowhere but in the folder."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kintsugi.repair.apply import Applied, apply, write
from kintsugi.repair.applying.changes import Refused
from kintsugi.repair.trees import FolderTree, Kind, RevisionTree, TreeError
from kintsugi.workflow.patch import Edit


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Every file's bytes and mode."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mode) for path in files}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "shop").mkdir(parents=True)
    (root / "shop/pricing.py").write_text("a = 1\n")
    (root / "run").write_text("#!/bin/sh\n")
    (root / "run").chmod(0o750)
    return root


def test_files_are_written_made_and_removed(folder: Path):
    write(Applied({"shop/pricing.py": b"a = 2\n", "new/deep/x.py": b"x\n", "run": None}), folder)

    assert snapshot(folder).keys() == {"shop/pricing.py", "new/deep/x.py"}
    assert (folder / "shop/pricing.py").read_text() == "a = 2\n"


def test_a_file_keeps_its_mode(folder: Path):
    write(Applied({"run": b"#!/bin/sh\nexit\n"}), folder)

    assert (folder / "run").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_is_written_through_a_link(folder: Path, tmp_path: Path, kind: str):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_text("mine\n")
    link, path = (folder / "x.py", "x.py") if kind == "file" else (folder / "out", "out/x.py")
    link.symlink_to(outside / "x.py" if kind == "file" else outside)

    with pytest.raises(Refused, match="symbolic link"):
        write(Applied({"shop/pricing.py": b"a = 2\n", path: b"yours\n"}), folder)

    assert (outside / "x.py").read_text() == "mine\n"
    assert (folder / "shop/pricing.py").read_text() == "a = 1\n"


def test_a_fault_half_way_leaves_the_folder_as_it_was(folder: Path):
    before = snapshot(folder)

    with pytest.raises((Refused, OSError)):
        write(Applied({"a/new.py": b"x\n", "shop/pricing.py": b"a = 2\n", "shop": b"now a file\n"}), folder)

    assert snapshot(folder) == before
    assert not (folder / "a").exists()


def test_a_full_disk_leaves_the_folder_as_it_was(folder: Path):
    """A limit on the size of files stands in for the disk: it fails in the same call, with an error."""
    before = snapshot(folder)
    program = (
        "import sys; from pathlib import Path; from kintsugi.repair.apply import Applied, write\n"
        "write(Applied({'shop/pricing.py': b'a = 2\\n', 'run': b'', 'zz.txt': b'x' * 100_000}), Path(sys.argv[1]))"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        preexec_fn=limit,
        env=environment,
        capture_output=True,
        check=False,
    )

    assert b"File too large" in done.stderr
    assert snapshot(folder) == before


def test_a_folder_tree_knows_what_stands_where(folder: Path):
    (folder / "link").symlink_to("run")
    (folder / "module/.git").mkdir(parents=True)
    tree = FolderTree(folder)

    assert [tree.kind(path) for path in ("run", "shop/pricing.py", "shop", "link", "module/x", "none", "run/x")] == [
        *(Kind.EXECUTABLE, Kind.FILE, Kind.FOLDER, Kind.SYMLINK, Kind.SUBMODULE, None, Kind.OTHER)
    ]
    assert tree.read("link") is None
    assert set(tree.paths()) == {"run", "shop/pricing.py"}


def test_a_revision_tree_reads_a_commit(folder: Path):
    commit(folder)
    (folder / "shop/pricing.py").write_text("later\n")
    tree = RevisionTree(folder, "HEAD")

    assert tree.read("shop/pricing.py") == b"a = 1\n"
    assert tree.kind("run") is Kind.EXECUTABLE
    assert tree.kind("shop") is Kind.FOLDER
    assert dict(tree.contents(["run", "none"])) == {"run": b"#!/bin/sh\n"}
    assert apply((Edit("shop/pricing.py", "a = 1", "a = 2"),), tree).files == {"shop/pricing.py": b"a = 2\n"}


@pytest.mark.parametrize("rev", ["nowhere", "--output=x"])
def test_a_commit_must_be_there(folder: Path, rev: str):
    commit(folder)

    with pytest.raises(TreeError, match="has no commit"):
        RevisionTree(folder, rev)


def commit(folder: Path) -> None:
    run = ["git", "-C", str(folder), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*run, "init", "--quiet"], check=True)
    subprocess.run([*run, "add", "."], check=True)
    subprocess.run([*run, "commit", "--quiet", "-m", "all"], check=True)
