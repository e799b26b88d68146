"""No program that Kintsugi starts is told a secret: from a crash to its cure, with a value planted for each."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from kintsugi import children
from kintsugi.app.settings import Settings, rooms_of, variable
from kintsugi.demo.workspace import Workspace
from tests.stories.test_run_for_real import FAILING, merge, the_recorded
from tests.world.children import Watched
from tests.world.openai import serving

CHOOSES_THE_DEPLOYER = {"KINTSUGI_RAILWAY_TOKEN"}  # with it, it is Railway and no command
NEEDS = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE", "GIT_SSL_CAINFO")


def secret_settings() -> Iterator[str]:
    for room in rooms_of(Settings).values():
        for name, field in room.model_fields.items():
            if "SecretStr" in str(field.annotation):
                yield variable(room, name)


async def test_no_child_is_told_a_secret_on_the_whole_way(tmp_path: Path):
    planted = {name: secrets.token_urlsafe(24) for name in secret_settings()}
    key = planted["of a project"] = secrets.token_urlsafe(24)
    somebody_elses = planted["of another program"] = secrets.token_urlsafe(24)
    workspace = Workspace(tmp_path / "shop")
    await asyncio.to_thread(workspace.prepare, "fix")
    await asyncio.to_thread(workspace.deploy, workspace.git.resolve("main") or "")
    watched = Watched(tmp_path)
    async with serving() as model:
        model.thinks = the_recorded
        settings = {name: value for name, value in planted.items() if name.startswith("KINTSUGI_")}
        settings |= {
            "KINTSUGI_SENTRY_PROJECTS": json.dumps({"1": {"key": key}}),
            "KINTSUGI_REPO": str(workspace.origin),
            "KINTSUGI_TEST_COMMAND": "python -m unittest",
            "KINTSUGI_DEPLOY_COMMAND": " ".join(workspace.deploy_command()),
            "KINTSUGI_DEPLOY_ENV": "COLOUR",
            "KINTSUGI_PROGRAM_URL": workspace.base_url(),
            "KINTSUGI_LLM_BASE_URL": model.url,
            "KINTSUGI_LLM_MODEL": "stand-in",
            "KINTSUGI_BUILD_SHA": workspace.git.resolve("main") or "",
            "AWS_SECRET_ACCESS_KEY": somebody_elses,
            "COLOUR": "gold",
        }

        async def types(*words: str, **more: str) -> str:
            given = {name: value for name, value in settings.items() if name not in CHOOSES_THE_DEPLOYER}
            return await asyncio.to_thread(watched.types, *words, settings=given | more)

        await asyncio.to_thread(workspace.get, FAILING)
        await types("capture", str(workspace.log), **{name: settings[name] for name in CHOOSES_THE_DEPLOYER})
        asked = await types("run", "--drain")
        await types("confirm", re.findall(r"kintsugi confirm (\S+)", asked)[-1])
        await types("run", "--drain")
        merge(workspace.git, tmp_path / "clone")
        healed = await types("run", "--drain")
    await asyncio.to_thread(workspace.stop)

    started = [child for child in watched.children() if child.words != ["uname", "-p"]]  # Python's own `platform`
    deploys = [child for child in started if "deploy.py" in " ".join(child.words)]
    told = {name: child for name, value in planted.items() for child in started if child.knows(value)}
    ours = {name for child in started for name in child.env if children.is_ours(name)}
    assert "INC-1 healed" in healed
    assert {"git", "python"} <= {re.match("git|python|", Path(child.words[0]).name)[0] for child in started}  # type: ignore[index]
    assert told == {}
    assert ours <= {"KINTSUGI_COMMIT", "KINTSUGI_INCIDENT", "KINTSUGI_BAIT"}  # the latter is the box's own probe
    assert [child.env["COLOUR"] for child in deploys] == ["gold"]
    assert [child.env["KINTSUGI_INCIDENT"] for child in deploys] == ["1"]
    assert [child for child in started if "COLOUR" in child.env] == deploys


def test_of_all_settings_a_child_gets_none(monkeypatch: pytest.MonkeyPatch):
    for room in rooms_of(Settings).values():
        for name in room.model_fields:
            monkeypatch.setenv(variable(room, name), "planted")
            monkeypatch.setenv(variable(room, name).lower(), "planted")

    given = children.environment(named=["KINTSUGI_WEB_TOKEN", "kintsugi_web_token"])

    assert "planted" not in given.values()


def test_a_child_gets_what_programs_need_to_run_and_nothing_else(monkeypatch: pytest.MonkeyPatch):
    for name in NEEDS:
        monkeypatch.setenv(name, f"the {name}")
    monkeypatch.setenv("GIT_DIR", "/another/repository")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    given = children.environment({"KINTSUGI_COMMIT": "c0ffee0"}, named=["DOCKER_HOST", "NOT_THERE"])

    assert {name: given[name] for name in NEEDS} == {name: f"the {name}" for name in NEEDS}
    assert given["KINTSUGI_COMMIT"] == "c0ffee0"
    assert given["DOCKER_HOST"] == "tcp://127.0.0.1:1"
    assert "GIT_DIR" not in given


def test_a_setting_of_ours_cannot_be_handed_to_the_deploy_command(monkeypatch: pytest.MonkeyPatch):
    from kintsugi.app.settings import DeploySettings, read_room
    from kintsugi.workflow.errors import SettingsError

    monkeypatch.setenv("KINTSUGI_DEPLOY_ENV", "DOCKER_HOST KINTSUGI_WEB_TOKEN")

    with pytest.raises(SettingsError, match="KINTSUGI_DEPLOY_ENV: should name variables of the program's"):
        read_room(DeploySettings)
