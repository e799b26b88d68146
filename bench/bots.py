"""Crashes of Discord bots as they happen: the bot's real code, logged into the stand-in, fails inside its library.

    python -m bench.bots --mirrors FOLDER --environments FOLDER [--only WORD] [--verbose]

`bots.toml` lists fixes of public bots. Of each, the code before the fix is taken from the mirror OWNER+NAME, one of its
cogs is loaded into a bot of its library, and what the fix tells of is done: a message, a command, a tap, an event. All of
Discord's objects are made by the library of what comes through its gateway. What its own dispatch catches is recorded,
and the call is made again in the box, without the fix and with it. Nothing of a bot is kept here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from bench.capsule import Verdict, table, verdict_of_call
from kintsugi.repair.capsule import FailingCall
from kintsugi.repair.languages.results import Crash
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox.probe import probe
from tests.world import discord_shapes as shapes
from tests.world.discord import TOKEN, DiscordStandIn, serving
from tests.world.discord_bodies import as_json, read_body
from tests.world.discord_messages import on_the_wire
from tests.world.discord_shapes import ALICE, BOB, BOT, CHANNEL, GUILD, MALLORY, Person, Seen

_HERE = Path(__file__).parent
VERBOSE = bool(os.environ.get("BOTS_VERBOSE"))
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"} | ({"BOTS_VERBOSE": "1"} if VERBOSE else {})
_STARTS, _FAILS = 60.0, 20.0  # seconds until a bot is there, and until it has failed
VOICE, OTHER_CHANNEL, THREAD, DIRECT = 3002, 3003, 3004, 3005


@dataclass(frozen=True, slots=True)
class Fix:
    """One fix of a bot. `prepare` makes the bot, in its own process; `does` is what its users do then."""

    bot: str
    commit: str
    environment: str
    prepare: str
    does: str
    library: str = "discord"
    settings: str = ""  # run before anything of the bot is imported

    @property
    def name(self) -> str:
        return f"{self.bot} {self.commit}"


class AnyContract:
    """Other people's bots send what they like."""

    def judge_request(self, path: str, method: str, body: object) -> None: ...

    def judge_reply(self, path: str, method: str, status: int, body: object) -> None: ...

    def judge_event(self, path: str, method: str, event: object) -> None: ...

    def judge_frame(self, kind: str, frame: object) -> None: ...


