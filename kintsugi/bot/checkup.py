"""What `doctor` looks at in Discord: the gateway, what the bot may do in its channel, and whom it lets in there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import aiohttp
import discord
from discord.gateway import DiscordWebSocket

from kintsugi.workflow.errors import SettingsError

_SECONDS = 10  # until the gateway says hello
_MOST_SERVERS, _MOST_USERS = 10, 10  # that are asked about
_NEEDED = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "embed_links": "Embed Links",
    "attach_files": "Attach Files",
    "read_message_history": "Read Message History",
    "create_public_threads": "Create Public Threads",
    "send_messages_in_threads": "Send Messages in Threads",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the settings say: where cards go, who is let in by which setting, in which servers, who is called."""

    channel: int | None = None
    roles: frozenset[tuple[str, int]] = frozenset()  # the setting, and a role that it names
    users: frozenset[tuple[str, int]] = frozenset()
    guilds: frozenset[int] = frozenset()
    pings_role: int | None = None


async def checkup(client: discord.Client, wanted: Wanted) -> str:
    """What works, as the rest of a sentence. Raises SettingsError with every fault, discord.HTTPException."""
    await _gateway(client)
    room = await _room(client, wanted.channel)
    servers, faults = await _servers(client, wanted, room)
    faults += await _in_channel(room, servers, wanted, client) if room else []
    admitted, unknown = await _admitted(servers, wanted)
    all_asked = wanted.guilds or room or len(servers) <= _MOST_SERVERS
    if faults := [*faults, *(unknown if all_asked else ())]:  # what these servers do not know another may
        raise SettingsError(" ".join(faults))
    cards = f"cards go to #{room.name}" if room else "no channel is set for cards (KINTSUGI_DISCORD_CHANNEL)"
    more = len(wanted.users) - _MOST_USERS
    others = f" and {more} more, who were not looked up" if more > 0 else ""
    return f"; the gateway answers; {cards}; let in: {', '.join(admitted) or 'nobody known here'}{others}"


async def _gateway(client: discord.Client) -> None:
    """Connects without logging in, as a second login could take commands from a bot that runs."""
    address = DiscordWebSocket.DEFAULT_GATEWAY
    try:
        async with asyncio.timeout(_SECONDS):
            socket = await client.http.ws_connect(str(address.with_query(v=10, encoding="json")))
            try:
                said = await socket.receive()
            finally:
                await socket.close()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise SettingsError(_NO_GATEWAY.format(address, type(error).__name__)) from error
    if said.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
        raise SettingsError(_NO_GATEWAY.format(address, "it hung up"))


async def _room(client: discord.Client, channel: int | None) -> discord.TextChannel | None:
    """The channel that cards go to. Raises SettingsError."""
    if channel is None:
        return None
    try:
        found = await client.fetch_channel(channel)
    except (discord.NotFound, discord.Forbidden, discord.InvalidData) as error:
        says = f"KINTSUGI_DISCORD_CHANNEL: the bot cannot see the channel {channel}."
        raise SettingsError(f"{says} Invite the bot to its server, or copy the id again.") from error
    if not isinstance(found, discord.TextChannel):
        raise SettingsError(f"KINTSUGI_DISCORD_CHANNEL: {channel} is not a text channel of a server. Name one.")
    return found


async def _servers(
    client: discord.Client, wanted: Wanted, room: discord.TextChannel | None
) -> tuple[dict[int, discord.Guild], list[str]]:
    """The servers that the settings are about, with their roles."""
    ids = set(wanted.guilds) | ({room.guild.id} if room else set())
    if not ids:
        ids = {each.id async for each in client.fetch_guilds(limit=_MOST_SERVERS + 1, with_counts=False)}
        if not ids:
            return {}, ["The bot is in no server. Invite it: docs/first-server.md."]
    found, faults = dict[int, discord.Guild](), []
    for id in sorted(ids):
        try:
            found[id] = await client.fetch_guild(id, with_counts=False)
        except (discord.NotFound, discord.Forbidden):
            faults.append(
                f"KINTSUGI_DISCORD_GUILDS: the bot is not in the server {id}. Invite it, or copy the id again."
            )
    return found, faults


async def _in_channel(
    room: discord.TextChannel, servers: dict[int, discord.Guild], wanted: Wanted, client: discord.Client
) -> list[str]:
    """What the bot lacks in its channel."""
    guild = servers.get(room.guild.id)
    if guild is None or client.user is None:
        return []
    faults = []
    if wanted.guilds and guild.id not in wanted.guilds:
        says = f"KINTSUGI_DISCORD_CHANNEL: #{room.name} is in {guild.name} ({guild.id})"
        faults.append(
            f"{says}, which KINTSUGI_DISCORD_GUILDS does not name: its buttons would refuse everybody. Add it."
        )
    may = (await guild.fetch_channel(room.id)).permissions_for(await guild.fetch_member(client.user.id))
    if lacking := [name for flag, name in _NEEDED.items() if not getattr(may, flag)]:
        faults.append(f"In #{room.name} the bot lacks {_listed(lacking)}. Allow that in the channel's permissions.")
    called = guild.get_role(wanted.pings_role) if wanted.pings_role else None
    if wanted.pings_role and called is None:
        faults.append(f"KINTSUGI_DISCORD_PING: {wanted.pings_role} is not a role of {guild.name}. Copy its id again.")
    elif called and not (called.mentionable or may.mention_everyone):
        says = f"KINTSUGI_DISCORD_PING: the bot may not mention @{called.name}, so nobody would be called."
        faults.append(f"{says} Let anyone mention that role, or give the bot Mention All Roles in #{room.name}.")
    return faults


async def _admitted(servers: dict[int, discord.Guild], wanted: Wanted) -> tuple[list[str], list[str]]:
    """The names of those who are let in; and what the settings name that is not there."""
    names, faults = [], []
    where = " or ".join(sorted(guild.name for guild in servers.values()))
    for setting, id in sorted(wanted.roles):
        role = next((role for guild in servers.values() if (role := guild.get_role(id))), None)
        if id in servers:
            faults.append(f"{setting}: {id} is @everyone of {servers[id].name}, which lets in nobody. Name a role.")
        elif role:
            names.append(f"@{role.name}")
        elif servers:
            faults.append(f"{setting}: {id} is not a role of {where}. Copy its id again.")
    for setting, id in sorted(wanted.users)[:_MOST_USERS]:
        if member := await _member(servers.values(), id):
            names.append(member.display_name)
        elif servers:
            faults.append(f"{setting}: {id} is not a member of {where}. Copy the id again, or remove it.")
    return list(dict.fromkeys(names)), faults


async def _member(servers: Iterable[discord.Guild], id: int) -> discord.Member | None:
    for guild in servers:
        try:
            return await guild.fetch_member(id)
        except discord.NotFound:
            continue
    return None


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


_NO_GATEWAY = (
    "Discord's gateway at {} cannot be reached ({}), so no command would arrive. Let this host connect to it, or check "
    "KINTSUGI_DISCORD_GATEWAY_URL."
)
