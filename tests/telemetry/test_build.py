"""The commit that runs is found without being told, and never another one's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kintsugi.telemetry.build import commit_of, running_build

A_COMMIT = "1a2b3c4d5e6f708192a3b4c5d6e7f80910213243"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Shop", "-c", "user.email=shop@shop.example", "-c", "protocol.file.allow=always")
    plain = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, env=plain, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def a_repository(folder: Path, *options: str) -> str:
    """One with `shop/bot.py` in it; its commit."""
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "bot.py").write_text("print('hello')\n")
    git(folder, "init", "-q", "-b", "main", *options)
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "A shop")
    return git(folder, "rev-parse", "HEAD")


def test_a_branch_as_it_is_checked_out(tmp_path: Path):
    commit = a_repository(tmp_path)

    assert commit_of(tmp_path / "shop" / "bot.py") == commit


def test_packed_refs(tmp_path: Path):
    commit = a_repository(tmp_path)

    git(tmp_path, "pack-refs", "--all", "--prune")

    assert commit_of(tmp_path / "shop" / "bot.py") == commit


def test_a_detached_head(tmp_path: Path):
    commit = a_repository(tmp_path)
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "More")

    git(tmp_path, "checkout", "-q", commit)

    assert commit_of(tmp_path / "shop" / "bot.py") == commit


def test_a_worktree_has_its_own_head(tmp_path: Path):
    a_repository(tmp_path / "main")
    git(tmp_path / "main", "worktree", "add", "-q", "-b", "other", str(tmp_path / "other"))
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "Other")

    found = commit_of(tmp_path / "other" / "shop" / "bot.py")

    assert found == git(tmp_path / "other", "rev-parse", "HEAD") != git(tmp_path / "main", "rev-parse", "HEAD")


def test_a_submodule_is_a_repository_of_its_own(tmp_path: Path):
    commit = a_repository(tmp_path / "lib")
    a_repository(tmp_path / "main")
    git(tmp_path / "main", "submodule", "add", "-q", str(tmp_path / "lib"), "lib")

    assert commit_of(tmp_path / "main" / "lib" / "shop" / "bot.py") == commit


def test_a_link_leads_to_the_release_that_is_linked(tmp_path: Path):
    commit = a_repository(tmp_path / "releases" / "7")

    (tmp_path / "current").symlink_to("releases/7")

    assert commit_of(tmp_path / "current" / "shop" / "bot.py") == commit


def test_sha_256(tmp_path: Path):
    commit = a_repository(tmp_path, "--object-format=sha256")

    assert len(commit) == 64
    assert commit_of(tmp_path / "shop" / "bot.py") == commit


def test_a_repository_above_that_does_not_track_the_program_is_not_its_own(tmp_path: Path):
    """Dotfiles at home, and a project whose environment holds somebody's package."""
    a_repository(tmp_path)
    (tmp_path / "bots").mkdir()
    (tmp_path / "bots" / "bot.py").write_text("print('hello')\n")

    assert commit_of(tmp_path / "bots" / "bot.py") is None


def test_a_path_that_ends_alike_is_another(tmp_path: Path):
    a_repository(tmp_path)
    (tmp_path / "bot.py").write_text("print('hello')\n")

    assert commit_of(tmp_path / "bot.py") is None


@pytest.mark.parametrize(
    "broken",
    [
        lambda git_folder: (git_folder / "HEAD").write_bytes(b"\xff\xfe\x00"),
        lambda git_folder: (git_folder / "HEAD").write_text("ref: ../../../etc/hostname\n"),
        lambda git_folder: (git_folder / "HEAD").write_text("ref: refs/heads/none\n"),
        lambda git_folder: (git_folder / "refs" / "heads" / "main").write_text("ref: refs/heads/main\n"),
        lambda git_folder: (git_folder / "index").write_bytes(b"DIRC"),
        lambda git_folder: (git_folder / "index").unlink(),
        lambda git_folder: ((git_folder / "HEAD").unlink(), os.mkfifo(git_folder / "HEAD")),
    ],
    ids=["no text", "outside", "unborn", "circle", "cut index", "no index", "pipe"],
)
def test_a_broken_git_folder_says_nothing(broken, tmp_path: Path):
    a_repository(tmp_path)

    broken(tmp_path / ".git")

    assert commit_of(tmp_path / "shop" / "bot.py") is None


def test_an_index_that_shortens_paths_is_not_guessed_at(tmp_path: Path):
    a_repository(tmp_path)

    git(tmp_path, "update-index", "--index-version", "4")

    assert commit_of(tmp_path / "shop" / "bot.py") is None


def test_no_repository_at_all(tmp_path: Path):
    assert commit_of(tmp_path / "bot.py") is None


@pytest.mark.parametrize(
    ("given", "build"),
    [
        ({"RAILWAY_GIT_COMMIT_SHA": A_COMMIT}, A_COMMIT),
        ({"RENDER_GIT_COMMIT": A_COMMIT.upper()}, A_COMMIT),
        ({"CC_COMMIT_ID": A_COMMIT[:7]}, A_COMMIT[:7]),
        ({"HEROKU_SLUG_COMMIT": "0ldc0de", "HEROKU_BUILD_COMMIT": A_COMMIT}, A_COMMIT),
        ({"SOURCE_COMMIT": "HEAD", "KOYEB_GIT_SHA": A_COMMIT}, A_COMMIT),
        ({"BUILD_SHA": "v1.4.2", "RENDER_GIT_COMMIT": A_COMMIT}, "v1.4.2"),
        ({"KINTSUGI_BUILD_SHA": " ", "RENDER_GIT_COMMIT": A_COMMIT}, A_COMMIT),
    ],
)
def test_a_host_names_the_commit_by_its_own_word(given: dict[str, str], build: str):
    assert running_build(given) == build


@pytest.mark.parametrize("value", ["$RENDER_GIT_COMMIT", "main", "HEAD", "20261128", "unknown", "decade", ""])
def test_what_is_no_commit_is_passed_over(value: str, tmp_path: Path):
    assert _run(tmp_path, SOURCE_VERSION=value) == "None"


def test_a_program_is_known_by_its_own_repository(tmp_path: Path):
    """Wherever it is started from, and though its environment lies in another repository: this one."""
    commit = a_repository(tmp_path / "shop")

    assert _run(tmp_path / "shop" / "shop") == commit
    assert _run(tmp_path / "shop" / "shop", RAILWAY_GIT_COMMIT_SHA=A_COMMIT) == A_COMMIT
    assert _run(tmp_path / "shop" / "shop", GITHUB_SHA=A_COMMIT) == commit


def test_a_program_that_a_server_runs_is_known_by_who_calls(tmp_path: Path):
    commit = a_repository(tmp_path / "shop")
    (tmp_path / "shop" / "shop" / "bot.py").write_text(_SAYS)

    done = _python(tmp_path, "-c", "import runpy; runpy.run_path('shop/shop/bot.py', run_name='served')")

    assert done == commit


_SAYS = "from kintsugi.telemetry.build import running_build\nprint(running_build())\n"
_NAMED = ("SHA", "COMMIT", "VERSION", "SOURCEVERSION", "REV")


def _run(folder: Path, **variables: str) -> str:
    (folder / "bot.py").write_text(_SAYS)
    return _python(folder.parent, str(folder / "bot.py"), **variables)


def _python(folder: Path, *arguments: str, **variables: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not any(word in name for word in _NAMED)}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env={**kept, "PYTHONPATH": root, **variables}, text=True, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
