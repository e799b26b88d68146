"""`kintsugi init`: what it writes works as it is, holds no secret, and takes nothing away."""

from __future__ import annotations

import os
import re
import runpy
from pathlib import Path

import pytest

from kintsugi.app.names import env_file, misspelt
from tests.world import terminal

ROOT = Path(__file__).parents[2]
ENV = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")} | {
    "PYTHONPATH": str(ROOT)
}


@pytest.mark.parametrize(
    ("repository", "setting"), [("shop/checkout", "KINTSUGI_GITHUB_REPO"), ("./shop.git", "KINTSUGI_REPO")]
)
def test_a_machine_gets_a_unit_and_settings_that_doctor_takes(tmp_path: Path, repository: str, setting: str):
    typed = f"machine\nproduction\n{repository}\nhttps://shop.example\n"
    expected = tmp_path / "shop.git" if repository.startswith(".") else repository

    done = terminal.run_at_a_keyboard(["init"], tmp_path, ENV, typed)

    assert done.returncode == 0, done.stderr.decode()
    settings = (tmp_path / ".env").read_text()
    assert re.findall(r"^(\w*REPO=.*)$", settings, re.MULTILINE) == [f"{setting}={expected}"]
    unit = (tmp_path / "kintsugi.service").read_text()
    assert f"EnvironmentFile={tmp_path}/.env\n" in unit
    assert re.search(r'^ExecStart="/.*kintsugi" run$', unit, re.MULTILINE)
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert env_file(tmp_path / ".env") == []
    assert [each for each in misspelt(tmp_path / ".env") if each.fix] == []


@pytest.mark.parametrize("words", [["--on", "railway"], []])
def test_without_a_terminal_it_asks_nothing(tmp_path: Path, words: list[str]):
    done = terminal.run(["init", *words], tmp_path, ENV)

    assert done.returncode == 0
    own = [".env", "Dockerfile" if words else "kintsugi.service"]
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([*own, "for-your-program"])
    assert re.search(r"^RUN .*git", (tmp_path / "Dockerfile").read_text(), re.MULTILINE) if words else True
    assert ("KINTSUGI_DATABASE_URL=${{Postgres.DATABASE_URL}}" in (tmp_path / ".env").read_text()) is bool(words)


def test_what_goes_into_the_program_is_the_documents_workflow_and_a_version_that_answers(tmp_path: Path):
    done = terminal.run(["init"], tmp_path, ENV)

    there = tmp_path / "for-your-program"
    known = re.search(r"```yaml\n(on: pull_request.*?)```", (ROOT / "docs" / "proof.md").read_text(), re.DOTALL)
    written = (there / ".github" / "workflows" / "prove.yml").read_text()
    told = {**runpy.run_path(str(there / "version.py"))}["version"]()
    assert b"into the program's repository" in done.stdout
    assert known
    assert _steps(written) == _steps(known[1])
    assert told.keys() == {"commit"}


def _steps(workflow: str) -> list[str]:
    """Its lines without comments and name."""
    lines = [line.partition("  #")[0].rstrip() for line in workflow.splitlines()]
    return [line for line in lines if line and not line.startswith(("#", "name:"))]


def test_what_is_there_stays(tmp_path: Path):
    (tmp_path / ".env").write_text("KINTSUGI_ENV_NAME=mine\n")
    (tmp_path / "kintsugi.service").write_text("mine")
    terminal.run(["init", "--on", "machine"], tmp_path, ENV)

    done = terminal.run(["init", "--on", "machine"], tmp_path, ENV)

    assert done.returncode == 1
    assert b"exists already" in done.stdout
    assert (tmp_path / ".env").read_text() == "KINTSUGI_ENV_NAME=mine\n"
