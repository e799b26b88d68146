"""`kintsugi run --only discord,worker` with a channel, killed as the machine would kill it."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from tests.app.test_discord import environment
from tests.world import discord as stand_in
from tests.world import terminal
from tests.world.discord import DiscordStandIn
from tests.world.discord_messages import buttons_of
from tests.world.discord_shapes import ADMIN_ROLE, ALICE, BOB, CHANNEL
from tests.world.patience import PATIENCE
from tests.world.terminal import StartedInLoop

MORE = {"KINTSUGI_DISCORD_CHANNEL": str(CHANNEL), "KINTSUGI_DISCORD_DEPLOY_USERS": str(BOB.id)}


async def run(folder: Path, at: DiscordStandIn, only: str = "discord,worker") -> StartedInLoop:
    at.ready.clear()
    env = environment(at, stand_in.TOKEN) | MORE
    return await terminal.start_in_loop(["run", "--only", only], folder, env, stderr=asyncio.subprocess.DEVNULL)


async def shown(at: DiscordStandIn, title: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(card["embeds"][0]["title"] == title for card in at.channels.cards):
            await asyncio.sleep(0.05)


async def stopped(process: StartedInLoop) -> int:
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), PATIENCE)


async def test_what_is_opened_in_discord_has_its_card_and_deploying_an_allowlist_of_its_own(tmp_path: Path):
    async with stand_in.serving() as at:
        process = await run(tmp_path, at)
        try:
            await asyncio.wait_for(at.ready.wait(), PATIENCE)
            await at.slash("/debug open-issue", ALICE, summary="Checkout answers 500")
            await shown(at, "INC-1 · needs a human")
            history = await at.tap(at.channels.cards[0], "History")
            refused = await at.slash("/deploy status", ALICE)
            unconfigured = await at.slash("/deploy status", BOB)
        finally:
            code = await stopped(process)

    assert code == 0
    assert history.embeds[0]["title"] == "INC-1 · needs a human"
    assert refused.says.startswith("You may not do this here.")
    assert unconfigured.says.startswith("No repository is configured.")
    assert ADMIN_ROLE in ALICE.roles


@pytest.mark.parametrize("call", ["POST .*/messages$", "POST .*/threads$"])
@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_while_it_writes_the_card_it_has_one_card_and_one_thread_when_it_is_back(
    tmp_path: Path, call: str, moment: str
):
    async with stand_in.serving() as at:
        first = await run(tmp_path, at)
        await asyncio.wait_for(at.ready.wait(), PATIENCE)

        async def kill(number: int) -> None:
            if at.weather.is_a(number, call) and first.returncode is None:
                first.kill()
                await first.wait()

        setattr(at.weather, moment, kill)
        await at.slash("/debug open-issue", ALICE, summary="Checkout answers 500")
        await asyncio.wait_for(first.wait(), PATIENCE)
        setattr(at.weather, moment, None)

        second = await run(tmp_path, at)
        try:
            await asyncio.wait_for(at.ready.wait(), PATIENCE)
            async with asyncio.timeout(PATIENCE):
                while not (at.channels.cards and at.channels.threads):
                    await asyncio.sleep(0.1)
            await at.slash("/debug cancel", ALICE, id="1")
            await shown(at, "INC-1 · cancelled")
        finally:
            await stopped(second)

    assert len(at.channels.cards) == 1
    assert len(at.channels.threads) == 1
    assert list(buttons_of(at.channels.cards[0])) == ["Reopen", "History"]


async def test_a_worker_alone_writes_the_cards_without_a_gateway(tmp_path: Path):
    async with stand_in.serving() as at:
        bot = await run(tmp_path, at, "discord")
        try:
            await asyncio.wait_for(at.ready.wait(), PATIENCE)
            await at.slash("/debug open-issue", ALICE, summary="Checkout answers 500")
        finally:
            await stopped(bot)
        worker = await run(tmp_path, at, "worker")
        try:
            await shown(at, "INC-1 · needs a human")
        finally:
            code = await stopped(worker)

    assert code == 0
    assert at.identified == 1
