"""docs/first-server.md, word for word: its commands in an empty folder, its settings against Discord's stand-in."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
from pathlib import Path

import discord

from tests.world import discord as stand_in
from tests.world import terminal
from tests.world.discord_shapes import ADMIN_ROLE, CHANNEL, GUILD, ON_CALL_ROLE

GUIDE = (Path(__file__).parents[2] / "docs" / "first-server.md").read_text(encoding="utf-8")
ANSWERS = {
    "KINTSUGI_DISCORD_TOKEN": stand_in.TOKEN,
    "KINTSUGI_DISCORD_GUILDS": str(GUILD),
    "KINTSUGI_DISCORD_CHANNEL": str(CHANNEL),
    "KINTSUGI_DISCORD_ADMIN_ROLES": str(ADMIN_ROLE),
    "KINTSUGI_DISCORD_PING": str(ON_CALL_ROLE),
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


async def test_its_commands_lead_from_an_empty_folder_to_a_card(tmp_path: Path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (settings,) = blocks("ini")
    crash = next(text for text in blocks("text") if text.startswith("Traceback"))
    init, doctor, run, capture = [shlex.split(text)[1:] for text in blocks("console")]
    async with stand_in.serving() as at:
        own = {name: value for name, value in os.environ.items() if not name.startswith("KINTSUGI_")}
        env = own | {"KINTSUGI_DISCORD_API_BASE": at.api, "KINTSUGI_DISCORD_GATEWAY_URL": at.gateway, "COLUMNS": "300"}

        async def types(*words: str) -> str:
            done = await asyncio.to_thread(terminal.run, words, folder, env)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout.decode()

        await types(*init)
        written = (folder / ".env").read_text(encoding="utf-8")
        for name in [line.split("=")[0] for line in settings.splitlines()]:
            assert f"\n{name}=\n" in written
            written = written.replace(f"\n{name}=\n", f"\n{name}={ANSWERS[name]}\n")
        (folder / ".env").write_text(written, encoding="utf-8")
        (folder / "crash.log").write_text(crash, encoding="utf-8")
        checked = await types(*doctor)
        captured = await types(*capture)
        await types(*run, "--drain")
        posted = str(at.channels.messages)

    assert "✔ discord" in checked
    assert "✘" not in checked
    assert captured == "INC-1\n"
    assert "INC-1 · needs a human" in posted


def test_its_invitation_asks_for_what_it_names():
    asked = re.search(r"permissions=(\d+)", GUIDE)
    listed = re.search(r"what Kintsugi uses: (.*?)\.\n", GUIDE, re.DOTALL)
    assert asked
    assert listed

    names = {"_".join(name.split()).lower().replace("view_channels", "view_channel") for name in listed[1].split(", ")}
    assert discord.Permissions(int(asked[1])) == discord.Permissions(**dict.fromkeys(names, True))
