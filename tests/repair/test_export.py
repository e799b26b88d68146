"""The tree of a commit, as it is in it: nothing of the repository's settings has a say, and nothing of it is run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from kintsugi.integrations.git import Git
from kintsugi.repair.trees import FolderTree, RevisionTree, TreeError

NOBODY = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", ".")
    return folder


def git(folder: Path, *words: str, **env: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **NOBODY, **env},
    )
    return done.stdout.strip()


def committed(repository: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(text)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "-m", "all")


def exported(repository: Path, tmp_path: Path) -> Path:
    into = tmp_path / "exported"
    into.mkdir()
    RevisionTree(repository, "HEAD").export(into)
    return into


def a_trap(folder: Path) -> tuple[str, Path]:
    """A program that leaves a trace when it is run, and where the trace would be."""
    program, trace = folder / "trap.sh", folder / "was-run"
    program.write_text(f"#!/bin/sh\ntouch {trace}\ncat\n")
    program.chmod(0o755)
    return str(program), trace


def test_attributes_change_nothing(repository: Path, tmp_path: Path) -> None:
    attributes = "tests export-ignore\n*.py export-subst ident eol=crlf working-tree-encoding=UTF-16\n"
    committed(repository, {"tests/test_a.py": "# $Id$ $Format:%H$\n"})
    (repository / ".gitattributes").write_text(attributes)
    git(repository, "add", ".gitattributes")
    git(repository, "commit", "--quiet", "-m", "attributes")

    into = exported(repository, tmp_path)

    assert (into / "tests" / "test_a.py").read_bytes() == b"# $Id$ $Format:%H$\n"


def test_settings_of_the_repository_run_nothing(repository: Path, tmp_path: Path) -> None:
    program, trace = a_trap(tmp_path)
    committed(repository, {".gitattributes": "*.py filter=trap diff=trap\n", "a.py": "A = 1\n"})
    first = git(repository, "rev-parse", "HEAD")
    committed(repository, {"a.py": "A = 2\n"})
    for name in ("filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv", "diff.trap.command", "diff.external"):
        git(repository, "config", name, program)
    git(repository, "config", "core.fsmonitor", program)

    into = exported(repository, tmp_path)
    shown = Git(repository).diff(first, "HEAD")

    assert (into / "a.py").read_text() == "A = 2\n"
    assert "-A = 1\n+A = 2\n" in shown
    assert FolderTree(repository).paths() == {".gitattributes", "a.py"}
    assert not trace.exists()


def test_a_patch_is_shown_as_text_whatever_attributes_and_settings_say(repository: Path) -> None:
    committed(repository, {".gitattributes": "*.py -diff binary\n", "a.py": "A = 1\n"})
    committed(repository, {"a.py": "A = 2\n"})
    git(repository, "config", "diff.noprefix", "true")
    git(repository, "config", "diff.context", "0")
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text("*.py -diff\n")

    shown = Git(repository).diff("HEAD~1", "HEAD")

    assert "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-A = 1\n+A = 2\n" in shown


def test_what_is_missing_is_not_fetched(repository: Path, tmp_path: Path) -> None:
    program, trace = a_trap(tmp_path)
    committed(repository, {"a.py": "A = 1\n"})
    blob = git(repository, "rev-parse", "HEAD:a.py")
    (repository / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    git(repository, "config", "extensions.partialClone", "origin")
    git(repository, "config", "remote.origin.promisor", "true")
    git(repository, "config", "core.sshCommand", program)
    git(repository, "config", "remote.origin.uploadpack", program)
    for url in ("ssh://nowhere.invalid/a", str(tmp_path)):
        git(repository, "config", "remote.origin.url", url)

        with pytest.raises(TreeError, match="does not hold all of"):
            RevisionTree(repository, "HEAD").export(tmp_path)

    assert not trace.exists()


def test_links_stay_links_wherever_they_point(repository: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("secret")
    for name, target in {
        "away": "../../outside.txt",
        "absolute": str(outside),
        "gone": "nowhere",
        "in": "a.py",
    }.items():
        (repository / name).symlink_to(target)
    committed(repository, {"a.py": "A = 1\n"})

    into = exported(repository, tmp_path)

    assert str((into / "away").readlink()) == "../../outside.txt"
    assert str((into / "absolute").readlink()) == str(outside)
    assert (into / "in").read_text() == "A = 1\n"
    assert RevisionTree(repository, "HEAD").read("absolute") is None


def test_modes_and_submodules_are_as_in_the_commit(repository: Path, tmp_path: Path) -> None:
    committed(repository, {"run.sh": "#!/bin/sh\n"})
    git(repository, "update-index", "--chmod=+x", "run.sh")
    git(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},vendored")
    git(repository, "commit", "--quiet", "-m", "more")

    into = exported(repository, tmp_path)

    assert os.access(into / "run.sh", os.X_OK)
    assert list((into / "vendored").iterdir()) == []


@pytest.mark.parametrize("name", ["..", ".git", ".GIT", "."])
def test_a_tree_made_by_hand_does_not_lead_out(repository: Path, tmp_path: Path, name: str) -> None:
    committed(repository, {"a.py": "A = 1\n"})
    blob = git(repository, "rev-parse", "HEAD:a.py")
    entry = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    made = subprocess.run(
        ["git", "-C", str(repository), "hash-object", "-t", "tree", "--literally", "-w", "--stdin"],
        input=entry,
        capture_output=True,
        check=True,
    )
    commit = git(repository, "commit-tree", made.stdout.decode().strip(), "-m", "made")
    into = tmp_path / "exported"
    into.mkdir()

    with pytest.raises(TreeError, match="which git itself does not write"):
        RevisionTree(repository, commit).export(into)

    assert list(into.iterdir()) == []


def test_a_plain_folder_is_exported_without_what_is_linked(tmp_path: Path) -> None:
    folder, into = tmp_path / "folder", tmp_path / "exported"
    (folder / "inner").mkdir(parents=True)
    into.mkdir()
    (folder / "inner" / "a.py").write_text("A = 1\n")
    (folder / "away").symlink_to(tmp_path)

    FolderTree(folder).export(into)

    assert (into / "inner" / "a.py").read_text() == "A = 1\n"
    assert (into / "away").is_symlink()
