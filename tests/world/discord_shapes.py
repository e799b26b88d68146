"""What Discord sends, complete enough for its own contract: users, the guild, an interaction, a message."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import discord

APPLICATION, BOT, GUILD, CHANNEL = 1001, 1002, 2001, 3001
ADMIN_ROLE, OTHER_ROLE, ON_CALL_ROLE = 2101, 2102, 2_103_000
NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
    create_public_threads=True,
    send_messages_in_threads=True,
).value
_NOON = "2026-11-23T12:00:00+00:00"


@dataclass(frozen=True)
class Person:
    """A member of the guild."""

    id: int
    name: str
    roles: tuple[int, ...] = ()


ALICE = Person(4001, "alice", (ADMIN_ROLE,))
BOB = Person(4002, "bob", (ADMIN_ROLE,))
MALLORY = Person(4003, "mallory", (OTHER_ROLE,))


@dataclass
class Seen:
    """A reply as it stands on the user's screen."""

    text: str = ""
    embeds: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    ephemeral: bool = False
    deferred: bool = False
    mentions: Any = None  # the last `allowed_mentions`
    choices: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    modal: dict[str, Any] = field(default_factory=dict)  # the form that was opened instead of a reply

    @property
    def buttons(self) -> dict[str, str]:
        """Custom ids by label."""
        return {each["label"]: each["custom_id"] for row in self.components for each in row["components"]}

    @property
    def says(self) -> str:
        """The text as it is read, with the markdown's escapes undone."""
        return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", self.text)

    @property
    def everything(self) -> str:
        """All that can be read in it."""
        return "\n".join([self.text, *(_text_of(embed) for embed in self.embeds), *self.files.values()])


def _text_of(node: Any) -> str:
    if isinstance(node, dict):
        return "\n".join(_text_of(value) for value in node.values())
    if isinstance(node, list):
        return "\n".join(map(_text_of, node))
    return str(node)


def a_user(id: int, name: str, *, bot: bool = False) -> dict[str, Any]:
    return {
        "id": str(id),
        "username": name,
        "discriminator": "0",
        "global_name": name.title(),
        "avatar": None,
        "bot": bot,
        "flags": 0,
        "public_flags": 0,
        "primary_guild": None,
    }


def me() -> dict[str, Any]:
    return a_user(BOT, "kintsugi", bot=True) | {"mfa_enabled": True, "locale": "en-US", "verified": True, "email": None}


def oneself(person: Person) -> dict[str, Any]:
    """A user as Discord tells it to the application that they agreed with."""
    return a_user(person.id, person.name) | {"mfa_enabled": True, "locale": "en-US"}


def a_whole_member(person: Person) -> dict[str, Any]:
    """A member as HTTP has it."""
    nothing = dict.fromkeys(("avatar", "banner", "communication_disabled_until", "nick", "premium_since"))
    return nothing | a_member(person) | {"pending": False}


def the_application() -> dict[str, Any]:
    return {
        "id": str(APPLICATION),
        "name": "kintsugi",
        "icon": None,
        "description": "",
        "type": None,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "bot_public": False,
        "bot_require_code_grant": False,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": a_user(ALICE.id, ALICE.name),
        "approximate_guild_count": 1,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
    }


def ready(session: str, resume_url: str) -> dict[str, Any]:
    return {
        "v": 10,
        "user": me(),
        "guilds": [{"id": str(GUILD), "unavailable": True}],
        "session_id": session,
        "resume_gateway_url": resume_url,
        "application": {"id": str(APPLICATION), "flags": 0, "flags_new": "0"},
    }


def a_role(id: int, name: str, *, mentionable: bool = False) -> dict[str, Any]:
    none = {"primary_color": 0, "secondary_color": None, "tertiary_color": None}
    return {
        "id": str(id),
        "name": name,
        "color": 0,
        "colors": none,
        "hoist": False,
        "position": 0 if id == GUILD else 1,
        "permissions": "0",
        "managed": False,
        "mentionable": mentionable,
        "flags": 0,
        "icon": None,
        "unicode_emoji": None,
    }


def a_member(person: Person) -> dict[str, Any]:
    return {
        "user": a_user(person.id, person.name),
        "roles": [str(role) for role in person.roles],
        "joined_at": _NOON,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "permissions": "2147483648",
    }


def a_channel() -> dict[str, Any]:
    return {
        "id": str(CHANNEL),
        "guild_id": str(GUILD),
        "type": 0,
        "name": "incidents",
        "topic": None,
        "position": 0,
        "permission_overwrites": [],
        "nsfw": False,
        "parent_id": None,
        "flags": 0,
    }


