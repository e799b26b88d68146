"""Crashes of Discord bots as they happen: the bot's real code, logged into the stand-in, fails inside its library.

    python -m bench.bots --mirrors FOLDER --environments FOLDER [--only WORD]

`bots.toml` lists fixes of public bots. Of each, the code before the fix is taken from the mirror OWNER+NAME, one of its
cogs is loaded into a bot of its library, and what the fix tells of is done: a message, a command, a tap, an event. All
of Discord's objects are made by the library of what comes through its gateway. What its own dispatch catches is
recorded, and the call is made again in the box, without the fix and with it. Nothing of a bot is kept here. Until it
fails a bot runs outside of the box, as it has to reach the stand-in.
"""

from __future__ import annotations

import argparse
import asyncio
import json
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

from bench import bots_discord
from bench.bots_discord import AnyContract, Discord
from bench.capsule import Verdict, table, verdict_of_call
from kintsugi.repair.capsule import FailingCall
from kintsugi.repair.languages.results import Crash
from kintsugi.repair.proof import ProofSettings
from kintsugi.repair.sandbox.probe import probe
from tests.world import discord_shapes as shapes
from tests.world.discord import TOKEN, serving

_HERE = Path(__file__).parent
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
_STARTS, _FAILS = 60.0, 20.0  # seconds until a bot is there, and until it has failed


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


async def verdict_of(fix: Fix, arguments: argparse.Namespace) -> Verdict:
    repository = arguments.mirrors / fix.bot / "repo"
    python = arguments.environments / fix.environment / "bin/python"
    seconds = arguments.seconds
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder) / "code"
        _export(repository, f"{fix.commit}~1", base)
        told = await _crash_of(fix, base, python, Path(folder))
        if "source" not in told:
            if arguments.verbose:
                print(told["why"][-6_000:])
            return Verdict(fix.bot, fix.name, "no crash", told["why"].strip().rpartition("\n")[2])
        if not told["source"]:
            return Verdict(fix.bot, fix.name, "not recorded", told["why_not"])
        files = _files(fix, repository, python, Path(folder) / "mended")
        crash = Crash(told["kind"], told["message"], told["path"], told["function"])
        name, module = f"{told['module']}.{told['call']}", told["module"]
        call = FailingCall(told["source"], name, module, "", crash, told["in_part"])
        if arguments.keep:
            (arguments.keep / f"{fix.bot}.{fix.commit}.py").write_text(told["source"])
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
    names: dict[str, Any] = {**vars(shapes), **vars(bots_discord), "at": discord}
    exec("async def act():\n" + textwrap.indent(does, "    "), names)
    await cast(Callable[[], Awaitable[None]], names["act"])()


async def _until(is_so: Callable[[], bool], seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not is_so():
                await asyncio.sleep(0.05)  # a file of another process has no event


def fixes(file: Path = _HERE / "bots.toml") -> list[Fix]:
    return [Fix(**one) for one in tomllib.loads(file.read_text())["fix"]]


async def main(arguments: argparse.Namespace) -> int:
    verdicts = []
    for fix in fixes(arguments.list):
        if arguments.only and not any(word in fix.name for word in arguments.only):
            continue
        try:
            verdict = await verdict_of(fix, arguments)
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
    parser.add_argument("--keep", type=Path, help="put the calls there")
    parser.add_argument("--verbose", action="store_true", help="what a bot printed that did not fail")
    parser.add_argument("--seconds", type=float, default=60.0, help="for one run of a call")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_arguments())))
