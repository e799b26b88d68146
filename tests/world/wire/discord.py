"""Discord's HTTP interface and gateway, as far as we use them through discord.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tests.world.wire import ABSENT, Moment, Operation, Read, Sent, Shapes

Id = Annotated[str, Field(pattern=r"^\d{1,20}$", examples=["1002"])]
Bits = Annotated[str, Field(pattern=r"^\d+$", examples=["2147483648"])]
Locale = Annotated[str, Field(pattern="^[a-z]{2}(-[A-Z]{2})?$", examples=["en-US", "de"])]
Label = Annotated[str, Field(min_length=1, max_length=80)]
CustomId = Annotated[str, Field(min_length=1, max_length=100)]
Name = Annotated[str, Field(pattern=r"^[-_a-z0-9]{1,32}$", examples=["open-issue"])]
Told = Annotated[str, Field(min_length=1, max_length=100)]
Content = Annotated[str, Field(max_length=2000)] | None

# --- commands that we register ---


class Choice(Sent):
    name: Told
    value: Told


Choices = Annotated[list[Choice], Field(max_length=25)]


class Option(Sent):
    """Of a command."""

    name: Name
    description: Told
    required: bool = ABSENT


class TextOption(Option):
    type: Literal[3]
    choices: Choices = ABSENT
    autocomplete: bool = ABSENT
    min_length: Annotated[int, Field(ge=0, le=6000)] = ABSENT
    max_length: Annotated[int, Field(ge=1, le=6000)] = ABSENT


class NumberOption(Option):
    type: Literal[4]
    min_value: int = ABSENT
    max_value: int = ABSENT


class UserOption(Option):
    type: Literal[6]


class YesNoOption(Option):
    type: Literal[5]


Options = Annotated[list[TextOption | NumberOption | YesNoOption | UserOption], Field(max_length=25)]


class Subcommand(Sent):
    type: Literal[1]
    name: Name
    description: Told
    options: Options = ABSENT


class Command(Sent):
    type: Literal[1]
    name: Name
    description: Told
    options: Annotated[list[Subcommand | TextOption | NumberOption | YesNoOption], Field(max_length=25)] = ABSENT
    nsfw: bool = ABSENT
    dm_permission: bool = ABSENT
    default_member_permissions: None = ABSENT
    contexts: list[Literal[0, 1, 2]] | None = ABSENT
    integration_types: list[Literal[0, 1]] | None = ABSENT


# --- messages that we send ---


class EmbedField(Sent):
    name: Annotated[str, Field(max_length=256)]
    value: Annotated[str, Field(max_length=1024)]
    inline: bool = ABSENT


class Embed(Sent):
    type: Literal["rich"]
    title: Annotated[str, Field(max_length=256)] = ABSENT
    description: Annotated[str, Field(max_length=4096)] = ABSENT
    color: Annotated[int, Field(ge=0, le=0xFFFFFF)] = ABSENT
    fields: Annotated[list[EmbedField], Field(max_length=25)] = ABSENT
    flags: Literal[0] = ABSENT


class Button(Sent):
    type: Literal[2]
    style: Literal[1, 2, 3, 4]
    label: Label
    custom_id: CustomId
    disabled: bool = ABSENT


class MenuOption(Sent):
    label: Told
    value: Told
    description: Told = ABSENT
    default: bool = ABSENT


class Menu(Sent):
    type: Literal[3]
    custom_id: CustomId
    options: Annotated[list[MenuOption], Field(max_length=25)]
    placeholder: Annotated[str, Field(max_length=150)] = ABSENT
    min_values: int = ABSENT
    max_values: int = ABSENT
    disabled: bool = ABSENT
    required: bool = ABSENT


class Row(Sent):
    type: Literal[1]
    components: Annotated[list[Button | Menu], Field(min_length=1, max_length=5)]


class Mentions(Sent):
    """Nobody is called, but for one role or one user by their id."""

    parse: Annotated[list[Literal["everyone", "roles", "users"]], Field(max_length=0)]
    roles: Annotated[list[int], Field(max_length=1)] = ABSENT
    users: Annotated[list[int], Field(max_length=1)] = ABSENT


class FileName(Sent):
    id: Id
    filename: Annotated[str, Field(max_length=260)]


class ChangedMessage(Sent):
    content: Content = ABSENT
    embeds: Annotated[list[Embed], Field(max_length=10)] = ABSENT
    components: Annotated[list[Row], Field(max_length=5)] = ABSENT
    attachments: Annotated[list[FileName], Field(max_length=10)] = ABSENT
    allowed_mentions: Mentions = ABSENT
    tts: Literal[False] = ABSENT
    flags: Literal[0, 4, 64] = ABSENT  # 4: links are shown without a preview, 64: nobody else sees it


class NewMessage(ChangedMessage):
    nonce: Annotated[str, Field(max_length=25)] = ABSENT
    enforce_nonce: bool = ABSENT


class NewThread(Sent):
    name: Told
    auto_archive_duration: Literal[60, 1440, 4320, 10080]
    rate_limit_per_user: None = ABSENT


# --- answers to an interaction ---


class TextInput(Sent):
    type: Literal[4]
    style: Literal[1, 2]
    label: Annotated[str, Field(min_length=1, max_length=45)]
    custom_id: CustomId
    required: bool = ABSENT
    max_length: Annotated[int, Field(ge=1, le=4000)] = ABSENT
    placeholder: Annotated[str, Field(max_length=100)] = ABSENT


class TextRow(Sent):
    type: Literal[1]
    components: Annotated[list[TextInput], Field(min_length=1, max_length=1)]


class Form(Sent):
    custom_id: CustomId
    title: Annotated[str, Field(max_length=45)]
    components: Annotated[list[TextRow], Field(min_length=1, max_length=5)]


class Offer(Sent):
    choices: Choices


class Later(Sent):
    flags: Literal[0, 64] = ABSENT


class AnswerLater(Sent):
    type: Literal[5]
    data: Later = ABSENT


class AnswerNothing(Sent):
    """What was tapped stays as it is, for now."""

    type: Literal[6]


class AnswerMessage(Sent):
    type: Literal[4]
    data: ChangedMessage


class AnswerChoices(Sent):
    type: Literal[8]
    data: Offer


class AnswerForm(Sent):
    type: Literal[9]
    data: Form


Answer = AnswerLater | AnswerNothing | AnswerMessage | AnswerChoices | AnswerForm

# --- what discord.py sends over the gateway ---


class Client(Sent):
    os: str
    browser: str
    device: str


class Login(Sent):
    token: str
    properties: Client
    intents: int
    compress: bool = ABSENT
    large_threshold: int = ABSENT


class Identify(Sent):
    op: Literal[2]
    d: Login


class Missed(Sent):
    token: str
    session_id: str
    seq: int


class Resume(Sent):
    op: Literal[6]
    d: Missed


class Heartbeat(Sent):
    op: Literal[1]
    d: int | None


# --- what is read of Discord's objects ---


class Error(Read):
    message: str
    code: int


class User(Read):
    id: Id
    username: str
    discriminator: str
    global_name: str | None
    avatar: str | None
    bot: bool = ABSENT


class Myself(User):
    locale: Locale
    mfa_enabled: bool


class Member(Read):
    user: User
    roles: list[Id]
    joined_at: Moment
    flags: int
    deaf: bool
    mute: bool


class Application(Read):
    id: Id
    name: str
    owner: User
    flags: int
    bot_public: bool
    bot_require_code_grant: bool


class Registered(Read):
    id: Id
    application_id: Id
    name: str
    description: str
    type: int
    options: list[Any] = ABSENT


class Channel(Read):
    id: Id
    type: Literal[0]
    guild_id: Id
    name: str
    position: int
    permission_overwrites: list[Any]
    parent_id: Id | None


class ThreadState(Read):
    archived: bool
    archive_timestamp: Moment
    auto_archive_duration: Literal[60, 1440, 4320, 10080]


class Thread(Read):
    id: Id
    type: Literal[11]
    guild_id: Id
    name: str
    parent_id: Id
    owner_id: Id
    message_count: int
    member_count: int
    thread_metadata: ThreadState


class Attachment(Read):
    id: Id
    filename: str
    size: int
    url: str
    proxy_url: str


class ShownEmbed(Read):
    type: Literal["rich"]
    title: str = ABSENT
    description: str = ABSENT


class ShownButton(Read):
    type: Literal[2]
    id: int
    style: Literal[1, 2, 3, 4]
    custom_id: CustomId


class ShownMenu(Read):
    type: Literal[3]
    id: int
    custom_id: CustomId


class ShownRow(Read):
    type: Literal[1]
    id: int
    components: list[ShownButton | ShownMenu]


class Message(Read):
    id: Id
    channel_id: Id
    type: Literal[0, 20]
    author: User
    content: str
    embeds: list[ShownEmbed]
    attachments: list[Attachment]
    components: list[ShownRow]
    mentions: list[User]
    mention_roles: list[Id]
    mention_everyone: bool
    pinned: bool
    tts: bool
    timestamp: Moment
    edited_timestamp: Moment | None
    flags: int


class About(Read):
    id: Id
    type: int


class Resource(Read):
    type: Literal[4]
    message: Message


class Acknowledged(Read):
    interaction: About
    resource: Resource = ABSENT


# --- what discord.py reads of the gateway ---


class Times(Read):
    heartbeat_interval: int


class Hello(Read):
    op: Literal[10]
    d: Times


class Ack(Read):
    op: Literal[11]


class Reconnect(Read):
    op: Literal[7]


class Invalid(Read):
    op: Literal[9]
    d: bool


class NoGuildYet(Read):
    id: Id
    unavailable: bool


class ApplicationPart(Read):
    id: Id
    flags: int


class Session(Read):
    v: int
    user: User
    guilds: list[NoGuildYet]
    session_id: str
    resume_gateway_url: str
    application: ApplicationPart


class Ready(Read):
    op: Literal[0]
    t: Literal["READY"]
    s: int
    d: Session


class Resumed(Read):
    op: Literal[0]
    t: Literal["RESUMED"]
    s: int


class Role(Read):
    id: Id
    name: str
    color: int
    hoist: bool
    position: int
    permissions: Bits
    managed: bool
    mentionable: bool


class Server(Read):
    id: Id
    name: str
    owner_id: Id
    roles: list[Role]


class Guild(Server):
    member_count: int
    members: list[Member]
    channels: list[Channel]
    threads: list[Thread]
    features: list[Any]
    emojis: list[Any]


class Membership(Read):
    """A server that we are in, as a list of them has it."""

    id: Id
    name: str
    owner: bool
    permissions: Bits
    features: list[Any]


class GuildCreate(Read):
    op: Literal[0]
    t: Literal["GUILD_CREATE"]
    s: int
    d: Guild


class Writer(Read):
    roles: list[Id]
    joined_at: Moment
    deaf: bool
    mute: bool
    flags: int


class Posted(Message):
    guild_id: Id
    member: Writer
    channel_type: Literal[0]


class MessageCreate(Read):
    op: Literal[0]
    t: Literal["MESSAGE_CREATE"]
    s: int
    d: Posted


class GivenText(Read):
    name: Name
    type: Literal[3]
    value: str


class GivenNumber(Read):
    name: Name
    type: Literal[4]
    value: int


class GivenYesNo(Read):
    name: Name
    type: Literal[5]
    value: bool


class GivenUser(Read):
    name: Name
    type: Literal[6]
    value: Id


class Resolved(Read):
    """What the ids in a command stand for."""

    users: dict[str, User] = ABSENT


GivenOption = GivenText | GivenNumber | GivenYesNo | GivenUser


class GivenSubcommand(Read):
    name: Name
    type: Literal[1]
    options: list[GivenOption] = ABSENT


class GivenCommand(Read):
    id: Id
    name: Name
    type: Literal[1]
    options: list[GivenSubcommand | GivenOption] = ABSENT
    guild_id: Id = ABSENT
    resolved: Resolved = ABSENT


class Typing(GivenText):
    """What is in an option so far."""

    focused: Literal[True]


class TypingSubcommand(Read):
    name: Name
    type: Literal[1]
    options: list[Typing | GivenText]


class TypingCommand(Read):
    id: Id
    name: Name
    type: Literal[1]
    options: list[TypingSubcommand | Typing | GivenText]


class Tapped(Read):
    component_type: Literal[2]
    custom_id: CustomId


class Picked(Read):
    component_type: Literal[3]
    custom_id: CustomId
    values: list[str]


class FilledField(Read):
    type: Literal[4]
    custom_id: CustomId
    value: str


class FilledRow(Read):
    type: Literal[1]
    components: list[FilledField]


class FilledForm(Read):
    custom_id: CustomId
    components: list[FilledRow]


class Here(Read):
    """The channel in which something was asked."""

    id: Id
    type: Literal[0]


class AskingMember(Member):
    permissions: Bits


class Interaction(Read):
    id: Id
    application_id: Id
    token: str
    version: Literal[1]
    guild_id: Id
    channel_id: Id
    channel: Here
    member: AskingMember
    locale: Locale
    guild_locale: Locale
    app_permissions: Bits
    entitlements: list[Any]
    authorizing_integration_owners: dict[str, Id]
    context: Literal[0, 1, 2]
    attachment_size_limit: int


class ChatInput(Interaction):
    type: Literal[2]
    data: GivenCommand


class Component(Interaction):
    type: Literal[3]
    data: Tapped | Picked
    message: Message


class Autocomplete(Interaction):
    type: Literal[4]
    data: TypingCommand


class Modal(Interaction):
    type: Literal[5]
    data: FilledForm


class InteractionCreate(Read):
    op: Literal[0]
    t: Literal["INTERACTION_CREATE"]
    s: int
    d: ChatInput | Component | Autocomplete | Modal


_APPLICATION = "/applications/{application_id}"
_GLOBAL_COMMANDS = f"{_APPLICATION}/commands"
_GUILD_COMMANDS = f"{_APPLICATION}/guilds/{{guild_id}}/commands"
_COMMANDS = Annotated[list[Command], Field(max_length=100)]
_MESSAGES = "/channels/{channel_id}/messages"
_ONE_MESSAGE = f"{_MESSAGES}/{{message_id}}"
_WEBHOOK = "/webhooks/{webhook_id}/{webhook_token}"

DISCORD = Shapes(
    "discord",
    Error,
    [
        Operation("get", "/users/@me", tells={200: Myself}),
        Operation("get", "/oauth2/applications/@me", tells={200: Application}),
        Operation("get", "/users/@me/guilds", tells={200: list[Membership]}),
        Operation("get", "/guilds/{guild_id}", tells={200: Server}),
        Operation("get", "/guilds/{guild_id}/members/{user_id}", tells={200: Member}),
        Operation("get", _GLOBAL_COMMANDS, tells={200: list[Registered]}),
        Operation("post", _GLOBAL_COMMANDS, Command, {200: Registered, 201: Registered}),
        Operation("put", _GLOBAL_COMMANDS, _COMMANDS, {200: list[Registered]}),
        Operation("get", _GUILD_COMMANDS, tells={200: list[Registered]}),
        Operation("post", _GUILD_COMMANDS, Command, {200: Registered, 201: Registered}),
        Operation("put", _GUILD_COMMANDS, _COMMANDS, {200: list[Registered]}),
        Operation("post", "/interactions/{interaction_id}/{interaction_token}/callback", Answer, {200: Acknowledged}),
        Operation("patch", f"{_WEBHOOK}/messages/@original", ChangedMessage, {200: Message}),
        Operation("post", _WEBHOOK, ChangedMessage, {200: Message}),
        Operation("get", "/channels/{channel_id}", tells={200: Channel | Thread}),
        Operation("get", _MESSAGES, tells={200: list[Message]}),
        Operation("post", _MESSAGES, NewMessage, {200: Message}),
        Operation("patch", _ONE_MESSAGE, ChangedMessage, {200: Message}),
        Operation("post", f"{_ONE_MESSAGE}/threads", NewThread, {201: Thread}),
    ],
    frames={
        "identify": Identify,
        "resume": Resume,
        "heartbeat": Heartbeat,
        "hello": Hello,
        "ack": Ack,
        "ready": Ready,
        "resumed": Resumed,
        "guild": GuildCreate,
        "message": MessageCreate,
        "interaction": InteractionCreate,
        "chat input": ChatInput,
        "component": Component,
        "autocomplete": Autocomplete,
        "modal": Modal,
        "wish": Reconnect | Invalid,
        "missed": InteractionCreate | MessageCreate | GuildCreate | Ready | Resumed,
    },
)

# What somebody can agree to, of OAuth 2.
SCOPES = frozenset({"identify", "guilds.members.read"})
