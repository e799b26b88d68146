"""`kintsugi patch`, as a program sees it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kintsugi.commands.patch import app

FIX = '{"edits": [{"path": "shop.py", "search": "a = 1\\n", "replace": "a = 2\\n"}]}'
EVIL = '{"edits": [{"path": "shop.py", "search": "a = 1\\n", "replace": "import os\\nos.system(\\"id\\")\\n"}]}'


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "shop.py").write_text("a = 1\nb = 1\nc = 1\nd = 1\ne = 1\n")
    run = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all"]):
        subprocess.run([*run, *arguments], check=True)
    return root


def patch(*arguments: str | Path, given: str = "") -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=given)


def test_a_patch_is_applied(repo: Path, tmp_path: Path):
    (tmp_path / "fix.json").write_text(FIX)

    result = patch("apply", "--repo", repo, tmp_path / "fix.json")

    assert result.exit_code == 0
    assert (repo / "shop.py").read_text().startswith("a = 2\n")


def test_a_refused_patch_touches_nothing_and_says_why(repo: Path):
    result = patch("apply", "--repo", repo, "-", given=FIX.replace("a = 1", "zzz"))

    assert result.exit_code == 3
    assert "does not fit" in result.stderr
    assert (repo / "shop.py").read_text().startswith("a = 1\n")


def test_a_patch_for_an_older_commit_is_merged(repo: Path):
    (repo / "shop.py").write_text("a = 1\nb = 1\nc = 1\nd = 1\ne = 5\n")

    result = patch("apply", "--repo", repo, "--base", "HEAD", "-", given=FIX)

    assert result.exit_code == 0
    assert (repo / "shop.py").read_text() == "a = 2\nb = 1\nc = 1\nd = 1\ne = 5\n"


def test_a_conflict_is_refused(repo: Path):
    (repo / "shop.py").write_text("a = 9\nb = 1\nc = 1\nd = 1\ne = 1\n")

    result = patch("apply", "--repo", repo, "--base", "HEAD", "-", given=FIX)

    assert result.exit_code == 3
    assert "changed since" in result.stderr
    assert (repo / "shop.py").read_text().startswith("a = 9\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("apply", "--repo", "/nowhere", "-"),
        ("apply", "--repo", ".", "/nowhere"),
        ("apply", "-"),
        ("check", "--repo", "."),
    ],
)
def test_wrong_usage_is_2(arguments: tuple[str, ...]):
    assert patch(*arguments).exit_code == 2


def test_a_revision_that_is_not_there_is_2(repo: Path):
    assert patch("apply", "--repo", repo, "--base", "nowhere", "-", given=FIX).exit_code == 2


def test_check_says_one_line_for_each_file(repo: Path, tmp_path: Path):
    (tmp_path / "fix.json").write_text(FIX)
    (tmp_path / "evil.json").write_text(EVIL)

    result = patch("check", "--repo", repo, tmp_path / "fix.json", tmp_path / "evil.json")

    lines = result.stdout.splitlines()
    assert result.exit_code == 3
    assert lines[0] == f"{tmp_path / 'fix.json'}: clean"
    assert lines[1].startswith(f"{tmp_path / 'evil.json'}: refused: shop.py: It newly uses os.system.")
    assert (repo / "shop.py").read_text().startswith("a = 1\n")


def test_check_speaks_json(repo: Path, tmp_path: Path):
    (tmp_path / "evil.json").write_text(EVIL)

    result = patch("check", "--json", "--repo", repo, tmp_path / "evil.json")

    said = json.loads(result.stdout)
    assert said["verdict"] == "refused"
    assert said["findings"][0]["rule"] == "shell"


def test_a_clean_patch_is_0_and_one_that_does_not_apply_is_3(repo: Path):
    assert patch("check", "--repo", repo, "-", given=FIX).exit_code == 0
    assert patch("check", "--repo", repo, "-", given="nothing").exit_code == 3