class Discord(DiscordStandIn):
    """With a guild of more people and channels, and an answer to whatever else a bot asks for."""

    def __init__(self, contract: AnyContract) -> None:
        super().__init__(contract)
        self.allowed = 8

    async def _log_in(self, token: str) -> None:
        assert self._socket
        self._sent.clear()
        await self._dispatch("READY", shapes.ready("session", self.gateway) | {"shard": [0, 1]}, "ready")
        await self._dispatch("GUILD_CREATE", guild(), "guild")
        self.ready.set()

    async def _heard(self, frame: dict[str, Any]) -> None:
        if frame["op"] == 8:  # members are asked for
            asked = frame["d"]
            wanted = {int(one) for one in asked.get("user_ids") or ()} if isinstance(asked.get("user_ids"), list) else ()
            found = [one for one in guild()["members"] if not wanted or int(one["user"]["id"]) in wanted]
            told = {"guild_id": str(GUILD), "members": found, "chunk_index": 0, "chunk_count": 1, "not_found": []}
            await self.event("GUILD_MEMBERS_CHUNK", told | {"nonce": asked.get("nonce")})
        await super()._heard(frame)

    async def event(self, name: str, data: dict[str, Any]) -> None:
        """What the gateway tells of."""
        await self._dispatch(name, data, "event")

    async def menu(self, name: str, text: str = "A message", person: Person = ALICE) -> None:
        """Pick an entry of a message's menu."""
        listed = next(each for each in self.commands if each["name"] == name)
        message = shapes.a_posted_message(6001, text, BOB)
        data = {"id": listed["id"], "name": name, "type": 3, "target_id": "6001"}
        await self._send_off(2, data | {"resolved": {"messages": {"6001": message}}}, person)

    async def runs(self, command: str, person: Person = ALICE, **options: Any) -> None:
        """A slash command of any depth."""
        name, *inner = command.removeprefix("/").split()
        listed = next(each for each in self.commands if each["name"] == name)
        known = listed
        for part in inner:
            known = next(each for each in known["options"] if each["name"] == part)
        types = {each["name"]: each["type"] for each in known.get("options", [])}
        given: list[dict[str, Any]] = [
            {"name": one, "type": types[one], "value": value} for one, value in options.items()
        ]
        for depth, part in enumerate(reversed(inner)):
            given = [{"name": part, "type": 2 if depth else 1, "options": given}]
        data = {"id": listed["id"], "name": name, "type": 1, "options": given}
        scope = {"guild_id": listed["guild_id"]} if "guild_id" in listed else {}
        await self._send_off(2, data | scope, person)

    async def taps(self, custom_id: str, person: Person = ALICE, **data: Any) -> None:
        """A component under the message that the bot wrote last."""
        message = on_the_wire(self.written[-1]) if self.written else shapes.a_message(6002, Seen("Tap"))
        await self._send_off(3, {"custom_id": custom_id, "component_type": 2, "id": 1} | data, person, message)

    async def fills(self, custom_id: str, fields: dict[str, str], person: Person = ALICE) -> None:
        """A form."""
        rows = [
            {"type": 1, "id": at, "components": [{"type": 4, "id": at + 50, "custom_id": one, "value": text}]}
            for at, (one, text) in enumerate(fields.items())
        ]
        await self._send_off(5, {"custom_id": custom_id, "components": rows}, person)

    async def says_in(self, channel: int, text: str, person: Person = ALICE) -> None:
        """A message somewhere else than in the channel."""
        said = shapes.a_posted_message(next(self._ids), text, person)
        await self.event("MESSAGE_CREATE", said | {"channel_id": str(channel)})

    async def list_messages(self, request: web.Request) -> web.Response:
        """What was said there before: one message, to Alice."""
        said = shapes.a_posted_message(6003, "Hello", Person(BOT, "kintsugi"))
        return as_json([said | {"channel_id": request.match_info["channel"], "mentions": [shapes.a_user(ALICE.id, ALICE.name)]}])

    @property
    def written(self) -> list[dict[str, Any]]:
        """By the bot, into a channel."""
        return self.channels.messages[CHANNEL]

    def add_to(self, application: web.Application, at: str) -> None:
        application.router.add_route("*", f"{at}/{{rest:.*}}", self.anything)

    async def anything(self, request: web.Request) -> web.Response:
        path = request.match_info["rest"]
        if path in ("gateway", "gateway/bot"):
            limit = {"total": 1000, "remaining": 999, "reset_after": 1000, "max_concurrency": 1}
            return as_json({"url": self.gateway, "shards": 1, "session_start_limit": limit})
        if "/members/" in path and request.method == "PATCH":
            return as_json(shapes.a_whole_member(ALICE))
        if request.method in ("PUT", "DELETE") or path.endswith(("typing", "bulk-delete")):
            return web.Response(status=204)
        if path.endswith("/emojis"):
            return as_json({"items": []})
        if path == "users/@me/channels":
            return as_json({"id": str(DIRECT), "type": 1, "recipients": [shapes.a_user(ALICE.id, ALICE.name)]})
        if path.endswith("messages") and request.method == "POST":
            body, _ = await read_body(request)
            said = shapes.a_posted_message(next(self._ids), body.get("content") or "", Person(BOT, "kintsugi"))
            return as_json(said | {"channel_id": path.split("/")[1], "embeds": body.get("embeds") or []})
        if "/messages/" in path:
            return as_json(shapes.a_posted_message(int(path.rpartition("/")[2]), "A message", BOB))
        if path.startswith("users/"):
            return as_json(shapes.a_user(int(path.rpartition("/")[2]), "somebody"))
        return as_json({"message": "Unknown", "code": 10003}, 404)


def channel() -> dict[str, Any]:
    return shapes.a_channel()


def guild() -> dict[str, Any]:
    people = [Person(BOT, "kintsugi"), ALICE, BOB, MALLORY]
    channels = [
        shapes.a_channel() | {"permission_overwrites": []},
        shapes.a_channel() | {"id": str(VOICE), "type": 2, "name": "voice", "bitrate": 64000, "user_limit": 0},
        shapes.a_channel() | {"id": str(OTHER_CHANNEL), "name": "other", "position": 2},
    ]
    roles = [one | {"permissions": "8" if one["name"] == "admin" else "104324673"} for one in shapes.the_guild()["roles"]]
    members = [shapes.a_member(one) for one in people]
    icon = {"icon": "0" * 32}
    return shapes.the_guild() | icon | {"members": members, "member_count": len(people), "channels": channels, "roles": roles}


async def verdict_of(fix: Fix, mirrors: Path, environments: Path, seconds: float) -> Verdict:
    repository = next(iter(mirrors.glob(f"{fix.bot}/repo")))
    python = environments / fix.environment / "bin/python"
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "code"
        _export(repository, f"{fix.commit}~1", base)
        told = await _crash_of(fix, base, python, Path(folder))
        if "source" not in told:
            if VERBOSE:
                print(told["why"][-6000:])
            return Verdict(fix.bot, fix.name, "no crash", told["why"].strip().rpartition("\n")[2])
        if not told["source"]:
            return Verdict(fix.bot, fix.name, "not recorded", told["why_not"])
        files = _files(fix, repository, python, Path(folder) / "mended")
        crash = Crash(told["kind"], told["message"], told["path"], told["function"])
        call = FailingCall(told["source"], f"{told['module']}.{told['call']}", told["module"], "", crash)
        keep = Path("/tmp/bots/kept")
        if keep.is_dir():
            (keep / f"{fix.name.replace(' ', '.')}.py").write_text(told["source"])
        settings = ProofSettings(python=python, seconds=seconds, output_kb=1024, variables=told["variables"])
        box = settings.in_box(await probe(python, settings.limits))
        verdict, _ = await verdict_of_call(call, base, files, box, seconds)
        name = f"{fix.name} {told['kind']}: {told['message'][:60]} ({told['ms']:.1f} ms)"
        return replace(verdict, repository=fix.bot, name=name)


