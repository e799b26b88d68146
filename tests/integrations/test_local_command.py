"""The deployer on a command, against a real program on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from kintsugi.integrations.local_command import LocalCommand, LocalCommandSettings
from kintsugi.workflow.errors import StepFailed
from tests.world.make import NOON, a_deployment
from tests.world.patience import PATIENCE


class Program:
    """A program that tells its commit, and is told another."""

    def __init__(self) -> None:
        self.commit: Any = "01d01d0"
        self.url = ""
        self.hangs = 0  # so many times it has no answer

    async def answer(self, request: web.Request) -> web.Response:
        if request.path == "/version" and self.hangs:
            self.hangs -= 1
            return web.Response(status=503)
        if request.path == "/version":
            return web.json_response({"commit": self.commit})
        if request.path == "/deployed":
            self.commit = request.query["commit"]
            return web.json_response({})
        return web.json_response({})


@pytest.fixture
async def program() -> AsyncIterator[Program]:
    program = Program()
    application = web.Application()
    application.router.add_get("/{any:.*}", program.answer)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    program.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield program
    await runner.cleanup()


def a_deployer(program: Program, folder: Path, script: str, **changes: Any) -> LocalCommand:
    restart = (
        f"import os, sys, time, urllib.request as u; url, commit = {program.url!r}, os.environ['KINTSUGI_COMMIT']\n"
    )
    command = (sys.executable, "-c", restart + script)
    settings = LocalCommandSettings(command, folder, lambda: program.url, timeout=PATIENCE)
    return LocalCommand(replace(settings, **changes), lambda text: text.replace("hunter2", "[redacted]"))


RESTART = "u.urlopen(f'{url}/deployed?commit={commit}').read(); open('deploys', 'a').write(commit + ' ')"


async def test_a_deployment_is_what_the_program_says_it_runs(program: Program, tmp_path: Path):
    deployer = a_deployer(program, tmp_path, RESTART)

    before = await deployer.find("c0de42a")
    rollout = await deployer.deploy("c0de42a", lambda words: None)
    after = await deployer.find("c0de42a")

    assert before is None
    assert rollout.done
    assert (rollout.deployment.running, rollout.deployment.previous) == ("c0de42a", "01d01d0")
    assert after
    assert after.done


@pytest.mark.parametrize("goes", ["pass", "u.urlopen(f'{url}/deployed?commit=').read()"], ids=["stays", "goes"])
async def test_a_command_may_be_over_before_the_program_takes_over(program: Program, tmp_path: Path, goes: str):
    deployer = a_deployer(program, tmp_path, f"{goes}\nif os.fork() == 0:\n    time.sleep(0.5); {RESTART}")

    rollout = await deployer.deploy("c0de42a", lambda words: None)

    assert (rollout.deployment.running, rollout.deployment.previous) == ("c0de42a", "01d01d0")


async def test_a_program_that_never_takes_over_is_told_as_it_is(program: Program, tmp_path: Path):
    rollout = await a_deployer(program, tmp_path, "", settles=0.1).deploy("c0de42a", lambda words: None)

    assert rollout.done is False
    assert rollout.says == "The deploy command is done, but 01d01d0 runs still, after 0.1 seconds."


async def test_an_old_program_that_did_not_answer_before_is_not_taken_for_the_new_one(program: Program, tmp_path: Path):
    program.hangs = 1
    deployer = a_deployer(program, tmp_path, f"if os.fork() == 0:\n    time.sleep(0.5); {RESTART}")

    rollout = await deployer.deploy("c0de42a", lambda words: None)

    assert (rollout.done, rollout.deployment.running) == (True, "c0de42a")


async def test_a_program_may_tell_the_first_digits_of_its_commit(program: Program, tmp_path: Path):
    program.commit, commit = "0123456", "0123456789" * 4

    waits: list[str] = []
    deployer = a_deployer(program, tmp_path, "", settles=0.1)
    assert await deployer.find(commit)
    assert (await deployer.deploy(commit, waits.append)).done
    assert len(waits) == 1
    assert await deployer.find("0123457" + commit[7:]) is None


async def test_the_command_is_told_the_incident_it_deploys_for(program: Program, tmp_path: Path):
    deployer = a_deployer(
        program, tmp_path, f"{RESTART}; print(os.environ.get('KINTSUGI_INCIDENT'), file=open('for', 'a'))"
    )

    deployed = await deployer.deploy("c0de42a", lambda words: None, incident=7)
    await deployer.roll_back(deployed.deployment, NOON, lambda words: None, incident=7)
    await deployer.deploy("de3de3d", lambda words: None)

    assert (tmp_path / "for").read_text().split() == ["7", "7", "None"]


async def test_a_rollback_brings_back_what_ran_before(program: Program, tmp_path: Path):
    deployer = a_deployer(program, tmp_path, RESTART)

    rollout = await deployer.roll_back(a_deployment(previous="01d01d0"), NOON, lambda words: None)

    assert rollout.done
    assert program.commit == "01d01d0"


async def test_a_command_that_fails_tells_its_end_without_secrets(program: Program, tmp_path: Path):
    deployer = a_deployer(program, tmp_path, "print('no such release, password hunter2'); sys.exit(3)")

    rollout = await deployer.deploy("c0de42a", lambda words: None)

    assert rollout.done is False
    assert rollout.says.startswith("The deploy command ended with status 3: no such release, password [redacted]")


async def test_a_command_that_never_ends_is_stopped_with_all_it_started(program: Program, tmp_path: Path):
    script = "import subprocess; subprocess.Popen(['sleep', '97.531']); time.sleep(60)"
    deployer = a_deployer(program, tmp_path, script, timeout=1.0)

    rollout = await deployer.deploy("c0de42a", lambda words: None)

    assert rollout.says.startswith("The deploy command was stopped after its time")
    assert await all_gone("97.531")


async def test_a_program_that_is_started_in_the_background_may_hold_the_output(program: Program, tmp_path: Path):
    script = f"{RESTART}; import subprocess; subprocess.Popen(['sleep', '64.208']); print('started'); sys.exit(0)"
    deployer = a_deployer(program, tmp_path, script, timeout=5.0)

    rollout = await deployer.deploy("c0de42a", lambda words: None)
    left = processes_named("64.208")

    assert rollout.done
    assert left
    os.kill(int(left[0].parent.name), signal.SIGKILL)


async def test_a_deployment_that_is_cancelled_leaves_no_command_behind(program: Program, tmp_path: Path):
    deployer = a_deployer(program, tmp_path, "import subprocess; subprocess.run(['sleep', '86.420'])")
    task = asyncio.create_task(deployer.deploy("c0de42a", lambda words: None))
    while not processes_named("86.420"):
        await asyncio.sleep(0.02)

    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert await all_gone("86.420")


async def test_a_command_that_is_not_there_is_final(program: Program, tmp_path: Path):
    deployer = a_deployer(program, tmp_path, "", command=("no-such-command",))

    with pytest.raises(StepFailed, match="cannot be started") as failed:
        await deployer.deploy("c0de42a", lambda words: None)
    assert failed.value.final


async def test_a_program_that_tells_its_branch_is_never_seen_to_be_rolled_back(program: Program, tmp_path: Path):
    program.commit = "main"
    deployer = a_deployer(program, tmp_path, "", settles=0.1)

    assert (await deployer.deploy("c0de42a", lambda words: None)).deployment.previous == ""
    assert not (await deployer.roll_back(a_deployment(previous="main"), NOON, lambda words: None)).done


@pytest.mark.parametrize("commit", [None, 7, ["x"]])
async def test_a_version_that_is_no_commit_is_unknown(program: Program, tmp_path: Path, commit: Any):
    program.commit = commit

    assert await a_deployer(program, tmp_path, "").running() == ""


async def test_a_program_that_does_not_answer_runs_nothing_known(program: Program, tmp_path: Path):
    deployer = a_deployer(program, tmp_path, "", program_url=lambda: "http://127.0.0.1:9")

    assert await deployer.running() == ""


async def all_gone(argument: str) -> bool:
    """Whether no process has this argument, soon: a killed group is not waited for but for its leader."""
    for _ in range(500):
        if not processes_named(argument):
            return True
        await asyncio.sleep(0.02)
    return False


def processes_named(argument: str) -> list[Path]:
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().split(b"\0")
        except OSError:
            continue
        if argument.encode() in words:
            found.append(command)
    return found
