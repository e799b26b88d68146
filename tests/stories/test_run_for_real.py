"""README's "Run it for real", word for word: settings, capture, run, confirm, a merge by plain git, and a cure."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

from kintsugi.demo.workspace import Workspace, example
from kintsugi.integrations.git import Git
from tests.world import terminal
from tests.world.boxes import WITHOUT_PLUGINS
from tests.world.openai import serving

ROOT = Path(__file__).parents[2]
FAILING = "/checkout?cart=teapot,cup,cup&coupon=WELCOME5"


async def test_a_teams_own_program_travels_from_crash_to_cure(tmp_path: Path):
    workspace = Workspace(tmp_path / "shop")
    await asyncio.to_thread(workspace.prepare, "fix")
    await asyncio.to_thread(workspace.deploy, workspace.git.resolve("main") or "")
    async with serving() as model:
        model.thinks = the_recorded
        settings = {
            "KINTSUGI_REPO": str(workspace.origin),
            "KINTSUGI_DEPLOY_COMMAND": " ".join(workspace.deploy_command()),
            "KINTSUGI_PROGRAM_URL": workspace.base_url(),
            "KINTSUGI_LLM_API_KEY": "key",
            "KINTSUGI_LLM_BASE_URL": model.url,
            "KINTSUGI_LLM_MODEL": "stand-in",
            "KINTSUGI_BUILD_SHA": workspace.git.resolve("main") or "",
            "KINTSUGI_TEST_ENV": json.dumps(WITHOUT_PLUGINS),
        }

        env = os.environ | settings | {"PYTHONPATH": str(ROOT), "COLUMNS": "300"}

        def types(*words: str) -> str:
            done = terminal.run(words, tmp_path, env)
            assert done.returncode == 0, done.stderr.decode()
            return done.stdout.decode()

        doctor = await asyncio.to_thread(terminal.run, ["doctor"], tmp_path, env)
        await asyncio.to_thread(workspace.get, FAILING)
        captured = await asyncio.to_thread(types, "capture", str(workspace.log))
        asked = await asyncio.to_thread(types, "run", "--drain")
        token = re.findall(r"kintsugi confirm (\S+)", asked)[-1]
        confirmed = await asyncio.to_thread(types, "confirm", token)
        opened = await asyncio.to_thread(types, "run", "--drain")
        merge(workspace.git, tmp_path / "clone")
        healed = await asyncio.to_thread(types, "run", "--drain")
        shown = json.loads(await asyncio.to_thread(types, "incident", "show", "1", "--json"))
    status, body = await asyncio.to_thread(workspace.get, FAILING)
    await asyncio.to_thread(workspace.stop)

    faults = [line for line in doctor.stdout.decode().splitlines() if line.startswith("✘")]
    assert [line for line in faults if not line.startswith("✘ sandbox")] == []  # a machine without walls has that one
    assert captured == "INC-1\n"
    assert "confirm this patch?" in asked
    assert confirmed == "INC-1 is confirmed.\n"
    assert "INC-1 in review" in opened
    assert "INC-1 healed" in healed
    assert shown["evidence"]["tier"] in ("E2", "E0")
    assert shown["cost"]["tokens_in"] == 2400
    assert token not in json.dumps(shown)
    assert (status, body["total"]) == (200, 3500)


def the_recorded(asked: dict[str, Any]) -> dict[str, Any]:
    """What the demo's recording says, as far as it is asked for."""
    fix = json.loads((example("recordings") / "checkout.json").read_text())["endings"]["fix"][0]
    wanted = asked["response_format"]["json_schema"]["schema"]["properties"]
    return {name: value for name, value in fix.items() if name in wanted}


def merge(origin: Git, clone: Path) -> None:
    """What a reviewer does."""
    branch = next(iter(origin.refs("refs/heads/kintsugi"))).removeprefix("refs/heads/")
    Git(clone.parent).run("clone", "--quiet", str(origin.directory), str(clone))
    who = {f"GIT_{role}_{what}": "x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    Git(clone).run("merge", "--quiet", "--no-ff", f"origin/{branch}", env=who)
    Git(clone).run("push", "--quiet", "origin", "main")