def _export(repository: Path, commit: str, base: Path) -> None:
    """As far as the mirror holds it: large files are not there."""
    listed = _git(repository, "ls-tree", "-r", "-z", commit).decode("utf-8", "replace").split("\0")
    for kind, blob, path in (re.split(r"[ \t]", one, maxsplit=3)[1:] for one in listed if one):
        if kind == "blob":
            (base / path).parent.mkdir(parents=True, exist_ok=True)
            with suppress(subprocess.CalledProcessError):
                (base / path).write_bytes(_git(repository, "cat-file", "blob", blob))


def _git(repository: Path, *words: str) -> bytes:
    return subprocess.run(["git", "-C", str(repository), *words], check=True, capture_output=True).stdout


def _files(fix: Fix, repository: Path, python: Path, folder: Path) -> dict[str, bytes | None]:
    """What the fix changes, with the same settings."""
    _export(repository, fix.commit, folder)
    subprocess.run([python, "-c", fix.settings], cwd=folder, env=_ENVIRONMENT, capture_output=True, check=False)
    differs = ("diff", "--name-only", "--no-renames", f"{fix.commit}~1", fix.commit, "--", "*.py")
    paths = _git(repository, *differs).decode().splitlines()
    return {path: (folder / path).read_bytes() if (folder / path).is_file() else None for path in paths}


async def _crash_of(fix: Fix, base: Path, python: Path, folder: Path) -> dict[str, Any]:
    """What the bot's own process tells of its first crash."""
    found, prepared = folder / "crash.json", folder / "prepared"
    async with serving(AnyContract(), Discord) as discord:
        words = {
            "library": fix.library, "prepare": fix.prepare, "settings": fix.settings, "found": str(found),
            "prepared": str(prepared), "api": discord.api, "gateway": discord.gateway, "token": TOKEN,
            "kintsugi": str(_HERE.parent),
        }  # fmt: skip
        (folder / "words.json").write_text(json.dumps(words))
        with (folder / "log").open("wb") as log:
            bot = await asyncio.create_subprocess_exec(
                python, _HERE / "bots_stage.py", folder / "words.json", cwd=base, stdout=log, stderr=log,
                env=_ENVIRONMENT | {"HOME": str(folder)},
            )  # fmt: skip
            try:
                await _until(lambda: prepared.exists() or bot.returncode is not None, _STARTS)
                if prepared.exists():
                    with suppress(Exception):
                        await _does(cast(Discord, discord), fix.does)
                    await _until(lambda: found.exists() or bot.returncode is not None, _FAILS)
            finally:
                with suppress(ProcessLookupError):
                    bot.kill()
                await bot.wait()
        if found.exists():
            return cast(dict[str, Any], json.loads(found.read_text()))
        return {"why": (folder / "log").read_text("utf-8", "replace")}


async def _does(discord: Discord, does: str) -> None:
    names: dict[str, Any] = {**vars(shapes), **globals(), "at": discord}
    exec("async def act():\n" + textwrap.indent(does, "    "), names)
    await cast(Callable[[], Awaitable[None]], names["act"])()


async def _until(is_so: Callable[[], bool], seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not is_so():
                await asyncio.sleep(0.05)


def fixes(file: Path = _HERE / "bots.toml") -> list[Fix]:
    return [Fix(**one) for one in tomllib.loads(file.read_text())["fix"]]


async def main(arguments: argparse.Namespace) -> int:
    verdicts = []
    for fix in fixes(arguments.list):
        if arguments.only and not any(word in fix.name for word in arguments.only):
            continue
        try:
            verdict = await verdict_of(fix, arguments.mirrors, arguments.environments, arguments.seconds)
        except Exception as error:  # one that cannot be run here says so
            verdict = Verdict(fix.bot, fix.name, "not run", f"{type(error).__name__}: {error}")
        verdicts.append(verdict)
        print(verdict.line, flush=True)
    print(table(verdicts))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.bots", description=__doc__)
    parser.add_argument("--mirrors", type=Path, required=True, help="holds OWNER+NAME/repo, a git repository each")
    parser.add_argument("--environments", type=Path, required=True, help="holds the virtual environments")
    parser.add_argument("--list", type=Path, default=_HERE / "bots.toml")
    parser.add_argument("--only", action="append", help="names that hold this word")
    parser.add_argument("--seconds", type=float, default=60.0, help="for one run of a call")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_arguments())))
