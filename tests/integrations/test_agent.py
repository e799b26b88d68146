"""Any coding agent as the analyst: in a real box, with a real way to a stand-in of the model, judged by its changes."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, UnixConnector, web
from yarl import URL

from kintsugi.integrations.agent.analyst import AgentAnalyst, AgentSettings, folders_of, without_leavings
from kintsugi.integrations.agent.relay import relaying
from kintsugi.integrations.git import NO_OBJECT, Git, RefChange
from kintsugi.integrations.model.address import Address
from kintsugi.integrations.workbench import Workbench
from kintsugi.persistence.database import Database
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox import Box
from kintsugi.telemetry.redact import redact
from kintsugi.workflow.incident import Category, Diagnosis
from kintsugi.workflow.patch import Tier
from kintsugi.workflow.ports import Case
from kintsugi.workflow.states import State
from tests.repair.programs import with_walls
from tests.world.boxes import WITHOUT_PLUGINS
from tests.world.make import NOON, a_payload, an_incident
from tests.world.migrated import migrate
from tests.world.world import a_world

SHOP = "def discount(total, coupon):\n    return total * coupon['percent'] // 100\n"
OLD = """import unittest

from shop import discount


class DiscountTest(unittest.TestCase):
    def test_a_percentage(self):
        self.assertEqual(discount(200, {"percent": 10}), 20)
"""
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
MENDS = r'''
import pathlib
shop = pathlib.Path("shop.py")
shop.write_text(shop.read_text().replace("coupon['percent']", "coupon.get('percent', 0)"))
test = pathlib.Path("test_shop.py")
test.write_text(test.read_text() + """
    def test_no_percentage(self):
        self.assertEqual(discount(200, {}), 0)
""")
'''


@pytest.fixture
def git(tmp_path: Path) -> Git:
    git = Git.init_bare(tmp_path / "origin.git", "main")
    files = {"shop.py": SHOP.encode(), "test_shop.py": OLD.encode(), ".gitignore": b"*.pyc\n"}
    commit = git.commit(git.write_tree(EMPTY, files), [], "A shop", NOON, "Somebody")
    git.update_refs([RefChange("refs/heads/main", commit, NO_OBJECT)])
    return git


@pytest.fixture
async def model() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Where a model is served, and what it was asked."""
    asked: list[web.Request] = []

    async def chat(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"choices": [{"message": {"role": "assistant", "content": "hello"}}]})

    application = web.Application()
    application.router.add_post("/v1/chat/completions", chat)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", asked
    await runner.cleanup()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walls() -> Box:
    proof = await with_walls(ProofSettings(python=Path(sys.executable)))
    assert proof.box
    if not proof.box.has_its_network:
        pytest.skip("an agent needs a box with a network of its own")
    return proof.box


async def what_it_does(git: Git, script: str, box: Box, **settings: Any) -> Diagnosis:
    """What becomes of an agent that is this Python script."""
    return await what_comes_of(f"{sys.executable} - <<'EOF'\n{script}\nEOF", git, box, **settings)


async def what_comes_of(command: str, git: Git, box: Box, **settings: Any) -> Diagnosis:
    agent = AgentSettings(command=command, python=Path(sys.executable), box=box, **settings)
    return await AgentAnalyst(agent, git, "main", redact).diagnose(the_case(git), lambda words: None)


def the_case(git: Git) -> Case:
    return Case(an_incident(State.CAPTURED, build_sha=git.resolve("main")), a_payload())


async def test_what_it_changed_is_proven_confirmed_and_healed_like_any(sqlite_url: Database, git: Git, walls: Box):
    """The agent, the box and the referee are real; code host, deployer and cure are scripted."""
    migrate(sqlite_url)
    async with a_world(sqlite_url) as world:
        agent = AgentSettings(
            command=f"{sys.executable} - <<'EOF'\n{MENDS}\nEOF", python=Path(sys.executable), box=walls
        )
        world.analyst = AgentAnalyst(agent, git, "main", redact)  # type: ignore[assignment]
        proof = ProofSettings(box=walls, variables=WITHOUT_PLUGINS)
        world.checker = Workbench(git, "main", proof, redact)  # type: ignore[assignment]
        world.host.base = git.resolve("main") or ""
        await world.crashes()
        await world.settles()
        asked = await world.incident()
        await world.confirms()
        await world.settles()
        await world.merges()
        await world.settles()

        assert asked.evidence and asked.evidence.tier is Tier.E2
        assert asked.diagnosis and asked.diagnosis.by == f"agent:{Path(sys.executable).name}"
        assert asked.patch and asked.patch.diff.count("diff --git") == 2
        assert await world.state() is State.HEALED


@pytest.mark.parametrize(
    "also",
    [
        """
import subprocess
pathlib.Path('repro.py').write_text('import shop')
pathlib.Path('notes.md').write_text('I did it')
subprocess.run('git add -A && git commit -qm done', shell=True, check=True)
subprocess.Popen(['setsid', 'sleep', '600'])
raise SystemExit(3)
""",
        "import shutil; shutil.rmtree('.git')",
    ],
    ids=["it commits, leaves files and a process, and fails", "it removes .git"],
)
async def test_only_the_tree_counts(git: Git, walls: Box, also: str):
    diagnosis = await what_it_does(git, f"{MENDS}\n{also}", walls)

    assert re.findall(r"(?m)^diff --git a/(\S+)", diagnosis.patch) == ["shop.py", "test_shop.py"]
    assert "+    return total * coupon.get('percent', 0) // 100" in diagnosis.patch