def the_guild() -> dict[str, Any]:
    zero = dict.fromkeys(
        (
            "default_message_notifications", "explicit_content_filter", "mfa_level", "nsfw_level",
            "premium_tier", "system_channel_flags", "verification_level",
        ),
        0,
    )  # fmt: skip
    nothing = dict.fromkeys(
        (
            "afk_channel_id", "application_id", "banner", "description", "discovery_splash", "home_header", "hub_type", "icon",
            "incidents_data", "max_presences", "public_updates_channel_id", "rules_channel_id",
            "safety_alerts_channel_id", "splash", "system_channel_id", "vanity_url_code",
        )
    )  # fmt: skip
    empty = (
        "emojis", "features", "guild_scheduled_events", "presences", "soundboard_sounds", "stage_instances",
        "stickers", "threads", "voice_states",
    )  # fmt: skip
    return {
        **zero,
        **nothing,
        **{name: [] for name in empty},
        "id": str(GUILD),
        "name": "the shop",
        "afk_timeout": 300,
        "owner_id": str(ALICE.id),
        "preferred_locale": "en-US",
        "premium_progress_bar_enabled": False,
        "region": "",
        "joined_at": _NOON,
        "large": False,
        "member_count": 3,
        "members": [a_member(Person(BOT, "kintsugi"))],
        "channels": [a_channel()],
        "roles": [
            a_role(GUILD, "@everyone"),
            a_role(ADMIN_ROLE, "admin"),
            a_role(OTHER_ROLE, "guest"),
            a_role(ON_CALL_ROLE, "On call", mentionable=True),
        ],
    }


def the_server(allowed: int) -> dict[str, Any]:
    """The guild as HTTP has it. `allowed`: the permissions of @everyone."""
    told = the_guild()
    gone = ("joined_at", "large", "member_count", "members", "channels", "threads", "presences", "voice_states")
    everyone, *others = told["roles"]
    kept = {name: value for name, value in told.items() if name not in gone}
    roles = [everyone | {"permissions": str(allowed)}, *others]
    more = {"widget_enabled": False, "widget_channel_id": None, "nsfw": False, "premium_subscription_count": 0}
    most = {"max_members": 500_000, "max_video_channel_users": 25, "max_stage_video_channel_users": 50}
    return kept | more | most | {"roles": roles}


def an_interaction(
    id: int, token: str, kind: int, data: dict[str, Any], person: Person, message: dict[str, Any] | None = None
) -> dict[str, Any]:
    return ({"message": message} if message else {}) | {
        "id": str(id),
        "application_id": str(APPLICATION),
        "type": kind,
        "token": token,
        "version": 1,
        "data": data,
        "guild_id": str(GUILD),
        "guild": {"id": str(GUILD), "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "channel_id": str(CHANNEL),
        "channel": a_channel() | {"permissions": "2147483648", "last_message_id": None},
        "member": a_member(person),
        "locale": "en-US",
        "app_permissions": "2147483648",
        "entitlements": [],
        "authorizing_integration_owners": {"0": str(GUILD)},
        "context": 0,
        "attachment_size_limit": 10 * 2**20,
    }


def a_message(id: int, seen: Seen) -> dict[str, Any]:
    return {
        "id": str(id),
        "channel_id": str(CHANNEL),
        "type": 20,
        "author": a_user(BOT, "kintsugi", bot=True),
        "content": seen.text,
        "embeds": seen.embeds,
        "attachments": [_attachment(name, text) for name, text in seen.files.items()],
        "components": seen.components,
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "timestamp": _NOON,
        "edited_timestamp": None,
        "flags": 64 if seen.ephemeral else 0,
    }


def answered(interaction: int) -> dict[str, Any]:
    """The interaction that a message answers: older clients know its buttons by this."""
    return {"id": str(interaction), "type": 2, "name": "command", "user": a_user(ALICE.id, ALICE.name)}


def a_posted_message(id: int, text: str, person: Person) -> dict[str, Any]:
    """As the gateway tells of one that a member wrote."""
    author = a_user(person.id, person.name)
    member = {key: value for key, value in a_member(person).items() if key not in ("user", "permissions")}
    said = a_message(id, Seen(text=text)) | {"type": 0, "author": author, "flags": 0}
    return said | {"guild_id": str(GUILD), "member": member, "channel_type": 0}


def _attachment(name: str, text: str) -> dict[str, Any]:
    url = f"https://cdn.example/{name}"
    return {"id": "9001", "filename": name, "size": len(text.encode()), "url": url, "proxy_url": url}
