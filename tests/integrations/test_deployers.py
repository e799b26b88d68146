"""What every deployer keeps to, whatever is behind it; and what is the webhook's own."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from kintsugi.integrations.local_command import LocalCommand, LocalCommandSettings
from kintsugi.integrations.program import commit_at
from kintsugi.integrations.railway import Railway, RailwayTarget
from kintsugi.integrations.railway_api import RailwayAccess, RailwayApi
from kintsugi.integrations.webhook_deploy import WebhookDeploy, WebhookSettings
from kintsugi.workflow.errors import StepFailed
from kintsugi.workflow.ports import Deployer, OutcomeUnknown, Rollout
from tests.world import deploy_webhook, railway
from tests.world.clock import ManualClock
from tests.world.deploy_webhook import SECRET, DeployWebhook
from tests.world.make import HEAD, MERGE, a_deployment
from tests.world.railway import ENVIRONMENT, PROJECT, SERVICE, TOKEN


@dataclass
class There:
    """A deployer, and the truth behind it."""

    deployer: Deployer
    clock: ManualClock
    asked: Callable[[], list[str]]  # what it was really asked for

    async def until_done(self, look: Callable[[], Awaitable[Rollout | None]]) -> Rollout:
        for _ in range(20):
            found = await look()
            if found and found.done is not None:
                return found
            self.clock.passes(minutes=1)
        raise AssertionError("It never ends.")


@pytest.fixture(params=["local", "webhook", "railway"])
async def there(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[There]:
    clock = ManualClock()
    opened = {"local": local, "webhook": webhook, "railway": on_railway}[request.param]
    async with opened(clock, tmp_path) as there:
        yield there


async def test_what_was_never_deployed_is_not_found(there: There):
    assert await there.deployer.find(MERGE) is None


async def test_what_runs_is_what_the_program_says(there: There):
    newest = await there.deployer.latest()

    assert await there.deployer.running() == HEAD
    assert newest
    assert (newest.done, newest.deployment.commit, newest.deployment.running) == (True, HEAD, HEAD)


async def test_what_was_asked_for_is_found_by_another_process_and_runs_in_the_end(there: There):
    asked = await there.deployer.deploy(MERGE, unheard)

    done = await there.until_done(lambda: there.deployer.find(MERGE))

    assert asked.done in (None, True)
    assert done.done
    assert (done.deployment.commit, done.deployment.running) == (MERGE, MERGE)
    assert there.asked() == [MERGE]


@pytest.mark.parametrize("digits", [40, 7])
async def test_a_rollback_brings_back_what_ran_before_and_once(there: There, digits: int):
    await there.deployer.deploy(MERGE, unheard)
    await there.until_done(lambda: there.deployer.find(MERGE))
    there.clock.passes(minutes=1)
    since, deployment = there.clock.now(), a_deployment(previous=HEAD[:digits])

    done = await there.until_done(lambda: there.deployer.roll_back(deployment, since, unheard))
    again = await there.deployer.roll_back(deployment, since, unheard)

    assert done.done
    assert again.done
    assert done.deployment.running.startswith(HEAD[:digits])
    assert [each[:digits] for each in there.asked()] == [MERGE[:digits], HEAD[:digits]]


async def test_the_webhook_is_signed_and_a_wrong_secret_is_for_a_human():
    async with webhook_there() as (service, clock):
        stranger = a_webhook(service, clock, secret="guessed")

        with pytest.raises(StepFailed, match="refuses our signature") as asking:
            await stranger.find(MERGE)
        with pytest.raises(StepFailed, match="says no \\(401\\)") as deploying:
            await stranger.deploy(MERGE, unheard)
    assert asking.value.final
    assert deploying.value.final
    assert service.asked == []


async def test_a_webhook_that_breaks_may_have_heard():
    async with webhook_there() as (service, clock):
        service.answers = 502

        with pytest.raises(OutcomeUnknown):
            await a_webhook(service, clock).deploy(MERGE, unheard)


async def test_a_deployment_that_fails_says_why_without_secrets():
    async with webhook_there() as (service, clock):
        deployer = a_webhook(service, clock)
        await deployer.deploy(MERGE, unheard)
        service.fails = "no room for hunter2"
        clock.passes(minutes=3)

        found = await deployer.find(MERGE)

    assert found
    assert (found.done, found.says) == (False, "no room for [redacted]")


async def test_a_webhook_that_answers_every_question_with_the_newest_tells_of_no_other_commit():
    async with webhook_there() as (service, clock):
        service.deaf = True
        deployer = a_webhook(service, clock)

        newest, other = await deployer.find(HEAD), await deployer.find(MERGE)
        service.commit = ""
        with pytest.raises(StepFailed, match="does not say which commit"):
            await deployer.find(MERGE)

    assert newest
    assert newest.done
    assert other is None


async def test_a_webhook_that_is_away_was_not_asked():
    async def nothing() -> str:
        return ""

    settings = WebhookSettings("http://127.0.0.1:9/deploys", SECRET, nothing)

    with pytest.raises(StepFailed, match="cannot be reached") as failed:
        await WebhookDeploy(settings, ManualClock(), str).deploy(MERGE, unheard)
    assert not isinstance(failed.value, OutcomeUnknown)


def unheard(words: str) -> None:
    """Nobody listens to the progress."""


def redacted(text: str) -> str:
    return text.replace("hunter2", "[redacted]")


def a_webhook(service: DeployWebhook, clock: ManualClock, secret: str = SECRET) -> WebhookDeploy:
    settings = WebhookSettings(f"{service.url}/deploys", secret, lambda: commit_at(service.url))
    return WebhookDeploy(settings, clock, redacted)


@asynccontextmanager
async def webhook_there() -> AsyncIterator[tuple[DeployWebhook, ManualClock]]:
    clock = ManualClock()
    async with deploy_webhook.serving(clock.now, HEAD) as service:
        yield service, clock


@asynccontextmanager
async def webhook(clock: ManualClock, folder: Path) -> AsyncIterator[There]:
    async with deploy_webhook.serving(clock.now, HEAD) as service:
        yield There(a_webhook(service, clock), clock, lambda: service.asked)


@asynccontextmanager
async def on_railway(clock: ManualClock, folder: Path) -> AsyncIterator[There]:
    async with railway.serving(clock.now, HEAD) as service:
        settings = RailwayTarget(PROJECT, ENVIRONMENT, SERVICE, "main", lambda: commit_at(service.program_url))
        deployer = Railway(RailwayApi(RailwayAccess(TOKEN, service.url)), settings, redacted)
        yield There(deployer, clock, lambda: service.asked)


@asynccontextmanager
async def local(clock: ManualClock, folder: Path) -> AsyncIterator[There]:
    """A program whose commit is a file, and a command that writes it."""
    release, log = folder / "release", folder / "deploys"
    release.write_text(HEAD)
    log.touch()

    async def version(request: web.Request) -> web.Response:
        return web.json_response({"commit": release.read_text()})

    application = web.Application()
    application.router.add_get("/version", version)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script = "import os; c = os.environ['KINTSUGI_COMMIT']; open('release', 'w').write(c); open('deploys', 'a').write(c + ' ')"
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = LocalCommandSettings((sys.executable, "-c", script), folder, lambda: url)
    yield There(LocalCommand(settings, redacted), clock, lambda: log.read_text().split())
    await runner.cleanup()