async def test_it_asks_the_model_and_sees_neither_key_nor_anything_else(
    git: Git, walls: Box, model: tuple[str, list[web.Request]]
):
    asks = r"""
import json, os, socket, urllib.request
asked = json.dumps({"model": os.environ["KINTSUGI_MODEL"], "messages": [{"role": "user", "content": "hello"}]}).encode()
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", asked, {"Content-Type": "application/json"})
print(urllib.request.urlopen(request).status)
print(sorted(name for name in os.environ if name.startswith("KINTSUGI_")), "the-key" in str(dict(os.environ)))
print(open(os.environ["KINTSUGI_INCIDENT_FILE"]).readline())
try:
    socket.create_connection(("192.0.2.1", 80), 1)
except OSError as error:
    print("elsewhere:", type(error).__name__)
"""
    diagnosis = await what_it_does(git, asks, walls, address=Address(model[0]), key="the-key", model="stand-in")

    assert diagnosis.category is Category.UNKNOWN
    said = diagnosis.explanation.splitlines()
    assert said[:3] == ["200", "['KINTSUGI_INCIDENT_FILE', 'KINTSUGI_MODEL'] False", "# INC-1"]
    assert said[-1].startswith("elsewhere: ")
    assert [each.headers["Authorization"] for each in model[1]] == ["Bearer the-key"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/chat/completions", 200),
        ("GET", "/v1/models/a-model", 404),  # handed on; the stand-in has none
        ("GET", "/v1/files", 403),
        ("POST", "/v1/files", 403),
        ("DELETE", "/v1/models/ours", 405),
        ("GET", "/v1/models/../../admin", 403),
        ("POST", "/v1/%2e%2e/chat/completions", 403),
        ("POST", "/v1/chat/completions%3Fas=admin", 403),
    ],
)
async def test_nothing_but_questions_is_handed_on(
    tmp_path: Path, model: tuple[str, list[web.Request]], method: str, path: str, status: int
):
    there = tmp_path / "model.sock"
    async with (
        relaying(there, Address(model[0], {"api-version": "ours"}), "the-key") as relay,
        ClientSession(connector=UnixConnector(str(there))) as client,
        client.request(method, URL(f"http://model{path}?api-version=theirs", encoded=True), data=b"{}") as answer,
    ):
        assert answer.status == status
        assert relay.calls == (status in (200, 404))
    assert [dict(each.query) for each in model[1]] == [{"api-version": "ours"}] * (status == 200)


def test_a_program_among_our_own_files_shows_the_agent_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for folder in (tmp_path, tmp_path / "tools"):
        folder.mkdir(exist_ok=True)
        (folder / "fixer").write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / "fixer").chmod(0o755)
    monkeypatch.chdir(tmp_path)

    def shown(command: str) -> tuple[Path, ...]:
        return folders_of(AgentSettings(command=command, python=Path(sys.executable)))

    assert shown("./fixer --yes") == (tmp_path / "fixer",)
    assert shown("tools/fixer") == (tmp_path / "tools",)


def test_new_files_that_nothing_names_are_left_out_however_many_there_are():
    def new(path: str, text: str) -> str:
        return (
            f"diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+{text}\n"
        )

    change = "diff --git a/shop.py b/shop.py\n--- a/shop.py\n+++ b/shop.py\n@@ -1 +1 @@\n-x\n+from prices import x\n"
    patch = change + new("prices.py", "x = 1") + "".join(new(f"cache/f{n}.md", "seen") for n in range(3000))

    assert without_leavings(patch) == change + new("prices.py", "x = 1")


def test_a_file_of_a_language_with_packages_by_folder_is_no_leaving():
    made = "diff --git a/shop/größe.go b/shop/größe.go\nnew file mode 100644\n--- /dev/null\n+++ b/shop/größe.go\n@@ -0,0 +1 @@\n+package shop\n"

    assert without_leavings(made) == made


async def test_one_that_never_ends_is_ended_with_all_it_started_and_what_it_changed_counts(git: Git, walls: Box):
    diagnosis = await what_it_does(git, f"{MENDS}\nimport time; time.sleep(3600)", walls, seconds=3)

    assert "It did not end within 3 s." in diagnosis.explanation
    assert diagnosis.category is Category.CODE


async def test_too_large_a_difference_is_said_and_not_taken_for_none(git: Git, walls: Box):
    diagnosis = await what_it_does(git, "open('shop.py', 'a').write('# more\\n' * 700_000)", walls)

    assert diagnosis.cause.endswith("changed too much: of a difference 1,048,576 characters are taken.")
    assert (diagnosis.patch, diagnosis.by) == ("", "")


async def test_one_that_is_not_there_is_said_and_nothing_is_proposed(git: Git, walls: Box):
    diagnosis = await what_comes_of("no-such-agent --yes", git, walls)

    assert diagnosis.cause == "no-such-agent changed nothing."
    assert "not found" in diagnosis.explanation
