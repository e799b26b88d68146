"""A bot's application commands as Discord keeps them: by scope, name and type, with what it adds and leaves out.

`POST` creates a command (201) or overwrites the one of its name (200); `PUT` replaces a whole scope, and what is not
named in it is gone. Whatever keeps its name keeps its id. 200 creations a day.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from itertools import count
from typing import Any

from aiohttp import web

from tests.world import discord_shapes as shapes
from tests.world.discord_bodies import as_json, without_nulls
from tests.world.patience import PATIENCE
from tests.world.wire import Contract

Command = dict[str, Any]
GLOBAL = None
_GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"
_GLOBAL_COMMANDS = "/applications/{application_id}/commands"
_NAME = re.compile(r"[-_'\w\u0900-\u097F\u0E00-\u0E7F]{1,32}")
_MOST, _A_DAY = 100, 200
_SAID_ONLY_IF_TRUE = ("required", "autocomplete", "options", "choices")


class Commands:
    """What is listed, by guild; None is the global scope. `created` counts what the daily limit counts."""

    def __init__(self, judge: Callable[[Callable[[], None]], None], contract: Contract, ids: count[int]) -> None:
        self._judge, self._contract, self._ids = judge, contract, ids
        self._versions = count(1)
        self.listed: dict[int | None, list[Command]] = {GLOBAL: [], shapes.GUILD: []}
        self.created = 0
        self._changed = asyncio.Event()

    async def has(self, *names: str, guild: int | None = GLOBAL) -> None:
        """Wait until these are listed in a scope."""
        async with asyncio.timeout(PATIENCE):
            while not set(names) <= set(self.names(guild)):
                self._changed.clear()
                await self._changed.wait()

    def names(self, guild: int | None = GLOBAL) -> list[str]:
        """In a scope, in the alphabet's order."""
        return sorted(each["name"] for each in self.listed[guild])

    def ids(self, guild: int | None = GLOBAL) -> dict[str, str]:
        """By name."""
        return {each["name"]: each["id"] for each in self.listed[guild]}

    def add_to(self, application: web.Application, at: str) -> None:
        for scope in ("", "/guilds/{guild}"):
            path = f"{at}/applications/{{app}}{scope}/commands"
            application.router.add_get(path, self.get)
            application.router.add_post(path, self.post)
            application.router.add_put(path, self.put)
            one = f"{path}/{{command}}"
            application.router.add_get(one, self.get_one)
            application.router.add_patch(one, self.patch)
            application.router.add_delete(one, self.delete)

    # --- HTTP ---------------------------------------------------------------------------------------------------

    async def get(self, request: web.Request) -> web.Response:
        return self._reply(request, 200, self.listed[self._guild(request)])

    async def put(self, request: web.Request) -> web.Response:
        guild, asked = self._guild(request), await request.json()
        self._judge_request(request, asked)
        self._check(asked)
        self.listed[guild] = [self._kept(guild, each) for each in asked]
        return self._reply(request, 200, self.listed[guild])

    async def post(self, request: web.Request) -> web.Response:
        guild, asked = self._guild(request), await request.json()
        self._judge_request(request, asked)
        there = self._find(guild, asked)
        self._check([each for each in self.listed[guild] if each is not there] + [asked])
        kept = self._kept(guild, asked)
        if there is None:
            self.listed[guild].append(kept)
        else:
            self.listed[guild][self.listed[guild].index(there)] = kept
        return self._reply(request, 201 if there is None else 200, kept)

    async def get_one(self, request: web.Request) -> web.Response:
        return as_json(self._one(request))

    async def patch(self, request: web.Request) -> web.Response:
        """What is not given stays; the name may change, unless another has it."""
        guild, there, asked = self._guild(request), self._one(request), await request.json()
        self._check([each for each in self.listed[guild] if each is not there] + [there | asked])
        there.update(self._as_listed(guild, there | asked, there["id"]))
        return as_json(there)

    async def delete(self, request: web.Request) -> web.Response:
        self.listed[self._guild(request)].remove(self._one(request))
        return web.Response(status=204)

    # --- what is kept -------------------------------------------------------------------------------------------

    def _guild(self, request: web.Request) -> int | None:
        guild = request.match_info.get("guild")
        if guild is None:
            return GLOBAL
        if int(guild) not in self.listed:
            raise _no(web.HTTPForbidden, 50001, "Missing Access")
        return int(guild)

    def _one(self, request: web.Request) -> Command:
        for each in self.listed[self._guild(request)]:
            if each["id"] == request.match_info["command"]:
                return each
        raise _no(web.HTTPNotFound, 10063, "Unknown application command")

    def _find(self, guild: int | None, asked: Command) -> Command | None:
        named = (asked["name"], asked.get("type") or 1)
        return next((each for each in self.listed[guild] if (each["name"], each["type"]) == named), None)

    def _kept(self, guild: int | None, asked: Command) -> Command:
        there = self._find(guild, asked)
        if there is None:
            if self.created >= _A_DAY:
                says = "Max number of daily application command creates has been reached (200)"
                raise _no(web.HTTPBadRequest, 30034, says)
            self.created += 1
        return self._as_listed(guild, asked, there["id"] if there else str(next(self._ids)))

    def _as_listed(self, guild: int | None, asked: Command, id: str) -> Command:
        """With what Discord adds, and without what it does not say."""
        said = without_nulls({key: value for key, value in asked.items() if key != "options"})
        usual = {"type": 1, "description": "", "default_member_permissions": None, "nsfw": False}
        scope = {"guild_id": str(guild)} if guild else {"dm_permission": True, "integration_types": [0]}
        own = {"id": id, "application_id": str(shapes.APPLICATION), "version": str(next(self._versions))}
        if guild:
            said = {key: said[key] for key in said if key not in ("dm_permission", "integration_types", "contexts")}
        options = [_option(each) for each in asked.get("options") or []]
        return usual | scope | said | own | ({"options": options} if options else {})

    def _check(self, asked: list[Command]) -> None:
        named = [(each["name"], each.get("type") or 1) for each in asked]
        wrong = [name for name, kind in named if kind == 1 and not (_NAME.fullmatch(name) and name == name.lower())]
        if wrong or len(set(named)) < len(named):
            raise _no(web.HTTPBadRequest, 50035, "Invalid Form Body")
        if sum(kind == 1 for _, kind in named) > _MOST:
            raise _no(web.HTTPBadRequest, 30032, "Maximum number of application commands reached (100)")

    # --- the vendor's contract ----------------------------------------------------------------------------------

    def _judge_request(self, request: web.Request, asked: Any) -> None:
        path = _path(request)
        self._judge(lambda: self._contract.judge_request(path, request.method.lower(), asked))

    def _reply(self, request: web.Request, status: int, body: Any) -> web.Response:
        path = _path(request)
        self._changed.set()
        self._judge(lambda: self._contract.judge_reply(path, request.method.lower(), status, body))
        return as_json(body, status)


def _path(request: web.Request) -> str:
    return _GUILD_COMMANDS if "guild" in request.match_info else _GLOBAL_COMMANDS


def _option(option: Command) -> Command:
    said = {key: value for key, value in without_nulls(option).items() if value or key not in _SAID_ONLY_IF_TRUE}
    if inner := said.get("options"):
        said["options"] = [_option(each) for each in inner]
    return said


def _no(kind: type[web.HTTPClientError], code: int, says: str) -> web.HTTPClientError:
    return kind(text=json.dumps({"message": says, "code": code}), content_type="application/json")
