"""The step of action.yml, as a runner starts it: a checkout of a pull request, and files for outputs and the summary."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.proof_false import SHOP, TREE
from kintsugi.integrations.github.oidc import IssuerKeys
from kintsugi.persistence.database import Database
from kintsugi.persistence.migrations import upgrade
from kintsugi.web.ci_proof import ProofDoor
from kintsugi.workflow.patch import Evidence, Tier
from tests.world import boxes
from tests.world.actions import github_actions
from tests.world.deliveries import a_door
from tests.world.make import a_patch, a_pull_request
from tests.world.world import a_world

ROOT = Path(__file__).parents[2]
EXPRESSION = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
INPUTS = {"python": sys.executable, "test-command": "python -m unittest"}
FIXED = SHOP.replace('order["discount"]', 'order.get("discount", 0)')
TEST = "import unittest\n\nimport shop\n\n\nclass Shows(unittest.TestCase):\n    def test_shows(self):\n"
TEST += '        self.assertEqual(shop.total({"price": 5}), 5)\n'


_KINTSUGI = f"""#!{sys.executable}
import sys
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from kintsugi.__main__ import main
from kintsugi.repair.sandbox import probe
from tests.world import boxes
boxes.share(Path({{!r}}))
probe.FOUND = boxes.Found()
sys.exit(main())
"""


def kintsugi(folder: Path) -> Path:
    """The command, with the box of this run of the tests: each process would try out its own for two seconds."""
    program = folder / "kintsugi"
    program.write_text(_KINTSUGI.format(str(boxes.folder())))
    program.chmod(0o755)
    return program


def git(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@localhost")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def commit(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "all")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "--quiet", ".")
    commit(folder, TREE)
    return folder


def action() -> dict[str, Any]:
    found = yaml.safe_load((ROOT / "action.yml").read_text())
    assert isinstance(found, dict)
    return found


def step(checkout: Path, inputs: dict[str, str], **job: str) -> tuple[int, dict[str, str], str, str]:
    """Exit status, outputs, summary and log of the step, run as the runner does: its shell, its script, its files."""
    runner = checkout.parent
    outputs, summary = runner / "outputs", runner / "summary"
    given = {name: asked["default"] for name, asked in action()["inputs"].items()} | inputs
    (only,) = action()["runs"]["steps"]
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(runner),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "RUNNER_TEMP": str(runner),
        "GITHUB_WORKSPACE": str(checkout),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_ACTION_PATH": str(ROOT),
        "KINTSUGI": str(kintsugi(runner)),
        **{name: EXPRESSION.sub(lambda found: given[found[1]], text) for name, text in only["env"].items()},
        **job,
    }
    script = runner / "script.sh"
    script.write_text(only["run"])
    shell = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(script)]  # what `shell: bash` stands for
    done = subprocess.run(shell, check=False, cwd=checkout, env=env, capture_output=True, text=True)
    told = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
    return done.returncode, told, summary.read_text(), done.stdout


def test_the_action_keeps_to_what_github_reads() -> None:
    """https://docs.github.com/actions/reference/workflows-and-actions/metadata-syntax"""
    found = action()
    (only,) = found["runs"]["steps"]
    named = EXPRESSION.findall(" ".join(only["env"].values()))

    assert found.keys() == {"name", "description", "inputs", "outputs", "runs"}
    assert all(asked.keys() == {"description", "default"} for asked in found["inputs"].values())
    assert all(isinstance(asked["default"], str) for asked in found["inputs"].values())
    assert all(told.keys() == {"description", "value"} for told in found["outputs"].values())
    assert found["runs"].keys() == {"using", "steps"}
    assert found["runs"]["using"] == "composite"
    assert only.keys() == {"id", "shell", "run", "env"}
    assert sorted(named) == sorted(found["inputs"])
    assert "${{" not in only["run"]  # an input in a script could be a command
    assert {told["value"] for told in found["outputs"].values()} == {
        f"${{{{ steps.{only['id']}.outputs.{name} }}}}" for name in found["outputs"]
    }


def test_a_pull_request_is_proven_in_the_programs_own_ci(checkout: Path) -> None:
    commit(checkout, {"shop.py": FIXED, "tests/test_shows.py": TEST})

    status, told, summary, _ = step(checkout, INPUTS)

    assert status == 0
    assert told.keys() == action()["outputs"].keys()
    assert told["tier"] == "E2"
    assert json.loads(Path(told["proof"]).read_text())["tier"] == "E2"
    assert told["patch-digest"] == f"sha256:{hashlib.sha256((checkout.parent / 'patch.diff').read_bytes()).hexdigest()}"
    assert summary.startswith("### Kintsugi: E2 (failed before, passes now)\n")


def test_a_pull_request_that_is_refused_fails_with_the_reason(checkout: Path) -> None:
    commit(checkout, {"shop.py": FIXED.replace(".title()", ""), "tests/test_shows.py": TEST})

    status, told, summary, _ = step(checkout, INPUTS)

    assert status == 3
    assert told["tier"] == ""
    assert "### Kintsugi: refused" in summary
    assert "Passed without the patch and not with it" in summary


def read(folder: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True, text=True).stdout.strip()


def merged(checkout: Path) -> tuple[str, str]:
    """What GitHub checks out for a pull request of the fix: its merge. The head's commit and tree."""
    git(checkout, "checkout", "--quiet", "-b", "fix")
    commit(checkout, {"shop.py": FIXED, "tests/test_shows.py": TEST})
    head, tree = read(checkout, "rev-parse", "HEAD"), read(checkout, "rev-parse", "HEAD^{tree}")
    git(checkout, "checkout", "--quiet", "--detach", "HEAD^1")
    git(checkout, "merge", "--quiet", "--no-ff", "-m", "merge", "fix")
    return head, tree


async def test_what_was_proven_there_is_the_proof_of_its_incident(checkout: Path, tmp_path: Path) -> None:
    head, tree = merged(checkout)
    url = Database.at(tmp_path / "kintsugi.db")
    upgrade(url)
    async with a_world(url) as world, github_actions(world.clock.now().timestamp()) as actions:
        world.host.name, world.host.opened[1] = "github:shop/checkout", a_pull_request(head=head)
        world.checker.evidence = Evidence(Tier.E0, "It applies. The tests can't run here.", "no box")
        world.checker.answers_first(a_patch(tree=tree))
        await world.crashes()
        await world.settles()
        await world.confirms()
        await world.settles()
        actions.claims = {"sha": read(checkout, "rev-parse", "HEAD")}
        proofs = ProofDoor("shop/checkout", ".github/workflows/prove.yml", actions.url, IssuerKeys(actions.url))
        async with a_door(world, proofs) as door:
            inputs = {**INPUTS, "kintsugi-url": door.url}
            status, _, _, log = await asyncio.to_thread(step, checkout, inputs, **actions.environment())
            without, _, _, warned = await asyncio.to_thread(step, checkout, inputs)
        found = await world.incident()

    assert (status, without) == (0, 0)
    assert f"Kintsugi: E2 (failed before, passes now) at {head[:10]}: Proven in your own CI." in log
    assert "::warning::GitHub gives this job no identity" in warned
    assert found.evidence
    assert found.evidence.tier is Tier.E2
    assert found.evidence.red
    assert "KeyError: 'discount'" in found.evidence.red.output
